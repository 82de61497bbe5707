//! Events at real brokers, and at brokers that are away: nothing is lost, and each order's events
//! come in their order.

#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "rabbitmq")]
mod rabbitmq;
mod redis_streams;

use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};
use souk_entity::event;
use souk_entity::id::{EventId, OrderId};
use souk_entity::status::EntityKind;
use uuid::Uuid;

/// The numbered events `from` to `to` of a few orders.
fn events(from: i64, to: i64) -> Vec<event::Model> {
    (from..=to)
        .map(|position| {
            let order = Uuid::from_u128(u128::try_from(position % 7).unwrap());
            event::Model {
                id: EventId(Uuid::from_u128(1_000 + u128::try_from(position).unwrap())),
                r#type: "order.shipped".into(),
                entity_kind: EntityKind::Order,
                entity_id: order,
                version: position,
                order_id: Some(OrderId(order)),
                seller_id: None,
                data: json!({"status": "shipped"}),
                occurred_at: DateTime::from_timestamp(1_790_000_000, 0).unwrap() + TimeDelta::seconds(position),
                position: Some(position),
            }
        })
        .collect()
}

/// The position of a CloudEvent, which is looked at.
fn position(payload: &[u8]) -> i64 {
    let told: Value = serde_json::from_slice(payload).unwrap();
    assert_eq!((&told["specversion"], &told["type"]), (&json!("1.0"), &json!("order.shipped")));
    assert!(told["source"].as_str().unwrap().starts_with("/souk/test"));
    let position = told["sequence"].as_str().unwrap().parse().unwrap();
    assert_eq!(told["data"]["version"], json!(position));
    position
}

/// Told at least once, and for the first time in this order.
fn assert_all_told(got: &[i64], expected: impl IntoIterator<Item = i64>) {
    let mut first = Vec::new();
    for position in got {
        if !first.contains(position) {
            first.push(*position);
        }
    }
    assert_eq!(first, expected.into_iter().collect::<Vec<_>>(), "of {got:?}");
}
