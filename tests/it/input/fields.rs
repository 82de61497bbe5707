//! What a request has too much: fields that no operation knows, fields that only answers have, and
//! query parameters.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::full::{answered, full, places};
use super::{raw, refused};
use crate::document::{Operation, People, document, operations, resolve};
use crate::souk::client::send;
use crate::souk::{Answer, Client, Souk, text};

/// What an attacker would set, whatever they change.
const COVETED: [&str; 34] = [
    "id",
    "status",
    "state",
    "version",
    "seller_id",
    "user_id",
    "owner_id",
    "role",
    "roles",
    "capabilities",
    "scopes",
    "permissions",
    "is_admin",
    "admin",
    "is_verified",
    "email_verified",
    "verified_at",
    "approved",
    "approved_at",
    "password_hash",
    "secret",
    "total",
    "subtotal",
    "price",
    "unit_price",
    "commission",
    "commission_percent",
    "reserve_percent",
    "payout_hold_days",
    "balance",
    "paid_at",
    "created_at",
    "updated_at",
    "used",
];

/// What background work writes at any time.
const BUSY: [&str; 5] = ["job", "schedule", "event_consumer", "event", "number_sequence"];

/// Requests at once.
const AT_ONCE: usize = 32;

async fn ask(people: &People, operation: &Operation, body: &Value) -> Answer {
    let request = people.for_path(&operation.path).request(operation.method.clone(), &operation.address());
    send(request.header("If-Match", "\"1\"").json(body)).await
}

fn put(body: &Value, place: &str, name: &str, value: Value) -> Value {
    let mut body = body.clone();
    let object = body.pointer_mut(place).and_then(Value::as_object_mut).expect("an object");
    assert!(object.insert(name.to_owned(), value).is_none(), "{name} is known");
    body
}

fn objects(document: &Value, schema: &Value) -> Vec<(String, Value)> {
    places(document, schema).into_iter().filter(|(_, schema)| schema["type"] == "object").collect()
}

#[tokio::test]
async fn every_object_of_every_body_refuses_what_it_does_not_know() {
    let souk = Souk::start().await;
    let (document, people) = (document(), People::of(&souk).await);
    let (mut bodies, mut nested) = (0, 0);
    for operation in operations(&document) {
        let Some(schema) = operation.body() else { continue };
        let body = full(&document, schema);
        for (place, schema) in objects(&document, schema) {
            let what = format!("{} {place}", operation.id());
            assert_eq!(schema["additionalProperties"], json!(false), "{what}");
            let answer = ask(&people, &operation, &put(&body, &place, "surprise", json!(1))).await;
            assert_eq!(answer.status.as_u16(), 400, "{what}: {}", answer.json());
            let error = refused(&answer, 400, "MALFORMED_REQUEST");
            assert!(text(&error["message"]).contains("surprise"), "{what}: {error}");
            nested += usize::from(!place.is_empty());
        }
        bodies += 1;
    }
    assert!(bodies > 40 && nested > 10, "{bodies} bodies and {nested} objects in them are found");
}

#[tokio::test]
async fn no_field_of_an_answer_gets_in() {
    let souk = Souk::start().await;
    let (document, people) = (document(), People::of(&souk).await);
    let mut of_resource: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for operation in operations(&document) {
        of_resource.entry(resource(&operation)).or_default().extend(answered(&document, &operation.spec));
    }
    let operations: Vec<Operation> = operations(&document).into_iter().filter(|o| o.body().is_some()).collect();
    let mut tries = Vec::new();
    for operation in &operations {
        let schema = operation.body().expect("a body");
        let body = full(&document, schema);
        for (place, schema) in objects(&document, schema) {
            let known = schema["properties"].as_object().expect("fields");
            let names = of_resource[&resource(operation)].iter().map(String::as_str).chain(COVETED);
            for name in names.filter(|name| !known.contains_key(*name)).collect::<BTreeSet<_>>() {
                tries.push((operation, put(&body, &place, name, plausible(name)), name.to_owned()));
            }
        }
    }
    assert!(tries.len() > 2_000, "{} fields are tried", tries.len());
    souk.settle().await;
    let before = souk.database().rows(&BUSY).await;
    let people = &people;
    let answers = stream::iter(tries).map(async |(operation, body, name)| {
        let answer = ask(people, operation, &body).await;
        let error = answer.json();
        assert_eq!(answer.status.as_u16(), 400, "{name} of {}: {error}", operation.id());
        let message = text(&answer.refused(400, "MALFORMED_REQUEST")["message"]).to_owned();
        assert!(message.contains(&name), "{name} of {}: {error}", operation.id());
    });
    answers.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    assert_eq!(souk.database().rows(&BUSY).await, before, "nothing has changed");
}

/// Operations on the same things: the first words of their path.
fn resource(operation: &Operation) -> String {
    let words = operation.path.trim_start_matches("/api/v1/").split('/').filter(|part| !part.starts_with('{'));
    words.take(2).collect::<Vec<_>>().join("/")
}

fn plausible(name: &str) -> Value {
    match name {
        name if name.ends_with("id") => json!(super::NOBODY),
        name if name.ends_with("_at") => json!("2030-01-01T00:00:00Z"),
        "status" | "state" => json!("approved"),
        "role" => json!("admin"),
        "roles" | "capabilities" | "scopes" | "permissions" => json!(["admin"]),
        name if name.starts_with("is_") || name.ends_with("verified") || name == "admin" || name == "approved" => {
            json!(true)
        }
        "version" | "used" | "payout_hold_days" => json!(1),
        _ => json!("1.00"),
    }
}

#[tokio::test]
async fn every_operation_refuses_query_parameters_that_it_does_not_know() {
    let souk = Souk::start().await;
    let (document, people) = (document(), People::of(&souk).await);
    let ask = async |client: &Client, operation: &Operation, query: &str| {
        let address = format!("{}?{query}", operation.address());
        let answer = send(client.request(operation.method.clone(), &address)).await;
        assert_eq!(answer.status.as_u16(), 400, "{} {query}: {}", operation.id(), answer.json());
        text(&refused(&answer, 400, "MALFORMED_REQUEST")["message"]).to_owned()
    };
    for operation in operations(&document) {
        let client = people.for_path(&operation.path);
        // What companies send is signed, and theirs to address.
        if operation.path.starts_with("/api/v1/webhooks/") {
            continue;
        }
        assert!(ask(client, &operation, "surprise=1").await.contains("\"surprise\""), "{}", operation.id());
        for parameter in operation.spec["parameters"].as_array().into_iter().flatten() {
            let (name, schema) = (text(&parameter["name"]), resolve(&document, &parameter["schema"]));
            if parameter["in"] == "query" && schema["type"] != "array" {
                let told = ask(client, &operation, &format!("{name}=1&{name}=1")).await;
                assert!(told.contains("twice"), "{}: {told}", operation.id());
            }
        }
    }
    for path in ["/openapi.json?v=1", "/docs?v=1"] {
        assert_eq!(souk.anyone().get(path).await.status.as_u16(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_name_is_there_once_and_levels_end() {
    let souk = Souk::start().await;
    let anyone = souk.anyone();
    for (body, named) in [
        (r#"{"currency": "EUR", "currency": "USD"}"#.to_owned(), "currency"),
        (format!(r#"{{"currency": "USD", "lines": {}{}}}"#, "[".repeat(20), "]".repeat(20)), "levels"),
    ] {
        let answer = send(raw(&anyone, "/api/v1/carts", body)).await;
        let error = refused(&answer, 400, "MALFORMED_REQUEST");
        assert!(text(&error["message"]).contains(named), "{error}");
    }
    assert_eq!(souk.database().number("SELECT count(*) FROM cart", []).await, 0);
}
