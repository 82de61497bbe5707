//! Stock that is held past its time.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use souk_entity::id::OrderId;
use souk_entity::status::{OrderStatus, ReservationStatus};
use uuid::Uuid;

use super::{BATCH, Caught, GRACE, overdue};
use crate::error::Result;
use crate::job::Task;
use crate::order::{lifecycle, stock};
use crate::store::{Store, Tx};

/// A hold that has expired, and where what it is for stands.
#[derive(FromQueryResult)]
struct Expired {
    id: Uuid,
    expires_at: DateTime<Utc>,
    order_id: OrderId,
    order_status: OrderStatus,
    part_status: OrderStatus,
    payment_due_at: DateTime<Utc>,
}

/// Releases what is held for cancelled seller orders, and has unpaid orders cancelled whose time is
/// over. What is held for something paid is counted for an operator: releasing it would sell the
/// shopper's goods to somebody else.
pub(super) async fn catch_up(store: &Store) -> Result<Caught> {
    let before = store.now() - GRACE;
    let (mut caught, mut after) = (Caught::default(), (DateTime::UNIX_EPOCH, Uuid::nil()));
    loop {
        let found = read(store.read(), before, after).await?;
        let (mut cancelled, mut unpaid) = (BTreeSet::new(), BTreeSet::new());
        for hold in &found {
            if hold.part_status == OrderStatus::Cancelled {
                cancelled.insert(hold.order_id);
            } else if hold.order_status == OrderStatus::Pending && hold.payment_due_at < before {
                unpaid.insert(hold.order_id);
            } else {
                caught.stuck += 1;
            }
        }
        for order in cancelled {
            caught.released += store.write(async |tx| release(&tx, order).await).await?;
        }
        let tasks = unpaid.into_iter().map(|order_id| Task::ExpireOrder { order_id }).collect();
        caught = caught.and(overdue::ask(store, tasks).await?);
        match found.last() {
            Some(last) if found.len() as u64 == BATCH => after = (last.expires_at, last.id),
            _ => return Ok(caught),
        }
    }
}

async fn read(db: &impl ConnectionTrait, before: DateTime<Utc>, after: (DateTime<Utc>, Uuid)) -> Result<Vec<Expired>> {
    let sql = format!(
        "SELECT r.id AS id, r.expires_at AS expires_at, o.id AS order_id, o.status AS order_status, \
             s.status AS part_status, o.payment_due_at AS payment_due_at \
         FROM reservation r JOIN order_line l ON l.id = r.order_line_id \
         JOIN seller_order s ON s.id = l.seller_order_id JOIN orders o ON o.id = s.order_id \
         WHERE r.status = 'held' AND r.expires_at < $1 AND (r.expires_at, r.id) > ($2, $3) \
         ORDER BY r.expires_at, r.id LIMIT {BATCH}"
    );
    let values = [before.into(), after.0.into(), after.1.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(Expired::find_by_statement(statement).all(db).await?)
}

/// Releases what is held for the cancelled parts of an order; returns how many reservations.
async fn release(tx: &Tx, id: OrderId) -> Result<u64> {
    lifecycle::lock(tx, id).await?;
    let mut released = 0;
    for part in lifecycle::parts(tx, id).await? {
        if part.status == OrderStatus::Cancelled {
            let mut held = stock::reservations(tx, part.id).await?;
            held.retain(|row| row.status == ReservationStatus::Held);
            stock::release(tx, &held).await?;
            released += held.len() as u64;
        }
    }
    Ok(released)
}
