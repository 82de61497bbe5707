//! A person's second factor (RFC 6238).

use sea_orm::entity::prelude::*;

use crate::id::UserId;

/// A person's second factor (RFC 6238).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "totp")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// What its secret is worked out of, with the master secret.
    pub nonce: String,
    /// Since when signing in takes a code; `None`: not yet.
    pub confirmed_at: Option<DateTimeUtc>,
    /// The time step of the last code that was used.
    pub last_step: i64,
    pub created_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "user_id", to = "id")]
    pub user: BelongsTo<super::user::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
