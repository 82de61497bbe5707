//! A change of `on_hand`; their sum is `on_hand`.

use sea_orm::entity::prelude::*;

use crate::id::{InventoryLevelId, StockMovementId};
use crate::status::StockMovementReason;

/// A change of `on_hand`; their sum is `on_hand`.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stock_movement")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: StockMovementId,
    pub inventory_level_id: InventoryLevelId,
    pub delta: i64,
    pub reason: StockMovementReason,
    /// What caused it; a cause moves one stock level once.
    pub source_id: Uuid,
    pub occurred_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "inventory_level_id", to = "id")]
    pub inventory_level: BelongsTo<super::inventory_level::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
