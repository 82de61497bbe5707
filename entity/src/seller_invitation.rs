//! Somebody who is asked to act for a seller.

use sea_orm::entity::prelude::*;

use crate::id::{SellerId, SellerInvitationId, UserId};
use crate::sealed::Sealed;

/// Somebody who is asked to act for a seller.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "seller_invitation")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SellerInvitationId,
    pub seller_id: SellerId,
    pub invited_by: UserId,
    /// The address that it is sent to, sealed; gone once it is over.
    pub email: Option<Sealed>,
    /// What an account of the address is found by, too.
    pub email_index: Option<String>,
    pub catalogue: bool,
    pub orders: bool,
    pub money: bool,
    /// SHA-256 in hexadecimal; the token itself is worked out when it is sent.
    pub token_hash: String,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub accepted_at: Option<DateTimeUtc>,
    pub accepted_by: Option<UserId>,
    pub revoked_at: Option<DateTimeUtc>,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<super::seller::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
