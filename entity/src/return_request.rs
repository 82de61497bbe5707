//! Goods a shopper wants to give back.

use sea_orm::entity::prelude::*;

use crate::id::{OrderId, ReturnRequestId, SellerId, SellerOrderId};
use crate::sealed::Sealed;
use crate::status::ReturnStatus;

/// Goods a shopper wants to give back.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "return_request")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ReturnRequestId,
    pub order_id: OrderId,
    pub seller_order_id: SellerOrderId,
    pub seller_id: SellerId,
    pub status: ReturnStatus,
    /// The shopper's word, sealed.
    pub note: Option<Sealed>,
    pub decision_note: Option<String>,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "order_id", to = "id")]
    pub order: BelongsTo<super::order::Entity>,
    #[sea_orm(belongs_to, from = "seller_order_id", to = "id")]
    pub seller_order: BelongsTo<super::seller_order::Entity>,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<super::seller::Entity>,
    #[sea_orm(has_many)]
    pub lines: HasMany<super::return_line::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
