//! What is kept for a time only, and for how long. Events, history, orders and the ledger are kept
//! for good.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, Iterable, QueryFilter, Statement, Value};
use souk_entity::status::BatchStatus;
use souk_entity::{batch as batch_table, webhook_attempt, webhook_delivery};
use uuid::Uuid;

use crate::account;
use crate::batch;
use crate::error::Result;
use crate::payment::refund::approval;
use crate::store::{Store, Tx};

/// At most so many rows are removed in one transaction, so that nothing waits long for it.
pub const MOST_ROWS: u64 = 1_000;

/// Rows of a table that are over after a time.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// What they are, for people.
    pub what: &'static str,
    /// How long they are kept once they are over.
    pub keep: TimeDelta,
    how: How,
}

/// How rows are removed.
#[derive(Clone, Copy, Debug)]
enum How {
    /// By a statement that removes at most [`MOST_ROWS`]: `$1` is the instant before which they
    /// were over, and `$2`, where it is asked for, the least id that is made at that instant, so
    /// that the order of ids bounds what is read. What a state decides is asked in the outer query
    /// too, for a row that changes while its removal waits for it.
    Rows(&'static str),
    /// With their attempts, which they count.
    Deliveries,
    /// Of batches that are marked first, because a batch counts its rows.
    BatchRows,
    /// As batches do.
    Uploads,
    /// Not removed: what nobody has decided in time is over.
    RefundApprovals,
}

/// The API promises that an `Idempotency-Key` is remembered for 24 hours.
const IDEMPOTENCY_KEYS: TimeDelta = TimeDelta::hours(24);

/// Long enough to look into last month. Asked for again, a removed job runs again: all kinds but
/// one read the state of their thing first and find it done.
const JOBS: TimeDelta = TimeDelta::days(30);

/// The runs of schedules are hundreds a day, and their schedule keeps the last outcome.
const SCHEDULE_RUNS: TimeDelta = TimeDelta::days(7);

/// Of an expired token nothing is worth knowing but that its family was ended by theft.
const REFRESH_TOKENS: TimeDelta = TimeDelta::days(30);

/// Whom an invitation was for is nobody's business once it is over.
const INVITATIONS: TimeDelta = TimeDelta::zero();

/// Failures count for an hour, and a network is known to an account for thirty days.
const SIGN_IN_ATTEMPTS: TimeDelta = account::throttle::KNOWN;

/// An event of a provider or carrier sent again after its row was removed is acted on again, to no
/// effect; providers send again for days (Stripe for 3, carriers for up to 30).
const OUTSIDE_EVENTS: TimeDelta = TimeDelta::days(90);

/// What a seller needs to find out why their system was not told.
const WEBHOOK_DELIVERIES: TimeDelta = TimeDelta::days(30);

/// The uploaded rows of an ended batch, which repeat what the platform has taken over; the batch
/// itself and its counts stay.
const BATCH_ROWS: TimeDelta = TimeDelta::days(30);

/// Somebody who is erased could not be found by a row of orders that names no e-mail address; a day is enough to
/// see what is wrong with it.
const ROWS_OF_NOBODY: TimeDelta = TimeDelta::hours(24);

/// All of them.
pub const RETENTIONS: &[Retention] = &[
    Retention {
        what: "idempotency keys",
        keep: IDEMPOTENCY_KEYS,
        how: How::Rows(
            "DELETE FROM idempotency_key WHERE (actor, route, key) IN (SELECT actor, route, key FROM idempotency_key \
              WHERE created_at < $1 ORDER BY created_at LIMIT 1000)",
        ),
    },
    Retention {
        what: "runs of schedules",
        keep: SCHEDULE_RUNS,
        how: How::Rows(
            "DELETE FROM job WHERE status IN ('done', 'discarded') AND id IN (SELECT id FROM job \
              WHERE kind IN ('catch_up', 'clean_up', 'verify') AND status IN ('done', 'discarded') AND id < $2 \
                  AND updated_at < $1 ORDER BY id LIMIT 1000)",
        ),
    },
    Retention {
        // A seller's payout of a day is the one that is not guarded by a state: asked for again,
        // it would pay out on a day that is not the seller's. Discarded jobs stay: where there is
        // none, what an operator gave up would be asked for again. They are few.
        what: "jobs",
        keep: JOBS,
        how: How::Rows(
            "DELETE FROM job WHERE status = 'done' AND id IN (SELECT id FROM job \
              WHERE status = 'done' AND kind <> 'pay_out_seller' AND id < $2 AND updated_at < $1 \
              LIMIT 1000)",
        ),
    },
    Retention {
        what: "refresh tokens",
        keep: REFRESH_TOKENS,
        how: How::Rows(
            "DELETE FROM refresh_token WHERE id IN (SELECT id FROM refresh_token WHERE expires_at < $1 \
              ORDER BY expires_at LIMIT 1000)",
        ),
    },
    Retention {
        what: "addresses of invitations that nobody accepted",
        keep: INVITATIONS,
        how: How::Rows(
            "UPDATE seller_invitation SET email = NULL, email_index = NULL WHERE email_index IS NOT NULL \
              AND id IN (SELECT id FROM seller_invitation WHERE email_index IS NOT NULL AND expires_at < $1 \
              ORDER BY expires_at LIMIT 1000)",
        ),
    },
    Retention {
        what: "traces of sign-ins",
        keep: SIGN_IN_ATTEMPTS,
        how: How::Rows(
            "DELETE FROM sign_in_throttle WHERE subject IN (SELECT subject FROM sign_in_throttle \
              WHERE touched_at < $1 ORDER BY touched_at LIMIT 1000)",
        ),
    },
    Retention {
        what: "events of providers and carriers",
        keep: OUTSIDE_EVENTS,
        how: How::Rows(
            "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE id < $2 AND processed_at < $1 \
              ORDER BY id LIMIT 1000)",
        ),
    },
    Retention { what: "webhook deliveries", keep: WEBHOOK_DELIVERIES, how: How::Deliveries },
    Retention { what: "rows of ended batches", keep: BATCH_ROWS, how: How::BatchRows },
    Retention {
        // An empty value of the column's type, in both dialects.
        what: "rows of orders without an address",
        keep: ROWS_OF_NOBODY,
        how: How::Rows(
            "UPDATE batch_row SET input = substr(input, 1, 0), email_index = NULL, user_id = NULL \
              WHERE email_index = '' AND (batch_id, line) IN (SELECT r.batch_id, r.line FROM batch_row r \
              JOIN batch b ON b.id = r.batch_id WHERE r.email_index = '' AND b.updated_at < $1 \
                  AND b.status IN ('completed', 'completed_with_errors', 'failed', 'cancelled') LIMIT 1000)",
        ),
    },
    Retention { what: "uploads given up", keep: batch::ABANDONED_AFTER, how: How::Uploads },
    Retention { what: "refunds that nobody approved", keep: approval::WAITS, how: How::RefundApprovals },
];

/// Removes some rows that are over; returns how many, and whether there may be more.
///
/// # Errors
/// The database's.
pub async fn remove_some(store: &Store, retention: &Retention) -> Result<(u64, bool)> {
    match retention.how {
        How::Rows(sql) => {
            let removed = store.write(async |tx| remove_rows(&tx, sql, tx.now - retention.keep).await).await?;
            Ok((removed, removed == MOST_ROWS))
        }
        How::Deliveries => {
            let removed = store.write(async |tx| remove_deliveries(&tx, tx.now - retention.keep).await).await?;
            Ok((removed, removed > 0))
        }
        How::BatchRows => {
            let removed = store.write(async |tx| remove_batch_rows(&tx, tx.now - retention.keep).await).await?;
            Ok((removed, removed == MOST_ROWS))
        }
        How::Uploads => Ok((batch::discard_abandoned(store).await?, false)),
        How::RefundApprovals => Ok((approval::expire(store).await?, false)),
    }
}

async fn remove_rows(tx: &Tx, sql: &str, before: DateTime<Utc>) -> Result<u64> {
    let mut values: Vec<Value> = vec![before.into()];
    if sql.contains("$2") {
        values.push(least_id(before).into());
    }
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    Ok(tx.execute_raw(statement).await?.rows_affected())
}

/// Each has ten attempts at most, so that these are [`MOST_ROWS`] with them. Of the deliveries of
/// one event to one endpoint the last goes first: each tells what it follows.
async fn remove_deliveries(tx: &Tx, before: DateTime<Utc>) -> Result<u64> {
    let sql = "SELECT d.id FROM webhook_delivery d WHERE d.id < $2 AND d.ended_at < $1 \
               AND NOT EXISTS (SELECT 1 FROM webhook_delivery l WHERE l.endpoint_id = d.endpoint_id \
                   AND l.event_id = d.event_id AND l.redelivery > d.redelivery) \
               ORDER BY d.id LIMIT 90";
    let values = [before.into(), least_id(before).into()];
    let found = tx.query_all_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    let ids = found.iter().map(|row| row.try_get("", "id")).collect::<std::result::Result<Vec<Uuid>, _>>()?;
    webhook_attempt::Entity::delete_many()
        .filter(webhook_attempt::Column::DeliveryId.is_in(ids.clone()))
        .exec(&**tx)
        .await?;
    let removed =
        webhook_delivery::Entity::delete_many().filter(webhook_delivery::Column::Id.is_in(ids)).exec(&**tx).await?;
    Ok(removed.rows_affected)
}

async fn remove_batch_rows(tx: &Tx, before: DateTime<Utc>) -> Result<u64> {
    batch_table::Entity::update_many()
        .col_expr(batch_table::Column::RowsRemovedAt, Expr::value(Some(tx.now)))
        .filter(batch_table::Column::RowsRemovedAt.is_null())
        .filter(batch_table::Column::Status.is_in(BatchStatus::iter().filter(|status| batch::has_ended(*status))))
        .filter(batch_table::Column::UpdatedAt.lt(before))
        .exec(&**tx)
        .await?;
    let sql = "DELETE FROM batch_row WHERE (batch_id, line) IN (SELECT r.batch_id, r.line FROM batch b \
               JOIN batch_row r ON r.batch_id = b.id WHERE b.rows_removed_at IS NOT NULL LIMIT 1000)";
    Ok(tx.execute_unprepared(sql).await?.rows_affected())
}

/// The least UUIDv7 of an instant: its first 48 bits are the milliseconds.
fn least_id(at: DateTime<Utc>) -> Uuid {
    let milliseconds = u128::try_from(at.timestamp_millis()).unwrap_or(0);
    Uuid::from_u128(milliseconds << 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_an_instant_are_not_less_than_its_least() {
        let at = DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::microseconds(123_456);
        // Not as ids are made in earnest: those of a process only grow, whatever other tests have made before.
        let milliseconds = u64::try_from(at.timestamp_millis()).unwrap();
        let id = |of: u64, rest: u8| uuid::Builder::from_unix_timestamp_millis(of, &[rest; 10]).into_uuid();
        assert!(id(milliseconds - 1, 0xff) < least_id(at) && least_id(at) <= id(milliseconds, 0));
    }

    #[test]
    fn each_removal_is_bounded() {
        let bound = format!("LIMIT {MOST_ROWS})");
        for retention in RETENTIONS {
            if let How::Rows(sql) = retention.how {
                assert!(sql.ends_with(&bound), "{}", retention.what);
            }
        }
    }
}
