//! What the document says of all operations alike: limits of what every list and every repeatable
//! request takes, and that bodies take no more than they name.

use serde_json::{Map, Value, json};

use crate::http::page::{DEFAULT_LIMIT, LONGEST};
use crate::http::replay::LONGEST_KEY;

/// A UUID, or a number.
const LONGEST_CURSOR: usize = 36;

/// A version in quotes.
const LONGEST_TAG: usize = 22;

/// A type of event or the beginning of one.
const LONGEST_EVENT_TYPE: usize = 60;

/// States the limits that are kept where a value is read rather than by the framework.
pub(super) fn limits(document: &mut Value) {
    // Looked for rather than indexed, which would put a null where there are none.
    let lists = operations(document).filter_map(|operation| operation.get_mut("parameters")?.as_array_mut());
    for parameter in lists.flatten() {
        let stated = match parameter["name"].as_str() {
            Some("limit") => json!({"minimum": 1, "maximum": LONGEST, "default": DEFAULT_LIMIT}),
            Some("cursor") => json!({"maxLength": LONGEST_CURSOR}),
            Some("Idempotency-Key") => json!({"minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"}),
            Some("If-Match") => json!({"maxLength": LONGEST_TAG}),
            _ => continue,
        };
        extend(&mut parameter["schema"], stated);
    }
    for schema in document["components"]["schemas"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        let types = schema.pointer_mut("/properties/event_types/items").filter(|items| items.get("$ref").is_none());
        if let Some(items) = types {
            extend(items, json!({"maxLength": LONGEST_EVENT_TYPE}));
        }
    }
}

/// States that request bodies, and what is in them, have no other fields than those they name.
pub(super) fn closed_bodies(document: &mut Value) {
    let bodies = operations(document).filter_map(|operation| operation.get("requestBody").cloned());
    let mut open: Vec<String> = bodies.flat_map(|body| names(&body)).collect();
    let mut closed = Vec::new();
    while let Some(name) = open.pop() {
        if closed.contains(&name) {
            continue;
        }
        let schema = &mut document["components"]["schemas"][&name];
        open.extend(names(schema));
        if schema["type"] == "object" {
            extend(schema, json!({"additionalProperties": false}));
        }
        closed.push(name);
    }
}

/// States that a cart which has become an order before is answered with that order and 200.
pub(super) fn placed_before(document: &mut Value) {
    for operation in operations(document).filter(|operation| operation["operationId"] == "placeOrder") {
        let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { continue };
        if let Some(mut placed) = responses.get("201").cloned() {
            placed["description"] = json!("The order that this cart has become before.");
            responses.insert("200".to_owned(), placed);
        }
    }
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    paths.filter_map(Value::as_object_mut).flat_map(Map::values_mut)
}

/// The schemas that a part of the document refers to.
fn names(part: &Value) -> Vec<String> {
    match part {
        Value::Object(fields) => {
            let named = fields.get("$ref").and_then(Value::as_str);
            let named = named.and_then(|reference| reference.strip_prefix("#/components/schemas/"));
            named.map(ToOwned::to_owned).into_iter().chain(fields.values().flat_map(names)).collect()
        }
        Value::Array(items) => items.iter().flat_map(names).collect(),
        _ => Vec::new(),
    }
}

fn extend(schema: &mut Value, stated: Value) {
    if let (Some(schema), Value::Object(stated)) = (schema.as_object_mut(), stated) {
        schema.extend(stated);
    }
}
