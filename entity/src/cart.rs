//! A basket of offers before checkout.

use sea_orm::entity::prelude::*;

use crate::id::{CartId, UserId};
use crate::money::CurrencyCode;
use crate::status::CartStatus;

/// A basket of offers before checkout.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cart")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: CartId,
    pub user_id: Option<UserId>,
    pub guest_token_hash: Option<String>,
    pub currency: CurrencyCode,
    pub status: CartStatus,
    /// Where it is to go, for quotes of shipping and tax; checkout names the address.
    pub ship_to_country: Option<String>,
    pub ship_to_region: Option<String>,
    pub expires_at: DateTimeUtc,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "user_id", to = "id")]
    pub user: BelongsTo<Option<super::user::Entity>>,
    #[sea_orm(has_many)]
    pub lines: HasMany<super::cart_line::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
