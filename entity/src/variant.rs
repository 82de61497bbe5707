//! The thing that is bought: one size, colour or pack of a product.

use sea_orm::entity::prelude::*;

use crate::id::{ProductId, VariantId};

/// The thing that is bought: one size, colour or pack of a product.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "product_variant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: VariantId,
    pub product_id: ProductId,
    pub sku: String,
    pub name: String,
    pub weight_grams: i32,
    pub created_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "product_id", to = "id")]
    pub product: BelongsTo<super::product::Entity>,
    #[sea_orm(has_many)]
    pub offers: HasMany<super::offer::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
