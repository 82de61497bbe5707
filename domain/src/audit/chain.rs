//! The chain: what an entry's hash is of, how one is appended, and how all are checked.
//!
//! The hash of an entry is SHA-256 over the text `souk audit 1` and a zero byte, followed by these
//! fields in this order: sequence, id, instant in microseconds since 1970, kind and id of the actor,
//! seller, kind and id of the credential, operation, request, request id, kind and id of the subject,
//! changes, the hash of the entry before. A field is its length in bytes (8 bytes, the highest first)
//! and its text; numbers are decimal, ids in lower case with dashes. A field that is absent is 8 bytes
//! of `ff`. So no two different entries have the same bytes, and both databases the same hash.

use std::collections::BTreeSet;

use sea_orm::{ActiveEnum, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel};
use sea_orm::{QueryFilter, QueryOrder, QuerySelect};
use sha2::{Digest, Sha256};
use souk_entity::id::AuditEntryId;
use souk_entity::status::CredentialKind;
use souk_entity::{audit_entry, audit_head, audit_subject};
use uuid::Uuid;

use super::trail::Change;
use super::{Acting, Credential, Trail};
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::store::Tx;

/// What the first entry follows.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Entries that are read at once.
const PAGE: u64 = 1_000;

/// The hash that an entry must have.
pub fn hash(entry: &audit_entry::Model) -> String {
    let id = |id: Option<Uuid>| id.map(|id| id.to_string());
    let fields = [
        Some(entry.sequence.to_string()),
        Some(entry.id.to_string()),
        Some(entry.occurred_at.timestamp_micros().to_string()),
        Some(entry.actor_kind.to_value()),
        id(entry.actor_id),
        id(entry.seller_id.map(Into::into)),
        entry.credential_kind.map(|kind| kind.to_value()),
        id(entry.credential_id),
        Some(entry.operation.clone()),
        entry.request.clone(),
        entry.request_id.clone(),
        entry.subject_kind.clone(),
        id(entry.subject_id),
        Some(entry.changes.clone()),
        Some(entry.previous_hash.clone()),
    ];
    let mut hash = Sha256::new();
    hash.update(b"souk audit 1\0");
    for field in fields {
        match field {
            Some(text) => {
                hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
                hash.update(text.as_bytes());
            }
            None => hash.update(u64::MAX.to_be_bytes()),
        }
    }
    hex::encode(hash.finalize())
}

/// Appends the entry of a transaction that is about to commit. The head's row is the last lock that
/// it takes, and nothing is waited for under it.
pub(crate) async fn append(tx: &Tx, acting: Acting, trail: Trail) -> Result<()> {
    let changes = serde_json::to_string(&trail.changes).map_err(Error::internal)?;
    let subjects = subjects(&trail.changes);
    let first = trail.changes.iter().find_map(|change| change.id.map(|id| (change.kind.clone(), id))).unzip();
    let (credential_kind, credential_id) = match acting.credential {
        Some(Credential::SignIn(id)) => (Some(CredentialKind::SignIn), Some(id)),
        Some(Credential::ApiKey(id)) => (Some(CredentialKind::ApiKey), Some(id)),
        None => (None, None),
    };
    let head = audit_head::Entity::find().lock_exclusive().one(&**tx).await?;
    let head = head.ok_or_else(|| Error::internal("the audit's chain has lost its head"))?;
    let mut entry = audit_entry::Model {
        id: AuditEntryId::at(tx.now),
        sequence: head.sequence + 1,
        occurred_at: tx.now,
        actor_kind: acting.actor.kind(),
        actor_id: acting.actor.id(),
        seller_id: match acting.actor {
            Actor::Seller(seller, _) => Some(seller),
            _ => None,
        },
        credential_kind,
        credential_id,
        operation: acting.operation.into_owned(),
        request: acting.request.map(|request| request.chars().take(300).collect()),
        request_id: acting.request_id,
        subject_kind: first.0,
        subject_id: first.1,
        changes,
        previous_hash: head.hash,
        hash: String::new(),
    };
    entry.hash = hash(&entry);
    let next =
        audit_head::ActiveModel { id: Set(head.id), sequence: Set(entry.sequence), hash: Set(entry.hash.clone()) };
    let id = entry.id;
    audit_entry::Entity::insert(entry.into_active_model()).exec_without_returning(&**tx).await?;
    if !subjects.is_empty() {
        let rows = subjects.into_iter().map(|(kind, subject)| audit_subject::ActiveModel {
            entry_id: Set(id),
            kind: Set(kind),
            subject_id: Set(subject),
        });
        audit_subject::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    }
    audit_head::Entity::update(next).exec_without_returning(&**tx).await?;
    Ok(())
}

/// What changes are of, each once.
fn subjects(changes: &[Change]) -> BTreeSet<(String, Uuid)> {
    changes.iter().filter_map(|change| change.id.map(|id| (change.kind.clone(), id))).collect()
}

/// Where the chain ends; what is to be kept elsewhere, because who can write to the database can make a
/// whole new chain.
///
/// # Errors
/// The database's.
pub async fn head(db: &impl ConnectionTrait) -> Result<audit_head::Model> {
    audit_head::Entity::find().one(db).await?.ok_or_else(|| Error::internal("the audit's chain has lost its head"))
}

/// What of the chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    /// The entry.
    pub sequence: i64,
    /// Its id.
    pub id: AuditEntryId,
    /// What is wrong, in words.
    pub what: &'static str,
}

/// Works every entry's hash out anew, in pages, and stops after `most` that do not hold. Entries become
/// visible in their order, so a chain that grows meanwhile is read to some entry of it.
///
/// # Errors
/// The database's.
pub async fn breaks(db: &impl ConnectionTrait, most: usize) -> Result<Vec<Break>> {
    let (mut found, mut last, mut previous) = (Vec::new(), i64::MIN, GENESIS.to_owned());
    let mut expected = 1;
    loop {
        let page = audit_entry::Entity::find()
            .filter(audit_entry::Column::Sequence.gt(last))
            .order_by_asc(audit_entry::Column::Sequence)
            .limit(PAGE)
            .all(db)
            .await?;
        let Some(end) = page.last() else { return Ok(found) };
        let ids = page.iter().map(|entry| entry.id);
        let told = audit_subject::Entity::find().filter(audit_subject::Column::EntryId.is_in(ids)).all(db).await?;
        last = end.sequence;
        for entry in page {
            let listed: BTreeSet<_> = told
                .iter()
                .filter(|subject| subject.entry_id == entry.id)
                .map(|subject| (subject.kind.clone(), subject.subject_id))
                .collect();
            if let Some(what) = wrong(&entry, expected, &previous, &listed) {
                found.push(Break { sequence: entry.sequence, id: entry.id, what });
                if found.len() >= most {
                    return Ok(found);
                }
            }
            expected = entry.sequence + 1;
            previous = entry.hash;
        }
    }
}

/// What is wrong with an entry that comes where `expected` should.
fn wrong(
    entry: &audit_entry::Model,
    expected: i64,
    previous: &str,
    listed: &BTreeSet<(String, Uuid)>,
) -> Option<&'static str> {
    if entry.sequence != expected {
        return Some("an entry before it is missing");
    }
    if entry.previous_hash != previous {
        return Some("it does not follow the entry before it");
    }
    if entry.hash != hash(entry) {
        return Some("it has been changed");
    }
    let changes: Option<Vec<Change>> = serde_json::from_str(&entry.changes).ok();
    if changes.is_none_or(|changes| subjects(&changes) != *listed) {
        return Some("it is not found by what it changed");
    }
    None
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;
    use souk_entity::status::ActorKind;

    use super::*;

    fn entry() -> audit_entry::Model {
        let mut entry = audit_entry::Model {
            id: AuditEntryId(Uuid::from_u128(0x0193_f0a4_0000_7000_8000_0000_0000_0001)),
            sequence: 1,
            occurred_at: DateTime::from_timestamp_micros(1_790_000_000_123_456).unwrap(),
            actor_kind: ActorKind::Operator,
            actor_id: Some(Uuid::from_u128(7)),
            seller_id: None,
            credential_kind: Some(CredentialKind::SignIn),
            credential_id: Some(Uuid::from_u128(8)),
            operation: "approveSeller".into(),
            request: Some("POST /api/v1/admin/sellers/x/approve".into()),
            request_id: Some("12345678".into()),
            subject_kind: None,
            subject_id: None,
            changes: "[]".into(),
            previous_hash: GENESIS.into(),
            hash: String::new(),
        };
        entry.hash = hash(&entry);
        entry
    }

    #[test]
    fn the_serialization_stays_what_it_is() {
        // Chains are kept for good: another value here makes every stored chain look broken.
        assert_eq!(entry().hash, "1e6fbfa452921c01a260c68c1274a8839001581024dd0d9463943e92d699c17e");
        assert_eq!(wrong(&entry(), 1, GENESIS, &BTreeSet::new()), None);
    }

    #[test]
    fn every_field_is_in_the_hash() {
        let changes: Vec<fn(&mut audit_entry::Model)> = vec![
            |e| e.sequence = 2,
            |e| e.id = AuditEntryId(Uuid::from_u128(9)),
            |e| e.occurred_at += chrono::TimeDelta::microseconds(1),
            |e| e.actor_kind = ActorKind::Seller,
            |e| e.actor_id = None,
            |e| e.seller_id = Some(Uuid::from_u128(7).into()),
            |e| e.credential_kind = Some(CredentialKind::ApiKey),
            |e| e.credential_id = None,
            |e| e.operation.push('x'),
            |e| e.request = None,
            |e| e.request_id = Some(String::new()),
            |e| e.subject_kind = Some("seller".into()),
            |e| e.subject_id = Some(Uuid::from_u128(1)),
            |e| e.changes = "[ ]".into(),
            |e| e.previous_hash = "1".repeat(64),
        ];
        let hashes: BTreeSet<String> = changes
            .iter()
            .map(|change| {
                let mut changed = entry();
                change(&mut changed);
                hash(&changed)
            })
            .collect();
        assert_eq!(hashes.len(), changes.len());
        assert!(!hashes.contains(&entry().hash));
    }

    proptest! {
        #[test]
        fn text_cannot_move_between_fields(text in "[a-z0-9]{2,12}", cut in 1_usize..10) {
            let cut = Ord::min(cut, text.len() - 1);
            let (mut one, mut other) = (entry(), entry());
            (one.operation, one.request) = (text.clone(), Some(String::new()));
            (other.operation, other.request) = (text[..cut].to_owned(), Some(text[cut..].to_owned()));
            prop_assert_ne!(hash(&one), hash(&other));
        }
    }
}
