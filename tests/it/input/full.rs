//! Bodies with everything in them that the document knows, and the places in them.

use serde_json::{Map, Value, json};

use super::NOBODY;
use crate::document::resolve;
use crate::souk::text;

/// A body with every field of its schema, as its examples have it where they do.
pub fn full(document: &Value, schema: &Value) -> Value {
    let schema = resolve(document, schema);
    match schema["type"].as_str() {
        Some("object") => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            let fields = fields.map(|(name, inner)| match &schema["example"][name] {
                told if told.is_null() && name == "url" => (name.clone(), json!("https://example.com/")),
                told if told.is_null() || told.is_object() || told.is_array() => (name.clone(), full(document, inner)),
                told => (name.clone(), told.clone()),
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Some("array") => json!([full(document, &schema["items"])]),
        Some("integer") => schema["minimum"].as_f64().map_or(json!(1), |least| json!(whole(least))),
        Some("boolean") => json!(true),
        Some("string") => match (schema["enum"].get(0), schema["format"].as_str(), schema.get("pattern")) {
            (Some(word), ..) => word.clone(),
            (_, Some("uuid"), _) => json!(NOBODY),
            (_, Some("date-time"), _) => json!("2030-01-01T00:00:00Z"),
            (_, _, Some(_)) => json!("US"),
            _ => json!("x".repeat(length(schema, "minLength").unwrap_or(1).max(1))),
        },
        other => panic!("{other:?}"),
    }
}

/// Every schema of a body, with the JSON pointer to its value in [`full`].
pub fn places(document: &Value, schema: &Value) -> Vec<(String, Value)> {
    let mut places = Vec::new();
    let mut open = vec![(String::new(), schema.clone())];
    while let Some((pointer, schema)) = open.pop() {
        let schema = resolve(document, &schema).clone();
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            open.push((format!("{pointer}/{name}"), inner.clone()));
        }
        if schema["type"] == "array" {
            open.push((format!("{pointer}/0"), schema["items"].clone()));
        }
        places.push((pointer, schema));
    }
    places
}

/// A bound of a text or a list.
pub fn length(schema: &Value, bound: &str) -> Option<usize> {
    schema[bound].as_u64().and_then(|bound| usize::try_from(bound).ok())
}

/// A bound of an integer, which the document may write with a point.
pub fn whole(bound: f64) -> i64 {
    format!("{bound:.0}").parse().expect("a whole number")
}

/// All names of fields in the answers of an operation.
pub fn answered(document: &Value, operation: &Value) -> Vec<String> {
    let mut names = Vec::new();
    let mut seen = Vec::new();
    let successes = operation["responses"].as_object().into_iter().flatten();
    let successes = successes.filter(|(status, _)| status.starts_with('2'));
    let mut open: Vec<Value> =
        successes.map(|(_, answer)| answer["content"]["application/json"]["schema"].clone()).collect();
    while let Some(schema) = open.pop() {
        let schema = resolve(document, &schema);
        if seen.contains(schema) {
            continue;
        }
        seen.push(schema.clone());
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            names.push(text(&json!(name)).to_owned());
            open.push(inner.clone());
        }
        if !schema["items"].is_null() {
            open.push(schema["items"].clone());
        }
    }
    names
}
