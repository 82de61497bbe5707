//! Access tokens: signed, short, and for certain APIs of ours only.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use souk_domain::account::{self, SignIn};
use souk_domain::{Error, Result};
use souk_entity::id::UserId;
use souk_entity::status::UserRole;
use souk_entity::user;
use uuid::Uuid;

const ISSUER: &str = "souk";

/// An API that a token can be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// What shoppers do.
    Storefront,
    /// What is done for a seller.
    Seller,
    /// What operators do.
    Admin,
}

impl Audience {
    const ALL: [Self; 3] = [Self::Storefront, Self::Seller, Self::Admin];

    /// Its word in requests and rows.
    pub fn word(self) -> &'static str {
        match self {
            Self::Storefront => "storefront",
            Self::Seller => "seller",
            Self::Admin => "admin",
        }
    }

    /// Its name in tokens.
    fn claim(self) -> String {
        format!("{ISSUER}:{}", self.word())
    }

    /// The APIs that tokens of a sign-in are for: those it was asked for, of those that the account may use.
    fn of(user: &user::Model, sign_in: &SignIn) -> Vec<Self> {
        let asked = |audience: &Self| {
            sign_in.audience.as_ref().is_none_or(|asked| asked.split(' ').any(|word| word == audience.word()))
        };
        let may = |audience: &Self| *audience != Self::Admin || user.role != UserRole::Customer;
        Self::ALL.into_iter().filter(asked).filter(may).collect()
    }
}

/// What an access token says (RFC 7519).
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    /// The sign-in: a token of one that has been ended is worth nothing where that is looked up.
    sid: Uuid,
    iss: String,
    aud: Vec<String>,
    iat: i64,
    exp: i64,
    /// Ours have none; one that has is good from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

/// A token that is ours and not over.
#[derive(Clone, Debug)]
pub struct Token {
    /// Whose it is.
    pub user: UserId,
    /// Of which sign-in.
    pub sign_in: Uuid,
    audience: BTreeSet<String>,
}

impl Token {
    /// Whether it is for an API.
    pub fn is_for(&self, audience: Audience) -> bool {
        self.audience.contains(&audience.claim())
    }
}

/// A key and the id by which tokens name it.
struct TokenKey {
    id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
}

/// Signs and verifies access tokens. The first key signs, all verify: a key is replaced by putting the
/// new one before it, and taken away when the tokens that it signed are over.
pub struct Keys(Vec<TokenKey>);

/// Signs with this and nothing else, whatever a token's header says (RFC 8725, 3.1).
const ALGORITHM: Algorithm = Algorithm::HS256;

/// A key has as many bytes at least as the hash (RFC 7518, 3.2).
const KEY_BYTES: usize = 32;

impl Keys {
    /// One key for tokens only, derived from the master secret.
    pub fn derived(secret: &SecretString) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"souk access token\0");
        hash.update(secret.expose_secret().as_bytes());
        let key = hash.finalize();
        // The id says nothing of the key, and another secret has another one.
        let id = hex::encode(&Sha256::digest(key)[..6]);
        Self(vec![TokenKey::new(id, &key)])
    }

    /// Keys as they are configured: `id:base64` of 32 bytes or more, separated by commas.
    ///
    /// # Errors
    /// [`souk_domain::Code::InvalidValue`]; the message holds no key.
    pub fn configured(text: &SecretString) -> Result<Self> {
        let mut keys: Vec<TokenKey> = Vec::new();
        for (index, entry) in text.expose_secret().split(',').enumerate() {
            let wrong = |what: &str| Error::invalid(format!("key {} {what}", index + 1));
            let (id, key) = entry.trim().split_once(':').ok_or_else(|| wrong("is not `id:base64`"))?;
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if id.is_empty() || id.len() > 40 || !id.chars().all(plain) {
                return Err(wrong("has an id that is not 1 to 40 letters, digits, `-`, `_` and `.`"));
            }
            if keys.iter().any(|key| key.id == id) {
                return Err(wrong("has the id of another one"));
            }
            let key = BASE64_STANDARD.decode(key).map_err(|_| wrong("is not base64"))?;
            if key.len() < KEY_BYTES {
                return Err(wrong("has fewer than 32 bytes"));
            }
            keys.push(TokenKey::new(id.to_owned(), &key));
        }
        Ok(Self(keys))
    }

    /// A token for `user` and when it is over.
    ///
    /// # Errors
    /// [`souk_domain::Code::Internal`].
    pub fn sign(&self, user: &user::Model, sign_in: &SignIn, now: DateTime<Utc>) -> Result<(String, DateTime<Utc>)> {
        let key = self.0.first().ok_or_else(|| Error::internal("there is no key for tokens"))?;
        let expires = account::access_expiry(now);
        let claims = Claims {
            sub: user.id,
            sid: sign_in.family,
            iss: ISSUER.into(),
            aud: Audience::of(user, sign_in).into_iter().map(Audience::claim).collect(),
            iat: now.timestamp(),
            exp: expires.timestamp(),
            nbf: None,
        };
        let header = Header { kid: Some(key.id.clone()), ..Header::new(ALGORITHM) };
        let token = jsonwebtoken::encode(&header, &claims, &key.encoding).map_err(Error::internal)?;
        Ok((token, expires))
    }

    /// A token that is ours and not over. Its `kid` only chooses among our keys; it is never a place that
    /// a key is fetched from.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Option<Token> {
        let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
        if is_critical(token) {
            return None;
        }
        let key = self.0.iter().find(|key| key.id == kid)?;
        let mut validation = Validation::new(ALGORITHM);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&Audience::ALL.map(Audience::claim));
        validation.set_required_spec_claims(&["sub", "iss", "aud", "exp"]);
        // Expiry is checked against the clock that everything here goes by.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation).ok()?.claims;
        let ahead = now.timestamp() + CLOCK_SKEW;
        let live = claims.exp > now.timestamp() && claims.iat <= ahead && claims.nbf.is_none_or(|from| from <= ahead);
        live.then(|| Token { user: claims.sub, sign_in: claims.sid, audience: claims.aud.into_iter().collect() })
    }
}

/// Seconds by which the clock of the process that signed may be ahead.
const CLOCK_SKEW: i64 = 60;

/// Whether the header of a token asks for extensions, of which we know none (RFC 7515, 4.1.11).
fn is_critical(token: &str) -> bool {
    let header = token.split('.').next().and_then(|header| BASE64_URL_SAFE_NO_PAD.decode(header).ok());
    let header = header.and_then(|header| serde_json::from_slice::<serde_json::Value>(&header).ok());
    header.is_none_or(|header| header.get("crit").is_some())
}

impl TokenKey {
    fn new(id: String, key: &[u8]) -> Self {
        Self { id, encoding: EncodingKey::from_secret(key), decoding: DecodingKey::from_secret(key) }
    }
}

#[cfg(test)]
mod tests {
    use souk_entity::sealed::Sealed;

    use super::*;

    fn person(role: UserRole) -> user::Model {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        user::Model {
            id: UserId::at(now),
            email: Sealed(Vec::new()),
            email_index: None,
            email_verified_at: None,
            password_hash: String::new(),
            name: Sealed(Vec::new()),
            phone: None,
            role,
            is_active: true,
            created_at: now,
            updated_at: now,
        }
    }

    fn keys(text: &str) -> Result<Keys> {
        Keys::configured(&SecretString::from(text.to_owned()))
    }

    fn entry(id: &str, byte: u8) -> String {
        format!("{id}:{}", BASE64_STANDARD.encode([byte; 32]))
    }

    #[test]
    fn a_key_is_replaced_without_ending_the_tokens_of_the_one_before() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let sign_in = SignIn { family: Uuid::nil(), audience: None };
        let ann = person(UserRole::Customer);
        let old = keys(&entry("a", 1)).unwrap();
        let both = keys(&format!("{}, {}", entry("b", 2), entry("a", 1))).unwrap();
        let new = keys(&entry("b", 2)).unwrap();
        let (before, _) = old.sign(&ann, &sign_in, now).unwrap();
        let (after, expires) = both.sign(&ann, &sign_in, now).unwrap();
        assert!(both.verify(&before, now).is_some() && both.verify(&after, now).is_some());
        assert!(new.verify(&before, now).is_none() && old.verify(&after, now).is_none());
        assert!(new.verify(&after, expires).is_none());
        // The same id with another key is another key.
        assert!(keys(&entry("b", 3)).unwrap().verify(&after, now).is_none());
    }

    #[test]
    fn keys_that_are_none_are_refused_without_being_told() {
        let short = format!("a:{}", BASE64_STANDARD.encode([7; 31]));
        let twice = format!("{},{}", entry("a", 1), entry("a", 2));
        for wrong in ["", "secret", "a:secret!", ":AAAA", "a b:AAAA", &short, &twice] {
            let error = keys(wrong).err().map(|error| error.message).expect(wrong);
            assert!(!error.contains("secret") && !error.contains("BwcH"), "{error}");
        }
    }

    #[test]
    fn tokens_are_for_what_was_asked_for_and_may_be_used() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let keys = keys(&entry("a", 1)).unwrap();
        let of = |role, audience: Option<&str>| {
            let sign_in = SignIn { family: Uuid::nil(), audience: audience.map(str::to_owned) };
            let token = keys.sign(&person(role), &sign_in, now).unwrap().0;
            let token = keys.verify(&token, now)?;
            Some(Audience::ALL.map(|audience| token.is_for(audience)))
        };
        assert_eq!(of(UserRole::Customer, None), Some([true, true, false]));
        assert_eq!(of(UserRole::ReadOnly, None), Some([true, true, true]));
        assert_eq!(of(UserRole::Admin, Some("storefront")), Some([true, false, false]));
        assert_eq!(of(UserRole::Admin, Some("seller admin")), Some([false, true, true]));
        assert_eq!(of(UserRole::Customer, Some("admin")), None, "a token for nothing is none");
    }
}
