//! Durable work: what can be asked for, its business key, and the lease under which it is done.
//!
//! A job is a row written in the transaction that causes it. Workers claim rows; the number of
//! claims is the fencing token that the transaction of the effect checks, so a worker that froze
//! past its lease cannot write what another has written since.

mod dead;
mod policy;
mod summary;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde::{Deserialize, Serialize};
use souk_entity::id::{
    BatchId, CartId, InboxId, JobId, NotificationId, OrderId, PaymentId, PayoutId, RefundId, ReturnRequestId, SellerId,
    SellerOrderId, ShipmentId, WebhookEndpointId,
};
use souk_entity::job;
use souk_entity::status::{JobKind, JobStatus, ScheduleName};

pub use self::dead::{REASON_CHARS, REDRIVE_LIMIT, discard, in_status, redrive, redrive_all};
pub use self::policy::{LEASE_MARGIN, LONGEST_WAIT, Policy, backoff, policy};
pub use self::summary::{COUNTED, Summary, summary};
use crate::error::{Code, Error, Result};
use crate::store::Tx;

/// A piece of work; carries ids only, the state is read again when it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// Take the money of an authorized payment.
    CapturePayment { payment_id: PaymentId },
    /// Give up a payment that is not captured.
    VoidPayment { payment_id: PaymentId },
    /// Ask the provider what became of a payment.
    ResolvePayment { payment_id: PaymentId },
    /// Cancel an order that was not paid in time.
    ExpireOrder { order_id: OrderId },
    /// Close a cart whose time is over.
    ExpireCart { cart_id: CartId },
    /// Buy the label of a shipment.
    BuyLabel { shipment_id: ShipmentId },
    /// Give back the label of a cancelled shipment.
    VoidLabel { shipment_id: ShipmentId },
    /// Ask the carrier where a parcel is, again and again until it has arrived.
    SyncShipment { shipment_id: ShipmentId },
    /// Act on an event received from outside.
    ProcessWebhook { inbox_id: InboxId },
    /// Work out what a received return is worth and refund it.
    ProcessReturn { return_request_id: ReturnRequestId },
    /// Close an approved return that was never sent.
    ExpireReturn { return_request_id: ReturnRequestId },
    /// Pay a refund out at the provider.
    RefundPayment { refund_id: RefundId },
    /// Reject a seller order that its seller did not accept in time.
    RejectUnaccepted { seller_order_id: SellerOrderId },
    /// Complete a seller order whose return window has closed.
    CompleteSellerOrder { seller_order_id: SellerOrderId },
    /// Apply the rows of a batch.
    ProcessBatch { batch_id: BatchId },
    /// Pay out what a seller can be paid on a day.
    PayOutSeller { seller_id: SellerId, day: NaiveDate },
    /// Send a payout.
    SubmitPayout { payout_id: PayoutId },
    /// Send what is due to a seller's endpoint.
    DeliverWebhooks { endpoint_id: WebhookEndpointId },
    /// Tell a person of something.
    SendNotification { notification_id: NotificationId },
    /// Do recurring work that was due at `tick`.
    RunSchedule { schedule: ScheduleName, tick: DateTime<Utc> },
}

impl Task {
    /// Its kind, as stored and shown.
    pub fn kind(&self) -> JobKind {
        match self {
            Self::CapturePayment { .. } => JobKind::CapturePayment,
            Self::VoidPayment { .. } => JobKind::VoidPayment,
            Self::ResolvePayment { .. } => JobKind::ResolvePayment,
            Self::ExpireOrder { .. } => JobKind::ExpireOrder,
            Self::ExpireCart { .. } => JobKind::ExpireCart,
            Self::BuyLabel { .. } => JobKind::BuyLabel,
            Self::VoidLabel { .. } => JobKind::VoidLabel,
            Self::SyncShipment { .. } => JobKind::SyncShipment,
            Self::ProcessWebhook { .. } => JobKind::ProcessWebhook,
            Self::ProcessReturn { .. } => JobKind::ProcessReturn,
            Self::ExpireReturn { .. } => JobKind::ExpireReturn,
            Self::RefundPayment { .. } => JobKind::RefundPayment,
            Self::RejectUnaccepted { .. } => JobKind::RejectUnaccepted,
            Self::CompleteSellerOrder { .. } => JobKind::CompleteSellerOrder,
            Self::ProcessBatch { .. } => JobKind::ProcessBatch,
            Self::PayOutSeller { .. } => JobKind::PayOutSeller,
            Self::SubmitPayout { .. } => JobKind::SubmitPayout,
            Self::DeliverWebhooks { .. } => JobKind::DeliverWebhooks,
            Self::SendNotification { .. } => JobKind::SendNotification,
            Self::RunSchedule { schedule: ScheduleName::Verify, .. } => JobKind::Verify,
            Self::RunSchedule { schedule: ScheduleName::CleanUp, .. } => JobKind::CleanUp,
            Self::RunSchedule { .. } => JobKind::CatchUp,
        }
    }

    /// The business key: asked for twice, it is one job.
    pub fn key(&self) -> String {
        match self {
            Self::CapturePayment { payment_id } => format!("capture:{payment_id}"),
            Self::VoidPayment { payment_id } => format!("void:{payment_id}"),
            Self::ResolvePayment { payment_id } => format!("resolve:{payment_id}"),
            Self::ExpireOrder { order_id } => format!("expire-order:{order_id}"),
            Self::ExpireCart { cart_id } => format!("expire-cart:{cart_id}"),
            Self::BuyLabel { shipment_id } => format!("label:{shipment_id}:1"),
            Self::VoidLabel { shipment_id } => format!("void-label:{shipment_id}:1"),
            Self::SyncShipment { shipment_id } => format!("sync:{shipment_id}"),
            Self::ProcessWebhook { inbox_id } => format!("webhook:{inbox_id}"),
            Self::ProcessReturn { return_request_id } => format!("return:{return_request_id}"),
            Self::ExpireReturn { return_request_id } => format!("expire-return:{return_request_id}"),
            Self::RefundPayment { refund_id } => format!("refund:{refund_id}"),
            Self::RejectUnaccepted { seller_order_id } => format!("reject:{seller_order_id}"),
            Self::CompleteSellerOrder { seller_order_id } => format!("complete:{seller_order_id}"),
            Self::ProcessBatch { batch_id } => format!("batch:{batch_id}"),
            Self::PayOutSeller { seller_id, day } => format!("pay-out:{seller_id}:{day}"),
            Self::SubmitPayout { payout_id } => format!("payout:{payout_id}"),
            Self::DeliverWebhooks { endpoint_id } => format!("deliver-webhooks:{endpoint_id}"),
            Self::SendNotification { notification_id } => format!("notify:{notification_id}"),
            Self::RunSchedule { schedule, tick } => {
                format!("schedule:{schedule}:{}", tick.to_rfc3339_opts(SecondsFormat::Secs, true))
            }
        }
    }
}

/// Writes a job, due at `run_at`, in the transaction that causes it.
///
/// Asking again for the same business key changes nothing and returns `false`.
///
/// # Errors
/// The database's.
pub async fn enqueue(tx: &Tx, task: &Task, run_at: DateTime<Utc>) -> Result<bool> {
    Ok(enqueue_all(tx, &[(task.clone(), run_at)]).await? > 0)
}

/// [`enqueue`] for several jobs in one statement; returns how many were new.
///
/// # Errors
/// The database's.
pub async fn enqueue_all(tx: &Tx, tasks: &[(Task, DateTime<Utc>)]) -> Result<u64> {
    if tasks.is_empty() {
        return Ok(0);
    }
    let mut rows = Vec::with_capacity(tasks.len());
    for (task, run_at) in tasks {
        let row = row(tx, task, *run_at)?;
        if *run_at <= tx.now {
            tx.wake_after_commit(task.kind(), *row.id.as_ref());
        }
        rows.push(row);
    }
    let inserted = job::Entity::insert_many(rows)
        .on_conflict_do_nothing_on([job::Column::UniqueKey])
        .exec_without_returning(&**tx)
        .await?;
    Ok(match inserted {
        sea_orm::TryInsertResult::Inserted(rows) => rows,
        sea_orm::TryInsertResult::Empty | sea_orm::TryInsertResult::Conflicted => 0,
    })
}

/// Sees to it that the job of `task` runs after this transaction has committed, at `run_at` at the
/// latest: what wakes a job that does again and again whatever work there is for its key.
///
/// A job that is not there is written; one that is done or discarded is queued again, with as many
/// new claims as its kind allows (the claims made so far keep counting, because their number is the
/// fencing token). A queued one is due at the earlier of its time and `run_at`, except that one
/// which waits after a failure keeps its time, so that being woken does not use its claims up. A
/// dead one is left to the operator. A running one is left alone, and this is safe only if its last
/// transaction calls [`Lease::hold`] *before* it looks for work for the last time and
/// completes: then either that look sees what was committed with this call, or this call waits for
/// the completion and queues the job again.
///
/// Returns whether anything changed. The row stays locked until the commit, so wake late in a
/// transaction.
///
/// # Errors
/// The database's.
pub async fn awaken(tx: &Tx, task: &Task, run_at: DateTime<Utc>) -> Result<bool> {
    Ok(awaken_all(tx, &[(task.clone(), run_at)]).await? > 0)
}

/// [`awaken`] for several jobs in one statement, locked in the order of their keys; returns how
/// many changed.
///
/// # Errors
/// The database's.
pub async fn awaken_all(tx: &Tx, tasks: &[(Task, DateTime<Utc>)]) -> Result<u64> {
    let mut earliest = BTreeMap::new();
    for (task, run_at) in tasks {
        let asked = earliest.entry(task.key()).or_insert((task, *run_at));
        asked.1 = asked.1.min(*run_at);
    }
    if earliest.is_empty() {
        return Ok(0);
    }
    let rows = earliest.into_values().map(|(task, run_at)| row(tx, task, run_at)).collect::<Result<Vec<_>>>()?;
    let over = "job.status IN ('done', 'discarded')";
    let mut again = OnConflict::column(job::Column::UniqueKey);
    again
        .value(
            job::Column::MaxAttempts,
            Expr::cust(format!("CASE WHEN {over} THEN job.attempts + excluded.max_attempts ELSE job.max_attempts END")),
        )
        .value(job::Column::Status, Expr::cust("excluded.status"))
        .value(job::Column::RunAt, Expr::cust("excluded.run_at"))
        .value(job::Column::LastError, Expr::cust("NULL"))
        .value(job::Column::DiscardReason, Expr::cust("NULL"))
        .value(job::Column::UpdatedAt, Expr::cust("excluded.updated_at"))
        .action_and_where(Expr::cust(format!(
            "{over} OR (job.status = 'queued' AND job.last_error IS NULL AND job.run_at > excluded.run_at)"
        )));
    let changed = job::Entity::insert_many(rows).on_conflict(again).exec_with_returning(&**tx).await?;
    for job in &changed {
        if job.run_at <= tx.now {
            tx.wake_after_commit(job.kind, job.id);
        }
    }
    Ok(changed.len() as u64)
}

fn row(tx: &Tx, task: &Task, run_at: DateTime<Utc>) -> Result<job::ActiveModel> {
    let kind = task.kind();
    let policy = policy(kind);
    Ok(job::ActiveModel {
        id: Set(JobId::at(tx.now)),
        kind: Set(kind),
        queue: Set(policy.queue),
        unique_key: Set(task.key()),
        payload: Set(serde_json::to_value(task).map_err(Error::internal)?),
        status: Set(JobStatus::Queued),
        attempts: Set(0),
        max_attempts: Set(policy.max_attempts),
        run_at: Set(run_at),
        last_error: Set(None),
        discard_reason: Set(None),
        created_at: Set(tx.now),
        updated_at: Set(tx.now),
    })
}

/// The right to do a claimed job: its id and the claim number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The job.
    pub job_id: JobId,
    /// The number of the claim, which is the fencing token.
    pub attempts: i32,
}

impl Lease {
    /// Checks the lease and keeps the job's row locked until the end of the transaction, before
    /// its effect is known: whoever wants to [`awaken`] the job waits for this transaction. What
    /// looks for work after this call sees all that was committed by those who did not wait. Work
    /// that commits in several transactions calls it in each of them.
    ///
    /// # Errors
    /// [`Code::LeaseLost`], as for [`Lease::complete`].
    pub async fn hold(&self, tx: &Tx) -> Result<()> {
        let held = job::Entity::find_by_id(self.job_id)
            .select_only()
            .column(job::Column::Attempts)
            .filter(job::Column::Status.eq(JobStatus::Running))
            .filter(job::Column::Attempts.eq(self.attempts))
            .lock_exclusive()
            .into_tuple::<i32>()
            .one(&**tx)
            .await?;
        self.settled(u64::from(held.is_some()))
    }

    /// Ends the job in the transaction of its effect.
    ///
    /// # Errors
    /// [`Code::LeaseLost`] when another worker has claimed the job since: the caller's
    /// transaction must not commit, and with this error it does not.
    pub async fn complete(&self, tx: &Tx) -> Result<()> {
        let done = self.held(tx).col_expr(job::Column::Status, Expr::value(JobStatus::Done)).exec(&**tx).await?;
        self.settled(done.rows_affected)
    }

    /// Puts the job back in the queue, due at `run_at`, as its own continuation: what was done so
    /// far commits with it, and as many new claims as its kind allows may follow.
    ///
    /// # Errors
    /// [`Code::LeaseLost`], as for [`Lease::complete`].
    pub async fn continue_at(&self, tx: &Tx, kind: JobKind, run_at: DateTime<Utc>) -> Result<()> {
        let continued = self
            .held(tx)
            .col_expr(job::Column::Status, Expr::value(JobStatus::Queued))
            .col_expr(job::Column::RunAt, Expr::value(run_at))
            .col_expr(job::Column::MaxAttempts, Expr::value(self.attempts.saturating_add(policy(kind).max_attempts)))
            .exec(&**tx)
            .await?;
        self.settled(continued.rows_affected)?;
        if run_at <= tx.now {
            tx.wake_after_commit(kind, self.job_id);
        }
        Ok(())
    }

    fn held(&self, tx: &Tx) -> sea_orm::UpdateMany<job::Entity> {
        job::Entity::update_many()
            .col_expr(job::Column::LastError, Expr::value(Option::<String>::None))
            .col_expr(job::Column::UpdatedAt, Expr::value(tx.now))
            .filter(job::Column::Id.eq(self.job_id))
            .filter(job::Column::Status.eq(JobStatus::Running))
            .filter(job::Column::Attempts.eq(self.attempts))
    }

    fn settled(&self, rows: u64) -> Result<()> {
        if rows == 1 {
            Ok(())
        } else {
            Err(Error::new(Code::LeaseLost, "The job's lease has passed to another worker."))
        }
    }
}
