//! Events from outside: stored once as they came, acted on by a job.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, TryInsertResult};
use souk_entity::id::InboxId;
use souk_entity::inbox;
use souk_entity::status::InboxSource;

use crate::card;
use crate::error::{Error, Result};
use crate::job::{self, Task};
use crate::store::Tx;

/// Stores an event whose signature held, or that came over our own broker, and the job that acts
/// on it. Returns `false`, having
/// changed nothing, when the same event was stored before. Should it hold the number of a card,
/// that is masked: its signature has been verified, and no one acts on such a number.
///
/// # Errors
/// The database's.
pub async fn receive(tx: &Tx, source: InboxSource, provider: &str, event_id: &str, body: &[u8]) -> Result<bool> {
    let id = InboxId::at(tx.now);
    let row = inbox::ActiveModel {
        id: Set(id),
        source: Set(source),
        provider: Set(provider.to_owned()),
        event_id: Set(event_id.to_owned()),
        body: Set(card::masked_body(body).into_owned()),
        received_at: Set(tx.now),
        processed_at: Set(None),
    };
    let stored = inbox::Entity::insert(row)
        .on_conflict_do_nothing_on([inbox::Column::Source, inbox::Column::Provider, inbox::Column::EventId])
        .exec_without_returning(&**tx)
        .await?;
    if !matches!(stored, TryInsertResult::Inserted(1)) {
        return Ok(false);
    }
    job::enqueue(tx, &Task::ProcessWebhook { inbox_id: id }, tx.now).await?;
    Ok(true)
}

/// Notes that an event has been acted on.
///
/// # Errors
/// [`Error::internal`] when it is not there.
pub async fn processed(tx: &Tx, id: InboxId) -> Result<()> {
    let noted = inbox::Entity::update_many()
        .col_expr(inbox::Column::ProcessedAt, Expr::value(Some(tx.now)))
        .filter(inbox::Column::Id.eq(id))
        .exec(&**tx)
        .await?;
    if noted.rows_affected == 1 { Ok(()) } else { Err(Error::internal(format!("inbox row {id} is gone"))) }
}
