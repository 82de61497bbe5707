//! What a transaction has changed, collected until it commits.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Acting, current};
use crate::actor::Actor;
use crate::history;
use crate::store::Tx;

/// A change of one thing, as an entry keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What it is, such as `refund` or `tax_rate`.
    pub kind: String,
    /// Which one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Which one, of things that have a name for an id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its version after the change, of things with a history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Its status before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Its status after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Fields by name: what was in them before, and after.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, [Value; 2]>,
}

/// Fields that a change concerns. Never personal data, never a secret: an entry is kept for good.
#[derive(Clone, Debug, Default)]
pub struct Fields(BTreeMap<String, [Value; 2]>);

impl Fields {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a field, unless it is the same before and after.
    #[must_use]
    pub fn changed<T: Serialize + PartialEq>(mut self, name: &str, before: T, after: T) -> Self {
        if before != after {
            self.0.insert(name.to_owned(), [plain(before), plain(after)]);
        }
        self
    }

    /// With a field of something new.
    #[must_use]
    pub fn made(mut self, name: &str, value: impl Serialize) -> Self {
        self.0.insert(name.to_owned(), [Value::Null, plain(value)]);
        self
    }
}

/// Settings are numbers, words and ids, which all can be JSON.
fn plain(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Adds to the entry of this transaction, if it will have one, what was changed of a thing.
pub fn note(tx: &Tx, kind: &str, id: impl Into<Uuid>, fields: Fields) {
    add(tx, kind, Some(id.into()), None, fields);
}

/// [`note`] for a thing that has a name for an id, such as a schedule.
pub fn note_named(tx: &Tx, kind: &str, name: &str, fields: Fields) {
    add(tx, kind, None, Some(name), fields);
}

fn add(tx: &Tx, kind: &str, id: Option<Uuid>, name: Option<&str>, fields: Fields) {
    tx.with_trail(|trail| {
        let is_it = |change: &&mut Change| change.kind == kind && change.id == id && change.name.as_deref() == name;
        match trail.changes.iter_mut().find(is_it) {
            Some(change) => change.fields.extend(fields.0),
            None => trail.changes.push(Change {
                kind: kind.to_owned(),
                id,
                name: name.map(ToOwned::to_owned),
                version: None,
                from: None,
                to: None,
                fields: fields.0,
            }),
        }
    });
}

/// This transaction has no entry: it repeats what another one has answered, or only prepares the one
/// that counts, as the pieces of an upload do.
pub fn nothing(tx: &Tx) {
    tx.with_trail(|trail| trail.is_nothing = true);
}

/// What a transaction has changed so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail {
    pub(super) changes: Vec<Change>,
    /// An operator to whom history attributes a change.
    operator: Option<Actor>,
    is_nothing: bool,
}

impl Trail {
    /// Adds what goes into history.
    pub(crate) fn record(&mut self, change: &history::Change) {
        if matches!(change.actor, Actor::Operator(_)) {
            self.operator = Some(change.actor);
        }
        self.changes.push(Change {
            kind: change.entity.to_string(),
            id: Some(change.id),
            name: None,
            version: Some(change.version),
            from: change.from.clone(),
            to: Some(change.to.clone()),
            fields: BTreeMap::new(),
        });
    }

    /// Adds what a savepoint has changed.
    pub(crate) fn adopt(&mut self, inner: Self) {
        self.changes.extend(inner.changes);
        self.operator = self.operator.or(inner.operator);
        self.is_nothing |= inner.is_nothing;
    }

    /// In whose name an entry is due, if one is.
    pub(crate) fn acting(&self) -> Option<Acting> {
        if self.is_nothing {
            return None;
        }
        current().or_else(|| self.operator.map(Acting::afterwards))
    }
}
