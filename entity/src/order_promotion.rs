//! A promotion whose use an order counts.

use sea_orm::entity::prelude::*;

use crate::id::{OrderId, PromotionId};

/// A promotion whose use an order counts.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_promotion")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: OrderId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub promotion_id: PromotionId,
    /// Whose use it is, see promotion_shopper.
    pub shopper: String,
    /// False once the use was given back.
    pub counted: bool,
    #[sea_orm(belongs_to, from = "order_id", to = "id")]
    pub order: BelongsTo<super::order::Entity>,
    #[sea_orm(belongs_to, from = "promotion_id", to = "id")]
    pub promotion: BelongsTo<super::promotion::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
