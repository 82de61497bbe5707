//! The rows of a batch applied, a round in a transaction.

use std::sync::Arc;

use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_entity::id::BatchId;
use souk_entity::status::{BatchKind, BatchRowStatus, BatchStatus};
use souk_entity::{batch, batch_row};

use super::staged::Staged;
use super::transition::BatchEvent;
use super::{actor, inventory, labels, orders, prices, seller_orders, shipments, staged, step};
use crate::actor::Actor;
use crate::error::{Code, Error, Kind, Result};
use crate::store::Tx;

/// What became of a row: what it made, if that has a name, or why it failed, in a sentence.
pub(super) type Outcome = std::result::Result<Option<String>, String>;

/// The longest sentence that is kept of a failure, in characters.
const LONGEST_ERROR: usize = 500;

/// Failed rows that one statement writes down.
const FAILURES_AT_ONCE: usize = 100;

/// What a round needs and cannot get from the database.
#[derive(Clone, Debug, Default)]
pub struct Supplies {
    /// The carrier of parcels that rows pack.
    pub carrier: Option<&'static str>,
    /// The number of the order that a row makes.
    pub number: Option<String>,
}

/// What a round has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Whether rows are left.
    pub more: bool,
    /// Whether a row has made something that stays, and so used the supplies.
    pub used: bool,
}

/// Rows of one transaction. What locks orders or stock of its own runs a row at a time, so that
/// nobody waits for a row's neighbours; the others are written by few statements for all rows.
const fn rows_at_once(kind: BatchKind) -> u64 {
    match kind {
        BatchKind::Inventory | BatchKind::Prices => 500,
        BatchKind::Shipments | BatchKind::Labels | BatchKind::SellerOrders | BatchKind::Orders => 1,
    }
}

/// Applies the next rows.
///
/// # Errors
/// The database's: nothing of this round is kept then, and the job repeats it.
pub async fn apply_next(tx: &Tx, id: BatchId, supplies: &Supplies) -> Result<Round> {
    let mut batch =
        batch::Entity::find_by_id(id).lock_exclusive().one(&**tx).await?.ok_or_else(|| Error::not_found("batch"))?;
    if batch.status == BatchStatus::Queued {
        step(tx, &mut batch, BatchEvent::Start, Actor::System).await?;
    }
    if batch.status != BatchStatus::Running {
        return Ok(Round { more: false, used: false });
    }
    let rows = batch_row::Entity::find()
        .filter(batch_row::Column::BatchId.eq(id))
        .filter(batch_row::Column::Line.gt(batch.done_line))
        .order_by_asc(batch_row::Column::Line)
        .limit(rows_at_once(batch.kind))
        .all(&**tx)
        .await?;
    let rows = rows.into_iter().map(|row| staged::open(tx.vault(), row)).collect::<Result<Vec<_>>>()?;
    let outcomes = if batch.dry_run {
        tx.rehearse(async |tx: Arc<Tx>| apply(&tx, &batch, &rows, supplies).await).await?
    } else {
        apply(tx, &batch, &rows, supplies).await?
    };
    let used = !batch.dry_run && outcomes.iter().any(Result::is_ok);
    write_down(tx, &mut batch, &rows, &outcomes).await?;
    if batch.processed_rows < batch.total_rows && !rows.is_empty() {
        return Ok(Round { more: true, used });
    }
    let end = match batch.failed_rows {
        0 => BatchEvent::Finish,
        all if all == batch.total_rows => BatchEvent::Fail,
        _ => BatchEvent::FinishWithErrors,
    };
    step(tx, &mut batch, end, Actor::System).await?;
    Ok(Round { more: false, used })
}

/// One outcome for each row.
async fn apply(tx: &Tx, batch: &batch::Model, rows: &[Staged], supplies: &Supplies) -> Result<Vec<Outcome>> {
    match batch.kind {
        BatchKind::Inventory => return inventory::apply(tx, batch, rows).await,
        BatchKind::Prices => return prices::apply(tx, batch, rows).await,
        BatchKind::Shipments | BatchKind::Labels | BatchKind::SellerOrders | BatchKind::Orders => {}
    }
    let actor = actor(batch);
    let mut outcomes = Vec::with_capacity(rows.len());
    for row in rows {
        // What a failed row wrote before it failed is undone, and PostgreSQL goes on after an error
        // only from a savepoint.
        let done = tx
            .savepoint(async |tx: Arc<Tx>| match batch.kind {
                BatchKind::Shipments => shipments::apply(&tx, batch, row, actor, supplies).await,
                BatchKind::Labels => labels::apply(&tx, batch, row, actor).await,
                BatchKind::SellerOrders => seller_orders::apply(&tx, batch, row, actor).await,
                BatchKind::Orders => orders::apply(&tx, batch, row, supplies).await,
                BatchKind::Inventory | BatchKind::Prices => Err(Error::internal("rows of this kind go together")),
            })
            .await;
        outcomes.push(verdict(done)?);
    }
    Ok(outcomes)
}

/// Tells a row's own fault, which is its outcome, from ours, which repeats the round.
pub(super) fn verdict(done: Result<Option<String>>) -> Result<Outcome> {
    match done {
        Ok(result) => Ok(Ok(result)),
        Err(error) if is_the_rows_fault(error.code) => Ok(Err(error.message)),
        Err(error) => Err(error),
    }
}

fn is_the_rows_fault(code: Code) -> bool {
    match code.kind() {
        Kind::Conflict => !matches!(code, Code::ConcurrentChange | Code::LeaseLost),
        Kind::Unavailable | Kind::Internal | Kind::TooMany => false,
        Kind::Malformed
        | Kind::Unauthenticated
        | Kind::Forbidden
        | Kind::NotFound
        | Kind::Stale
        | Kind::PreconditionRequired
        | Kind::TooLarge
        | Kind::UnsupportedMediaType
        | Kind::Unprocessable => true,
    }
}

/// Stores what became of the rows of a round, and how far the batch is with them.
async fn write_down(tx: &Tx, batch: &mut batch::Model, rows: &[Staged], outcomes: &[Outcome]) -> Result<()> {
    let Some(last) = rows.last() else { return Ok(()) };
    let told: Vec<_> = rows.iter().zip(outcomes).map(|(row, outcome)| (row.line, outcome)).collect();
    if told.len() != rows.len() {
        return Err(Error::internal("a round has another number of outcomes than rows"));
    }
    let failed: Vec<(i64, &str)> =
        told.iter().filter_map(|(line, outcome)| outcome.as_ref().err().map(|why| (*line, why.as_str()))).collect();
    for failed in failed.chunks(FAILURES_AT_ONCE) {
        let errors = failed.iter().fold(CaseStatement::new(), |case, (line, why)| {
            let why: String = why.chars().take(LONGEST_ERROR).collect();
            case.case(Expr::col(batch_row::Column::Line).eq(*line), Expr::value(why))
        });
        batch_row::Entity::update_many()
            .col_expr(batch_row::Column::Status, Expr::value(BatchRowStatus::Failed))
            .col_expr(batch_row::Column::Error, errors.into())
            .filter(batch_row::Column::BatchId.eq(batch.id))
            .filter(batch_row::Column::Line.is_in(failed.iter().map(|(line, _)| *line)))
            .exec(&**tx)
            .await?;
    }
    batch_row::Entity::update_many()
        .col_expr(batch_row::Column::Status, Expr::value(BatchRowStatus::Done))
        .filter(batch_row::Column::BatchId.eq(batch.id))
        .filter(batch_row::Column::Line.gt(batch.done_line))
        .filter(batch_row::Column::Line.lte(last.line))
        .filter(batch_row::Column::Status.eq(BatchRowStatus::Pending))
        .exec(&**tx)
        .await?;
    for (line, outcome) in &told {
        // What a dry run has made is gone, so it has no name.
        let Ok(Some(result)) = outcome else { continue };
        if batch.dry_run {
            continue;
        }
        let row = batch_row::ActiveModel {
            batch_id: Set(batch.id),
            line: Set(*line),
            result: Set(Some(result.clone())),
            ..Default::default()
        };
        batch_row::Entity::update(row).exec_without_returning(&**tx).await?;
    }
    batch.processed_rows += i64::try_from(rows.len()).map_err(Error::internal)?;
    batch.failed_rows += i64::try_from(failed.len()).map_err(Error::internal)?;
    batch.done_line = last.line;
    let row = batch::ActiveModel {
        id: Set(batch.id),
        processed_rows: Set(batch.processed_rows),
        failed_rows: Set(batch.failed_rows),
        done_line: Set(batch.done_line),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    batch::Entity::update(row).exec_without_returning(&**tx).await?;
    Ok(())
}
