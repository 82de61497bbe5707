//! Passwords: argon2id, off the async threads, in memory that is used again.
//!
//! Each hash works in 19 MiB. Taken from the allocator each time, by whichever thread is free,
//! that leaves gigabytes behind in its arenas; so there are as many workplaces as cores, each with
//! memory of its own, and whoever comes then waits.

use std::sync::{LazyLock, Mutex, PoisonError};

use argon2::password_hash::rand_core::OsRng;
use argon2::password_hash::{Output, ParamsString, PasswordHash, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use souk_domain::{Error, Result};
use tokio::sync::Semaphore;

/// One permit per workplace.
static WORKPLACES: LazyLock<Semaphore> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Semaphore::new(cores)
});

/// The memory of workplaces that nobody is at.
static MEMORY: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

/// Bytes of a hash.
const LENGTH: usize = 32;

/// Hashes a password with argon2id (19 MiB, 2 passes: OWASP's minimum) to a PHC string.
///
/// # Errors
/// [`souk_domain::Code::Internal`].
pub async fn hash_password(password: SecretString) -> Result<String> {
    at_workplace(move |memory| {
        let salt = SaltString::generate(&mut OsRng);
        let params = Params::default();
        let output = derive(&password, salt.as_salt(), &params, memory)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params)?,
            salt: Some(salt.as_salt()),
            hash: Some(output),
        };
        Ok(hash.to_string())
    })
    .await
}

/// Whether a password is the one of `hash`. Without a hash, as for an unknown account, the same
/// work is done, so that the time taken tells nothing.
///
/// # Errors
/// [`souk_domain::Code::Internal`].
pub async fn verify_password(password: SecretString, hash: Option<String>) -> Result<bool> {
    // The hash of a password that nobody has.
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c291ay1ub2JvZHk$CgRyJgAMBgUHCAkKCwwNDg8QERITFBUWFxgZGhscHR4";
    at_workplace(move |memory| {
        let known = hash.is_some();
        let parsed = PasswordHash::new(hash.as_deref().unwrap_or(NOBODY))?;
        let (Some(salt), Some(expected)) = (parsed.salt, parsed.hash) else { return Ok(false) };
        let output = derive(&password, salt, &Params::try_from(&parsed)?, memory)?;
        // `Output` compares in constant time.
        Ok(output == expected && known)
    })
    .await
}

fn derive(
    password: &SecretString,
    salt: argon2::password_hash::Salt<'_>,
    params: &Params,
    memory: &mut Vec<Block>,
) -> argon2::password_hash::Result<Output> {
    let mut buffer = [0; 64];
    let salt = salt.decode_b64(&mut buffer)?;
    memory.resize(params.block_count(), Block::default());
    Output::init_with(LENGTH, |output| {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let password = password.expose_secret().as_bytes();
        Ok(argon2.hash_password_into_with_memory(password, salt, output, &mut *memory)?)
    })
}

async fn at_workplace<T: Send + 'static>(
    work: impl FnOnce(&mut Vec<Block>) -> argon2::password_hash::Result<T> + Send + 'static,
) -> Result<T> {
    let place = WORKPLACES.acquire().await.map_err(Error::internal)?;
    let done = tokio::task::spawn_blocking(move || {
        let mut memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let done = work(&mut memory);
        MEMORY.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
        // Free only now: the caller may have hung up, and the work goes on all the same.
        drop(place);
        done
    })
    .await
    .map_err(Error::internal)?;
    done.map_err(|error| Error::internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_alone() {
        let hash = hash_password("correct horse".to_owned().into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify_password("correct horse".to_owned().into(), Some(hash.clone())).await.unwrap());
        assert!(!verify_password("wrong horse".to_owned().into(), Some(hash)).await.unwrap());
        assert!(!verify_password("correct horse".to_owned().into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn many_at_once_work_in_as_much_memory_as_there_are_cores() {
        let hashes = futures::future::join_all((0..12).map(|_| hash_password("the same".to_owned().into()))).await;
        assert!(hashes.iter().all(Result::is_ok));
        let places = MEMORY.lock().unwrap().len();
        assert!(places <= std::thread::available_parallelism().unwrap().get(), "{places}");
    }

    #[tokio::test]
    async fn the_library_reads_our_hashes() {
        use argon2::password_hash::PasswordVerifier;
        let hash = hash_password("correct horse".to_owned().into()).await.unwrap();
        let parsed = PasswordHash::new(&hash).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", &parsed).is_ok());
    }
}
