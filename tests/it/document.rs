//! The OpenAPI document: it is the one that is committed and served, it says all that a client
//! needs to know, and what it says is so.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::souk::Souk;
use crate::souk::client::{Client, send, text};

const HOW: &str = "openapi/openapi.json is not what the code says; run: cargo run -- openapi > openapi/openapi.json";

/// Operations that anybody may call: they are safe, begin something, or are signed.
const PUBLIC: [&str; 17] = [
    "confirmEmail",
    "forgotPassword",
    "getHealth",
    "getProduct",
    "getReadiness",
    "listCategories",
    "listProducts",
    "getReturnPolicy",
    "listSellerShippingMethods",
    "listTransitions",
    "receiveCarrierWebhook",
    "receivePaymentWebhook",
    "refreshSession",
    "register",
    "resetPassword",
    "signIn",
    "signOut",
];

/// An operation of the document.
pub struct Operation {
    /// Its method.
    pub method: Method,
    /// Its path, with its parameters in braces.
    pub path: String,
    /// What the document says of it.
    pub spec: Value,
}

impl Operation {
    /// Its operation id.
    pub fn id(&self) -> &str {
        text(&self.spec["operationId"])
    }

    /// The path with an id that names nothing in every place.
    pub fn address(&self) -> String {
        let parts = self.path.split('/').map(|part| match part {
            "{provider}" | "{carrier}" => "simulated",
            "{name}" if self.path.contains("/schedules/") => "clean_up",
            id if id.starts_with('{') => "00000000-0000-7000-8000-000000000000",
            word => word,
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// How many parameters its path has.
    pub fn parameters(&self) -> usize {
        self.path.matches('{').count()
    }

    /// The path with these values in the places of its parameters.
    pub fn address_of(&self, values: &[&str]) -> String {
        assert_eq!(values.len(), self.parameters(), "the parameters of {}", self.id());
        let mut values = values.iter().copied();
        let parts =
            self.path.split('/').map(|part| if part.starts_with('{') { values.next().unwrap_or(part) } else { part });
        parts.collect::<Vec<_>>().join("/")
    }

    /// The example of its JSON body.
    pub fn example(&self, document: &Value) -> Option<Value> {
        self.body().map(|schema| resolve(document, schema)["example"].clone())
    }

    /// Whether it takes a file of rows.
    pub fn takes_rows(&self) -> bool {
        self.spec["requestBody"].is_object() && self.body().is_none()
    }

    /// Every field of its JSON body that is an id, such as `lines/0/line_id`, and with a question mark
    /// every id of its query.
    pub fn ids(&self, document: &Value) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        if let Some(schema) = self.body() {
            collect_ids(document, schema, "", &mut found);
        }
        for parameter in self.spec["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "query" && resolve(document, &parameter["schema"])["format"] == "uuid" {
                found.insert(format!("?{}", text(&parameter["name"])));
            }
        }
        found
    }

    /// The request with an example as its body.
    pub fn request(&self, document: &Value, client: &Client) -> RequestBuilder {
        let request = client.request(self.method.clone(), &self.address()).header("If-Match", "\"1\"");
        match self.body() {
            Some(schema) => request.json(&resolve(document, schema)["example"]),
            None if self.spec["requestBody"].is_object() => {
                // Every file of rows may be written so.
                request.header("content-type", "application/x-ndjson").body("{}\n")
            }
            None => request,
        }
    }

    /// The schema of its JSON body.
    pub fn body(&self) -> Option<&Value> {
        self.spec["requestBody"]["content"].get("application/json").map(|content| &content["schema"])
    }
}

fn collect_ids(document: &Value, schema: &Value, place: &str, found: &mut BTreeSet<String>) {
    let schema = resolve(document, schema);
    if schema["format"] == "uuid" {
        found.insert(place.to_owned());
    }
    let below = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}/{name}") };
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        collect_ids(document, schema, &below(name), found);
    }
    if schema["type"] == "array" {
        collect_ids(document, &schema["items"], &below("0"), found);
    }
}

fn printed() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_souk")).env_clear().arg("openapi").output().expect("souk runs");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("text")
}

/// The document.
pub fn document() -> Value {
    serde_json::from_str(&printed()).expect("JSON")
}

/// All operations of a document.
pub fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().expect("paths");
    let all = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().expect("methods").iter().map(|(method, spec)| Operation {
            method: method.to_uppercase().parse().expect("a method"),
            path: path.clone(),
            spec: spec.clone(),
        })
    });
    all.collect()
}

/// The schema that a reference stands for.
pub fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().or_else(|| schema["allOf"][0]["$ref"].as_str()) {
        Some(reference) => {
            let name = reference.strip_prefix("#/components/schemas/").expect("a schema's name");
            &document["components"]["schemas"][name]
        }
        None => schema,
    }
}

#[test]
fn is_the_committed_one() {
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json")).expect(HOW);
    assert!(committed == printed(), "{HOW}");
}

#[tokio::test]
async fn is_the_served_one_and_can_be_read_by_people() {
    let souk = Souk::start().await;
    let served = souk.anyone().get("/openapi.json").await;
    served.expect(200);
    assert_eq!(served.header("content-type"), Some("application/json"));
    assert!(served.body == printed().into_bytes(), "the served document is not the printed one");
    let docs = souk.anyone().get("/docs").await;
    assert_eq!(docs.status.as_u16(), 200);
    assert!(docs.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
}

#[test]
fn every_operation_says_all_that_a_client_needs() {
    let document = document();
    let operations = operations(&document);
    assert!(operations.len() > 80, "operations are found");
    let mut ids = BTreeSet::new();
    let declared: BTreeSet<&str> =
        document["tags"].as_array().expect("tags").iter().map(|tag| text(&tag["name"])).collect();
    for operation in &operations {
        let (id, spec) = (operation.id(), &operation.spec);
        assert!(ids.insert(id.to_owned()), "two operations are called {id}");
        let camel = id.starts_with(|c: char| c.is_ascii_lowercase()) && id.chars().all(|c| c.is_ascii_alphanumeric());
        assert!(camel, "{id} is not in camelCase");
        let tags = spec["tags"].as_array().unwrap_or_else(|| panic!("{id} has no tag"));
        assert!(tags.len() == 1 && declared.contains(text(&tags[0])), "{id} has one declared tag");
        assert!(spec["summary"].as_str().is_some_and(|summary| summary.len() > 5), "{id} has no summary");
        let public = spec["security"].as_array().is_none_or(Vec::is_empty);
        assert_eq!(public, PUBLIC.contains(&id), "whether {id} asks for a credential");
        for parameter in spec["parameters"].as_array().into_iter().flatten() {
            let described =
                parameter["in"] == "path" || parameter["description"].as_str().is_some_and(|d| !d.is_empty());
            assert!(described, "{} of {id} has no description", parameter["name"]);
        }
        responses_are_described(&document, operation);
    }
    for id in PUBLIC {
        assert!(ids.contains(id), "{id} is gone");
    }
}

fn responses_are_described(document: &Value, operation: &Operation) {
    let (id, responses) = (operation.id(), operation.spec["responses"].as_object().expect("responses"));
    assert!(responses.keys().any(|status| status.starts_with('2')), "{id} never succeeds");
    // What reads no request and no database cannot fail.
    if ["getHealth", "listTransitions"].contains(&id) {
        return;
    }
    for status in ["400", "401", "403", "404", "409", "412", "413", "415", "422", "428", "429", "500", "503"] {
        let schema =
            &responses.get(status).unwrap_or_else(|| panic!("{id} has no {status}"))["content"]["application/json"];
        let error = resolve(document, &schema["schema"]);
        assert_eq!(
            error["properties"].as_object().map(|fields| fields.len()),
            Some(1),
            "{status} of {id} is the error"
        );
        assert!(error["properties"]["error"].is_object(), "{status} of {id} is the error");
    }
}

/// Readers that check refuse a field that is null where OpenAPI wants a list or leaves it out.
#[test]
fn no_field_of_an_operation_is_null() {
    let document: Value = serde_json::from_str(&printed()).expect("JSON");
    let methods = document["paths"].as_object().expect("paths").values().filter_map(Value::as_object).flatten();
    let mut looked_at = 0;
    for (_, operation) in methods {
        let nulls: Vec<&String> = operation
            .as_object()
            .expect("an operation")
            .iter()
            .filter(|(_, field)| field.is_null())
            .map(|f| f.0)
            .collect();
        assert!(nulls.is_empty(), "{}: {nulls:?}", operation["operationId"]);
        looked_at += 1;
    }
    assert!(looked_at > 200, "{looked_at}");
}

#[test]
fn every_error_code_is_told() {
    let document = document();
    let told = text(&document["info"]["description"]);
    for code in souk_domain::Code::ALL {
        assert!(told.contains(&format!("`{}`", code.as_str())), "{}", code.as_str());
    }
}

#[test]
fn no_path_is_told_twice_under_other_names() {
    let mut seen: BTreeMap<(String, String), String> = BTreeMap::new();
    for operation in operations(&document()) {
        // Paths that differ only in what their parameters are called are one.
        let shape = operation.path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
        let shape = shape.collect::<Vec<_>>().join("/");
        let shape = shape.trim_end_matches('/').to_owned();
        let before = seen.insert((operation.method.to_string(), shape), operation.id().to_owned());
        assert!(before.is_none(), "{} and {before:?} have one path", operation.id());
    }
}

#[test]
fn every_json_body_has_an_example_that_fits_its_schema() {
    let document = document();
    for operation in operations(&document) {
        let Some(schema) = operation.body() else { continue };
        let schema = resolve(&document, schema);
        let example = &schema["example"];
        assert!(example.is_object(), "the body of {} has no example", operation.id());
        fits(&document, schema, example, operation.id());
    }
}

/// Required fields are there, others are known, and each is of its type.
fn fits(document: &Value, schema: &Value, value: &Value, place: &str) {
    let schema = resolve(document, schema);
    match schema["type"].as_str() {
        Some("object") => {
            let (fields, known) = (value.as_object().expect(place), schema["properties"].as_object().expect(place));
            for required in schema["required"].as_array().into_iter().flatten() {
                assert!(fields.contains_key(text(required)), "{required} is missing in the example of {place}");
            }
            for (name, value) in fields {
                let schema = known.get(name).unwrap_or_else(|| panic!("{name} is unknown in the example of {place}"));
                fits(document, schema, value, &format!("{place}.{name}"));
            }
        }
        Some("array") => {
            value.as_array().expect(place).iter().for_each(|item| fits(document, &schema["items"], item, place))
        }
        Some("string") => {
            let value = text(value);
            let words = schema["enum"].as_array();
            assert!(words.is_none_or(|words| words.iter().any(|word| word == value)), "{value} of {place}");
        }
        Some("integer") => assert!(value.is_i64(), "{place}"),
        Some("boolean") => assert!(value.is_boolean(), "{place}"),
        other => panic!("{place} is of type {other:?}"),
    }
}

/// Signed in as everybody at once: each operation is asked by one whom it lets in.
pub struct People {
    anyone: Client,
    shopper: Client,
    seller: Client,
    admin: Client,
}

impl People {
    /// Registers them.
    pub async fn of(souk: &Souk) -> Self {
        Self {
            anyone: souk.anyone(),
            shopper: souk.shopper().await.client(),
            seller: souk.seller("A Seller").await.client,
            admin: souk.admin().await.client.clone(),
        }
    }

    /// Who may ask at a path.
    pub fn for_path(&self, path: &str) -> &Client {
        let path = path.strip_prefix("/api/v1/").unwrap_or(path);
        match path.split('/').next() {
            Some("admin") => &self.admin,
            Some("seller") => &self.seller,
            Some("auth") => &self.anyone,
            _ => &self.shopper,
        }
    }
}

#[tokio::test]
async fn every_operation_is_there_and_asks_for_the_credential_that_it_says() {
    let souk = Souk::start().await;
    for operation in operations(&document()) {
        let answer = send(souk.anyone().request(operation.method.clone(), &operation.address())).await;
        let (id, status) = (operation.id(), answer.status.as_u16());
        let error = answer.json();
        assert!(status < 500, "{id}: {status} {error}");
        assert_ne!(error["error"]["code"], "ROUTE_NOT_FOUND", "{id} is not routed");
        // A cart may be begun by anybody, so only its body can be wrong.
        if !PUBLIC.contains(&id) && id != "createCart" {
            answer.refused(401, "UNAUTHENTICATED");
        }
    }
}

#[tokio::test]
async fn an_id_that_names_nothing_is_not_found_everywhere() {
    let souk = Souk::start().await;
    let (document, people) = (document(), People::of(&souk).await);
    for operation in operations(&document) {
        if !operation.path.contains("id}") || operation.id() == "listSellerShippingMethods" {
            continue;
        }
        let client = people.for_path(&operation.path);
        let mut request = client.request(operation.method.clone(), &operation.address()).header("If-Match", "\"1\"");
        if let Some(schema) = operation.body() {
            request = request.json(&resolve(&document, schema)["example"]);
        }
        let answer = send(request).await;
        assert_eq!(answer.status.as_u16(), 404, "{}: {}", operation.id(), answer.json());
        answer.refused(404, "NOT_FOUND");
        let garbage = operation.address().replace("00000000-0000-7000-8000-000000000000", "garbage");
        let mut request = client.request(operation.method.clone(), &garbage).header("If-Match", "\"1\"");
        if let Some(schema) = operation.body() {
            request = request.json(&resolve(&document, schema)["example"]);
        }
        send(request).await.refused(404, "NOT_FOUND");
    }
}
