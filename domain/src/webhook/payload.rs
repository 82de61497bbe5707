//! What a webhook says: the event, and of its order the seller's own part only.

use chrono::SecondsFormat;
use serde_json::{Map, Value, json};
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::{event, seller_order};

use super::filter::OF_EVERY_PART;
use crate::money::Money;

/// Fields of events that hold amounts, in minor units of the `currency` beside them.
const AMOUNTS: [&str; 2] = ["total", "amount"];

/// The body that tells the seller of `part` of an event: the same bytes at every attempt.
///
/// It is made of rows that never change, so it need not be stored: the event, and number and id
/// of the seller's part of its order.
pub fn body(event: &event::Model, part: Option<&seller_order::Model>) -> Vec<u8> {
    let mut data = Map::new();
    if event.seller_id.is_some() {
        data.extend(event.data.as_object().cloned().unwrap_or_default());
        amounts_as_text(&mut data);
    } else if OF_EVERY_PART.contains(&event.r#type.as_str()) {
        // What else it says is of the whole order, so of other sellers too.
        data.extend(event.data.get("status").map(|status| ("status".to_owned(), status.clone())));
    }
    data.insert("id".into(), json!(event.id));
    data.insert("entity".into(), json!(event.entity_kind));
    data.insert("entity_id".into(), json!(event.entity_id));
    data.insert("version".into(), json!(event.version));
    if let Some(order) = event.order_id {
        data.insert("order_id".into(), json!(order));
    }
    if let Some(part) = part {
        data.insert("seller_order_id".into(), json!(part.id));
        data.insert("seller_order_number".into(), json!(part.number));
    }
    let timestamp = event.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true);
    json!({"type": event.r#type, "timestamp": timestamp, "data": data}).to_string().into_bytes()
}

/// Amounts as the API writes them: decimal strings in the currency beside them.
fn amounts_as_text(data: &mut Map<String, Value>) {
    let currency = data.get("currency").and_then(Value::as_str).and_then(|code| code.parse::<CurrencyCode>().ok());
    let Some(currency) = currency else { return };
    for name in AMOUNTS {
        if let Some(amount) = data.get(name).and_then(Value::as_i64) {
            data.insert(name.into(), Money { amount: MinorUnits(amount), currency }.to_string().into());
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use souk_entity::id::{EventId, OrderId, SellerId};
    use souk_entity::status::EntityKind;
    use uuid::Uuid;

    use super::*;

    fn event(event_type: &str, seller: Option<SellerId>) -> event::Model {
        event::Model {
            id: EventId(Uuid::from_u128(1)),
            r#type: event_type.into(),
            entity_kind: EntityKind::Order,
            entity_id: Uuid::from_u128(2),
            version: 3,
            order_id: Some(OrderId(Uuid::from_u128(2))),
            seller_id: seller,
            data: json!({"number": "S-1", "total": 12_345, "currency": "USD", "status": "pending"}),
            occurred_at: DateTime::from_timestamp(1_700_000_000, 5_000).expect("an instant"),
            position: None,
        }
    }

    fn read(event: &event::Model) -> Value {
        serde_json::from_slice(&body(event, None)).expect("JSON")
    }

    #[test]
    fn an_event_of_the_seller_is_told_with_all_it_says() {
        let own = event("seller_order.created", Some(SellerId(Uuid::from_u128(4))));
        let told = read(&own);
        assert_eq!(
            (&told["type"], &told["timestamp"]),
            (&json!("seller_order.created"), &json!("2023-11-14T22:13:20.000005Z"))
        );
        assert_eq!((&told["data"]["total"], &told["data"]["number"]), (&json!("123.45"), &json!("S-1")));
        assert_eq!((&told["data"]["version"], &told["data"]["entity"]), (&json!(3), &json!("order")));
        assert_eq!(body(&own, None), body(&own, None));
    }

    #[test]
    fn of_the_whole_order_only_its_status_is_told() {
        let data = read(&event("order.created", None))["data"].take();
        let mut told: Vec<&String> = data.as_object().expect("an object").keys().collect();
        told.sort_unstable();
        assert_eq!(told, ["entity", "entity_id", "id", "order_id", "status", "version"]);
        // Never sent at all; and if it were, it would say nothing of others.
        assert_eq!(read(&event("order.partially_shipped", None))["data"].get("status"), None);
    }
}
