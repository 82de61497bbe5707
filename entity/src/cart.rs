//! A basket of offers before checkout.

use sea_orm::entity::prelude::*;

use crate::id::{CartId, CouponId, UserId};
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
    pub coupon_id: Option<CouponId>,
    pub expires_at: DateTimeUtc,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "user_id", to = "id")]
    pub user: BelongsTo<Option<super::user::Entity>>,
    #[sea_orm(belongs_to, from = "coupon_id", to = "id")]
    pub coupon: BelongsTo<Option<super::coupon::Entity>>,
    #[sea_orm(has_many)]
    pub lines: HasMany<super::cart_line::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
