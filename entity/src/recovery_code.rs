//! What stands in for a code of the second factor, once.

use sea_orm::entity::prelude::*;

use crate::id::UserId;

/// What stands in for a code of the second factor, once.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "recovery_code")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub code_hash: String,
    pub used_at: Option<DateTimeUtc>,
    #[sea_orm(belongs_to, from = "user_id", to = "user_id")]
    pub totp: BelongsTo<super::totp::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
