//! What must hold of a webhook's signature whatever is sent: shared by a fuzz target and the tests
//! beside this file.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use souk_domain::port::{SIGNATURE_TOLERANCE, WebhookError};
use souk_integrations::simulated::signature::{HEADER, sign, verify};

const SECRET: &str = "whsec_fuzz";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn accepts(secret: &str, value: &str, body: &[u8]) -> Result<(), WebhookError> {
    verify(&SecretString::from(secret), &vec![(HEADER.into(), value.into())], body, now())
}

/// Takes the first line for the header's value and the rest for the body.
///
/// # Panics
/// When something is accepted that the secret's owner did not sign, or refused that they did.
pub fn check(bytes: &[u8]) {
    let (value, body) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[][..]),
    };
    if let Ok(value) = std::str::from_utf8(value) {
        match accepts(SECRET, value, body) {
            Ok(()) => {
                assert!(was_signed(value, body), "{value} is accepted for {body:?}");
                assert!(accepts("another secret", value, body).is_err(), "{value} is accepted by another secret");
            }
            Err(error) => assert!(matches!(error, WebhookError::BadSignature(_)), "{error}"),
        }
    }
    own_signatures_hold_and_their_forgeries_do_not(bytes);
}

/// Whether a signature of ours for this body, of a time within the tolerance, is in the header.
fn was_signed(value: &str, body: &[u8]) -> bool {
    let value = value.to_ascii_lowercase();
    let tolerance = i64::try_from(SIGNATURE_TOLERANCE.as_secs()).unwrap();
    (-tolerance..=tolerance).any(|seconds| {
        let signed = sign(&SECRET.into(), now() + TimeDelta::seconds(seconds), body);
        let (timestamp, code) = signed.split_once(',').unwrap();
        value.contains(timestamp) && value.contains(code)
    })
}

fn own_signatures_hold_and_their_forgeries_do_not(body: &[u8]) {
    let value = sign(&SECRET.into(), now(), body);
    assert_eq!(accepts(SECRET, &value, body), Ok(()));
    assert!(accepts("another secret", &value, body).is_err());
    let longer = [body, b" "].concat();
    assert!(accepts(SECRET, &value, &longer).is_err());
    if let Some((last, before)) = body.split_last() {
        assert!(accepts(SECRET, &value, before).is_err());
        let changed = [before, &[last ^ 1]].concat();
        assert!(accepts(SECRET, &value, &changed).is_err());
    }
    // One digit of the time or of the code, which one the body decides.
    let at = body.iter().map(|byte| usize::from(*byte)).sum::<usize>() % value.len();
    let digit = value.as_bytes()[at];
    if digit.is_ascii_hexdigit() && value.as_bytes().get(at + 1) != Some(&b'=') {
        let other = if digit == b'0' { "1" } else { "0" };
        let forged = [&value[..at], other, &value[at + 1..]].concat();
        assert!(accepts(SECRET, &forged, body).is_err(), "{forged} for {value}");
    }
}
