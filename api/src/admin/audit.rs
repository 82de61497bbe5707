//! The audit log: who changed what by a privilege.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use poem_openapi::param::{Path, Query};
use poem_openapi::{Object, OpenApi};
use sea_orm::sea_query::Query as Sql;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};
use souk_domain::audit::{Change, chain};
use souk_domain::{Error, Result};
use souk_entity::id::AuditEntryId;
use souk_entity::{audit_entry, audit_subject, status_history};
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::view::words::{ActorKind, CredentialKind};

/// A privileged change.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct AuditEntry {
    /// Its id.
    id: Uuid,
    /// Its place in the chain: from 1 on, without a gap.
    sequence: i64,
    /// When it happened.
    occurred_at: DateTime<Utc>,
    /// As what they did it.
    actor: ActorKind,
    /// The person; absent for a command on the machine.
    actor_id: Option<Uuid>,
    /// The seller that they acted for.
    seller_id: Option<Uuid>,
    /// By what they had signed in.
    credential: Option<CredentialKind>,
    /// The sign-in or the API key.
    credential_id: Option<Uuid>,
    /// The operation's id; `cli:…` for a command, `afterwards` for what was carried out after their request.
    operation: String,
    /// Method and path.
    request: Option<String>,
    /// The request's id, as in the log and in `X-Request-Id`.
    request_id: Option<String>,
    /// What it is about first of all.
    subject_kind: Option<String>,
    /// Which one.
    subject_id: Option<Uuid>,
    /// The hash of the entry before; of the first entry, zeros.
    previous_hash: String,
    /// SHA-256 of this entry and the hash before.
    hash: String,
}

impl From<audit_entry::Model> for AuditEntry {
    fn from(row: audit_entry::Model) -> Self {
        Self {
            id: row.id.into(),
            sequence: row.sequence,
            occurred_at: row.occurred_at,
            actor: row.actor_kind.into(),
            actor_id: row.actor_id,
            seller_id: row.seller_id.map(Uuid::from),
            credential: row.credential_kind.map(Into::into),
            credential_id: row.credential_id,
            operation: row.operation,
            request: row.request,
            request_id: row.request_id,
            subject_kind: row.subject_kind,
            subject_id: row.subject_id,
            previous_hash: row.previous_hash,
            hash: row.hash,
        }
    }
}

/// What was changed of one thing.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct AuditChange {
    /// What it is, such as `refund`.
    kind: String,
    /// Which one.
    id: Option<Uuid>,
    /// Which one, of things that have a name for an id.
    name: Option<String>,
    /// Its version after the change.
    version: Option<i64>,
    /// The status before.
    from_status: Option<String>,
    /// The status after.
    to_status: Option<String>,
    /// Why, as its history has it.
    note: Option<String>,
    /// The fields concerned.
    fields: Vec<AuditField>,
}

/// A field that was changed.
#[derive(Debug, Object)]
pub struct AuditField {
    /// Its name.
    name: String,
    /// What was in it before; null when it is new.
    before: serde_json::Value,
    /// What is in it now.
    after: serde_json::Value,
}

/// A privileged change with all that it changed.
#[derive(Debug, Object)]
pub struct AuditDetail {
    /// The entry.
    entry: AuditEntry,
    /// What was changed.
    changes: Vec<AuditChange>,
    /// Whether its hash is that of what it says; that the chain is whole, `souk audit verify` tells.
    is_genuine: bool,
}

/// The audit log.
pub struct Audit;

#[OpenApi(prefix_path = "/api/v1/admin/audit", tag = "Tag::Operators")]
impl Audit {
    /// List privileged changes
    ///
    /// Newest first; filters are combined.
    #[oai(path = "/", method = "get", operation_id = "listAuditEntries")]
    #[expect(clippy::too_many_arguments, reason = "each filter is a parameter of the query")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only those of this person.
        actor_id: Query<Option<Uuid>>,
        /// Only those by this sign-in or API key.
        credential_id: Query<Option<Uuid>>,
        /// Only those of this operation.
        #[oai(validator(max_length = 100))]
        operation: Query<Option<String>>,
        /// Only those that changed something of this kind, such as `seller`; with `subject_id`.
        #[oai(validator(max_length = 40))]
        subject_kind: Query<Option<String>>,
        /// Only those that changed this thing.
        subject_id: Query<Option<Uuid>>,
        /// Only those of this request.
        #[oai(validator(max_length = 64))]
        request_id: Query<Option<String>>,
        /// Only those at this instant or later.
        from: Query<Option<DateTime<Utc>>>,
        /// Only those before this instant.
        to: Query<Option<DateTime<Utc>>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<AuditEntry>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut wanted = Condition::all()
            .add_option(actor_id.0.map(|actor| audit_entry::Column::ActorId.eq(actor)))
            .add_option(credential_id.0.map(|credential| audit_entry::Column::CredentialId.eq(credential)))
            .add_option(operation.0.map(|operation| audit_entry::Column::Operation.eq(operation)))
            .add_option(request_id.0.map(|request| audit_entry::Column::RequestId.eq(request)))
            .add_option(from.0.map(|from| audit_entry::Column::OccurredAt.gte(from)))
            .add_option(to.0.map(|to| audit_entry::Column::OccurredAt.lt(to)));
        if subject_kind.0.is_some() || subject_id.0.is_some() {
            let about = Condition::all()
                .add_option(subject_kind.0.map(|kind| audit_subject::Column::Kind.eq(kind)))
                .add_option(subject_id.0.map(|id| audit_subject::Column::SubjectId.eq(id)));
            let entries = Sql::select()
                .column(audit_subject::Column::EntryId)
                .from(audit_subject::Entity)
                .cond_where(about)
                .to_owned();
            wanted = wanted.add(audit_entry::Column::Id.in_subquery(entries));
        }
        let query = page.newest(audit_entry::Entity::find().filter(wanted), audit_entry::Column::Id);
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), AuditEntry::from)))
    }

    /// Show a privileged change
    #[oai(path = "/:id", method = "get", operation_id = "getAuditEntry")]
    async fn get(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<AuditDetail>> {
        let db = ctx.store.read();
        let row = audit_entry::Entity::find_by_id(AuditEntryId(id.0)).one(db).await.map_err(Error::from)?;
        let row = row.ok_or_else(|| Error::not_found("audit entry"))?;
        let changes: Vec<Change> = serde_json::from_str(&row.changes).map_err(Error::internal)?;
        let mut notes = notes(db, &changes).await?;
        let is_genuine = chain::hash(&row) == row.hash;
        let changes = changes.into_iter().map(|change| {
            let key = change.id.zip(change.version).map(|(id, version)| (change.kind.clone(), id, version));
            AuditChange {
                note: key.and_then(|key| notes.remove(&key)),
                kind: change.kind,
                id: change.id,
                name: change.name,
                version: change.version,
                from_status: change.from,
                to_status: change.to,
                fields: change
                    .fields
                    .into_iter()
                    .map(|(name, [before, after])| AuditField { name, before, after })
                    .collect(),
            }
        });
        let changes = changes.collect();
        Ok(Okay::new(&AuditDetail { entry: row.into(), changes, is_genuine }))
    }
}

/// What history says of why, by kind, id and version.
async fn notes(db: &impl ConnectionTrait, changes: &[Change]) -> Result<HashMap<(String, Uuid, i64), String>> {
    let ids: Vec<Uuid> = changes.iter().filter(|change| change.version.is_some()).filter_map(|c| c.id).collect();
    let rows = status_history::Entity::find()
        .filter(status_history::Column::EntityId.is_in(ids))
        .filter(status_history::Column::Note.is_not_null())
        .all(db)
        .await?;
    let keyed = rows.into_iter().filter_map(|row| {
        let key = (row.entity_kind.to_string(), row.entity_id, row.version);
        Some((key, row.note?))
    });
    Ok(keyed.collect())
}
