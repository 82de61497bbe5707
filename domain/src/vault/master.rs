//! The master secret of an installation is one for ever: what people and orders are found by follows
//! from it, and is written down.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use souk_entity::{installation, user};

use crate::account;
use crate::audit;
use crate::error::Result;
use crate::store::{Store, Tx};

/// The id of the one row.
const ONE: i16 = 1;

/// Whether the master secret is the one that this database has been written with. The first to ask says
/// which it is; of several at once, one does, and the others are compared with it.
///
/// # Errors
/// The database's.
pub async fn is_ours(store: &Store) -> Result<bool> {
    // Read first: only the first start ever writes.
    if let Some(known) = installation::Entity::find_by_id(ONE).one(store.read()).await? {
        return Ok(known.secret_fingerprint == store.vault().0.fingerprint);
    }
    store.write(async |tx| claim(&tx).await).await
}

async fn claim(tx: &Tx) -> Result<bool> {
    audit::nothing(tx);
    // Accounts may be older than the row is.
    if !finds_accounts(tx).await? {
        return Ok(false);
    }
    let ours = installation::ActiveModel {
        id: Set(ONE),
        secret_fingerprint: Set(tx.vault().0.fingerprint.clone()),
        created_at: Set(tx.now),
    };
    installation::Entity::insert(ours)
        .on_conflict_do_nothing_on([installation::Column::Id])
        .exec_without_returning(&**tx)
        .await?;
    let known = installation::Entity::find_by_id(ONE).one(&**tx).await?;
    Ok(known.is_some_and(|known| known.secret_fingerprint == tx.vault().0.fingerprint))
}

/// Whether somebody with an account is found by their address; so is nobody by another secret.
async fn finds_accounts(tx: &Tx) -> Result<bool> {
    let Some(person) = user::Entity::find().filter(user::Column::EmailIndex.is_not_null()).one(&**tx).await? else {
        return Ok(true);
    };
    let profile = account::open_profile(&tx.vault().person(&**tx, person.id.into()).await?, &person)?;
    let Some(email) = profile.email else { return Ok(true) };
    Ok(account::find_by_email(&**tx, tx.vault(), &email).await?.is_some_and(|found| found.id == person.id))
}
