//! A bulk upload.

use sea_orm::entity::prelude::*;

use crate::id::{BatchId, SellerId};
use crate::status::{BatchKind, BatchStatus};

/// A bulk upload.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "batch")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BatchId,
    pub seller_id: SellerId,
    pub kind: BatchKind,
    pub status: BatchStatus,
    pub total_rows: i64,
    pub processed_rows: i64,
    pub failed_rows: i64,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<super::seller::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
