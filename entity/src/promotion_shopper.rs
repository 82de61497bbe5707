//! How often a shopper has used a promotion that limits it.

use sea_orm::entity::prelude::*;

use crate::id::PromotionId;

/// How often a shopper has used a promotion that limits it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "promotion_shopper")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub promotion_id: PromotionId,
    /// The user's id, or for guests a keyed hash of the e-mail address.
    #[sea_orm(primary_key, auto_increment = false)]
    pub shopper: String,
    pub used: i64,
    #[sea_orm(belongs_to, from = "promotion_id", to = "id")]
    pub promotion: BelongsTo<super::promotion::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
