//! What was kept back of a payout.

use sea_orm::entity::prelude::*;

use crate::id::{PayoutId, SellerId};
use crate::money::{CurrencyCode, MinorUnits};

/// What was kept back of a payout.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payout_reserve")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub payout_id: PayoutId,
    pub seller_id: SellerId,
    pub currency: CurrencyCode,
    pub amount: MinorUnits,
    pub release_at: DateTimeUtc,
    pub released_at: Option<DateTimeUtc>,
    #[sea_orm(belongs_to, from = "payout_id", to = "id")]
    pub payout: BelongsTo<super::payout::Entity>,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<super::seller::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
