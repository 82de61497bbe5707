//! The number of a payment card is refused wherever it comes, and neither kept nor logged.

use reqwest::Method;
use serde_json::json;

use super::words::send_everywhere;
use super::{JSON_KINDS, Shop, raw, refused};
use crate::document::{People, document, operations};
use crate::souk::client::send;
use crate::souk::{Answer, Options, Souk, text};

use super::full::{full, places};

/// A number for tests, as it is written and as it is told to nobody.
const CARD: &str = "4111 1111 1111 1111";
const PARTS: [&str; 3] = ["4111 1111", "4111111111111111", "4111%201111"];

#[track_caller]
fn card_refused(answer: &Answer, what: &str) {
    assert_eq!(answer.status.as_u16(), 422, "{what}: {}", answer.json());
    let error = refused(answer, 422, "CARD_NUMBER");
    assert!(!error.to_string().contains("1111"), "{what}: {error}");
}

#[tokio::test]
async fn no_text_of_any_body_takes_a_card() {
    let souk = Souk::start().await;
    let (document, people) = (document(), People::of(&souk).await);
    let mut tried = 0;
    for operation in operations(&document) {
        let Some(schema) = operation.body() else { continue };
        let body = full(&document, schema);
        for (place, _) in places(&document, schema).into_iter().filter(|(_, schema)| schema["type"] == "string") {
            let mut body = body.clone();
            *body.pointer_mut(&place).expect("a place") = json!(CARD);
            let client = people.for_path(&operation.path);
            let request = client.request(operation.method.clone(), &operation.address()).header("If-Match", "\"1\"");
            card_refused(&send(request.json(&body)).await, &format!("{} {place}", operation.id()));
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried} texts are tried");
}

#[tokio::test]
async fn a_card_is_neither_kept_nor_logged() {
    let shop = Shop::of(Souk::with(Options::default().env("SOUK_LOG", "debug")).await).await;
    let (anyone, seller) = (shop.souk.anyone(), &shop.seller.client);
    for (what, answer) in send_everywhere(&shop, CARD).await {
        card_refused(&answer, what);
    }
    let bodies = [
        r#"{"currency": "\u0034111 1111 1111 1111"}"#,
        r#"{"currency": "4111111111111111"#,
        r#"{"currency": 4111111111111111}"#,
        r#"{"4111111111111111": 1}"#,
        "4111111111111111",
    ];
    for body in bodies {
        card_refused(&send(raw(&anyone, "/api/v1/carts", body)).await, body);
        for kind in JSON_KINDS {
            let request = anyone.request(Method::POST, "/api/v1/carts").header("content-type", kind);
            card_refused(&send(request.body(body)).await, &format!("{kind} {body}"));
        }
        let form = anyone.request(Method::POST, "/api/v1/carts").header("content-type", "application/xml");
        let answer = send(form.body(body)).await;
        assert!(matches!(answer.status.as_u16(), 415 | 422), "{body}");
        assert!(!answer.json().to_string().contains("1111"), "{body}");
    }
    let upload = async |kind: &str, body: String| {
        let request = seller.request(Method::POST, "/api/v1/seller/batches/inventory").header("content-type", kind);
        send(request.body(body)).await
    };
    let many = "LAMP,Main,1\n".repeat(2_500);
    card_refused(&upload("text/csv", format!("sku,warehouse,on_hand\n{many}A,{CARD},1\n")).await, "a row");
    card_refused(&upload("text/csv", format!("sku,warehouse,{CARD}\nA,B,1\n")).await, "a header");
    let escaped = format!(r#"{{"sku":"4\u0031{}","warehouse":"x","on_hand":1}}"#, "1".repeat(14));
    card_refused(&upload("application/x-ndjson", escaped.clone()).await, "a line of JSON");
    let broken = escaped.trim_end_matches('}').to_owned();
    card_refused(&upload("application/x-ndjson", broken).await, "a line that is no JSON");
    let twice = format!(r#"{{"sku":"{CARD}","sku":"a\\b","warehouse":"x","on_hand":1}}"#);
    card_refused(&upload("application/x-ndjson", twice).await, "the first of two equal names");
    for path in
        ["/api/v1/orders/4111111111111111", "/api/v1/nothing/4111%201111%201111%201111", "/docs?4111111111111111"]
    {
        card_refused(&anyone.get(path).await, path);
    }
    for header in ["Idempotency-Key", "User-Agent"] {
        let request = anyone.request(Method::POST, "/api/v1/carts").header(header, "4111-1111-1111-1111");
        card_refused(&send(request.json(&json!({"currency": "USD"}))).await, header);
    }
    let numbered = anyone.request(Method::GET, "/api/v1/catalog/products").header("x-request-id", "4111111111111111");
    assert_ne!(send(numbered).await.header("x-request-id"), Some("4111111111111111"));

    for row in shop.souk.database().contents(&[]).await.into_values().flatten() {
        assert!(!PARTS.iter().any(|part| row.contains(part)), "{row}");
    }
    let log = shop.souk.log();
    assert!(log.contains("INFO") && log.contains("(a card number)"), "requests are told in the log");
    for line in log.lines() {
        assert!(!PARTS.iter().any(|part| line.contains(part)), "{line}");
    }
}

#[tokio::test]
async fn what_only_looks_like_one_is_taken() {
    let shop = Shop::open().await;
    let texts = [
        "4006381333931",
        "9783161484100",
        "019aa0f1-7e1c-7d3a-8c55-0f8e3b6c2a41",
        "DE89 3704 0044 0532 0130 00",
        "+49 151 2345 6789, or +1 (415) 555-2671",
        "9400 1118 9922 3197 4284 90",
        "2026-11-28 10:15:30",
    ];
    for (at, taken) in texts.into_iter().enumerate() {
        let product = json!({"name": taken, "description": taken});
        let product = shop.seller.client.post("/api/v1/seller/products", product).await.expect(201);
        let path = format!("/api/v1/seller/products/{}/variants", text(&product["id"]));
        let variant = json!({"sku": format!("{taken}{}", " ".repeat(at)).trim(), "name": taken, "weight_grams": 1});
        shop.seller.client.post(&path, variant).await.expect(201);
    }
}
