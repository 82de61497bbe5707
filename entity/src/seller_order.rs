//! One seller's part of an order.

use sea_orm::entity::prelude::*;

use crate::id::{OrderId, SellerId, SellerOrderId, ShippingMethodId};
use crate::money::{CurrencyCode, MinorUnits, RatePpm};
use crate::status::{LabelPayer, OrderStatus};

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
    /// The method's price before discounts.
    pub shipping_price: MinorUnits,
    pub shipping_discount: MinorUnits,
    /// The part of shipping_discount that the platform makes good.
    pub shipping_platform_discount: MinorUnits,
    /// shipping_price - shipping_discount.
    pub shipping_total: MinorUnits,
    /// The tax in what is paid for shipping.
    pub shipping_tax: MinorUnits,
    /// What tax changed of shipping_total.
    pub shipping_tax_added: MinorUnits,
    /// Of the lines and of shipping.
    pub tax_added_total: MinorUnits,
    /// Of the lines and of shipping.
    pub tax_total: MinorUnits,
    pub total: MinorUnits,
    /// What the platform makes good to the seller, of the lines' discounts and of shipping's.
    pub platform_discount_total: MinorUnits,
    pub commission_total: MinorUnits,
    /// Value added tax on commission_total.
    pub commission_tax_total: MinorUnits,
    pub shipping_method_id: Option<ShippingMethodId>,
    pub shipping_method_name: Option<String>,
    /// The seller accepts or rejects until then.
    pub accept_by: Option<DateTimeUtc>,
    pub delivered_at: Option<DateTimeUtc>,
    pub return_window_days: i32,
    /// The seller's return policy when the order was placed.
    pub return_label_payer: LabelPayer,
    pub restocking_ppm: RatePpm,
    pub return_window_ends_at: Option<DateTimeUtc>,
    /// Its money can be paid out from then; NULL until it is completed, cancelled or refunded.
    pub payable_at: Option<DateTimeUtc>,
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
