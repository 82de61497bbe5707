//! The installation's own keys: they wrap the keys of persons, and the first of them is in use.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::cipher::{Cipher, KEY_LENGTH, KeyBytes, mac};
use crate::error::{Error, Result};

/// The longest name of a key.
const LONGEST_NAME: usize = 32;

/// Keys by name, the one in use first.
#[derive(Clone)]
pub(super) struct Ring(Vec<(String, Cipher)>);

impl Ring {
    /// The keys that are configured, as `name:base64` with commas between, and after them the one that
    /// follows from the master secret: so that an installation can begin without and go over to keys
    /// of its own later. Without any, that one is in use.
    ///
    /// # Errors
    /// [`crate::Code::InvalidValue`], with what is wrong but never with a key.
    pub(super) fn read(configured: Option<&SecretString>, master: &SecretString) -> Result<Self> {
        let mut keys: Vec<(String, Cipher)> = Vec::new();
        for (at, entry) in configured.iter().flat_map(|text| text.expose_secret().split(',')).enumerate() {
            let (name, key) = entry
                .trim()
                .split_once(':')
                .ok_or_else(|| Error::invalid(format!("Key {} is not written as name:base64.", at + 1)))?;
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
            if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) {
                return Err(Error::invalid(format!(
                    "The name of key {} has 1 to {LONGEST_NAME} small letters, digits, - and _.",
                    at + 1
                )));
            }
            if keys.iter().any(|(there, _)| there == name) {
                return Err(Error::invalid(format!("There are two keys of the name {name}.")));
            }
            keys.push((name.to_owned(), Cipher::new(&decode(name, key)?)));
        }
        let derived = mac(master.expose_secret().as_bytes(), b"souk vault\0key of persons' keys");
        // Its name tells which secret it follows from, and nothing of the secret.
        let name = format!("secret-{}", hex::encode(&mac(&*derived, b"name")[..6]));
        keys.push((name, Cipher::new(&derived)));
        Ok(Self(keys))
    }

    /// The key that wraps what is new.
    #[expect(clippy::indexing_slicing, reason = "the derived key is always there")]
    pub(super) fn current(&self) -> (&str, &Cipher) {
        let (name, cipher) = &self.0[0];
        (name, cipher)
    }

    pub(super) fn find(&self, name: &str) -> Option<&Cipher> {
        self.0.iter().find(|(there, _)| there == name).map(|(_, cipher)| cipher)
    }
}

fn decode(name: &str, text: &str) -> Result<KeyBytes> {
    let wrong = || Error::invalid(format!("Key {name} is not {KEY_LENGTH} bytes in base64."));
    let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| wrong())?);
    Ok(Zeroizing::new(<[u8; KEY_LENGTH]>::try_from(bytes.as_slice()).map_err(|_| wrong())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> String {
        STANDARD.encode([seed; 32])
    }

    fn read(text: Option<&str>) -> Result<Ring> {
        Ring::read(text.map(SecretString::from).as_ref(), &"a master secret of the unit tests".into())
    }

    #[test]
    fn the_first_key_is_in_use_and_all_open() {
        let old = read(Some(&format!("old:{}", key(1)))).unwrap();
        let both = read(Some(&format!("new:{}, old:{}", key(2), key(1)))).unwrap();
        assert_eq!((old.current().0, both.current().0), ("old", "new"));
        let sealed = old.current().1.seal("here", b"plain").unwrap();
        assert_eq!(both.find("old").unwrap().open("here", &sealed), Some(b"plain".to_vec()));
        assert_eq!(both.find("new").unwrap().open("here", &sealed), None);
        assert!(both.find("other").is_none());
    }

    #[test]
    fn the_key_of_the_master_secret_is_in_use_without_others_and_opens_beside_them() {
        let without = read(None).unwrap();
        let sealed = without.current().1.seal("here", b"plain").unwrap();
        let with = read(Some(&format!("own:{}", key(1)))).unwrap();
        assert_eq!(with.current().0, "own");
        assert_eq!(with.find(without.current().0).unwrap().open("here", &sealed), Some(b"plain".to_vec()));
        let other = Ring::read(None, &"another master secret of the tests".into()).unwrap();
        assert_ne!(other.current().0, without.current().0);
    }

    #[test]
    fn what_is_wrong_with_a_key_is_told_without_it() {
        let short = STANDARD.encode([7; 16]);
        for (text, told) in [
            ("", "name:base64"),
            (key(9).as_str(), "name:base64"),
            (&format!("A:{}", key(9)), "small letters"),
            (&format!("a:{},a:{}", key(9), key(8)), "two keys"),
            (&format!("a:{short}"), "32 bytes"),
            ("a:???", "32 bytes"),
        ] {
            let error = read(Some(text)).err().unwrap();
            assert!(error.message.contains(told), "{text}: {}", error.message);
            assert!(!error.message.contains(&key(9)) && !error.message.contains(&short), "{}", error.message);
        }
    }
}
