//! Who is shown `/metrics`.

use reqwest::{Method, StatusCode};

use super::refusal;
use crate::souk::client::send;
use crate::souk::{Options, Souk};

const TOKEN: &str = "a token for measurements";

#[tokio::test]
async fn without_a_token_this_machine_only_is_shown_them() {
    let souk = Souk::with(Options::default().env("SOUK_TRUSTED_PROXIES", "127.0.0.1")).await;
    let anyone = souk.anyone();
    assert_eq!(anyone.get("/metrics").await.status, StatusCode::OK);
    for (header, value) in
        [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "127.0.0.1"), ("forwarded", "for=198.51.100.1")]
    {
        let answer = send(anyone.request(Method::GET, "/metrics").header(header, value)).await;
        answer.refused(403, "FORBIDDEN");
    }
}

#[tokio::test]
async fn with_a_token_whoever_has_it_is_shown_them() {
    let souk = Souk::with(Options::default().env("SOUK_METRICS_TOKEN", TOKEN)).await;
    let anyone = souk.anyone();
    anyone.get("/metrics").await.refused(401, "UNAUTHENTICATED");
    let refused = send(anyone.request(Method::GET, "/metrics").bearer_auth("another token for it")).await;
    refused.refused(401, "UNAUTHENTICATED");
    let (shopper, admin) = (souk.shopper().await, souk.admin().await);
    for client in [shopper.client(), admin.client.clone()] {
        client.get("/metrics").await.refused(401, "UNAUTHENTICATED");
    }
    let forwarded = anyone.request(Method::GET, "/metrics").header("x-forwarded-for", "198.51.100.1");
    let answer = send(forwarded.bearer_auth(TOKEN)).await;
    assert!(answer.status.is_success() && String::from_utf8_lossy(&answer.body).contains("# TYPE "));

    let said = refusal(&souk, &[("SOUK_METRICS_TOKEN", "too short")]);
    assert!(said.contains("16 characters") && !said.contains("too short"), "{said}");
}
