//! What the platform takes of a sale.

use sea_orm::entity::prelude::*;

use crate::id::{CategoryId, CommissionRuleId, SellerId};
use crate::money::{CurrencyCode, MinorUnits, RatePpm};

/// What the platform takes of a sale.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "commission_rule")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CommissionRuleId,
    pub name: String,
    pub seller_id: Option<SellerId>,
    pub category_id: Option<CategoryId>,
    pub rate_ppm: RatePpm,
    /// Per unit, in minor units of currency.
    pub flat: MinorUnits,
    /// Of a line.
    pub minimum: Option<MinorUnits>,
    pub maximum: Option<MinorUnits>,
    /// NULL: any currency (where no amount is named).
    pub currency: Option<CurrencyCode>,
    pub starts_at: DateTimeUtc,
    pub ends_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<Option<super::seller::Entity>>,
    #[sea_orm(belongs_to, from = "category_id", to = "id")]
    pub category: BelongsTo<Option<super::category::Entity>>,
}

impl ActiveModelBehavior for ActiveModel {}
