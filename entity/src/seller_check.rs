//! What somebody has said of a seller and a requirement.

use sea_orm::entity::prelude::*;

use crate::id::{SellerId, SellerRequirementId, UserId};

/// What somebody has said of a seller and a requirement.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seller_check")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub seller_id: SellerId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub requirement_id: SellerRequirementId,
    pub met: bool,
    /// The operator, or the owner who accepted terms.
    pub user_id: UserId,
    pub reason: Option<String>,
    pub checked_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<super::seller::Entity>,
    #[sea_orm(belongs_to, from = "requirement_id", to = "id")]
    pub requirement: BelongsTo<super::seller_requirement::Entity>,
    #[sea_orm(belongs_to, from = "user_id", to = "id")]
    pub user: BelongsTo<super::user::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
