//! An address that a person keeps for their orders.

use sea_orm::entity::prelude::*;

use crate::id::{UserAddressId, UserId};
use crate::sealed::Sealed;

/// An address that a person keeps for their orders.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_address")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserAddressId,
    pub user_id: UserId,
    /// Sealed: all of it.
    pub address: Sealed,
    /// Where goods go unless another is chosen; one of a person's at most.
    pub is_default_shipping: bool,
    /// Where bills go unless another is chosen; one of a person's at most.
    pub is_default_billing: bool,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "user_id", to = "id")]
    pub user: BelongsTo<super::user::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
