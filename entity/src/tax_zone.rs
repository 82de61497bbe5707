//! Where one set of tax rates applies.

use sea_orm::entity::prelude::*;

use crate::id::TaxZoneId;

/// Where one set of tax rates applies.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tax_zone")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TaxZoneId,
    pub name: String,
    pub country: String,
    /// '' for the whole country; a region's rate of a class goes before its country's.
    pub region: String,
    /// Whether offers' prices contain the tax.
    pub prices_include_tax: bool,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
