//! One seller's part of an order.

use sea_orm::entity::prelude::*;

use crate::id::{OrderId, SellerId, SellerOrderId, ShippingMethodId};
use crate::money::{CurrencyCode, MinorUnits};
use crate::status::OrderStatus;

/// One seller's part of an order.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seller_order")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SellerOrderId,
    pub order_id: OrderId,
    pub seller_id: SellerId,
    pub number: String,
    pub currency: CurrencyCode,
    pub status: OrderStatus,
    pub items_total: MinorUnits,
    pub discount_total: MinorUnits,
    pub shipping_total: MinorUnits,
    pub tax_total: MinorUnits,
    pub total: MinorUnits,
    /// The part of discount_total that the platform makes good to the seller.
    pub platform_discount_total: MinorUnits,
    pub commission_total: MinorUnits,
    pub shipping_method_id: Option<ShippingMethodId>,
    pub shipping_method_name: Option<String>,
    /// The seller accepts or rejects until then.
    pub accept_by: Option<DateTimeUtc>,
    pub delivered_at: Option<DateTimeUtc>,
    pub return_window_days: i32,
    pub return_window_ends_at: Option<DateTimeUtc>,
    pub cancellation_reason: Option<String>,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "order_id", to = "id")]
    pub order: BelongsTo<super::order::Entity>,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<super::seller::Entity>,
    #[sea_orm(belongs_to, from = "shipping_method_id", to = "id")]
    pub shipping_method: BelongsTo<Option<super::shipping_method::Entity>>,
    #[sea_orm(has_many)]
    pub lines: HasMany<super::order_line::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
