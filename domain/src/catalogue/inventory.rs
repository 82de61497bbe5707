//! Stock on hand: every change is a movement, and never below what is reserved.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use souk_entity::id::{InventoryLevelId, OfferId, SellerId, StockMovementId, WarehouseId};
use souk_entity::status::StockMovementReason;
use souk_entity::{inventory_level, offer, stock_movement, warehouse};

use crate::error::{Code, Error, Result};
use crate::store::Tx;

/// The most units of one offer in one warehouse.
pub const MOST_ON_HAND: i64 = 1_000_000_000;

/// Sets what is on hand of an offer in a warehouse.
///
/// # Errors
/// [`Code::NotFound`] for an offer or warehouse that is not the seller's; [`Code::InvalidValue`]
/// outside 0..=[`MOST_ON_HAND`]; [`Code::InventoryUnavailable`] below what is reserved.
pub async fn set_on_hand(
    tx: &Tx,
    seller: SellerId,
    offer: OfferId,
    warehouse: WarehouseId,
    on_hand: i64,
    low_stock_threshold: Option<i64>,
) -> Result<inventory_level::Model> {
    check_level(on_hand, low_stock_threshold)?;
    offer::Entity::find_by_id(offer)
        .filter(offer::Column::SellerId.eq(seller))
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::not_found("offer"))?;
    warehouse::Entity::find_by_id(warehouse)
        .filter(warehouse::Column::SellerId.eq(seller))
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::not_found("warehouse"))?;
    let id = InventoryLevelId::at(tx.now);
    let empty = inventory_level::Model {
        id,
        offer_id: offer,
        warehouse_id: warehouse,
        on_hand: 0,
        reserved: 0,
        low_stock_threshold: 0,
        updated_at: tx.now,
    };
    // Made first, so that two who make it at the same moment both find one row to lock.
    inventory_level::Entity::insert(empty.into_active_model())
        .on_conflict_do_nothing_on([inventory_level::Column::OfferId, inventory_level::Column::WarehouseId])
        .exec_without_returning(&**tx)
        .await?;
    let mut level = inventory_level::Entity::find()
        .filter(inventory_level::Column::OfferId.eq(offer))
        .filter(inventory_level::Column::WarehouseId.eq(warehouse))
        .lock_exclusive()
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::internal("a stock level that was just made is gone"))?;
    check_reserved(&level, on_hand)?;
    let delta = on_hand - level.on_hand;
    level.on_hand = on_hand;
    level.low_stock_threshold = low_stock_threshold.unwrap_or(level.low_stock_threshold);
    level.updated_at = tx.now;
    let update = inventory_level::ActiveModel {
        id: Set(level.id),
        on_hand: Set(on_hand),
        low_stock_threshold: Set(level.low_stock_threshold),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    inventory_level::Entity::update(update).exec_without_returning(&**tx).await?;
    if delta != 0 {
        let movement = StockMovementId::at(tx.now);
        let row = stock_movement::ActiveModel {
            id: Set(movement),
            inventory_level_id: Set(level.id),
            delta: Set(delta),
            reason: Set(StockMovementReason::Adjustment),
            source_id: Set(movement.into()),
            occurred_at: Set(tx.now),
        };
        stock_movement::Entity::insert(row).exec_without_returning(&**tx).await?;
    }
    Ok(level)
}

/// Refuses quantities that no level has.
///
/// # Errors
/// [`Code::InvalidValue`].
pub(crate) fn check_level(on_hand: i64, low_stock_threshold: Option<i64>) -> Result<()> {
    if !(0..=MOST_ON_HAND).contains(&on_hand) || low_stock_threshold.is_some_and(|threshold| threshold < 0) {
        return Err(Error::invalid(format!("Stock is 0 to {MOST_ON_HAND} units; a threshold is not negative.")));
    }
    Ok(())
}

/// Refuses less on hand than is reserved.
///
/// # Errors
/// [`Code::InventoryUnavailable`].
pub(crate) fn check_reserved(level: &inventory_level::Model, on_hand: i64) -> Result<()> {
    if on_hand < level.reserved {
        let message = format!("{} units are reserved for orders; on hand cannot be less.", level.reserved);
        return Err(Error::new(Code::InventoryUnavailable, message));
    }
    Ok(())
}
