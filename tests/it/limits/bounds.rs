//! Slow, silent and talkative clients: none holds what others need.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::PRODUCTS;
use crate::document::document;
use crate::souk::{Options, Souk, eventually};

/// Long beyond every limit of these tests: whoever waits for so long waits for ever.
const FOR_EVER: Duration = Duration::from_secs(60);

async fn connect(souk: &Souk) -> TcpStream {
    let address = souk.anyone().address("").trim_start_matches("http://").to_owned();
    TcpStream::connect(address).await.expect("a connection")
}

/// Sends bytes, and reads until the server closes the connection.
async fn said(mut stream: TcpStream, bytes: &[u8]) -> String {
    // The server may answer and close before it has read all.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(FOR_EVER, stream.read_to_end(&mut answer)).await;
    // A connection that is reset is closed as well.
    let _ = read.expect("the server closes the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let souk = Souk::with(Options::default().env("SOUK_REQUEST_TIMEOUT_SECONDS", 1)).await;
    for framing in ["Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"] {
        let request = format!(
            "POST /api/v1/carts HTTP/1.1\r\nHost: souk\r\nContent-Type: application/json\r\nConnection: close\r\n{framing}"
        );
        let answer = said(connect(&souk).await, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains("MALFORMED_REQUEST") && answer.contains("within 1 s"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_is_refused_is_not_waited_for() {
    let souk = Souk::with(Options::default().env("SOUK_RATE_LIMITS", "shopper_write=1:1")).await;
    let request =
        b"POST /api/v1/carts HTTP/1.1\r\nHost: souk\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n";
    souk.anyone().post("/api/v1/carts", serde_json::json!({"currency": "USD"})).await.expect(201);
    let answer = said(connect(&souk).await, request).await;
    assert!(answer.starts_with("HTTP/1.1 429") && answer.contains("RATE_LIMITED"), "{answer}");
}

#[tokio::test]
async fn who_says_nothing_or_half_a_head_is_hung_up_on() {
    let souk = Souk::with(Options::default().env("SOUK_IDLE_TIMEOUT_SECONDS", 1)).await;
    assert_eq!(said(connect(&souk).await, b"").await, "");
    let answer = said(connect(&souk).await, b"GET /healthz HTTP/1.1\r\nHost: so").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    // One that has been answered may ask again for a while, and is then hung up on, too.
    let answer = said(connect(&souk).await, b"GET /healthz HTTP/1.1\r\nHost: souk\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn silent_connections_give_their_place_to_others() {
    let options = Options::default().env("SOUK_MAX_CONNECTIONS", 2).env("SOUK_IDLE_TIMEOUT_SECONDS", 1);
    let souk = Souk::with(options).await;
    let mut silent = Vec::new();
    for _ in 0..6 {
        silent.push(connect(&souk).await);
    }
    let answer = tokio::time::timeout(FOR_EVER, souk.anyone().get("/healthz")).await.expect("an answer");
    answer.expect(200);
}

/// A connection from this address of the machine.
async fn connect_from(souk: &Souk, address: &str) -> TcpStream {
    let server = souk.anyone().address("").trim_start_matches("http://").parse().expect("an address");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(format!("{address}:0").parse().expect("an address")).expect("an address of this machine");
    socket.connect(server).await.expect("a connection")
}

/// Whether a request on this connection is answered; the connection stays open.
async fn is_served(stream: &mut TcpStream) -> bool {
    let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: souk\r\n\r\n").await;
    let mut status = [0; 12];
    let read = tokio::time::timeout(FOR_EVER, stream.read_exact(&mut status)).await.expect("an answer or an end");
    read.is_ok() && &status == b"HTTP/1.1 200"
}

#[tokio::test]
async fn one_address_holds_its_share_of_connections_and_no_more() {
    let souk = Souk::with(Options::default().env("SOUK_MAX_CONNECTIONS_PER_PEER", 3)).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(connect_from(&souk, "127.0.0.2").await);
    }
    assert_eq!(said(connect_from(&souk, "127.0.0.2").await, b"").await, "", "it is closed and not waited for");
    assert!(is_served(&mut connect_from(&souk, "127.0.0.3").await).await, "another address is served");
    // Who has a place keeps it, and one that is given up is there again.
    assert!(is_served(silent.last_mut().expect("a connection")).await);
    silent.remove(0);
    eventually("there is a place", async || is_served(&mut connect_from(&souk, "127.0.0.2").await).await.then_some(()))
        .await;

    // Who opens many at one moment gets no more.
    let racing = (0..30).map(async |_| {
        let mut stream = connect_from(&souk, "127.0.0.4").await;
        (is_served(&mut stream).await, stream)
    });
    let raced = futures::future::join_all(racing).await;
    assert_eq!(raced.iter().filter(|(served, _)| *served).count(), 3);
    let metrics = String::from_utf8(souk.anyone().get("/metrics").await.body).expect("text");
    assert!(metrics.contains("connections_refused_total "), "{metrics}");
}

#[tokio::test]
async fn a_trusted_proxy_has_connections_for_all_it_speaks_for() {
    let options = Options::default().env("SOUK_MAX_CONNECTIONS_PER_PEER", 3).env("SOUK_TRUSTED_PROXIES", "127.0.0.2");
    let souk = Souk::with(options).await;
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(connect_from(&souk, "127.0.0.2").await);
    }
    for stream in &mut open {
        assert!(is_served(stream).await);
    }
}

#[tokio::test]
async fn heads_have_a_size() {
    let souk = Souk::start().await;
    let anyone = souk.anyone();
    let long = |length: usize| format!("{PRODUCTS}?cursor={}", "a".repeat(length));
    let answer = anyone.get(&long(9_000)).await;
    assert!(answer.refused(400, "MALFORMED_REQUEST")["message"].as_str().is_some_and(|m| m.contains("8192 bytes")));

    let head = |headers: String| format!("GET /healthz HTTP/1.1\r\nHost: souk\r\nConnection: close\r\n{headers}\r\n");
    let answer = said(connect(&souk).await, head(format!("X-Long: {}\r\n", "a".repeat(30_000))).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = said(connect(&souk).await, head(format!("X-Long: {}\r\n", "a".repeat(300_000))).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let answer = said(connect(&souk).await, head("X-Many: a\r\n".repeat(200)).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn every_list_has_pages_of_1_to_100() {
    let souk = Souk::start().await;
    let (seller, shopper) = (souk.seller("Paged").await, souk.shopper().await);
    let document = document();
    let mut lists = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let parameters = methods["get"]["parameters"].as_array().cloned().unwrap_or_default();
        let has = |name: &str| parameters.iter().any(|parameter| parameter["name"] == name);
        assert_eq!(has("limit"), has("cursor"), "{path}");
        // Those below a thing that has to be there read the page by the same code.
        if !has("limit") || path.contains('{') {
            continue;
        }
        lists += 1;
        let client = match path.split('/').nth(3) {
            Some("seller") => seller.client.clone(),
            Some("admin") => souk.admin().await.client.clone(),
            _ => shopper.client(),
        };
        for (limit, status) in [("0", 422), ("1", 200), ("100", 200), ("101", 422), ("-1", 400)] {
            // Of a statement it has to be said in what.
            let currency = if path.ends_with("/statement") { "&currency=USD" } else { "" };
            let answer = client.get(&format!("{path}?limit={limit}{currency}")).await;
            assert_eq!(answer.status.as_u16(), status, "{path}?limit={limit}: {}", answer.json());
        }
    }
    assert!(lists > 20, "{lists}");
}

#[test]
fn every_list_in_a_request_has_a_longest() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let mut open: Vec<&Value> = Vec::new();
    for methods in document["paths"].as_object().expect("paths").values() {
        let operations = methods.as_object().expect("methods").values();
        open.extend(operations.map(|operation| &operation["requestBody"]["content"]["application/json"]["schema"]));
    }
    let (mut seen, mut lists) = (BTreeSet::new(), 0);
    while let Some(schema) = open.pop() {
        if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next())
            && seen.insert(name)
        {
            open.push(&schemas[name]);
        }
        if schema["type"] == "array" {
            lists += 1;
            assert!(schema["maxItems"].as_u64().is_some_and(|most| most <= 1_000), "{schema}");
            open.push(&schema["items"]);
        }
        open.extend(schema["properties"].as_object().into_iter().flat_map(|properties| properties.values()));
        open.extend(["allOf", "anyOf", "oneOf"].iter().filter_map(|key| schema[key].as_array()).flatten());
    }
    assert!(lists > 5, "{lists}");
}
