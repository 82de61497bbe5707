//! Positions in the log, given after the commit.
//!
//! What is not numbered yet is found by that very state and not by a position or id that a reader
//! has come to: a transaction that commits late is numbered late, and nobody passes over it.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Statement, Value};
use souk_entity::id::EventId;
use souk_entity::number_sequence;
use souk_entity::status::EntityKind;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::store::{Store, Tx};

/// The row that holds the next position.
pub const SEQUENCE: &str = "event_position";

/// About this many events are numbered in one transaction.
pub const BATCH: usize = 1_000;

/// How far the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last position that was given; 0: none.
    pub position: i64,
    /// Whether events wait for theirs.
    pub unnumbered: bool,
}

/// How far the log is; one cheap statement.
///
/// # Errors
/// The database's; [`crate::Code::Internal`] when the sequence's row is gone.
pub async fn head(db: &impl ConnectionTrait) -> Result<Head> {
    let sql = "SELECT next_value, EXISTS (SELECT 1 FROM event WHERE position IS NULL) AS unnumbered \
               FROM number_sequence WHERE name = 'event_position'";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let row = row.ok_or_else(no_sequence)?;
    Ok(Head { position: row.try_get::<i64>("", "next_value")? - 1, unnumbered: row.try_get("", "unnumbered")? })
}

/// Numbers about [`BATCH`] events that have no position, in the order of their ids, but the changes
/// of one thing always in the order of its versions. Returns how many it numbered; less than
/// [`BATCH`]: there were no more.
///
/// # Errors
/// The database's.
pub async fn number(store: &Store) -> Result<usize> {
    store.write(async |tx| number_in(&tx, BATCH).await).await
}

async fn number_in(tx: &Tx, limit: usize) -> Result<usize> {
    // Whoever numbers at the same time waits here and then sees what is left; positions become
    // visible in their order.
    let sequence =
        number_sequence::Entity::find_by_id(SEQUENCE).lock_exclusive().one(&**tx).await?.ok_or_else(no_sequence)?;
    let mut events = unnumbered(tx, limit).await?;
    if events.is_empty() {
        return Ok(0);
    }
    if events.len() == limit {
        events.extend(earlier_changes(tx, limit, &events).await?);
    }
    let count = i64::try_from(events.len()).map_err(Error::internal)?;
    let positions: Vec<(EventId, i64)> = in_order(events).into_iter().zip(sequence.next_value..).collect();
    for part in positions.chunks(STATEMENT_ROWS) {
        assign(tx, part).await?;
    }
    number_sequence::Entity::update_many()
        .col_expr(number_sequence::Column::NextValue, Expr::col(number_sequence::Column::NextValue).add(count))
        .filter(number_sequence::Column::Name.eq(SEQUENCE))
        .exec(&**tx)
        .await?;
    Ok(positions.len())
}

/// An event that waits for its position.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Waiting {
    id: EventId,
    thing: (EntityKind, Uuid),
    version: i64,
}

async fn unnumbered(tx: &Tx, limit: usize) -> Result<Vec<Waiting>> {
    let sql = format!(
        "SELECT id, entity_kind, entity_id, version FROM event WHERE position IS NULL ORDER BY id LIMIT {limit}"
    );
    waiting(tx, &sql, []).await
}

/// Changes beyond the batch that belong before one in it: ids follow the clocks of processes and
/// the beginnings of transactions, versions follow what happened.
async fn earlier_changes(tx: &Tx, limit: usize, batch: &[Waiting]) -> Result<Vec<Waiting>> {
    let Some(last) = batch.last() else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT id, entity_kind, entity_id, version FROM event WHERE position IS NULL AND id > $1 \
         AND entity_id IN (SELECT entity_id FROM event WHERE position IS NULL ORDER BY id LIMIT {limit}) ORDER BY id"
    );
    let mut newest: HashMap<(EntityKind, Uuid), i64> = HashMap::new();
    for event in batch {
        let version = newest.entry(event.thing).or_insert(event.version);
        *version = Ord::max(*version, event.version);
    }
    let mut beyond = waiting(tx, &sql, [last.id.0.into()]).await?;
    beyond.retain(|event| newest.get(&event.thing).is_some_and(|version| event.version < *version));
    Ok(beyond)
}

async fn waiting(tx: &Tx, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<Vec<Waiting>> {
    let rows = tx.query_all_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    rows.iter()
        .map(|row| {
            Ok(Waiting {
                id: row.try_get("", "id")?,
                thing: (row.try_get("", "entity_kind")?, row.try_get("", "entity_id")?),
                version: row.try_get("", "version")?,
            })
        })
        .collect()
}

/// The ids in the order given, but that each thing's places are taken by its changes in the order
/// of their versions.
fn in_order(events: Vec<Waiting>) -> Vec<EventId> {
    let mut places: HashMap<(EntityKind, Uuid), Vec<usize>> = HashMap::new();
    for (place, event) in events.iter().enumerate() {
        places.entry(event.thing).or_default().push(place);
    }
    let mut ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
    for places in places.values().filter(|places| places.len() > 1) {
        let mut changes: Vec<&Waiting> = places.iter().filter_map(|place| events.get(*place)).collect();
        changes.sort_by_key(|event| event.version);
        for (place, event) in places.iter().zip(changes) {
            if let Some(id) = ids.get_mut(*place) {
                *id = event.id;
            }
        }
    }
    ids
}

/// Rows of one statement.
const STATEMENT_ROWS: usize = 512;

/// Writes positions. The rows are filled up with repetitions of the last to a power of two, so
/// that there are ten statements to prepare and not five hundred.
async fn assign(tx: &Tx, positions: &[(EventId, i64)]) -> Result<()> {
    let Some(last) = positions.last() else { return Ok(()) };
    let rows = positions.len().next_power_of_two();
    let mut list = String::new();
    for row in 0..rows {
        let separator = if row == 0 { "" } else { ", " };
        list += &format!("{separator}(${}, ${})", 2 * row + 1, 2 * row + 2);
    }
    let sql = format!(
        "UPDATE event SET position = given.column2 FROM (VALUES {list}) AS given WHERE event.id = given.column1"
    );
    let filled = positions.iter().chain(std::iter::repeat(last)).take(rows);
    let values = filled.flat_map(|(id, position)| [Value::from(id.0), Value::from(*position)]);
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let numbered = tx.execute_raw(statement).await?.rows_affected();
    if numbered == positions.len() as u64 {
        Ok(())
    } else {
        Err(Error::internal(format!("of {} events {numbered} were numbered", positions.len())))
    }
}

fn no_sequence() -> Error {
    Error::internal("the row of the log's positions is gone")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(id: u128, thing: u128, version: i64) -> Waiting {
        Waiting { id: EventId(Uuid::from_u128(id)), thing: (EntityKind::Order, Uuid::from_u128(thing)), version }
    }

    #[test]
    fn versions_of_a_thing_ascend_in_the_places_that_it_has() {
        let events = vec![event(1, 7, 2), event(2, 8, 1), event(3, 7, 3), event(4, 7, 1)];
        let ids: Vec<u128> = in_order(events).into_iter().map(|id| id.0.as_u128()).collect();
        assert_eq!(ids, [4, 2, 1, 3]);
    }

    proptest! {
        #[test]
        fn everything_is_kept_once_and_each_thing_in_its_order(
            events in prop::collection::hash_set((0_u128..6, 1_i64..20), 0..60)
        ) {
            let events: Vec<Waiting> =
                (0..).zip(&events).map(|(id, (thing, version))| event(id, *thing, *version)).collect();
            let ids = in_order(events.clone());
            let mut sorted = ids.clone();
            sorted.sort();
            prop_assert_eq!(sorted, events.iter().map(|event| event.id).collect::<Vec<_>>());
            let placed: Vec<&Waiting> =
                ids.iter().map(|id| events.iter().find(|event| event.id == *id).unwrap()).collect();
            for (at, event) in placed.iter().enumerate() {
                for later in &placed[at + 1..] {
                    prop_assert!(event.thing != later.thing || event.version < later.version);
                }
            }
        }
    }
}
