//! Money sent to a seller.

use sea_orm::entity::prelude::*;

use crate::id::{PayoutId, SellerId};
use crate::money::{CurrencyCode, MinorUnits};
use crate::status::PayoutStatus;

/// Money sent to a seller.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payout")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PayoutId,
    pub seller_id: SellerId,
    pub currency: CurrencyCode,
    pub amount: MinorUnits,
    pub status: PayoutStatus,
    pub provider: String,
    pub provider_ref: Option<String>,
    /// The seller's account at the provider, as it was then.
    pub account: String,
    pub failure_message: Option<String>,
    pub paid_at: Option<DateTimeUtc>,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<super::seller::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
