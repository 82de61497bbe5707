//! A country, or a region of one, of a shipping zone.

use sea_orm::entity::prelude::*;

use crate::id::ShippingZoneId;

/// A country, or a region of one, of a shipping zone.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shipping_zone_place")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub shipping_zone_id: ShippingZoneId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub country: String,
    /// '' for the whole country.
    #[sea_orm(primary_key, auto_increment = false)]
    pub region: String,
    #[sea_orm(belongs_to, from = "shipping_zone_id", to = "id")]
    pub shipping_zone: BelongsTo<super::shipping_zone::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
