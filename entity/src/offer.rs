//! A seller's price for a variant.

use sea_orm::entity::prelude::*;

use crate::id::{OfferId, SellerId, VariantId};
use crate::money::{CurrencyCode, MinorUnits};

/// A seller's price for a variant.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "offer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OfferId,
    pub variant_id: VariantId,
    pub seller_id: SellerId,
    pub price: MinorUnits,
    pub currency: CurrencyCode,
    pub active: bool,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "variant_id", to = "id")]
    pub variant: BelongsTo<super::variant::Entity>,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<super::seller::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
