//! One change of one thing: a history row, an event, and the version they carry, together.

use sea_orm::{ActiveValue::Set, EntityTrait};
use serde_json::Value;
use souk_entity::id::{EventId, OrderId, SellerId, StatusHistoryId};
use souk_entity::status::EntityKind;
use souk_entity::{event, status_history};
use uuid::Uuid;

use crate::actor::Actor;
use crate::error::Result;
use crate::store::Tx;

/// A change that has been made to a row in this transaction.
#[derive(Clone, Debug)]
pub struct Change {
    /// What was changed.
    pub entity: EntityKind,
    /// Which one.
    pub id: Uuid,
    /// Its version after the change; the first is 1.
    pub version: i64,
    /// Its status before; `None` when it was made.
    pub from: Option<String>,
    /// Its status after; equal to `from` when only quantities moved.
    pub to: String,
    /// Who caused it.
    pub actor: Actor,
    /// Why, in a sentence.
    pub note: Option<String>,
    /// The event's type, such as `order.created`.
    pub event: &'static str,
    /// The order concerned.
    pub order_id: Option<OrderId>,
    /// The seller concerned.
    pub seller_id: Option<SellerId>,
    /// What consumers are told beyond ids and statuses; holds no personal data.
    pub data: Value,
}

/// Writes the history rows and events of `changes`, two statements however many there are.
///
/// # Errors
/// The database's; a version that is there already is a lost race and fails the transaction.
pub async fn record(tx: &Tx, changes: Vec<Change>) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut history = Vec::with_capacity(changes.len());
    let mut events = Vec::with_capacity(changes.len());
    for change in changes {
        tx.with_trail(|trail| trail.record(&change));
        history.push(status_history::ActiveModel {
            id: Set(StatusHistoryId::at(tx.now)),
            entity_kind: Set(change.entity),
            entity_id: Set(change.id),
            version: Set(change.version),
            from_status: Set(change.from.clone()),
            to_status: Set(change.to.clone()),
            actor_kind: Set(change.actor.kind()),
            actor_id: Set(change.actor.id()),
            note: Set(change.note),
            occurred_at: Set(tx.now),
        });
        tx.tell_after_commit(change.order_id);
        let mut data = change.data;
        if let Value::Object(fields) = &mut data {
            fields.insert("status".into(), change.to.into());
        }
        events.push(event::ActiveModel {
            id: Set(EventId::at(tx.now)),
            r#type: Set(change.event.to_owned()),
            entity_kind: Set(change.entity),
            entity_id: Set(change.id),
            version: Set(change.version),
            order_id: Set(change.order_id),
            seller_id: Set(change.seller_id),
            data: Set(data),
            occurred_at: Set(tx.now),
            position: Set(None),
        });
    }
    status_history::Entity::insert_many(history).exec_without_returning(&**tx).await?;
    event::Entity::insert_many(events).exec_without_returning(&**tx).await?;
    Ok(())
}
