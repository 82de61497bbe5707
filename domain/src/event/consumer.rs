//! How far each consumer of the log is, and who works for it.
//!
//! A process takes a consumer's lease before it reads for it; `lease` counts the takings and is
//! the fencing token: what a process that lost it still does, commits nothing.

use chrono::TimeDelta;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    UpdateMany,
};
use souk_entity::{event, event_consumer};

use super::numbering;
use crate::audit::{self, Fields};
use crate::error::{Code, Error, Result};
use crate::store::{Store, Tx};

/// For how long a lease is taken, and taken anew with each advance.
pub const LEASE: TimeDelta = TimeDelta::seconds(15);

/// How often a process says which consumers it has.
pub const SEEN_EVERY: TimeDelta = TimeDelta::seconds(20);

/// What the column of the last error holds, in characters.
const LAST_ERROR_CHARS: usize = 2_000;

/// The right to work for a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The fencing token.
    pub token: i64,
    /// The position to read on from.
    pub position: i64,
}

/// Makes sure that there is a row for each of `names`. A new consumer begins at the present end of
/// the log: what was before it came is not its business, unless an operator has it replayed.
///
/// # Errors
/// The database's.
pub async fn register(store: &Store, names: &[&str]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    store
        .write(async |tx| {
            let position = numbering::head(&**tx).await?.position;
            let rows = names.iter().map(|name| event_consumer::ActiveModel {
                name: Set((*name).to_owned()),
                position: Set(position),
                paused: Set(false),
                lease: Set(0),
                leased_until: Set(None),
                last_error: Set(None),
                failing_since: Set(None),
                seen_at: Set(tx.now),
                updated_at: Set(tx.now),
            });
            event_consumer::Entity::insert_many(rows)
                .on_conflict_do_nothing_on([event_consumer::Column::Name])
                .exec_without_returning(&**tx)
                .await?;
            Ok(())
        })
        .await
}

/// Notes that this process has these consumers, unless that was noted a short while ago.
///
/// # Errors
/// The database's.
pub async fn seen(store: &Store, names: &[&str]) -> Result<()> {
    let before = store.now() - SEEN_EVERY;
    let stale = || {
        Condition::all()
            .add(event_consumer::Column::Name.is_in(names.iter().copied()))
            .add(event_consumer::Column::SeenAt.lt(before))
    };
    if event_consumer::Entity::find().filter(stale()).one(store.read()).await?.is_none() {
        return Ok(());
    }
    store
        .write(async |tx| {
            event_consumer::Entity::update_many()
                .col_expr(event_consumer::Column::SeenAt, Expr::value(tx.now))
                .filter(stale())
                .exec(&**tx)
                .await?;
            Ok(())
        })
        .await
}

/// A consumer's row.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn find(db: &impl ConnectionTrait, name: &str) -> Result<event_consumer::Model> {
    event_consumer::Entity::find_by_id(name).one(db).await?.ok_or_else(|| Error::not_found("event consumer"))
}

/// All consumers, by name.
///
/// # Errors
/// The database's.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<event_consumer::Model>> {
    Ok(event_consumer::Entity::find().order_by_asc(event_consumer::Column::Name).all(db).await?)
}

/// Takes the lease of a consumer that is not paused and that nobody works for.
///
/// # Errors
/// The database's.
pub async fn take_lease(store: &Store, name: &str) -> Result<Option<Lease>> {
    store
        .write(async |tx| {
            let taken = event_consumer::Entity::update_many()
                .col_expr(event_consumer::Column::Lease, Expr::col(event_consumer::Column::Lease).add(1))
                .col_expr(event_consumer::Column::LeasedUntil, Expr::value(Some(tx.now + LEASE)))
                .filter(event_consumer::Column::Name.eq(name))
                .filter(event_consumer::Column::Paused.eq(false))
                .filter(
                    Condition::any()
                        .add(event_consumer::Column::LeasedUntil.is_null())
                        .add(event_consumer::Column::LeasedUntil.lte(tx.now)),
                )
                .exec_with_returning(&**tx)
                .await?;
            Ok(taken.first().map(|row| Lease { token: row.lease, position: row.position }))
        })
        .await
}

/// Keeps the lease for another while; `false`: it is another's.
///
/// # Errors
/// The database's.
pub async fn renew_lease(store: &Store, name: &str, lease: Lease) -> Result<bool> {
    store
        .write(async |tx| {
            let kept = held(&tx, name, lease)
                .col_expr(event_consumer::Column::LeasedUntil, Expr::value(Some(tx.now + LEASE)))
                .exec(&**tx)
                .await?;
            Ok(kept.rows_affected > 0)
        })
        .await
}

/// Gives the lease back.
///
/// # Errors
/// The database's.
pub async fn release(store: &Store, name: &str, lease: Lease) -> Result<()> {
    store
        .write(async |tx| {
            let free = Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None);
            held(&tx, name, lease).col_expr(event_consumer::Column::LeasedUntil, free).exec(&**tx).await?;
            Ok(())
        })
        .await
}

/// The events after `position`, at most `limit`.
///
/// # Errors
/// The database's.
pub async fn read(db: &impl ConnectionTrait, position: i64, limit: u64) -> Result<Vec<event::Model>> {
    Ok(event::Entity::find()
        .filter(event::Column::Position.gt(position))
        .order_by_asc(event::Column::Position)
        .limit(limit)
        .all(db)
        .await?)
}

/// Moves a consumer on to `position`, which ends its failing, and keeps the lease for another
/// while.
///
/// # Errors
/// [`Code::LeaseLost`] when another works for it, or when an operator paused or moved it meanwhile.
pub async fn advance(tx: &Tx, name: &str, lease: Lease, position: i64) -> Result<()> {
    let advanced = held(tx, name, lease)
        .col_expr(event_consumer::Column::Position, Expr::value(position))
        .col_expr(event_consumer::Column::LeasedUntil, Expr::value(Some(tx.now + LEASE)))
        .col_expr(event_consumer::Column::LastError, Expr::value(Option::<String>::None))
        .col_expr(event_consumer::Column::FailingSince, Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None))
        .col_expr(event_consumer::Column::UpdatedAt, Expr::value(tx.now))
        .filter(event_consumer::Column::Position.eq(lease.position))
        .exec(&**tx)
        .await?;
    if advanced.rows_affected == 1 {
        return Ok(());
    }
    Err(Error::new(Code::LeaseLost, "Another process works for this consumer, or it was moved; nothing was written."))
}

/// Notes why a consumer does not get on. `false`: the lease was another's.
///
/// # Errors
/// The database's.
pub async fn fail(store: &Store, name: &str, lease: Lease, reason: &str) -> Result<bool> {
    let reason: String = reason.chars().filter(|c| *c != '\0').take(LAST_ERROR_CHARS).collect();
    store
        .write(async |tx| {
            let since = Expr::col(event_consumer::Column::FailingSince).if_null(Expr::value(tx.now));
            let failed = held(&tx, name, lease)
                .col_expr(event_consumer::Column::LastError, Expr::value(reason.as_str()))
                .col_expr(event_consumer::Column::FailingSince, since)
                .col_expr(event_consumer::Column::UpdatedAt, Expr::value(tx.now))
                .exec(&**tx)
                .await?;
            Ok(failed.rows_affected > 0)
        })
        .await
}

/// Pauses a consumer, or lets it go on; what is under way for it commits nothing.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn pause(tx: &Tx, name: &str, paused: bool) -> Result<event_consumer::Model> {
    let row = changed(taken_away(tx, name).col_expr(event_consumer::Column::Paused, Expr::value(paused)), tx).await?;
    audit::note_named(tx, "event_consumer", name, Fields::new().made("paused", paused));
    Ok(row)
}

/// Has a consumer go on with the event at `from`, back or forward; what is between is taken again,
/// or never. What is under way for it commits nothing.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::InvalidValue`] unless `from` is from 1 to one more than the last
/// position.
pub async fn replay(tx: &Tx, name: &str, from: i64) -> Result<event_consumer::Model> {
    let next = numbering::head(&**tx).await?.position + 1;
    if !(1..=next).contains(&from) {
        return Err(Error::invalid(format!("`from_position` is from 1 to {next}, the next position of the log.")));
    }
    let moved = taken_away(tx, name)
        .col_expr(event_consumer::Column::Position, Expr::value(from - 1))
        .col_expr(event_consumer::Column::LastError, Expr::value(Option::<String>::None))
        .col_expr(event_consumer::Column::FailingSince, Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None));
    let row = changed(moved, tx).await?;
    audit::note_named(tx, "event_consumer", name, Fields::new().made("position", row.position));
    Ok(row)
}

/// A change of the consumer for which the lease is this one.
fn held(_: &Tx, name: &str, lease: Lease) -> UpdateMany<event_consumer::Entity> {
    event_consumer::Entity::update_many()
        .filter(event_consumer::Column::Name.eq(name))
        .filter(event_consumer::Column::Lease.eq(lease.token))
}

/// A change after which no lease that was taken is good for anything.
fn taken_away(tx: &Tx, name: &str) -> UpdateMany<event_consumer::Entity> {
    event_consumer::Entity::update_many()
        .col_expr(event_consumer::Column::Lease, Expr::col(event_consumer::Column::Lease).add(1))
        .col_expr(event_consumer::Column::LeasedUntil, Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None))
        .col_expr(event_consumer::Column::UpdatedAt, Expr::value(tx.now))
        .filter(event_consumer::Column::Name.eq(name))
}

async fn changed(change: UpdateMany<event_consumer::Entity>, tx: &Tx) -> Result<event_consumer::Model> {
    let rows = change.exec_with_returning(&**tx).await?;
    rows.into_iter().next().ok_or_else(|| Error::not_found("event consumer"))
}
