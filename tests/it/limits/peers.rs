//! Who somebody is said to be counts only where a trusted proxy says it.

use super::{PRODUCTS, refusal};
use crate::souk::client::send;
use crate::souk::{Client, Options, Souk};

/// The status of a request that is said to be forwarded.
async fn forwarded(client: &Client, by: &str) -> u16 {
    let request = client.request(reqwest::Method::GET, PRODUCTS).header("x-forwarded-for", by);
    send(request).await.status.as_u16()
}

#[tokio::test]
async fn what_a_client_says_of_itself_counts_for_nothing() {
    let souk = Souk::with(Options::default().env("SOUK_RATE_LIMITS", "browse=1:2")).await;
    let anyone = souk.anyone();
    assert_eq!(forwarded(&anyone, "198.51.100.1").await, 200);
    assert_eq!(forwarded(&anyone, "198.51.100.2").await, 200);
    assert_eq!(forwarded(&anyone, "198.51.100.3").await, 429);
}

#[tokio::test]
async fn a_trusted_proxy_tells_people_apart() {
    let options =
        Options::default().env("SOUK_RATE_LIMITS", "browse=1:2").env("SOUK_TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.0/8");
    let souk = Souk::with(options).await;
    let anyone = souk.anyone();
    for _ in 0..2 {
        assert_eq!(forwarded(&anyone, "198.51.100.1").await, 200);
    }
    // The same one, whatever they write to the left of it, and through another proxy of ours.
    for disguise in ["198.51.100.1", "203.0.113.9, 198.51.100.1", "198.51.100.1, 10.1.2.3", "198.51.100.1:1234"] {
        assert_eq!(forwarded(&anyone, disguise).await, 429, "{disguise}");
    }
    assert_eq!(forwarded(&anyone, "198.51.100.2").await, 200);

    // Whoever holds one address of IPv6 holds its neighbours.
    assert_eq!(forwarded(&anyone, "2001:db8::1").await, 200);
    assert_eq!(forwarded(&anyone, "2001:db8::2").await, 200);
    assert_eq!(forwarded(&anyone, "2001:db8::ffff:3").await, 429);
    assert_eq!(forwarded(&anyone, "2001:db8:0:1::1").await, 200);

    let said = refusal(&souk, &[("SOUK_TRUSTED_PROXIES", "everybody")]);
    assert!(said.contains("everybody is neither a network"), "{said}");
}
