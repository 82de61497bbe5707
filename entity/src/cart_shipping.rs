//! The shipping method chosen for one seller's part of a cart.

use sea_orm::entity::prelude::*;

use crate::id::{CartId, SellerId, ShippingMethodId};

/// The shipping method chosen for one seller's part of a cart.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cart_shipping")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub cart_id: CartId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seller_id: SellerId,
    pub shipping_method_id: ShippingMethodId,
    #[sea_orm(belongs_to, from = "cart_id", to = "id")]
    pub cart: BelongsTo<super::cart::Entity>,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<super::seller::Entity>,
    #[sea_orm(belongs_to, from = "shipping_method_id", to = "id")]
    pub shipping_method: BelongsTo<super::shipping_method::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
