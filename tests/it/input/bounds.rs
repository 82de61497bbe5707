//! Everything that is taken has a limit that the document tells; up to it nothing fails, and what is
//! beyond it is refused by its name.

use serde_json::{Value, json};

use super::full::{full, length, places, whole};
use crate::document::{Operation, People, document, operations, resolve};
use crate::souk::client::send;
use crate::souk::{Answer, Souk, text};

/// Numbers that may be as large as there are.
const AS_LARGE_AS_THEY_GET: [&str; 4] = ["usage_limit", "shopper_limit", "from_position", "after"];

fn is_bounded(schema: &Value, name: &str) -> bool {
    match schema["type"].as_str() {
        Some("string") => {
            let known = matches!(schema["format"].as_str(), Some("uuid" | "date-time"));
            known || schema["enum"].is_array() || schema["maxLength"].is_u64()
        }
        Some("array") => schema["maxItems"].is_u64(),
        Some("integer") => {
            let most = schema["maximum"].is_number() || AS_LARGE_AS_THEY_GET.contains(&name);
            most && (schema["minimum"].is_number() || name == "after")
        }
        Some("object") => schema["properties"].is_object() && schema["additionalProperties"] == json!(false),
        Some("boolean") => true,
        _ => false,
    }
}

#[test]
fn everything_that_is_taken_has_a_limit() {
    let document = document();
    let mut open = Vec::new();
    for operation in operations(&document) {
        for parameter in operation.spec["parameters"].as_array().into_iter().flatten() {
            let name = text(&parameter["name"]);
            if !is_bounded(resolve(&document, &parameter["schema"]), name) {
                open.push(format!("{} {name}", operation.id()));
            }
        }
        let Some(schema) = operation.body() else { continue };
        for (place, schema) in places(&document, schema) {
            if !is_bounded(&schema, place.rsplit('/').next().unwrap_or_default()) {
                open.push(format!("{} {place}", operation.id()));
            }
        }
    }
    assert!(open.is_empty(), "without a limit: {open:#?}");
}

async fn ask(people: &People, operation: &Operation, body: &Value) -> Answer {
    let request = people.for_path(&operation.path).request(operation.method.clone(), &operation.address());
    send(request.header("If-Match", "\"1\"").json(body)).await
}

fn with(body: &Value, place: &str, value: Value) -> Value {
    let mut body = body.clone();
    *body.pointer_mut(place).expect("a place") = value;
    body
}

#[tokio::test]
async fn what_is_beyond_a_limit_is_refused_and_nothing_fails_up_to_it() {
    let souk = Souk::start().await;
    let (document, people) = (document(), People::of(&souk).await);
    let mut tried = 0;
    for operation in operations(&document) {
        let Some(schema) = operation.body() else { continue };
        let body = full(&document, schema);
        for (place, schema) in places(&document, schema) {
            let what = format!("{} {place}", operation.id());
            let values = match schema["type"].as_str() {
                Some("string") => length(&schema, "maxLength").map(|most| {
                    // Four bytes each: limits are of characters, and so are columns.
                    let text = |length: usize| json!("\u{1F600}".repeat(length));
                    (text(most), text(most + 1), most.to_string())
                }),
                Some("array") => length(&schema, "maxItems").map(|most| {
                    let item = body.pointer(&format!("{place}/0")).expect("an item");
                    (json!(vec![item; most]), json!(vec![item; most + 1]), most.to_string())
                }),
                Some("integer") => {
                    schema["maximum"].as_f64().map(whole).map(|most| (json!(most), json!(most + 1), most.to_string()))
                }
                _ => None,
            };
            let Some((most, more, limit)) = values else { continue };
            tried += 1;
            let answer = ask(&people, &operation, &with(&body, &place, most)).await;
            assert!(answer.status.as_u16() < 500, "{what} at its limit: {}", answer.json());
            let answer = ask(&people, &operation, &with(&body, &place, more)).await;
            let error = answer.json();
            assert!(matches!(answer.status.as_u16(), 400 | 422), "{what}: {} {error}", answer.status);
            let message = text(&error["error"]["message"]);
            // A type of event is refused because there is none that long.
            let named = message.contains(&limit) || place.contains("/event_types/");
            assert!(named, "{what} beyond {limit}: {message}");
        }
    }
    assert!(tried > 120, "{tried} limits are tried");
}
