//! Addresses, queries and headers that make no sense.

use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::souk::client::send;
use crate::souk::{Souk, text};

use super::{NOBODY, Shop, refused, refused_somehow};

#[tokio::test]
async fn a_list_with_a_bad_limit_or_cursor() {
    let shop = Shop::open().await;
    let client = shop.shopper.client();
    for list in ["/api/v1/catalog/products", "/api/v1/orders", "/api/v1/returns"] {
        for (query, status, code) in [
            ("limit=0", 422, "INVALID_VALUE"),
            ("limit=101", 422, "INVALID_VALUE"),
            ("limit=18446744073709551615", 422, "INVALID_VALUE"),
            ("limit=18446744073709551616", 400, "MALFORMED_REQUEST"),
            ("limit=-1", 400, "MALFORMED_REQUEST"),
            ("limit=ten", 400, "MALFORMED_REQUEST"),
            ("limit=", 400, "MALFORMED_REQUEST"),
            ("cursor=x", 400, "MALFORMED_REQUEST"),
            ("cursor=", 400, "MALFORMED_REQUEST"),
            ("cursor=%00", 400, "MALFORMED_REQUEST"),
            ("cursor=%ff", 400, "MALFORMED_REQUEST"),
            ("cursor='%20OR%201=1", 400, "MALFORMED_REQUEST"),
        ] {
            let answer = client.get(&format!("{list}?{query}")).await;
            assert_eq!(answer.status.as_u16(), status, "{list}?{query}: {}", answer.json());
            refused(&answer, status, code);
        }
    }
    for query in ["status=sold", "status=", "status=PENDING"] {
        refused(&client.get(&format!("/api/v1/orders?{query}")).await, 400, "MALFORMED_REQUEST");
    }
    let nowhere = client.get(&format!("/api/v1/orders?cursor={NOBODY}")).await.expect(200);
    assert_eq!(nowhere["items"], json!([]));
}

#[tokio::test]
async fn an_address_that_names_nothing() {
    let shop = Shop::open().await;
    let client = shop.shopper.client();
    for id in ["x", "1", "1'--", &"a".repeat(5_000), "00000000-0000-7000-8000-00000000000g", NOBODY] {
        refused(&client.get(&format!("/api/v1/orders/{id}")).await, 404, "NOT_FOUND");
        refused(&client.get(&format!("/api/v1/carts/{id}")).await, 404, "NOT_FOUND");
    }
    for (method, path) in [
        (Method::GET, "/api/v1/nothing"),
        (Method::GET, "/api/v2/orders"),
        (Method::DELETE, "/api/v1/orders"),
        (Method::PATCH, "/api/v1/carts"),
        (Method::TRACE, "/api/v1/orders"),
    ] {
        refused(&send(client.request(method, path)).await, 404, "ROUTE_NOT_FOUND");
    }
    for path in ["/api/v1/orders/%00", "/api/v1/orders/%ff"] {
        refused_somehow(&client.get(path).await, path);
    }
}

#[tokio::test]
async fn a_precondition_that_does_not_hold() {
    let shop = Shop::open().await;
    let path = format!("/api/v1/seller/offers/{}", shop.offer);
    let change = async |tag: Option<HeaderValue>| {
        let headers: HeaderMap = tag.into_iter().map(|tag| (reqwest::header::IF_MATCH, tag)).collect();
        send(shop.seller.client.request(Method::PATCH, &path).headers(headers).json(&json!({"active": true}))).await
    };
    refused(&change(None).await, 428, "IF_MATCH_REQUIRED");
    for stale in ["\"0\"", "\"2\"", "\"-1\"", "\"9223372036854775807\""] {
        refused(&change(Some(HeaderValue::from_static(stale))).await, 412, "STALE_VERSION");
    }
    for bad in ["1", "", "\"\"", "\"x\"", "W/\"1\"", "\"1\", \"2\"", "\"9223372036854775808\"", "\"1"] {
        refused(&change(Some(HeaderValue::from_static(bad))).await, 400, "MALFORMED_REQUEST");
    }
    let unreadable = HeaderValue::from_bytes("\"é\"".as_bytes()).expect("a header");
    refused(&change(Some(unreadable)).await, 400, "MALFORMED_REQUEST");
    let answer = change(Some(HeaderValue::from_static("\"1\""))).await;
    answer.expect(200);
    assert_eq!(answer.header("etag"), Some("\"2\""));
    refused(&change(Some(HeaderValue::from_static("\"1\""))).await, 412, "STALE_VERSION");
    change(Some(HeaderValue::from_static("*"))).await.expect(200);

    // Where it is not required, it counts when it is sent.
    let client = shop.shopper.client();
    let line = format!("/api/v1/carts/{}/lines/{}", shop.cart, shop.offer);
    let set = async |tag: &'static str| {
        send(client.request(Method::PUT, &line).header("If-Match", tag).json(&json!({"quantity": 2}))).await
    };
    refused(&set("\"99\"").await, 412, "STALE_VERSION");
    refused(&set("99").await, 400, "MALFORMED_REQUEST");
    let cart = client.get(&format!("/api/v1/carts/{}", shop.cart)).await.expect(200);
    assert_eq!(cart["sellers"][0]["lines"][0]["quantity"], 1, "nothing has changed");
}

#[tokio::test]
async fn an_idempotency_key_that_cannot_be_one() {
    let shop = Shop::open().await;
    let client = shop.shopper.client();
    let begin = async |key: HeaderValue| {
        let request = client.request(Method::POST, "/api/v1/carts").header("Idempotency-Key", key);
        send(request.json(&json!({"currency": "USD"}))).await
    };
    let long = "k".repeat(101);
    for key in ["", " ", "a key", &long] {
        refused(&begin(HeaderValue::from_str(key).expect("a header")).await, 422, "INVALID_VALUE");
    }
    let unreadable = HeaderValue::from_bytes("clé".as_bytes()).expect("a header");
    refused(&begin(unreadable).await, 400, "MALFORMED_REQUEST");
    let longest = HeaderValue::from_str(&"k".repeat(100)).expect("a header");
    let first = begin(longest.clone()).await.expect(201);
    assert_eq!(begin(longest.clone()).await.expect(201), first);
    let other = client.request(Method::POST, "/api/v1/carts").header("Idempotency-Key", longest);
    refused(&send(other.json(&json!({"currency": "EUR"}))).await, 422, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn a_request_id_is_the_callers_where_it_can_be_one() {
    let souk = Souk::start().await;
    let ask = async |id: &str| {
        let request = souk.anyone().request(Method::GET, "/api/v1/nothing").header("x-request-id", id);
        let answer = send(request).await;
        text(&refused(&answer, 404, "ROUTE_NOT_FOUND")["request_id"]).to_owned()
    };
    for good in ["my-request_42", &"a".repeat(64), "12345678"] {
        assert_eq!(ask(good).await, good);
    }
    for bad in ["", "short", &"a".repeat(65), "two words here", "../../etc/passwd", "id\";drop", "a,b,c,d,e,f"] {
        let chosen = ask(bad).await;
        assert_ne!(chosen, bad);
        assert_eq!(chosen.len(), 32, "{chosen}");
    }
    assert_ne!(ask("short").await, ask("short").await, "a new one each time");

    // A line break cannot be sent through a client; it is no header for the server either.
    let address = souk.anyone().address("").trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    let request = format!(
        "GET /api/v1/nothing HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nx-request-id: abcdefgh\rSet-Cookie: a=b\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.starts_with("http/1.1 4"), "{answer}");
    assert!(!answer.contains("set-cookie"), "{answer}");
}
