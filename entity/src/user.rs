//! A person who signs in.

use sea_orm::entity::prelude::*;

use crate::id::UserId;
use crate::sealed::Sealed;
use crate::status::UserRole;

/// A person who signs in.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "app_user")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    /// Sealed.
    pub email: Sealed,
    /// What the address is found by; NULL: the person is erased.
    pub email_index: Option<String>,
    /// When they proved that they read what is sent there.
    pub email_verified_at: Option<DateTimeUtc>,
    pub password_hash: String,
    /// Sealed.
    pub name: Sealed,
    /// Sealed.
    pub phone: Option<Sealed>,
    pub role: UserRole,
    /// Whether they may sign in.
    pub is_active: bool,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
