//! Sealing bytes: XChaCha20-Poly1305 with a random nonce, bound to where the bytes belong.
//!
//! Its nonces are 192 bits, so that they can be random however much one key seals.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use secrecy::zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::keyed_hash::keyed_hash;

/// Bytes of a key.
pub(super) const KEY_LENGTH: usize = 32;

/// What sealed bytes begin with: how they are sealed, for the day that there is another way.
const XCHACHA20_POLY1305: u8 = 1;

const NONCE_LENGTH: usize = 24;

/// A key that is overwritten when it is not needed any more.
pub(super) type KeyBytes = Zeroizing<[u8; KEY_LENGTH]>;

/// Seals and opens with one key.
#[derive(Clone)]
pub(super) struct Cipher(XChaCha20Poly1305);

impl Cipher {
    pub(super) fn new(key: &KeyBytes) -> Self {
        Self(XChaCha20Poly1305::new(&Key::from(**key)))
    }

    /// Seals `plain` for `place`: anywhere else it does not open.
    pub(super) fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_LENGTH] = rand::random();
        let payload = Payload { msg: plain, aad: place.as_bytes() };
        let sealed = self
            .0
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| Error::internal("what is to be sealed is too long"))?;
        let mut stored = Vec::with_capacity(1 + NONCE_LENGTH + sealed.len());
        stored.push(XCHACHA20_POLY1305);
        stored.extend_from_slice(&nonce);
        stored.extend_from_slice(&sealed);
        Ok(stored)
    }

    /// What was sealed for `place`; `None` when it was sealed with another key, for another place, or
    /// was changed since.
    pub(super) fn open(&self, place: &str, stored: &[u8]) -> Option<Vec<u8>> {
        let (version, rest) = stored.split_first()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LENGTH>()?;
        if *version != XCHACHA20_POLY1305 {
            return None;
        }
        self.0.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: place.as_bytes() }).ok()
    }
}

/// [`keyed_hash`]: a key for one purpose, or what is looked up by.
pub(super) fn mac(key: &[u8], message: &[u8]) -> KeyBytes {
    Zeroizing::new(keyed_hash(key, message))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cipher(seed: u8) -> Cipher {
        Cipher::new(&Zeroizing::new([seed; KEY_LENGTH]))
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_with_its_key_at_its_place_alone(
            plain in prop::collection::vec(any::<u8>(), 0..300),
            place in "[a-z.]{1,20}",
        ) {
            let sealed = cipher(1).seal(&place, &plain).unwrap();
            prop_assert_eq!(cipher(1).open(&place, &sealed), Some(plain.clone()));
            prop_assert_eq!(cipher(2).open(&place, &sealed), None);
            prop_assert_eq!(cipher(1).open(&format!("{place}x"), &sealed), None);
            prop_assert_ne!(cipher(1).seal(&place, &plain).unwrap(), sealed, "the same twice does not look the same");
        }

        #[test]
        fn what_was_changed_does_not_open(
            plain in prop::collection::vec(any::<u8>(), 0..60),
            at in any::<prop::sample::Index>(),
            flip in 1..=255_u8,
            cut in 1..40_usize,
        ) {
            let sealed = cipher(1).seal("here", &plain).unwrap();
            let mut changed = sealed.clone();
            let at = at.index(changed.len());
            changed[at] ^= flip;
            prop_assert_eq!(cipher(1).open("here", &changed), None);
            prop_assert_eq!(cipher(1).open("here", &sealed[..sealed.len() - cut.min(sealed.len())]), None);
        }
    }

    /// The example of draft-irtf-cfrg-xchacha-03, A.3.1.
    #[test]
    fn it_is_the_algorithm_that_it_says() {
        let hexed = |text: &str| hex::decode(text).unwrap();
        let key: [u8; 32] =
            hexed("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f").try_into().unwrap();
        let nonce = hexed("404142434445464748494a4b4c4d4e4f5051525354555657");
        let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                      sunscreen would be it.";
        let sealed = hexed(
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39\
             ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9\
             21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49",
        );
        let cipher = XChaCha20Poly1305::new(&Key::from(key));
        let aad = hexed("50515253c0c1c2c3c4c5c6c7");
        let nonce = XNonce::try_from(nonce.as_slice()).unwrap();
        assert_eq!(cipher.encrypt(&nonce, Payload { msg: plain, aad: &aad }).unwrap(), sealed);
    }
}
