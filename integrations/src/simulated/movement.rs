//! How parcels move: which scans lead where, and writing them down.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::prelude::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Serialize;
use souk_domain::error::{Error, Result};
use souk_domain::{Tx, store};
use souk_entity::id::uuid_at;
use souk_entity::simulated_parcel::{self, Model};
use souk_entity::simulated_scan;
use souk_entity::status::{InboxSource, TrackingStatus as Status};

use super::carrier::ScanBody;
use super::line::Shared;
use super::outbox;

/// The body of a webhook: all scans so far, oldest first.
#[derive(Serialize)]
struct Event {
    id: String,
    r#type: &'static str,
    tracking_number: String,
    scans: Vec<ScanBody>,
}

/// The next scan of a parcel that nobody interferes with.
pub(super) fn next_on_the_straight_road(at: Status) -> Option<Status> {
    match at {
        Status::PreTransit => Some(Status::InTransit),
        Status::InTransit => Some(Status::OutForDelivery),
        Status::OutForDelivery => Some(Status::Delivered),
        _ => None,
    }
}

/// The scans that take a parcel from `at` to `to`, given those it has `had`; `None` when no road
/// leads there. A label is cancelled by voiding it, never by moving the parcel.
pub(super) fn road(at: Status, had: &[Status], to: Status) -> Option<Vec<Status>> {
    if at == to {
        return Some(Vec::new());
    }
    match (at, to) {
        (_, Status::Unknown | Status::PreTransit | Status::Cancelled) | (Status::Cancelled | Status::Failure, _) => {
            return None;
        }
        // Sent back after delivery, or arrived back at its sender.
        (Status::Delivered, Status::ReturnToSender)
        | (Status::ReturnToSender | Status::AvailableForPickup, Status::Delivered) => return Some(vec![to]),
        (Status::Delivered | Status::ReturnToSender, _) => return None,
        _ => {}
    }
    let before: &[Status] = match to {
        Status::InTransit => &[],
        Status::Delivered | Status::DeliveryAttempted => &[Status::InTransit, Status::OutForDelivery],
        _ => &[Status::InTransit],
    };
    Some(before.iter().filter(|scan| !had.contains(scan)).copied().chain([to]).collect())
}

/// Writes `statuses` down as scans of `parcel`, moves it to the last of them and queues the webhook.
///
/// # Errors
/// [`souk_domain::Code::ConcurrentChange`] when the parcel has moved since it was read.
pub(super) async fn append(shared: &Shared, tx: &Tx, parcel: Model, statuses: &[Status]) -> Result<Model> {
    let Some(last) = statuses.last().copied() else { return Ok(parcel) };
    let next_scan_at = next_on_the_straight_road(last).and_then(|_| next_scan_at(shared, tx.now));
    let moved = simulated_parcel::Entity::update_many()
        .col_expr(simulated_parcel::Column::Status, Expr::value(last))
        .col_expr(simulated_parcel::Column::NextScanAt, Expr::value(next_scan_at))
        .filter(simulated_parcel::Column::TrackingNumber.eq(&parcel.tracking_number))
        .filter(simulated_parcel::Column::Status.eq(parcel.status))
        .exec(&**tx)
        .await?;
    store::changed_one(moved.rows_affected)?;

    let mut all = scans(&**tx, &parcel.tracking_number).await?;
    let mut new = Vec::with_capacity(statuses.len());
    let mut previous = parcel.status;
    let mut to_come = i64::try_from(statuses.len()).map_err(Error::internal)?;
    for status in statuses {
        to_come -= 1;
        // Scans of one moment get an order that their times tell.
        let after_last = all.last().map(|scan: &ScanBody| scan.occurred_at + TimeDelta::microseconds(1));
        let occurred_at = after_last.unwrap_or(tx.now).max(tx.now - TimeDelta::milliseconds(to_come));
        let scan = describe(&parcel, previous, *status, occurred_at);
        new.push(row(tx, &parcel.tracking_number, &scan));
        all.push(scan);
        previous = *status;
    }
    simulated_scan::Entity::insert_many(new).exec_without_returning(&**tx).await?;

    let tracking_number = parcel.tracking_number.clone();
    outbox::queue(tx, InboxSource::Carrier, |id| Event { id, r#type: "tracker.updated", tracking_number, scans: all })
        .await?;
    Ok(Model { status: last, next_scan_at, ..parcel })
}

/// The scan of a parcel whose label was just bought; of it no webhook tells, because the caller
/// has the label in hand.
pub(super) async fn first_scan(tx: &Tx, parcel: &Model) -> Result<()> {
    let scan = describe(parcel, parcel.status, parcel.status, tx.now);
    simulated_scan::Entity::insert(row(tx, &parcel.tracking_number, &scan)).exec_without_returning(&**tx).await?;
    Ok(())
}

/// When a parcel scanned `now` is scanned next by itself.
pub(super) fn next_scan_at(shared: &Shared, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    shared
        .transit
        .and_then(|transit| TimeDelta::from_std(transit).ok())
        .and_then(|transit| now.checked_add_signed(transit))
}

/// All scans of a parcel, oldest first.
pub(super) async fn scans(conn: &impl sea_orm::ConnectionTrait, tracking_number: &str) -> Result<Vec<ScanBody>> {
    let rows = simulated_scan::Entity::find()
        .filter(simulated_scan::Column::TrackingNumber.eq(tracking_number))
        .order_by_asc(simulated_scan::Column::OccurredAt)
        .order_by_asc(simulated_scan::Column::Id)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(ScanBody::from).collect())
}

/// Reads a parcel and keeps others from moving it until the transaction ends; see the payments'.
pub(super) async fn lock(tx: &Tx, tracking_number: &str) -> Result<Option<Model>> {
    Ok(simulated_parcel::Entity::find_by_id(tracking_number).lock_exclusive().one(&**tx).await?)
}

/// One step on the straight road for each parcel whose time has come, at most `limit` of them;
/// returns how many moved.
pub(super) async fn move_due(shared: &Shared, limit: u64) -> Result<usize> {
    let due: Vec<String> = simulated_parcel::Entity::find()
        .select_only()
        .column(simulated_parcel::Column::TrackingNumber)
        .filter(simulated_parcel::Column::NextScanAt.lte(shared.store.now()))
        .order_by_asc(simulated_parcel::Column::NextScanAt)
        .limit(limit)
        .into_tuple()
        .all(shared.store.read())
        .await?;
    let mut moved = 0;
    for tracking_number in due {
        let stepped = shared
            .transact(async |tx| {
                // Another process may have moved it since it was listed.
                let parcel = lock(&tx, &tracking_number).await?;
                let parcel = parcel.filter(|parcel| parcel.next_scan_at.is_some_and(|at| at <= tx.now));
                let Some(parcel) = parcel else { return Ok(false) };
                let Some(next) = next_on_the_straight_road(parcel.status) else { return Ok(false) };
                append(shared, &tx, parcel, &[next]).await?;
                Ok(true)
            })
            .await?;
        moved += usize::from(stepped);
    }
    Ok(moved)
}

fn describe(parcel: &Model, before: Status, status: Status, occurred_at: DateTime<Utc>) -> ScanBody {
    let (origin, destination) = (Some(parcel.origin.clone()), Some(parcel.destination.clone()));
    let (description, location) = match status {
        Status::PreTransit => ("Label bought, waiting for the parcel", origin),
        Status::InTransit => ("Parcel accepted and on its way", origin),
        Status::OutForDelivery => ("Out for delivery", destination),
        Status::Delivered if before == Status::ReturnToSender => ("Delivered back to the sender", origin),
        Status::Delivered => ("Delivered", destination),
        Status::AvailableForPickup => ("Ready to be picked up", destination),
        Status::DeliveryAttempted => ("Delivery attempted, nobody answered", destination),
        Status::Exception => ("Delayed on the way", None),
        Status::Failure => ("Lost, and will not be delivered", None),
        Status::ReturnToSender => ("On its way back to the sender", destination),
        Status::Cancelled => ("Label voided", origin),
        Status::Unknown => ("No news", None),
    };
    ScanBody { status, description: description.to_owned(), location, occurred_at }
}

fn row(tx: &Tx, tracking_number: &str, scan: &ScanBody) -> simulated_scan::ActiveModel {
    simulated_scan::ActiveModel {
        id: Set(uuid_at(tx.now)),
        tracking_number: Set(tracking_number.to_owned()),
        status: Set(scan.status),
        description: Set(scan.description.clone()),
        location: Set(scan.location.clone()),
        occurred_at: Set(scan.occurred_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_takes_every_stop_it_has_not_had() {
        use Status::*;
        let had = [PreTransit];
        assert_eq!(road(PreTransit, &had, Delivered), Some(vec![InTransit, OutForDelivery, Delivered]));
        assert_eq!(road(PreTransit, &had, Exception), Some(vec![InTransit, Exception]));
        assert_eq!(road(Exception, &[PreTransit, InTransit, Exception], InTransit), Some(vec![InTransit]));
        let had = [PreTransit, InTransit, OutForDelivery, DeliveryAttempted];
        assert_eq!(road(DeliveryAttempted, &had, Delivered), Some(vec![Delivered]));
        assert_eq!(road(DeliveryAttempted, &had, AvailableForPickup), Some(vec![AvailableForPickup]));
        assert_eq!(road(AvailableForPickup, &[PreTransit, InTransit], Delivered), Some(vec![Delivered]));
        assert_eq!(road(Delivered, &had, Delivered), Some(vec![]));
    }

    #[test]
    fn no_road_leads_out_of_the_end_or_back_to_the_start() {
        use Status::*;
        assert_eq!(road(Delivered, &[], InTransit), None);
        assert_eq!(road(Delivered, &[], ReturnToSender), Some(vec![ReturnToSender]));
        assert_eq!(road(ReturnToSender, &[], Delivered), Some(vec![Delivered]));
        assert_eq!(road(Cancelled, &[], InTransit), None);
        assert_eq!(road(Failure, &[], Delivered), None);
        for to in [PreTransit, Cancelled, Unknown] {
            assert_eq!(road(InTransit, &[], to), None);
        }
    }

    #[test]
    fn the_straight_road_ends_at_the_door() {
        let mut at = Status::PreTransit;
        while let Some(next) = next_on_the_straight_road(at) {
            at = next;
        }
        assert_eq!(at, Status::Delivered);
    }
}
