//! A way a seller ships, and what it costs the shopper per seller order.

use sea_orm::entity::prelude::*;

use crate::id::{SellerId, ShippingMethodId, ShippingZoneId};
use crate::money::{CurrencyCode, MinorUnits};
use crate::status::ShippingPricing;

/// A way a seller ships, and what it costs the shopper per seller order.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shipping_method")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ShippingMethodId,
    pub seller_id: SellerId,
    /// NULL: everywhere.
    pub shipping_zone_id: Option<ShippingZoneId>,
    pub name: String,
    pub pricing: ShippingPricing,
    /// Of a flat method; 0 for one by weight, whose steps tell.
    pub price: MinorUnits,
    pub currency: CurrencyCode,
    /// The discounted goods of the seller at or above which the method costs nothing.
    pub free_over: Option<MinorUnits>,
    pub min_days: i32,
    pub max_days: i32,
    pub active: bool,
    pub created_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<super::seller::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
