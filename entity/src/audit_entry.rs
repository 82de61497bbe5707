//! A privileged change: append-only, each chained to the one before.

use sea_orm::entity::prelude::*;

use crate::id::{AuditEntryId, SellerId};
use crate::status::{ActorKind, CredentialKind};

/// A privileged change: append-only, each chained to the one before.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_entry")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditEntryId,
    /// 1 and on without a gap, in the order of commits.
    pub sequence: i64,
    pub occurred_at: DateTimeUtc,
    pub actor_kind: ActorKind,
    /// The person, where there is one.
    pub actor_id: Option<Uuid>,
    /// The seller that they acted for.
    pub seller_id: Option<SellerId>,
    pub credential_kind: Option<CredentialKind>,
    /// Of a sign-in its family of refresh tokens, of an API key its id.
    pub credential_id: Option<Uuid>,
    /// The operation of the API, or `cli:…` for a command.
    pub operation: String,
    /// Method and path.
    pub request: Option<String>,
    pub request_id: Option<String>,
    /// What it is about first of all.
    pub subject_kind: Option<String>,
    pub subject_id: Option<Uuid>,
    /// All changes as JSON, byte for byte what is hashed.
    pub changes: String,
    /// That of the entry before; of the first: 64 zeros.
    pub previous_hash: String,
    pub hash: String,
}

impl ActiveModelBehavior for ActiveModel {}
