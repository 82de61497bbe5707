//! How the simulated companies sign their webhooks: Stripe's scheme, under a header of their own.
//!
//! `Souk-Simulator-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256(secret, "{t}.{raw body}")>`.
//! Several `v1` are allowed, so that a secret can be rotated; elements of other names are ignored.

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use souk_domain::port::{Headers, SIGNATURE_TOLERANCE, WebhookError, header};

/// The header's name, in lower case as [`Headers`] has it.
pub const HEADER: &str = "souk-simulator-signature";

/// The value of [`HEADER`] for `body` sent at `at`.
pub fn sign(secret: &SecretString, at: DateTime<Utc>, body: &[u8]) -> String {
    let timestamp = at.timestamp().to_string();
    let code = authenticate(secret, &timestamp, body).finalize().into_bytes();
    format!("t={timestamp},v1={}", hex::encode(code))
}

/// Accepts `body` when one of the header's signatures is ours and its time is within
/// [`SIGNATURE_TOLERANCE`] of `now`, before or after. The comparison takes constant time.
///
/// # Errors
/// [`WebhookError::BadSignature`].
pub fn verify(secret: &SecretString, headers: &Headers, body: &[u8], now: DateTime<Utc>) -> Result<(), WebhookError> {
    if headers.iter().filter(|(name, _)| name == HEADER).count() > 1 {
        return Err(WebhookError::BadSignature("the signature header is there more than once"));
    }
    let value = header(headers, HEADER).ok_or(WebhookError::BadSignature("the signature header is missing"))?;
    let mut timestamp = None;
    let mut codes = Vec::new();
    for element in value.split(',') {
        match element.trim().split_once('=') {
            Some(("t", text)) if timestamp.is_none() => timestamp = Some(text),
            Some(("t", _)) => return Err(WebhookError::BadSignature("the signature header has two timestamps")),
            // What is no hexadecimal cannot be ours; another v1 beside it may be.
            Some(("v1", text)) => codes.extend(hex::decode(text)),
            _ => {}
        }
    }
    let timestamp = timestamp.ok_or(WebhookError::BadSignature("the signature header has no timestamp"))?;
    let seconds: i64 =
        timestamp.parse().map_err(|_| WebhookError::BadSignature("the timestamp is not a number of seconds"))?;
    let expected = authenticate(secret, timestamp, body);
    if !codes.iter().any(|code| expected.clone().verify_slice(code).is_ok()) {
        return Err(WebhookError::BadSignature("no signature matches"));
    }
    if now.timestamp().abs_diff(seconds) > SIGNATURE_TOLERANCE.as_secs() {
        return Err(WebhookError::BadSignature("the signature is stale"));
    }
    Ok(())
}

fn authenticate(secret: &SecretString, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    // The one error of the constructor is a key of the wrong length, and HMAC takes every length.
    let mut code =
        Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes a key of any length");
    code.update(timestamp.as_bytes());
    code.update(b".");
    code.update(body);
    code
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn secret() -> SecretString {
        "s3cret".into()
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn check(value: &str, body: &[u8], at: DateTime<Utc>) -> Result<(), WebhookError> {
        verify(&secret(), &vec![(HEADER.into(), value.into())], body, at)
    }

    #[test]
    fn is_the_documented_scheme() {
        // Computed with: printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac s3cret
        assert_eq!(
            sign(&secret(), now(), br#"{"a":1}"#),
            "t=1700000000,v1=1698a50bc74d1ff1db85c4e0a5297c2ad9fdba245d5737cdb789e4cc6e098940"
        );
    }

    #[test]
    fn accepts_its_own_signature_within_the_tolerance_only() {
        let value = sign(&secret(), now(), b"body");
        for (seconds, ok) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
            assert_eq!(check(&value, b"body", now() + TimeDelta::seconds(seconds)).is_ok(), ok, "{seconds} s");
        }
    }

    #[test]
    fn refuses_what_is_forged() {
        let value = sign(&secret(), now(), b"body");
        assert!(check(&value, b"bodY", now()).is_err());
        assert!(check(&value.replace("t=1700000000", "t=1700000001"), b"body", now()).is_err());
        assert!(check(&sign(&"other".into(), now(), b"body"), b"body", now()).is_err());
        assert!(check(&value[..value.len() - 2], b"body", now()).is_err(), "a prefix of the code");
        assert!(verify(&secret(), &vec![], b"body", now()).is_err(), "no header");
    }

    #[test]
    fn any_of_several_signatures_counts() {
        let value = sign(&secret(), now(), b"body");
        let code = value.split_once(",v1=").unwrap().1;
        let other = "00".repeat(32);
        assert!(check(&format!("t=1700000000,v1={other},v1={code}"), b"body", now()).is_ok());
        assert!(check(&format!("t=1700000000,v1=zz,v0={other},v1={code}"), b"body", now()).is_ok());
        assert!(check(&format!("t=1700000000,v1={other}"), b"body", now()).is_err());
        assert!(check(&format!("t=1700000000,v0={code}"), b"body", now()).is_err());
        assert!(check(&format!("t=1,t=1700000000,v1={code}"), b"body", now()).is_err());
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(value in r#"(t|v1|v0|)=?[-+0-9a-fx ,=]{0,80}|\PC{0,60}"#, body: Vec<u8>) {
            prop_assert!(check(&value, &body, now()).is_err());
        }

        #[test]
        fn every_body_verifies_as_signed_and_no_other(body: Vec<u8>, other: Vec<u8>) {
            let value = sign(&secret(), now(), &body);
            prop_assert!(check(&value, &body, now()).is_ok());
            prop_assert_eq!(check(&value, &other, now()).is_ok(), body == other);
        }
    }
}
