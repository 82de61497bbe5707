//! A discount and its terms.

use sea_orm::entity::prelude::*;

use crate::id::{CategoryId, PromotionId, SellerId};
use crate::money::{CurrencyCode, MinorUnits};
use crate::status::{Bearer, PromotionKind, PromotionTarget, Stacking};

/// A discount and its terms.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "promotion")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PromotionId,
    /// Whose it is; NULL: the platform's.
    pub seller_id: Option<SellerId>,
    pub name: String,
    /// What the shopper types, in upper case; NULL: it applies by itself.
    pub code: Option<String>,
    pub kind: PromotionKind,
    /// Parts per million off, or minor units off.
    pub value: i64,
    pub buy_quantity: Option<i64>,
    pub get_quantity: Option<i64>,
    /// NULL: any currency (where no amount is named).
    pub currency: Option<CurrencyCode>,
    pub target: PromotionTarget,
    pub target_seller_id: Option<SellerId>,
    pub target_category_id: Option<CategoryId>,
    pub borne_by: Bearer,
    pub stacking: Stacking,
    /// Lower ones are applied first.
    pub priority: i32,
    pub minimum_spend: MinorUnits,
    pub maximum_discount: Option<MinorUnits>,
    pub usage_limit: Option<i64>,
    pub shopper_limit: Option<i64>,
    pub used: i64,
    pub starts_at: DateTimeUtc,
    pub ends_at: Option<DateTimeUtc>,
    pub active: bool,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<Option<super::seller::Entity>>,
    #[sea_orm(belongs_to, from = "target_category_id", to = "id")]
    pub target_category: BelongsTo<Option<super::category::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
