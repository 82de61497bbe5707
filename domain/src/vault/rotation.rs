//! Going over to another key of the installation: the keys of persons are wrapped anew, what they
//! seal stays as it is.

use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseBackend, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use souk_entity::person_key;

use super::wrapping;
use crate::audit::{self, Fields};
use crate::error::Result;
use crate::store::{Store, Tx};

/// So many keys are wrapped anew in one transaction.
pub const AT_ONCE: u64 = 200;

/// Persons' keys under one key of the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The key's name.
    pub name: String,
    /// How many it wraps.
    pub persons: u64,
    /// Whether it wraps what is new.
    pub in_use: bool,
    /// Whether it is configured; what it wraps cannot be opened otherwise.
    pub configured: bool,
}

/// How many persons are under which key, and how many are erased.
///
/// # Errors
/// The database's.
pub async fn standing(store: &Store) -> Result<(Vec<Standing>, u64)> {
    let ring = &store.vault().0.ring;
    let counted: Vec<(Option<String>, i64)> = person_key::Entity::find()
        .select_only()
        .column(person_key::Column::WrappedBy)
        .column_as(person_key::Column::Id.count(), "persons")
        .group_by(person_key::Column::WrappedBy)
        .order_by_asc(person_key::Column::WrappedBy)
        .into_tuple()
        .all(store.read())
        .await?;
    let (mut standing, mut erased) = (Vec::new(), 0);
    for (name, persons) in counted {
        let persons = u64::try_from(persons).unwrap_or_default();
        match name {
            None => erased = persons,
            Some(name) => standing.push(Standing {
                persons,
                in_use: name == ring.current().0,
                configured: ring.find(&name).is_some(),
                name,
            }),
        }
    }
    Ok((standing, erased))
}

/// The first key that persons' keys are under and that is not configured: without it nothing of those
/// persons can be read. A look into the index per key, however many persons there are.
///
/// # Errors
/// The database's.
pub async fn missing_key(store: &Store) -> Result<Option<String>> {
    let mut after = String::new();
    loop {
        let next: Option<String> = person_key::Entity::find()
            .select_only()
            .column(person_key::Column::WrappedBy)
            .filter(person_key::Column::WrappedBy.gt(after))
            .order_by_asc(person_key::Column::WrappedBy)
            .into_tuple()
            .one(store.read())
            .await?;
        match next {
            Some(name) if store.vault().0.ring.find(&name).is_some() => after = name,
            other => return Ok(other),
        }
    }
}

/// How many keys are not under the key in use.
///
/// # Errors
/// The database's.
pub async fn left(store: &Store) -> Result<u64> {
    let current = store.vault().0.ring.current().0;
    Ok(person_key::Entity::find().filter(person_key::Column::WrappedBy.ne(current)).count(store.read()).await?)
}

/// Wraps up to [`AT_ONCE`] keys anew with the key in use; returns how many. What another process has
/// under its hands is left to it; 0 means that none was left over.
///
/// # Errors
/// [`crate::Code::Internal`] for a key that does not open; the database's.
pub async fn rewrap_some(tx: &Tx) -> Result<u64> {
    let ring = &tx.vault().0.ring;
    let (name, wrapper) = ring.current();
    let mut query = person_key::Entity::find()
        .filter(person_key::Column::WrappedBy.ne(name))
        .order_by_asc(person_key::Column::WrappedBy)
        .order_by_asc(person_key::Column::Id)
        .limit(AT_ONCE);
    if tx.get_database_backend() != DatabaseBackend::Sqlite {
        query = query.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
    }
    let rows = query.all(&**tx).await?;
    for row in &rows {
        let (Some(old), Some(wrapped)) = (&row.wrapped_by, &row.wrapped_key) else { continue };
        let key = tx.vault().key(row.id, old, wrapped)?;
        let anew = person_key::ActiveModel {
            wrapped_by: Set(Some(name.to_owned())),
            wrapped_key: Set(Some(wrapper.seal(&wrapping(row.id), &*key)?)),
            ..Default::default()
        };
        // An erased key has no row that this could bring back.
        person_key::Entity::update_many()
            .set(anew)
            .filter(person_key::Column::Id.eq(row.id))
            .filter(Expr::col(person_key::Column::ErasedAt).is_null())
            .exec(&**tx)
            .await?;
    }
    match rows.len() {
        0 => audit::nothing(tx),
        keys => audit::note_named(tx, "data_key", name, Fields::new().made("persons_wrapped", keys)),
    }
    Ok(u64::try_from(rows.len()).unwrap_or_default())
}
