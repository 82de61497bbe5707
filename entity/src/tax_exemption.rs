//! A buyer who pays no tax.

use sea_orm::entity::prelude::*;

use crate::id::{TaxExemptionId, UserId};

/// A buyer who pays no tax.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tax_exemption")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TaxExemptionId,
    pub user_id: UserId,
    /// '' for everywhere.
    pub country: String,
    pub certificate: String,
    pub starts_at: DateTimeUtc,
    pub ends_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "user_id", to = "id")]
    pub user: BelongsTo<super::user::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
