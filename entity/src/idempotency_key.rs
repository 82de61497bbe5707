//! The stored answer to a request, replayed when it is sent again.

use sea_orm::entity::prelude::*;

use crate::id::OrderId;

/// The stored answer to a request, replayed when it is sent again.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub actor: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub route: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub fingerprint: String,
    pub status_code: i32,
    /// Sealed; empty once somebody that it tells of is erased.
    pub body: Vec<u8>,
    /// The order that the request changed, and so the answer may tell of.
    pub order_id: Option<OrderId>,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
