//! What the marketplace asks of those who want to sell.

use sea_orm::entity::prelude::*;

use crate::id::SellerRequirementId;
use crate::status::RequirementKind;

/// What the marketplace asks of those who want to sell.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seller_requirement")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SellerRequirementId,
    pub kind: RequirementKind,
    pub title: String,
    /// What the seller has to do, or the terms that they accept.
    pub instructions: Option<String>,
    /// Whether nobody is approved without it.
    pub required: bool,
    pub created_at: DateTimeUtc,
    /// From then on it is asked of nobody.
    pub retired_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
