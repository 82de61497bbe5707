//! Where an order is shipped or billed to, as it was at placement.

use sea_orm::entity::prelude::*;

use crate::id::OrderId;
use crate::sealed::Sealed;
use crate::status::AddressKind;

/// Where an order is shipped or billed to, as it was at placement.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_address")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: OrderId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: AddressKind,
    /// Sealed: all of it but where it is as far as tax goes.
    pub details: Sealed,
    pub region: Option<String>,
    pub country: String,
    #[sea_orm(belongs_to, from = "order_id", to = "id")]
    pub order: BelongsTo<super::order::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
