//! Bodies that cannot be read, of another kind, or too large.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::souk::client::send;
use crate::souk::{Client, Souk, text};

use super::{JSON_KINDS, NOBODY, raw, refused};

/// The largest JSON body.
const LIMIT: usize = 1024 * 1024;

#[tokio::test]
async fn a_body_that_cannot_be_read() {
    let souk = Souk::start().await;
    let anyone = souk.anyone();
    let nested = "[".repeat(100_000);
    let bodies: [(&str, &[u8]); 10] = [
        ("nothing", b""),
        ("a half", br#"{"currency": "US"#),
        ("two", br#"{"currency": "USD"} {}"#),
        ("no JSON", b"currency=USD"),
        ("a list", b"[]"),
        ("a string", br#""USD""#),
        ("null", b"null"),
        ("no UTF-8", b"{\"currency\": \"\xff\xfe\"}"),
        ("half a character", br#"{"currency": "\ud800"}"#),
        ("a tower", nested.as_bytes()),
    ];
    for (what, body) in bodies {
        let answer = send(raw(&anyone, "/api/v1/carts", body.to_vec())).await;
        assert_eq!(answer.status.as_u16(), 400, "{what}");
        refused(&answer, 400, "MALFORMED_REQUEST");
    }
    let wrong = [
        json!({}),
        json!({"currency": null}),
        json!({"currency": ["USD"]}),
        json!({"currency": "USD", "lines": {}}),
        json!({"currency": "USD", "lines": [1]}),
        json!({"currency": "USD", "lines": [{"offer_id": NOBODY, "quantity": "1"}]}),
        json!({"currency": "USD", "lines": [{"offer_id": NOBODY, "quantity": 1.5}]}),
        json!({"currency": "USD", "lines": [{"offer_id": NOBODY, "quantity": null}]}),
        json!({"currency": "USD", "lines": [{"offer_id": NOBODY}]}),
        json!({"currency": "USD", "lines": [{"offer_id": "garbage", "quantity": 1}]}),
        json!({"currency": "USD", "surprise": true}),
    ];
    for body in wrong {
        let answer = anyone.post("/api/v1/carts", body.clone()).await;
        assert_eq!(answer.status.as_u16(), 400, "{body}");
        refused(&answer, 400, "MALFORMED_REQUEST");
    }
    assert_eq!(souk.database().number("SELECT count(*) FROM cart", []).await, 0);
}

#[tokio::test]
async fn json_is_looked_at_however_its_type_is_spelled() {
    let souk = Souk::start().await;
    let anyone = souk.anyone();
    let deep = format!(r#"{{"currency": "USD", "lines": {}{}}}"#, "[".repeat(100), "]".repeat(100));
    for kind in JSON_KINDS {
        let sent = async |body: &str| {
            let request = anyone.request(Method::POST, "/api/v1/carts").header("content-type", kind);
            send(request.body(body.to_owned())).await
        };
        sent(r#"{"currency": "USD"}"#).await.expect(201);
        for (body, status, code, why) in [
            (r#"{"currency": "EUR", "currency": "USD"}"#, 400, "MALFORMED_REQUEST", "twice in one object"),
            (r#"{"currency": "USD\u0000"}"#, 400, "MALFORMED_REQUEST", "NUL characters"),
            (r#"{"currency": "\u202eUSD"}"#, 422, "INVALID_VALUE", "direction"),
            (deep.as_str(), 400, "MALFORMED_REQUEST", "levels deep"),
        ] {
            let error = refused(&sent(body).await, status, code);
            assert!(text(&error["message"]).contains(why), "{kind}: {error}");
        }
    }
}

#[tokio::test]
async fn a_body_of_another_kind_or_beyond_the_limit() {
    let souk = Souk::start().await;
    let anyone = souk.anyone();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/xml", "multipart/form-data", "x"] {
        let request = anyone.request(Method::POST, "/api/v1/carts").header("content-type", kind);
        refused(&send(request.body(r#"{"currency": "USD"}"#)).await, 415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let request = anyone.request(Method::POST, "/api/v1/carts").body(r#"{"currency": "USD"}"#);
    refused(&send(request).await, 415, "UNSUPPORTED_MEDIA_TYPE");

    let padded = |length: usize| format!("{}{}", r#"{"currency": "USD"}"#, " ".repeat(length - 19));
    send(raw(&anyone, "/api/v1/carts", padded(LIMIT))).await.expect(201);
    refused(&send(raw(&anyone, "/api/v1/carts", padded(LIMIT + 1))).await, 413, "BODY_TOO_LARGE");
    assert_eq!(chunked(&anyone, &padded(LIMIT)).await, 201, "without a Content-Length");
    assert_eq!(chunked(&anyone, &padded(LIMIT + 1)).await, 413, "without a Content-Length");

    // A request without a body has no length, and needs none.
    let answer = anyone.get("/api/v1/catalog/products").await;
    assert_eq!(answer.expect(200)["items"], json!([]));
}

/// The status of a cart's creation whose body comes in chunks.
async fn chunked(client: &Client, body: &str) -> u16 {
    let address = client.address("").trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    let head = format!(
        "POST /api/v1/carts HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    let mut request = head.into_bytes();
    for chunk in body.as_bytes().chunks(64 * 1024) {
        request.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    // The server may answer and close before it has read all.
    let _ = stream.write_all(&request).await;
    let mut answer = [0; 12];
    tokio::time::timeout(Duration::from_secs(30), stream.read_exact(&mut answer))
        .await
        .expect("in time")
        .expect("a status");
    String::from_utf8_lossy(&answer[9..]).parse().expect("a status")
}
