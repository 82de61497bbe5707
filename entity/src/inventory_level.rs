//! Stock of an offer in a warehouse.

use sea_orm::entity::prelude::*;

use crate::id::{InventoryLevelId, OfferId, WarehouseId};

/// Stock of an offer in a warehouse.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "inventory_level")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InventoryLevelId,
    pub offer_id: OfferId,
    pub warehouse_id: WarehouseId,
    pub on_hand: i64,
    pub reserved: i64,
    pub low_stock_threshold: i64,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "offer_id", to = "id")]
    pub offer: BelongsTo<super::offer::Entity>,
    #[sea_orm(belongs_to, from = "warehouse_id", to = "id")]
    pub warehouse: BelongsTo<super::warehouse::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
