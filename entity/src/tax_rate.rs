//! A tax rate of one class in one zone.

use sea_orm::entity::prelude::*;

use crate::id::{TaxRateId, TaxZoneId};
use crate::money::RatePpm;

/// A tax rate of one class in one zone.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tax_rate")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TaxRateId,
    pub tax_zone_id: TaxZoneId,
    /// Of products, or 'shipping'.
    pub tax_class: String,
    pub name: String,
    pub rate_ppm: RatePpm,
    pub starts_at: DateTimeUtc,
    pub ends_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "tax_zone_id", to = "id")]
    pub tax_zone: BelongsTo<super::tax_zone::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
