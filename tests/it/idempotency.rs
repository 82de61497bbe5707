//! Equal requests with one Idempotency-Key, twenty at once, some of whose clients hang up.

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt;
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::souk::client::send;
use crate::souk::{Client, Options, Souk};

/// Keys, unless `SOUK_TEST_KEYS` says another number; each is sent twenty times.
const KEYS: usize = 1_000;
const COPIES: usize = 20;
/// Requests under way at once: the copies of a few keys.
const AT_ONCE: usize = 60;
const TOKEN: &str = "a-guest-of-the-tests-with-many-carts-to-fill";

/// What a patient client got.
#[derive(Debug, PartialEq, Eq)]
struct Got {
    status: u16,
    body: Vec<u8>,
}

async fn ask(client: &Client, key: &str) -> Got {
    let request = client.request(Method::POST, "/api/v1/carts").header("Idempotency-Key", key);
    let answer = send(request.json(&json!({"currency": "USD"}))).await;
    Got { status: answer.status.as_u16(), body: answer.body }
}

/// Sends the same request and goes away, after a moment or at once.
async fn ask_and_hang_up(address: &str, key: &str, moment: u64) {
    let body = json!({"currency": "USD"}).to_string();
    let request = format!(
        "POST /api/v1/carts HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nX-Guest-Token: {TOKEN}\r\n\
         Idempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(address).await.expect("the API is there");
    connection.write_all(request.as_bytes()).await.expect("the request goes out");
    tokio::time::sleep(Duration::from_millis(moment)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_keys_sent_twenty_times_each_have_a_thousand_effects() {
    let keys = std::env::var("SOUK_TEST_KEYS").map_or(KEYS, |keys| keys.parse().expect("SOUK_TEST_KEYS is a number"));
    let souk = Souk::with(Options::default()).await;
    let client = souk.anyone().guest(TOKEN);
    let address = client.address("").trim_start_matches("http://").to_owned();

    let requests = (0..keys * COPIES).map(|at| {
        let (client, address, key) = (client.clone(), address.clone(), format!("key-{}", at / COPIES));
        async move {
            if at % 3 == 0 {
                // The first copy of every third key is among those who go away.
                ask_and_hang_up(&address, &key, (at % 4) as u64).await;
                return None;
            }
            let got = ask(&client, &key).await;
            Some((key, got))
        }
    });
    let answers: Vec<Option<(String, Got)>> = futures::stream::iter(requests).buffer_unordered(AT_ONCE).collect().await;
    let hung_up = answers.iter().filter(|answer| answer.is_none()).count();
    assert!(hung_up * 3 >= keys * COPIES, "a third hung up: {hung_up}");

    let mut first: HashMap<&str, &Got> = HashMap::new();
    for (key, got) in answers.iter().flatten() {
        assert_eq!(got.status, 201, "{key}: {}", String::from_utf8_lossy(&got.body));
        assert_eq!(*first.entry(key).or_insert(got), got, "{key}");
    }
    assert_eq!(first.len(), keys);
    // Long afterwards, too.
    for key in first.keys().take(50) {
        assert_eq!(ask(&client, key).await, *first[key]);
    }
    let effects = souk.database().number("SELECT count(*) FROM cart", []).await;
    assert_eq!(usize::try_from(effects), Ok(keys));
    let kept = souk.database().number("SELECT count(*) FROM idempotency_key WHERE route = 'createCart'", []).await;
    assert_eq!(usize::try_from(kept), Ok(keys));
}
