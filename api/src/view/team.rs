//! What a seller's team looks like.

use chrono::{DateTime, Utc};
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};
use souk_domain::Result;
use souk_domain::account::Profile;
use souk_domain::account::team::{self, Trust};
use souk_domain::vault::Vault;
use souk_entity::{seller_invitation, seller_member};
use uuid::Uuid;

use super::words::MemberRole;

/// What somebody in a team is trusted with.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct Areas {
    /// Products, variants, offers, stock and promotions.
    pub catalogue: bool,
    /// Seller orders, parcels and returns.
    pub orders: bool,
    /// Refunds, statements and payouts.
    pub money: bool,
}

impl Example for Areas {
    fn example() -> Self {
        Self { catalogue: false, orders: true, money: false }
    }
}

impl From<&Areas> for Trust {
    fn from(areas: &Areas) -> Self {
        Self { catalogue: areas.catalogue, orders: areas.orders, money: areas.money }
    }
}

/// Whether an invitation can be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum InvitationStatus {
    /// It can.
    Open,
    /// It is.
    Accepted,
    /// An owner has taken it back, or replaced it.
    Revoked,
    /// Its seven days are over.
    Expired,
}

/// An invitation to act for a seller.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Invitation {
    /// Its id.
    pub id: Uuid,
    /// Whether it can be accepted.
    pub status: InvitationStatus,
    /// Where it was sent; forgotten once it is over.
    pub email: Option<String>,
    /// What who accepts is trusted with.
    pub areas: Areas,
    /// When it was sent.
    pub created_at: DateTime<Utc>,
    /// Until when it can be accepted.
    pub expires_at: DateTime<Utc>,
    /// Who has accepted it.
    pub accepted_by: Option<Uuid>,
}

impl Invitation {
    /// As it is at `now`.
    ///
    /// # Errors
    /// [`souk_domain::Code::Internal`] for an address that does not open.
    pub fn new(vault: &Vault, row: &seller_invitation::Model, now: DateTime<Utc>) -> Result<Self> {
        let status = match (row.accepted_at, row.revoked_at) {
            (Some(_), _) => InvitationStatus::Accepted,
            (_, Some(_)) => InvitationStatus::Revoked,
            _ if row.expires_at <= now => InvitationStatus::Expired,
            _ => InvitationStatus::Open,
        };
        Ok(Self {
            id: row.id.into(),
            status,
            email: team::open_email(vault, row)?,
            areas: Areas { catalogue: row.catalogue, orders: row.orders, money: row.money },
            created_at: row.created_at,
            expires_at: row.expires_at,
            accepted_by: row.accepted_by.map(Into::into),
        })
    }
}

/// Somebody who acts for a seller.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Member {
    /// The person's id.
    pub user_id: Uuid,
    /// How to address them.
    pub name: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Owners may do everything.
    pub role: MemberRole,
    /// What staff is trusted with.
    pub areas: Areas,
    /// Since when they act for the seller.
    pub since: DateTime<Utc>,
}

impl Member {
    /// A member with who they are.
    pub fn new(row: &seller_member::Model, profile: Profile) -> Self {
        Self {
            user_id: row.user_id.into(),
            name: profile.name,
            email: profile.email,
            role: row.role.into(),
            areas: Areas { catalogue: row.catalogue, orders: row.orders, money: row.money },
            since: row.created_at,
        }
    }
}
