//! A person who acts for a seller.

use sea_orm::entity::prelude::*;

use crate::id::{SellerId, UserId};
use crate::status::MemberRole;

/// A person who acts for a seller.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seller_member")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub seller_id: SellerId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    pub role: MemberRole,
    /// What staff may work on; an owner may everything.
    pub catalogue: bool,
    pub orders: bool,
    pub money: bool,
    pub created_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<super::seller::Entity>,
    #[sea_orm(belongs_to, from = "user_id", to = "id")]
    pub user: BelongsTo<super::user::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
