//! A code for a discount.

use sea_orm::entity::prelude::*;

use crate::id::{CouponId, SellerId};
use crate::money::{CurrencyCode, MinorUnits};
use crate::status::CouponKind;

/// A code for a discount.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "coupon")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CouponId,
    pub code: String,
    pub kind: CouponKind,
    /// Parts per million for a percentage, minor units for a fixed amount.
    pub value: i64,
    /// NULL: any currency (percentages only).
    pub currency: Option<CurrencyCode>,
    /// Who bears it, and whose lines it touches; NULL: the platform, all lines.
    pub seller_id: Option<SellerId>,
    pub minimum_spend: MinorUnits,
    pub maximum_discount: Option<MinorUnits>,
    pub usage_limit: Option<i64>,
    pub used: i64,
    pub starts_at: DateTimeUtc,
    pub ends_at: Option<DateTimeUtc>,
    pub active: bool,
    pub created_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<Option<super::seller::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
