//! The domain log: one row per history row, append-only; the outbox.

use sea_orm::entity::prelude::*;

use crate::id::{EventId, OrderId, SellerId};
use crate::status::EntityKind;

/// The domain log: one row per history row, append-only; the outbox.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EventId,
    pub r#type: String,
    pub entity_kind: EntityKind,
    pub entity_id: Uuid,
    pub version: i64,
    pub order_id: Option<OrderId>,
    pub seller_id: Option<SellerId>,
    #[sea_orm(column_type = "JsonBinary")]
    pub data: Json,
    pub occurred_at: DateTimeUtc,
    /// Its place in the log: dense, from 1, given once after the commit.
    pub position: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
