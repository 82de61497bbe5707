//! What is described once, whoever sells it.

use sea_orm::entity::prelude::*;

use crate::id::{CategoryId, ProductId, SellerId};

/// What is described once, whoever sells it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "product")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProductId,
    pub category_id: Option<CategoryId>,
    /// The seller who described the product, and may change it until others sell it too.
    pub created_by_seller_id: SellerId,
    pub name: String,
    /// Lower case, for search by name on both databases.
    pub search_name: String,
    pub description: String,
    /// Which tax rates apply to it.
    pub tax_class: String,
    /// Whether that seller shows it and sells it.
    pub active: bool,
    /// When an operator has hidden it from everybody.
    pub hidden_at: Option<DateTimeUtc>,
    /// Why they have.
    pub hidden_reason: Option<String>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "category_id", to = "id")]
    pub category: BelongsTo<Option<super::category::Entity>>,
    #[sea_orm(belongs_to, from = "created_by_seller_id", to = "id")]
    pub created_by_seller: BelongsTo<super::seller::Entity>,
    #[sea_orm(has_many)]
    pub variants: HasMany<super::variant::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
