//! A second factor that an administrator has ended for somebody.

use sea_orm::entity::prelude::*;

use crate::id::{TotpResetId, UserId};

/// A second factor that an administrator has ended for somebody.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "totp_reset")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TotpResetId,
    pub user_id: UserId,
    /// The administrator, who is somebody else.
    pub reset_by: UserId,
    /// Why, in their words.
    pub reason: String,
    pub reset_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
