//! Events as the outside reads them: CloudEvents 1.0 in their JSON form, one object each.
//!
//! `type` is the event's own, such as `order.created`; `subject` names the thing that changed;
//! `sequence` (an extension of the specification) is the position in the log as text of 20 digits,
//! whose order is that of the events; `partitionkey` (another) is what events are kept in order by.

use chrono::SecondsFormat;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use souk_entity::event;
use souk_entity::id::PaymentId;
use uuid::Uuid;

/// The media type of the JSON form.
pub const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// The `source` of an installation's events.
pub fn source(namespace: &str) -> String {
    format!("/souk/{namespace}")
}

/// What keeps events in order where a broker has partitions: the order concerned, else the thing.
pub fn key(event: &event::Model) -> Uuid {
    event.order_id.map_or(event.entity_id, Uuid::from)
}

/// An event in its JSON form. `data` is the event's own with the ids concerned, the thing's version
/// and its status.
pub fn cloud_event(event: &event::Model, source: &str) -> Value {
    let mut data = match &event.data {
        Value::Object(fields) => fields.clone(),
        other => Map::from_iter([("value".to_owned(), other.clone())]),
    };
    data.insert("entity".into(), json!(event.entity_kind));
    data.insert("entity_id".into(), json!(event.entity_id));
    data.insert("version".into(), json!(event.version));
    data.insert("order_id".into(), json!(event.order_id));
    data.insert("seller_id".into(), json!(event.seller_id));
    let mut told = json!({
        "specversion": "1.0",
        "id": event.id,
        "source": source,
        "type": event.r#type,
        "subject": format!("{}/{}", event.entity_kind, event.entity_id),
        "time": event.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        "datacontenttype": "application/json",
        "partitionkey": key(event),
        "data": data,
    });
    if let (Some(position), Value::Object(fields)) = (event.position, &mut told) {
        fields.insert("sequence".into(), format!("{position:020}").into());
    }
    told
}

/// A payment's event of another system: it says which payment to ask the provider about, and is
/// believed in nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentNews {
    /// The sender's id of the event; told again under the same id it is the same event.
    pub id: String,
    /// The provider's name, as in the settings.
    pub provider: String,
    /// The payment.
    pub payment: PaymentName,
}

/// How a payment is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentName {
    /// By our id.
    Ours(PaymentId),
    /// By the provider's.
    Theirs(String),
}

/// The types that [`PaymentNews::read`] takes.
pub const PAYMENT_TYPES: [&str; 2] = ["payment.confirmed", "payment.failed"];

#[derive(Deserialize)]
struct Envelope {
    specversion: String,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    data: PaymentData,
}

#[derive(Deserialize)]
struct PaymentData {
    provider: String,
    payment_id: Option<PaymentId>,
    provider_ref: Option<String>,
}

impl PaymentNews {
    /// Reads a CloudEvent whose `data` has `provider` and `payment_id` or `provider_ref`.
    ///
    /// # Errors
    /// Why it cannot be read, in a sentence.
    pub fn read(body: &[u8]) -> Result<Self, String> {
        let event: Envelope = serde_json::from_slice(body)
            .map_err(|error| format!("It is not a CloudEvent about a payment: {error}."))?;
        if event.specversion != "1.0" {
            return Err(format!("`specversion` is {:?}; 1.0 is read.", event.specversion));
        }
        if !PAYMENT_TYPES.contains(&event.kind.as_str()) {
            return Err(format!("`type` is {:?}; {} are read.", event.kind, PAYMENT_TYPES.join(" and ")));
        }
        for (name, text, most) in [
            ("id", Some(&event.id), 120),
            ("source", Some(&event.source), 500),
            ("data.provider", Some(&event.data.provider), 20),
            ("data.provider_ref", event.data.provider_ref.as_ref(), 100),
        ] {
            if text.is_some_and(|text| !fits(text, most)) {
                return Err(format!("`{name}` has 1 to {most} characters, none of them a control character."));
            }
        }
        let payment = match (event.data.payment_id, event.data.provider_ref) {
            (Some(id), _) => PaymentName::Ours(id),
            (None, Some(reference)) => PaymentName::Theirs(reference),
            (None, None) => return Err("`data` has neither `payment_id` nor `provider_ref`.".to_owned()),
        };
        Ok(Self { id: event.id, provider: event.data.provider, payment })
    }
}

fn fits(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use souk_entity::id::{EventId, OrderId};
    use souk_entity::status::EntityKind;

    use super::*;

    fn event() -> event::Model {
        event::Model {
            id: EventId(Uuid::from_u128(1)),
            r#type: "shipment.updated".into(),
            entity_kind: EntityKind::Shipment,
            entity_id: Uuid::from_u128(2),
            version: 3,
            order_id: Some(OrderId(Uuid::from_u128(4))),
            seller_id: None,
            data: json!({"status": "in_transit", "version": "of the data"}),
            occurred_at: DateTime::from_timestamp(1_790_000_000, 120_000).unwrap(),
            position: Some(42),
        }
    }

    #[test]
    fn an_event_is_told_with_all_that_the_specification_asks_for() {
        let expected = json!({
            "specversion": "1.0",
            "id": "00000000-0000-0000-0000-000000000001",
            "source": "/souk/market",
            "type": "shipment.updated",
            "subject": "shipment/00000000-0000-0000-0000-000000000002",
            "time": "2026-09-21T14:13:20.000120Z",
            "datacontenttype": "application/json",
            "partitionkey": "00000000-0000-0000-0000-000000000004",
            "sequence": "00000000000000000042",
            "data": {
                "status": "in_transit",
                "entity": "shipment",
                "entity_id": "00000000-0000-0000-0000-000000000002",
                "version": 3,
                "order_id": "00000000-0000-0000-0000-000000000004",
                "seller_id": null,
            },
        });
        assert_eq!(cloud_event(&event(), &source("market")), expected);
        let of_no_order = event::Model { order_id: None, ..event() };
        assert_eq!(key(&of_no_order), Uuid::from_u128(2));
    }

    fn news(data: Value) -> Value {
        json!({"specversion": "1.0", "id": "evt_1", "source": "/psp", "type": "payment.confirmed", "data": data})
    }

    #[test]
    fn a_payment_is_named_by_our_id_or_by_the_providers() {
        let ours = news(json!({"provider": "simulated", "payment_id": Uuid::from_u128(7), "provider_ref": "pay_1"}));
        let theirs = news(json!({"provider": "simulated", "provider_ref": "pay_1", "amount": "1.00"}));
        for (told, payment) in
            [(ours, PaymentName::Ours(PaymentId(Uuid::from_u128(7)))), (theirs, PaymentName::Theirs("pay_1".into()))]
        {
            let read = PaymentNews::read(told.to_string().as_bytes());
            assert_eq!(read, Ok(PaymentNews { id: "evt_1".into(), provider: "simulated".into(), payment }));
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let good = news(json!({"provider": "simulated", "provider_ref": "pay_1"}));
        let with = |name: &str, value: Value| {
            let mut told = good.clone();
            told[name] = value;
            told.to_string()
        };
        for (told, why) in [
            ("garbage".to_owned(), "not a CloudEvent"),
            ("{}".to_owned(), "not a CloudEvent"),
            (with("specversion", json!("0.3")), "`specversion`"),
            (with("type", json!("payment.refunded")), "`type`"),
            (with("id", json!("")), "`id`"),
            (with("id", json!("e".repeat(121))), "`id`"),
            (with("id", json!("evt\0")), "`id`"),
            (with("data", json!({"provider": "simulated"})), "neither"),
            (with("data", json!({"provider_ref": "pay_1"})), "provider"),
            (with("data", json!({"provider": "p".repeat(21), "provider_ref": "pay_1"})), "`data.provider`"),
            (with("data", json!({"provider": "simulated", "provider_ref": ""})), "`data.provider_ref`"),
        ] {
            let refused = PaymentNews::read(told.as_bytes()).unwrap_err();
            assert!(refused.contains(why), "{told}: {refused}");
        }
    }
}
