//! The price of a shipping method up to a weight.

use sea_orm::entity::prelude::*;

use crate::id::ShippingMethodId;
use crate::money::MinorUnits;

/// The price of a shipping method up to a weight.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shipping_weight_step")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub shipping_method_id: ShippingMethodId,
    /// Parcels up to this weight, and above the step before.
    #[sea_orm(primary_key, auto_increment = false)]
    pub up_to_grams: i64,
    pub price: MinorUnits,
    #[sea_orm(belongs_to, from = "shipping_method_id", to = "id")]
    pub shipping_method: BelongsTo<super::shipping_method::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
