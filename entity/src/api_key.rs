//! A key by which a seller's or an operator's system signs in.

use sea_orm::entity::prelude::*;

use crate::id::{ApiKeyId, SellerId, UserId};

/// A key by which a seller's or an operator's system signs in.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApiKeyId,
    /// The seller that it acts for; `None`: it acts as the operator who made it.
    pub seller_id: Option<SellerId>,
    /// Who made it.
    pub user_id: UserId,
    pub name: String,
    /// Its first characters, by which people tell keys apart.
    pub prefix: String,
    pub key_hash: String,
    /// Such as `orders:read orders:write`.
    pub scopes: String,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    /// To the minute.
    pub last_used_at: Option<DateTimeUtc>,
    pub revoked_at: Option<DateTimeUtc>,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<Option<super::seller::Entity>>,
    #[sea_orm(belongs_to, from = "user_id", to = "id")]
    pub user: BelongsTo<super::user::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
