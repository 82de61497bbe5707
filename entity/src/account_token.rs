//! What is sent by e-mail so that whoever reads it can prove it.

use sea_orm::entity::prelude::*;

use crate::id::{AccountTokenId, UserId};
use crate::sealed::Sealed;
use crate::status::AccountTokenPurpose;

/// What is sent by e-mail so that whoever reads it can prove it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "account_token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccountTokenId,
    pub user_id: UserId,
    pub purpose: AccountTokenPurpose,
    /// The address that it is sent to and that it proves, sealed.
    pub email: Sealed,
    /// The address before, which is told of a change, sealed.
    pub previous_email: Option<Sealed>,
    /// SHA-256 in hexadecimal; the token itself is worked out when it is sent.
    pub token_hash: String,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub used_at: Option<DateTimeUtc>,
    /// A newer one was asked for, or it became pointless.
    pub voided_at: Option<DateTimeUtc>,
    #[sea_orm(belongs_to, from = "user_id", to = "id")]
    pub user: BelongsTo<super::user::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
