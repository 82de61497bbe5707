//! Stock of one level held for one line.

use sea_orm::entity::prelude::*;

use crate::id::{InventoryLevelId, OrderLineId, ReservationId};
use crate::status::ReservationStatus;

/// Stock of one level held for one line.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reservation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReservationId,
    pub order_line_id: OrderLineId,
    pub inventory_level_id: InventoryLevelId,
    pub quantity: i64,
    /// What is still held of it; falls as parcels leave.
    pub open_quantity: i64,
    pub status: ReservationStatus,
    /// Held until then; NULL once paid for.
    pub expires_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "order_line_id", to = "id")]
    pub order_line: BelongsTo<super::order_line::Entity>,
    #[sea_orm(belongs_to, from = "inventory_level_id", to = "id")]
    pub inventory_level: BelongsTo<super::inventory_level::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
