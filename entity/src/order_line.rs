//! A quantity of one offer, priced and frozen at placement.

use sea_orm::entity::prelude::*;

use crate::id::{CommissionRuleId, OfferId, OrderLineId, SellerId, SellerOrderId};
use crate::money::{MinorUnits, RatePpm};

/// A quantity of one offer, priced and frozen at placement.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_line")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrderLineId,
    pub seller_order_id: SellerOrderId,
    pub seller_id: SellerId,
    pub offer_id: OfferId,
    pub position: i32,
    pub product_name: String,
    pub variant_name: String,
    pub sku: String,
    pub weight_grams: i32,
    pub quantity: i64,
    pub unit_price: MinorUnits,
    pub discount: MinorUnits,
    /// The part of discount that the platform makes good to the seller.
    pub platform_discount: MinorUnits,
    pub tax_class: String,
    /// The tax that total contains.
    pub tax: MinorUnits,
    /// What tax changed of the price: see orders.tax_added_total.
    pub tax_added: MinorUnits,
    pub total: MinorUnits,
    pub commission_rule_id: Option<CommissionRuleId>,
    pub commission_rate_ppm: RatePpm,
    pub commission_flat: MinorUnits,
    pub commission_minimum: Option<MinorUnits>,
    pub commission_maximum: Option<MinorUnits>,
    pub commission: MinorUnits,
    pub commission_tax_ppm: RatePpm,
    pub commission_tax: MinorUnits,
    /// Whether the seller takes it back also where it is not their fault.
    pub returnable: bool,
    pub cancelled_quantity: i64,
    pub shipped_quantity: i64,
    pub delivered_quantity: i64,
    pub returned_quantity: i64,
    pub refunded_quantity: i64,
    #[sea_orm(belongs_to, from = "seller_order_id", to = "id")]
    pub seller_order: BelongsTo<super::seller_order::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
