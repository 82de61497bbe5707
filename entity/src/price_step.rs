//! How one amount of a seller order came about.

use sea_orm::entity::prelude::*;

use crate::id::{OrderLineId, SellerOrderId};
use crate::money::{MinorUnits, RatePpm};
use crate::status::PriceStepKind;

/// How one amount of a seller order came about.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "price_step")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub seller_order_id: SellerOrderId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i32,
    /// NULL: of its shipping.
    pub order_line_id: Option<OrderLineId>,
    pub kind: PriceStepKind,
    /// What is applied: a promotion, shipping method, tax rate, exemption or commission rule.
    pub rule_id: Option<Uuid>,
    pub label: String,
    /// The amount that it is worked out of.
    pub base: MinorUnits,
    pub rate_ppm: Option<RatePpm>,
    /// Of an amount divided among lines: the whole, this line's weight and the sum of all weights.
    pub divided: Option<MinorUnits>,
    pub weight: Option<MinorUnits>,
    pub weights: Option<MinorUnits>,
    /// What rounding or the largest remainder added, in millionths of a minor unit.
    pub rounding_ppm: i64,
    pub amount: MinorUnits,
    #[sea_orm(belongs_to, from = "seller_order_id", to = "id")]
    pub seller_order: BelongsTo<super::seller_order::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
