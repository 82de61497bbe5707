//! Webhooks the companies owe, written in the transaction of what they tell of.

use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde::Serialize;
use souk_domain::Tx;
use souk_domain::error::{Error, Result};
use souk_entity::id::uuid_at;
use souk_entity::simulated_webhook;
use souk_entity::status::InboxSource;

/// Queues the body that `event` makes for the event id it is given, due at once.
pub(super) async fn queue<B: Serialize>(tx: &Tx, source: InboxSource, event: impl FnOnce(String) -> B) -> Result<()> {
    let id = uuid_at(tx.now);
    let body = serde_json::to_vec(&event(format!("evt_{}", id.simple()))).map_err(Error::internal)?;
    let row = simulated_webhook::ActiveModel {
        id: Set(id),
        source: Set(source),
        body: Set(body),
        attempts: Set(0),
        due_at: Set(tx.now),
        delivered_at: Set(None),
    };
    simulated_webhook::Entity::insert(row).exec_without_returning(&**tx).await?;
    Ok(())
}
