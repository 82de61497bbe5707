//! An order that was imported, by its name in the system that it comes from.

use sea_orm::entity::prelude::*;

use crate::id::{BatchId, OrderId};

/// An order that was imported.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_import")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub external_id: String,
    pub order_id: OrderId,
    pub batch_id: BatchId,
    pub imported_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
