//! Things whose time is over although no job sees to them.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Statement, Value};
use souk_entity::job;
use souk_entity::status::JobStatus;
use uuid::Uuid;

use super::{BATCH, Caught, GRACE};
use crate::error::Result;
use crate::job::{Task, awaken_all};
use crate::returns::SEND_WITHIN;
use crate::store::Store;

/// A kind of thing that is due at some time, and the job that each has for it.
pub(super) struct Overdue {
    /// A table, and which of its rows are due before `$1`.
    from: &'static str,
    /// The column that an index of those rows is in the order of.
    order: Order,
    /// How long a thing may be where it is after the time that is compared with `$1`.
    allowance: TimeDelta,
    /// The job of a thing.
    task: fn(Uuid) -> Task,
}

enum Order {
    /// By id.
    Id,
    /// By this time, and then by id.
    Time(&'static str),
}

pub(super) const CARTS: Overdue = Overdue {
    from: "cart WHERE status = 'open' AND expires_at < $1",
    order: Order::Time("expires_at"),
    allowance: TimeDelta::zero(),
    task: |id| Task::ExpireCart { cart_id: id.into() },
};

/// By id, with the index of states: pending orders are few, and an index of their times would be
/// written by each placement.
pub(super) const ORDERS: Overdue = Overdue {
    from: "orders WHERE status = 'pending' AND payment_due_at < $1",
    order: Order::Id,
    allowance: TimeDelta::zero(),
    task: |id| Task::ExpireOrder { order_id: id.into() },
};

pub(super) const UNACCEPTED: Overdue = Overdue {
    from: "seller_order WHERE status = 'confirmed' AND accept_by IS NOT NULL AND accept_by < $1",
    order: Order::Time("accept_by"),
    allowance: TimeDelta::zero(),
    task: |id| Task::RejectUnaccepted { seller_order_id: id.into() },
};

pub(super) const DELIVERED: Overdue = Overdue {
    from: "seller_order WHERE status = 'delivered' AND return_window_ends_at < $1",
    order: Order::Time("return_window_ends_at"),
    allowance: TimeDelta::zero(),
    task: |id| Task::CompleteSellerOrder { seller_order_id: id.into() },
};

/// Every parcel that moves: each has a job for as long as it does.
pub(super) const PARCELS: Overdue = Overdue {
    from: "shipment WHERE status IN ('labelled', 'in_transit', 'out_for_delivery', 'available_for_pickup', \
           'delivery_attempted', 'exception', 'failure', 'return_to_sender') AND updated_at < $1",
    order: Order::Time("updated_at"),
    allowance: TimeDelta::zero(),
    task: |id| Task::SyncShipment { shipment_id: id.into() },
};

/// Approving is the last change of a return that nobody sends.
pub(super) const RETURNS: Overdue = Overdue {
    from: "return_request WHERE status = 'approved' AND updated_at < $1",
    order: Order::Time("updated_at"),
    allowance: SEND_WITHIN,
    task: |id| Task::ExpireReturn { return_request_id: id.into() },
};

/// Asks for the jobs of overdue things that have none queued or running.
pub(super) async fn catch_up(store: &Store, kind: &Overdue) -> Result<Caught> {
    let before = store.now() - GRACE - kind.allowance;
    let (mut caught, mut after) = (Caught::default(), (DateTime::UNIX_EPOCH, Uuid::nil()));
    loop {
        let found = kind.read(store.read(), before, after).await?;
        let tasks: Vec<Task> = found.iter().map(|(_, id)| (kind.task)(*id)).collect();
        caught = caught.and(ask(store, tasks).await?);
        match found.last() {
            Some(last) if found.len() as u64 == BATCH => after = *last,
            _ => return Ok(caught),
        }
    }
}

impl Overdue {
    async fn read(
        &self,
        db: &impl ConnectionTrait,
        before: DateTime<Utc>,
        after: (DateTime<Utc>, Uuid),
    ) -> Result<Vec<(DateTime<Utc>, Uuid)>> {
        let from = self.from;
        let (sql, values): (String, Vec<Value>) = match self.order {
            Order::Id => (
                format!("SELECT id FROM {from} AND id > $2 ORDER BY id LIMIT {BATCH}"),
                vec![before.into(), after.1.into()],
            ),
            Order::Time(time) => (
                format!(
                    "SELECT id, {time} AS due FROM {from} AND ({time}, id) > ($2, $3) ORDER BY {time}, id LIMIT {BATCH}"
                ),
                vec![before.into(), after.0.into(), after.1.into()],
            ),
        };
        let rows = db.query_all_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await?;
        rows.iter()
            .map(|row| {
                let due = match self.order {
                    Order::Id => DateTime::UNIX_EPOCH,
                    Order::Time(_) => row.try_get("", "due")?,
                };
                Ok((due, row.try_get("", "id")?))
            })
            .collect()
    }
}

/// Asks for jobs of overdue things that are missing or over. One that has just ended is believed:
/// its thing was read before it did.
pub(super) async fn ask(store: &Store, tasks: Vec<Task>) -> Result<Caught> {
    let mut caught = Caught::default();
    if tasks.is_empty() {
        return Ok(caught);
    }
    let known: Vec<(String, JobStatus, DateTime<Utc>)> = job::Entity::find()
        .select_only()
        .column(job::Column::UniqueKey)
        .column(job::Column::Status)
        .column(job::Column::UpdatedAt)
        .filter(job::Column::UniqueKey.is_in(tasks.iter().map(Task::key)))
        .into_tuple()
        .all(store.read())
        .await?;
    let known: HashMap<String, (JobStatus, DateTime<Utc>)> =
        known.into_iter().map(|(key, status, at)| (key, (status, at))).collect();
    let now = store.now();
    let mut again = Vec::new();
    for task in tasks {
        match known.get(&task.key()) {
            Some((JobStatus::Queued | JobStatus::Running, _)) => {}
            Some((JobStatus::Dead, _)) => caught.stuck += 1,
            Some((JobStatus::Discarded, _)) => caught.discarded += 1,
            Some((JobStatus::Done, at)) if *at >= now - GRACE => {}
            Some((JobStatus::Done, _)) | None => again.push((task, now)),
        }
    }
    if !again.is_empty() {
        caught.asked = store.write(async |tx| awaken_all(&tx, &again).await).await?;
    }
    Ok(caught)
}

#[cfg(test)]
mod tests {
    use sea_orm::Iterable;
    use souk_entity::status::ShipmentStatus;

    use super::*;
    use crate::shipment::transition::is_moving;

    #[test]
    fn parcels_are_those_that_move() {
        for status in ShipmentStatus::iter() {
            assert_eq!(PARCELS.from.contains(&format!("'{status}'")), is_moving(status), "{status}");
        }
    }
}
