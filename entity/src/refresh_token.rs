//! A refresh token: used once, replaced by the next of its family.

use sea_orm::entity::prelude::*;

use crate::id::{RefreshTokenId, UserId};

/// A refresh token: used once, replaced by the next of its family.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "refresh_token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: RefreshTokenId,
    pub user_id: UserId,
    /// The sign-in that it continues.
    pub family_id: Uuid,
    /// The APIs that the sign-in was asked for, separated by spaces; `None`: all that the account may use.
    pub audience: Option<String>,
    pub token_hash: String,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub used_at: Option<DateTimeUtc>,
    pub revoked_at: Option<DateTimeUtc>,
    #[sea_orm(belongs_to, from = "user_id", to = "id")]
    pub user: BelongsTo<super::user::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
