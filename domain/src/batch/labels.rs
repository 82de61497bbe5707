//! Rows that ask again for labels that are missing.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use souk_entity::id::ShipmentId;
use souk_entity::status::{JobStatus, ShipmentDirection, ShipmentStatus};
use souk_entity::{batch, job as jobs, shipment, shipment_line};

use super::goods::seller;
use super::row::Row;
use super::staged::Staged;
use crate::actor::Actor;
use crate::error::{Code, Error, Result};
use crate::job::{self, Task};
use crate::shipment as parcels;
use crate::store::Tx;

/// Gets one parcel its label, if it can have one; returns the tracking number of one that has it,
/// and else what was set off.
pub(super) async fn apply(tx: &Tx, batch: &batch::Model, row: &Staged, actor: Actor) -> Result<Option<String>> {
    let row = Row::read(batch, &row.input)?;
    let seller = seller(batch)?;
    let named = row.text("shipment_id")?;
    let id = uuid::Uuid::try_parse(named).map(ShipmentId::from).ok();
    let own = match id {
        Some(id) => shipment::Entity::find_by_id(id).filter(shipment::Column::SellerId.eq(seller)).one(&**tx).await?,
        None => None,
    };
    let parcel = own.ok_or_else(|| Error::new(Code::NotFound, format!("You have no parcel \"{named}\".")))?;
    match parcel.status {
        ShipmentStatus::Pending => ask_again(tx, &parcel).await,
        ShipmentStatus::Cancelled => pack_again(tx, &parcel, actor).await.map(Some),
        _ => Ok(parcel.tracking_number),
    }
}

/// The job that buys the label runs now: whether it waits for its next attempt or has given up.
async fn ask_again(tx: &Tx, parcel: &shipment::Model) -> Result<Option<String>> {
    let task = Task::BuyLabel { shipment_id: parcel.id };
    let found = jobs::Entity::find().filter(jobs::Column::UniqueKey.eq(task.key())).lock_exclusive().one(&**tx).await?;
    match found {
        None => drop(job::enqueue(tx, &task, tx.now).await?),
        Some(found) => match found.status {
            JobStatus::Dead => drop(job::redrive(tx, found.id).await?),
            JobStatus::Queued if found.run_at > tx.now => {
                let row = jobs::ActiveModel {
                    id: Set(found.id),
                    run_at: Set(tx.now),
                    updated_at: Set(tx.now),
                    ..Default::default()
                };
                jobs::Entity::update(row).exec_without_returning(&**tx).await?;
                tx.wake_after_commit(found.kind, found.id);
            }
            JobStatus::Queued | JobStatus::Running => {}
            JobStatus::Done | JobStatus::Discarded => {
                // It may have ended while we waited for the job's row: with a label, or with a refusal.
                let now = shipment::Entity::find_by_id(parcel.id).one(&**tx).await?;
                return match now {
                    Some(now) if now.tracking_number.is_some() => Ok(now.tracking_number),
                    _ => Err(Error::new(
                        Code::IllegalTransition,
                        "No label is being bought for this parcel any more; cancel it and pack it again.",
                    )),
                };
            }
        },
    }
    Ok(Some("queued".to_owned()))
}

/// A parcel that its carrier refused is over; what was in it is packed again, for a label of its own.
async fn pack_again(tx: &Tx, parcel: &shipment::Model, actor: Actor) -> Result<String> {
    if parcel.failure_message.is_none() || parcel.direction == ShipmentDirection::Return {
        return Err(Error::new(
            Code::IllegalTransition,
            "The parcel was cancelled; pack it again if it is to be sent.",
        ));
    }
    let lines =
        shipment_line::Entity::find().filter(shipment_line::Column::ShipmentId.eq(parcel.id)).all(&**tx).await?;
    let lines: Vec<_> = lines.into_iter().map(|line| (line.order_line_id, line.quantity)).collect();
    let (part, warehouse) = (parcel.seller_order_id, parcel.warehouse_id);
    let new = parcels::create(tx, parcel.seller_id, actor, part, warehouse, Some(&lines), &parcel.carrier).await?;
    Ok(format!("queued as {}", new.id))
}
