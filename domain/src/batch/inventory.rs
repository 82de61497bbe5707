//! Rows that say what is on hand.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use souk_entity::id::{InventoryLevelId, OfferId, StockMovementId, WarehouseId};
use souk_entity::status::StockMovementReason;
use souk_entity::{batch, inventory_level, stock_movement};

use super::apply::{Outcome, verdict};
use super::goods::{no_offer, no_warehouse, offers, seller, warehouses};
use super::row::Row;
use super::staged::Staged;
use crate::bulk::by_id;
use crate::catalogue::inventory::{check_level, check_reserved};
use crate::error::{Error, Result};
use crate::store::Tx;

/// Levels that one statement changes.
const LEVELS_AT_ONCE: usize = 100;

type Place = (OfferId, WarehouseId);

/// What a row asks for.
struct Wanted {
    sku: String,
    warehouse: String,
    on_hand: i64,
    threshold: Option<i64>,
}

impl Wanted {
    fn read(batch: &batch::Model, input: &str) -> Result<Self> {
        let row = Row::read(batch, input)?;
        let (on_hand, threshold) = (row.whole("on_hand")?, row.optional_whole("low_stock_threshold")?);
        check_level(on_hand, threshold)?;
        Ok(Self { sku: row.text("sku")?.to_owned(), warehouse: row.text("warehouse")?.to_owned(), on_hand, threshold })
    }
}

/// Applies the rows in their order; the statements do not grow in number with them.
pub(super) async fn apply(tx: &Tx, batch: &batch::Model, rows: &[Staged]) -> Result<Vec<Outcome>> {
    let seller = seller(batch)?;
    let wanted: Vec<Result<Wanted>> = rows.iter().map(|row| Wanted::read(batch, &row.input)).collect();
    let readable = || wanted.iter().filter_map(|wanted| wanted.as_ref().ok());
    let offers = offers(tx, seller, readable().map(|wanted| wanted.sku.as_str())).await?;
    let warehouses = warehouses(tx, seller).await?;
    let place = |wanted: &Wanted| -> Result<Place> {
        let offer = offers.get(&wanted.sku).ok_or_else(|| no_offer(&wanted.sku))?;
        let warehouse = warehouses.get(&wanted.warehouse).ok_or_else(|| no_warehouse(&wanted.warehouse))?;
        Ok((offer.id, *warehouse))
    };
    let places: BTreeSet<Place> = readable().filter_map(|wanted| place(wanted).ok()).collect();
    let mut levels = lock(tx, &places).await?;
    let (mut outcomes, mut movements, mut changed) = (Vec::with_capacity(rows.len()), Vec::new(), BTreeSet::new());
    for wanted in wanted {
        let done = wanted.and_then(|wanted| {
            let place = place(&wanted)?;
            let level = levels.get_mut(&place).ok_or_else(|| Error::internal("a stock level is not there"))?;
            check_reserved(level, wanted.on_hand)?;
            if level.on_hand != wanted.on_hand {
                movements.push(movement(tx, level.id, wanted.on_hand - level.on_hand));
            }
            level.on_hand = wanted.on_hand;
            level.low_stock_threshold = wanted.threshold.unwrap_or(level.low_stock_threshold);
            changed.insert(place);
            Ok(None)
        });
        outcomes.push(verdict(done)?);
    }
    let changed: Vec<_> = changed.iter().filter_map(|place| levels.get(place)).collect();
    for levels in changed.chunks(LEVELS_AT_ONCE) {
        let column = |value: fn(&inventory_level::Model) -> i64| -> Vec<_> {
            levels.iter().map(|level| (level.id, value(level))).collect()
        };
        let (on_hand, threshold) = (column(|level| level.on_hand), column(|level| level.low_stock_threshold));
        inventory_level::Entity::update_many()
            .col_expr(inventory_level::Column::OnHand, by_id(inventory_level::Column::Id, &on_hand))
            .col_expr(inventory_level::Column::LowStockThreshold, by_id(inventory_level::Column::Id, &threshold))
            .col_expr(inventory_level::Column::UpdatedAt, Expr::value(tx.now))
            .filter(inventory_level::Column::Id.is_in(levels.iter().map(|level| level.id)))
            .exec(&**tx)
            .await?;
    }
    if !movements.is_empty() {
        stock_movement::Entity::insert_many(movements).exec_without_returning(&**tx).await?;
    }
    Ok(outcomes)
}

fn movement(tx: &Tx, level: InventoryLevelId, delta: i64) -> stock_movement::ActiveModel {
    let id = StockMovementId::at(tx.now);
    stock_movement::ActiveModel {
        id: Set(id),
        inventory_level_id: Set(level),
        delta: Set(delta),
        reason: Set(StockMovementReason::Adjustment),
        source_id: Set(id.into()),
        occurred_at: Set(tx.now),
    }
}

/// Locks the levels of these places in the order of their ids, as everybody does; those that are not
/// there yet are made. A stronger lock would wait for everybody who has just written a reservation,
/// in whatever order their lines came, and so could wait in a circle with a checkout.
async fn lock(tx: &Tx, places: &BTreeSet<Place>) -> Result<HashMap<Place, inventory_level::Model>> {
    if places.is_empty() {
        return Ok(HashMap::new());
    }
    let mut ids = ids(tx, places).await?;
    let missing: Vec<_> = places.iter().filter(|place| !ids.contains_key(*place)).collect();
    if !missing.is_empty() {
        let empty = missing.into_iter().map(|(offer_id, warehouse_id)| {
            let level = inventory_level::Model {
                id: InventoryLevelId::at(tx.now),
                offer_id: *offer_id,
                warehouse_id: *warehouse_id,
                on_hand: 0,
                reserved: 0,
                low_stock_threshold: 0,
                updated_at: tx.now,
            };
            level.into_active_model()
        });
        inventory_level::Entity::insert_many(empty)
            .on_conflict_do_nothing_on([inventory_level::Column::OfferId, inventory_level::Column::WarehouseId])
            .exec_without_returning(&**tx)
            .await?;
        ids = self::ids(tx, places).await?;
    }
    let levels = inventory_level::Entity::find()
        .filter(inventory_level::Column::Id.is_in(ids.values().copied()))
        .order_by_asc(inventory_level::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .all(&**tx)
        .await?;
    Ok(levels.into_iter().map(|level| ((level.offer_id, level.warehouse_id), level)).collect())
}

async fn ids(tx: &Tx, places: &BTreeSet<Place>) -> Result<BTreeMap<Place, InventoryLevelId>> {
    let offers: BTreeSet<OfferId> = places.iter().map(|(offer, _)| *offer).collect();
    let warehouses: BTreeSet<WarehouseId> = places.iter().map(|(_, warehouse)| *warehouse).collect();
    let found: Vec<(InventoryLevelId, OfferId, WarehouseId)> = inventory_level::Entity::find()
        .select_only()
        .columns([inventory_level::Column::Id, inventory_level::Column::OfferId, inventory_level::Column::WarehouseId])
        .filter(inventory_level::Column::OfferId.is_in(offers))
        .filter(inventory_level::Column::WarehouseId.is_in(warehouses))
        .into_tuple()
        .all(&**tx)
        .await?;
    let named = found.into_iter().map(|(id, offer, warehouse)| ((offer, warehouse), id));
    Ok(named.filter(|(place, _)| places.contains(place)).collect())
}
