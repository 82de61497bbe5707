//! Bulk uploads: a file received row by row, and a job that applies the rows.
//!
//! A bad row never stops the good ones. Each row's outcome commits with its effect, so a batch goes
//! on where it stopped, whatever stopped it, and does no row twice.

mod apply;
pub mod columns;
pub mod file;
mod goods;
mod inventory;
mod labels;
pub mod orders;
mod prices;
mod receive;
pub mod row;
mod seller_orders;
mod shipments;
mod staged;
pub mod transition;

pub use apply::{Round, Supplies, apply_next};
pub use receive::{ABANDONED_AFTER, MOST_ROWS, NewBatch, Receiving, discard_abandoned, queue};
pub use staged::Staged;
pub(crate) use staged::forget;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Select,
};
use serde_json::json;
use souk_entity::id::{BatchId, SellerId};
use souk_entity::status::{BatchRowStatus, BatchStatus, EntityKind};
use souk_entity::{batch, batch_row};

use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::history::{self, Change};
use crate::store::Tx;
use crate::transition::next;
use crate::vault::Vault;

use transition::{BATCH, BatchEvent};

/// Whose batches are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A seller's own.
    Seller(SellerId),
    /// All: an operator looks.
    Everybody,
}

/// The batches of a scope whose file is complete: one that is still coming in is not to be seen.
pub fn seen_by(scope: Scope) -> Select<batch::Entity> {
    let mut condition = Condition::all().add(batch::Column::Status.ne(BatchStatus::Receiving));
    if let Scope::Seller(seller) = scope {
        condition = condition.add(batch::Column::SellerId.eq(seller));
    }
    batch::Entity::find().filter(condition)
}

/// A batch of the scope.
///
/// # Errors
/// [`crate::Code::NotFound`].
pub async fn find(db: &impl ConnectionTrait, scope: Scope, id: BatchId) -> Result<batch::Model> {
    seen_by(scope).filter(batch::Column::Id.eq(id)).one(db).await?.ok_or_else(|| Error::not_found("batch"))
}

/// Rows of a batch below a line, in the order of the file.
///
/// # Errors
/// The database's.
pub async fn rows(
    db: &impl ConnectionTrait,
    vault: &Vault,
    id: BatchId,
    status: Option<BatchRowStatus>,
    after: i64,
    limit: u64,
) -> Result<Vec<Staged>> {
    let mut query = batch_row::Entity::find()
        .filter(batch_row::Column::BatchId.eq(id))
        .filter(batch_row::Column::Line.gt(after))
        .order_by_asc(batch_row::Column::Line)
        .limit(limit);
    if let Some(status) = status {
        query = query.filter(batch_row::Column::Status.eq(status));
    }
    query.all(db).await?.into_iter().map(|row| staged::open(vault, row)).collect()
}

/// Whether no more of its rows will be done.
pub fn has_ended(status: BatchStatus) -> bool {
    match status {
        BatchStatus::Receiving | BatchStatus::Queued | BatchStatus::Running => false,
        BatchStatus::Completed | BatchStatus::CompletedWithErrors | BatchStatus::Failed | BatchStatus::Cancelled => {
            true
        }
    }
}

/// Stops a batch; rows that are done stay done.
///
/// # Errors
/// [`crate::Code::NotFound`], [`crate::Code::IllegalTransition`].
pub async fn cancel(tx: &Tx, scope: Scope, id: BatchId, actor: Actor) -> Result<batch::Model> {
    let mut batch = seen_by(scope)
        .filter(batch::Column::Id.eq(id))
        .lock_exclusive()
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::not_found("batch"))?;
    step(tx, &mut batch, BatchEvent::Cancel, actor).await?;
    Ok(batch)
}

/// Who uploaded a batch, and so causes what its rows do.
fn actor(batch: &batch::Model) -> Actor {
    match (batch.seller_id, batch.user_id) {
        (Some(seller), Some(user)) => Actor::Seller(seller, user),
        (None, Some(user)) => Actor::Operator(user),
        (_, None) => Actor::System,
    }
}

async fn step(tx: &Tx, batch: &mut batch::Model, event: BatchEvent, actor: Actor) -> Result<()> {
    let to = next("batch", BATCH, batch.status, event)?;
    let from = std::mem::replace(&mut batch.status, to);
    batch.version += 1;
    batch.updated_at = tx.now;
    let row = batch::ActiveModel {
        id: Set(batch.id),
        status: Set(to),
        version: Set(batch.version),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    batch::Entity::update(row).exec_without_returning(&**tx).await?;
    history::record(tx, vec![change(batch, Some(from), actor)]).await
}

fn change(batch: &batch::Model, from: Option<BatchStatus>, actor: Actor) -> Change {
    Change {
        entity: EntityKind::Batch,
        id: batch.id.into(),
        version: batch.version,
        from: from.map(|from| from.to_string()),
        to: batch.status.to_string(),
        actor,
        note: None,
        event: if from.is_none() { "batch.created" } else { "batch.updated" },
        order_id: None,
        seller_id: batch.seller_id,
        data: json!({"kind": batch.kind, "rows": batch.total_rows, "processed": batch.processed_rows,
                     "failed": batch.failed_rows}),
    }
}
