//! A merchant who sells through the marketplace.

use sea_orm::entity::prelude::*;

use crate::id::SellerId;
use crate::money::RatePpm;
use crate::status::SellerStatus;

/// A merchant who sells through the marketplace.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seller")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SellerId,
    pub name: String,
    pub status: SellerStatus,
    pub auto_accept: bool,
    pub accept_within_hours: i32,
    pub return_window_days: i32,
    /// Parts per million of the discounted net: 120000 is 12%.
    pub commission_rate_ppm: RatePpm,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
