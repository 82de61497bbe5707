//! Idempotency-Key: the same request sent again gets the first answer again.
//!
//! The key's row commits with the effect, so there is no moment at which one is there without the
//! other. Of several equal requests at once, the first to commit is the effect; the others find
//! its row when they insert theirs, undo what they did, and give its answer. Waiting for it gives
//! the client the result at once, where an "in progress" error would send it around again.

use std::sync::Arc;

use poem_openapi::types::ToJSON;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use sha2::{Digest, Sha256};
use souk_domain::constraint::is_unique_violation;
use souk_domain::vault::Vault;
use souk_domain::{Code, Error, Result, Store, Tx, audit, failpoint};
use souk_entity::idempotency_key;

use super::answer::Answer;

/// The longest key, in characters.
pub const LONGEST_KEY: usize = 100;

/// Who sends which request under which key.
#[derive(Clone, Debug)]
pub struct Key {
    actor: String,
    route: &'static str,
    key: String,
    fingerprint: String,
}

impl Key {
    /// The key of a request, where one was sent. `actor` separates the keys of different callers,
    /// `route` is the operation id, `request` everything that the request asks for.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for a key that is empty, too long or not printable ASCII.
    pub fn read(
        actor: impl Into<String>,
        route: &'static str,
        key: Option<&str>,
        request: &impl std::fmt::Debug,
    ) -> Result<Option<Self>> {
        let Some(key) = key else { return Ok(None) };
        if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::invalid(format!(
                "Idempotency-Key is 1 to {LONGEST_KEY} printable ASCII characters without spaces."
            )));
        }
        let fingerprint = hex::encode(Sha256::digest(format!("{request:?}").as_bytes()));
        Ok(Some(Self { actor: actor.into(), route, key: key.to_owned(), fingerprint }))
    }

    /// What binds a stored answer to its row.
    fn place(&self) -> String {
        format!("idempotency_key.body\0{}\0{}\0{}", self.actor, self.route, self.key)
    }
}

/// Runs `work` in a transaction and answers, or gives the answer that the key's first request got.
///
/// # Errors
/// What `work` returned; [`Code::IdempotencyKeyReused`] when the key came with another payload.
pub async fn once<T, F, W, const STATUS: u16>(store: &Store, key: Option<Key>, work: F) -> Result<Answer<T, STATUS>>
where
    T: ToJSON,
    F: Fn(Arc<Tx>) -> W,
    W: Future<Output = Result<Answer<T, STATUS>>>,
{
    let Some(key) = key else { return store.write(work).await };
    let written = store.write(async |tx| {
        // In the transaction and not before it: another connection of the pool would cost two
        // round trips more, for every new request.
        if let Some(stored) = find(&**tx, tx.vault(), &key).await? {
            audit::nothing(&tx);
            return Ok(stored);
        }
        let answer = work(tx.clone()).await?;
        let row = idempotency_key::ActiveModel {
            actor: Set(key.actor.clone()),
            route: Set(key.route.to_owned()),
            key: Set(key.key.clone()),
            fingerprint: Set(key.fingerprint.clone()),
            status_code: Set(i32::from(answer.status)),
            body: Set(tx.vault().keep(&key.place(), &answer.body)?),
            // Sellers and operators get answers about shoppers, too.
            order_id: Set(tx.changed_order()),
            created_at: Set(tx.now),
        };
        match idempotency_key::Entity::insert(row).exec_without_returning(&**tx).await {
            Ok(_) => Ok(answer),
            Err(error) if is_key_taken(&error) => Err(Error::new(Code::AlreadyExists, TAKEN)),
            Err(error) => Err(error.into()),
        }
    });
    let outcome = failpoint::within(key.route, written).await;
    match outcome {
        Ok(answer) => Ok(answer),
        // The first request has committed in between; whatever failed here, its answer stands.
        Err(error) => match find(store.read(), store.vault(), &key).await? {
            Some(stored) => Ok(stored),
            None => Err(error),
        },
    }
}

const TAKEN: &str = "A request with this Idempotency-Key has just been made.";

fn is_key_taken(error: &sea_orm::DbErr) -> bool {
    is_unique_violation(
        error,
        "pk_idempotency_key",
        "idempotency_key.actor, idempotency_key.route, idempotency_key.key",
    )
}

async fn find<T, const STATUS: u16>(
    db: &impl ConnectionTrait,
    vault: &Vault,
    key: &Key,
) -> Result<Option<Answer<T, STATUS>>> {
    let id = (key.actor.clone(), key.route.to_owned(), key.key.clone());
    let Some(row) = idempotency_key::Entity::find_by_id(id).one(db).await? else { return Ok(None) };
    if row.fingerprint != key.fingerprint {
        return Err(Error::new(
            Code::IdempotencyKeyReused,
            "This Idempotency-Key came with another payload; use a new key for a new request.",
        ));
    }
    if row.body.is_empty() {
        return Err(Error::new(
            Code::AlreadyExists,
            "The request was done. Its answer told of a person who is erased; read the order to see how it is.",
        ));
    }
    let status = u16::try_from(row.status_code).map_err(Error::internal)?;
    let body = vault.kept(&key.place(), &row.body);
    Ok(Some(Answer::stored(status, body.ok_or_else(|| Error::internal("a stored answer does not open"))?)))
}
