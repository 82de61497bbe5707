//! The log against real databases, with real concurrency.

mod consumers;
mod numbering;

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, QueryOrder, Statement};
use serde_json::json;
use souk_domain::actor::Actor;
use souk_domain::history::{self, Change};
use souk_domain::{Result, Store, Tx};
use souk_entity::status::EntityKind;
use souk_entity::{event, number_sequence};
use uuid::Uuid;

/// A thing that changes; its versions are counted in a row, as those of an order are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Thing(Uuid);

impl Thing {
    async fn make(store: &Store) -> Self {
        let thing = Self(Uuid::new_v4());
        let row = number_sequence::ActiveModel { name: Set(thing.row()), next_value: Set(0) };
        number_sequence::Entity::insert(row).exec_without_returning(store.read()).await.unwrap();
        thing
    }

    fn row(self) -> String {
        let mut name = self.0.simple().to_string();
        name.truncate(20);
        name
    }

    /// Waits for the thing's row, after the transaction has got its instant: that of a later
    /// version may be earlier.
    async fn change(self, tx: &Tx) -> Result<()> {
        let sql = "UPDATE number_sequence SET next_value = next_value + 1 WHERE name = $1 RETURNING next_value";
        let counted = Statement::from_sql_and_values(tx.get_database_backend(), sql, [self.row().into()]);
        let version: i64 = tx.query_one_raw(counted).await?.unwrap().try_get_by_index(0)?;
        let change = Change {
            entity: EntityKind::Batch,
            id: self.0,
            version,
            from: (version > 1).then(|| "running".to_owned()),
            to: "running".to_owned(),
            actor: Actor::System,
            note: None,
            event: "batch.updated",
            order_id: None,
            seller_id: None,
            data: json!({}),
        };
        history::record(tx, vec![change]).await
    }

    async fn changed(self, store: &Store) {
        store.write(async |tx| self.change(&tx).await).await.unwrap();
    }
}

/// The whole log in its order; the unnumbered last on PostgreSQL and first on SQLite.
async fn log(store: &Store) -> Vec<event::Model> {
    event::Entity::find().order_by_asc(event::Column::Position).all(store.read()).await.unwrap()
}

/// Everything is numbered, from 1 on without a gap, each thing's changes in their order, and the
/// sequence goes on after the last.
async fn assert_sound(store: &Store, events: usize) {
    let log = log(store).await;
    let positions: Vec<Option<i64>> = log.iter().map(|event| event.position).collect();
    let dense: Vec<Option<i64>> = (1..=i64::try_from(events).unwrap()).map(Some).collect();
    assert_eq!(positions, dense);
    for (at, event) in log.iter().enumerate() {
        let before = log[..at].iter().filter(|before| before.entity_id == event.entity_id).count();
        assert_eq!(event.version, i64::try_from(before).unwrap() + 1, "of {} at {at}", event.entity_id);
    }
    let sequence = number_sequence::Entity::find_by_id("event_position").one(store.read()).await.unwrap().unwrap();
    assert_eq!(sequence.next_value, i64::try_from(events).unwrap() + 1);
}
