//! Durable work: what can be asked for, its business key, and the lease under which it is done.
//!
//! A job is a row written in the transaction that causes it. Workers claim rows; the number of
//! claims is the fencing token that the transaction of the effect checks, so a worker that froze
//! past its lease cannot write what another has written since.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde::{Deserialize, Serialize};
use souk_entity::id::{
    BatchId, CartId, InboxId, JobId, OrderId, PaymentId, PayoutId, RefundId, ReturnRequestId, SellerId, SellerOrderId,
    ShipmentId,
};
use souk_entity::job;
use souk_entity::status::{JobKind, JobQueue, JobStatus};

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
    /// Apply the rows of an inventory batch.
    ImportInventory { batch_id: BatchId },
    /// Pay out what a seller can be paid on a day.
    PayOutSeller { seller_id: SellerId, day: NaiveDate },
    /// Send a payout.
    SubmitPayout { payout_id: PayoutId },
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
            Self::ImportInventory { .. } => JobKind::ImportInventory,
            Self::PayOutSeller { .. } => JobKind::PayOutSeller,
            Self::SubmitPayout { .. } => JobKind::SubmitPayout,
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
            Self::ImportInventory { batch_id } => format!("batch:{batch_id}"),
            Self::PayOutSeller { seller_id, day } => format!("pay-out:{seller_id}:{day}"),
            Self::SubmitPayout { payout_id } => format!("payout:{payout_id}"),
        }
    }
}

/// How jobs of a kind are run. One row per kind, here and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The queue whose workers run it.
    pub queue: JobQueue,
    /// After this many claims without success the job is dead, until an operator redrives it.
    pub max_attempts: i32,
    /// A run longer than this is stopped and counts as failed.
    pub timeout: Duration,
}

/// A lease outlives the longest run and the wait in a worker's buffer by this much.
pub const LEASE_MARGIN: Duration = Duration::from_secs(15);

/// The policy of a kind.
pub const fn policy(kind: JobKind) -> Policy {
    // 60 attempts last about two days, 20 about six hours, 12 about half an hour.
    let (queue, max_attempts, timeout) = match kind {
        JobKind::CapturePayment | JobKind::VoidPayment | JobKind::ResolvePayment | JobKind::RefundPayment => {
            (JobQueue::Money, 60, 30)
        }
        JobKind::ProcessReturn | JobKind::ExpireOrder | JobKind::SubmitPayout => (JobQueue::Money, 60, 30),
        // Longer than the others: it may have the entries of a month to settle.
        JobKind::PayOutSeller => (JobQueue::Money, 60, 120),
        JobKind::ProcessWebhook => (JobQueue::Events, 20, 30),
        JobKind::BuyLabel | JobKind::VoidLabel => (JobQueue::Fulfilment, 60, 30),
        JobKind::SyncShipment | JobKind::RejectUnaccepted | JobKind::CompleteSellerOrder | JobKind::ExpireReturn => {
            (JobQueue::Fulfilment, 60, 30)
        }
        JobKind::ExpireCart => (JobQueue::Bulk, 12, 30),
        JobKind::ImportInventory => (JobQueue::Bulk, 12, 120),
    };
    Policy { queue, max_attempts, timeout: Duration::from_secs(timeout) }
}

/// How long to wait before claim number `attempts + 1`: 1 s doubled per failure, at most an hour,
/// of which `jitter` (0..=1000) takes up to a half away so that what failed together does not
/// return together.
pub fn backoff(attempts: i32, jitter: u64) -> Duration {
    let exponent = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(12);
    let full = (1_000_u64 << exponent).min(3_600_000);
    Duration::from_millis(full - full * jitter.min(1_000) / 2_000)
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
        let kind = task.kind();
        let policy = policy(kind);
        let id = JobId::at(tx.now);
        if *run_at <= tx.now {
            tx.wake_after_commit(policy.queue, id);
        }
        rows.push(job::ActiveModel {
            id: Set(id),
            kind: Set(kind),
            queue: Set(policy.queue),
            unique_key: Set(task.key()),
            payload: Set(serde_json::to_value(task).map_err(Error::internal)?),
            status: Set(JobStatus::Queued),
            attempts: Set(0),
            max_attempts: Set(policy.max_attempts),
            run_at: Set(*run_at),
            last_error: Set(None),
            created_at: Set(tx.now),
            updated_at: Set(tx.now),
        });
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

/// The right to do a claimed job: its id and the claim number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The job.
    pub job_id: JobId,
    /// The number of the claim, which is the fencing token.
    pub attempts: i32,
}

impl Lease {
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
            tx.wake_after_commit(policy(kind).queue, self.job_id);
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

/// Puts a dead job back in the queue with its claims counted anew.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::IllegalTransition`] when the job is not dead.
pub async fn redrive(tx: &Tx, id: JobId) -> Result<job::Model> {
    let row = job::Entity::find_by_id(id).lock_exclusive().one(&**tx).await?.ok_or_else(|| Error::not_found("job"))?;
    if row.status != JobStatus::Dead {
        let message = format!("The job is {}; only a dead job can be redriven.", row.status);
        return Err(Error::new(Code::IllegalTransition, message));
    }
    tx.wake_after_commit(row.queue, row.id);
    let job = job::ActiveModel {
        id: Set(id),
        status: Set(JobStatus::Queued),
        max_attempts: Set(row.attempts.saturating_add(policy(row.kind).max_attempts)),
        run_at: Set(tx.now),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    Ok(job::Entity::update(job).exec(&**tx).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_to_an_hour_and_never_less_than_half() {
        assert_eq!(backoff(1, 0), Duration::from_secs(1));
        assert_eq!(backoff(2, 0), Duration::from_secs(2));
        assert_eq!(backoff(30, 0), Duration::from_secs(3600));
        assert_eq!(backoff(1, 1000), Duration::from_millis(500));
    }
}
