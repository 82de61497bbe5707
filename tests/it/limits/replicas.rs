//! Several processes of the API, and a Redis that goes away.

use super::{PRODUCTS, statuses};
use crate::faults::outage::Door;
use crate::souk::{Options, Setup, Souk, eventually};

fn nothing_to_test() -> bool {
    let embedded = Setup::of_environment() == Setup::Embedded;
    if embedded {
        println!("nothing to test: the embedded set-up is one process");
    }
    embedded
}

#[tokio::test]
async fn replicas_share_their_budgets() {
    if nothing_to_test() {
        return;
    }
    let souk = Souk::with(Options::default().env("SOUK_RATE_LIMITS", "browse=1:4")).await;
    let (here, replica) = (souk.anyone(), souk.replica());
    let there = &replica.client;
    assert_eq!(statuses(&here, PRODUCTS).await, [200, 200]);
    assert_eq!(statuses(there, PRODUCTS).await, [200, 200, 429]);
    assert_eq!(statuses(&here, PRODUCTS).await, [429]);
}

#[tokio::test]
async fn racing_requests_take_no_more_than_the_budget() {
    let souk = Souk::with(Options::default().env("SOUK_RATE_LIMITS", "browse=1:20")).await;
    let racers: Vec<_> = (0..60)
        .map(|_| {
            let anyone = souk.anyone();
            tokio::spawn(async move { anyone.get(PRODUCTS).await.status.as_u16() })
        })
        .collect();
    let mut taken = 0;
    for racer in racers {
        match racer.await.expect("an answer") {
            200 => taken += 1,
            other => assert_eq!(other, 429),
        }
    }
    // A budget of one a minute may grow by one or two on a machine that is slow; and one on which Redis
    // does not answer in time lets the process count once more for itself.
    let most = if Setup::of_environment() == Setup::Embedded { 22 } else { 42 };
    assert!((20..=most).contains(&taken), "{taken}");
}

#[tokio::test]
async fn without_redis_each_process_counts_for_itself() {
    if nothing_to_test() {
        return;
    }
    let door = Door::before(&std::env::var("REDIS_URL").expect("services have REDIS_URL")).await;
    let options = Options::default().env("SOUK_RATE_LIMITS", "browse=1:3").env("REDIS_URL", &door.url);
    let souk = Souk::with(options).await;
    let anyone = souk.anyone();
    assert_eq!(statuses(&anyone, PRODUCTS).await, [200, 200, 200, 429]);

    // The process begins anew, with the same budget, and nothing fails.
    door.shut();
    assert_eq!(statuses(&anyone, PRODUCTS).await, [200, 200, 200, 429]);
    let metrics = String::from_utf8(anyone.get("/metrics").await.body).expect("text");
    assert!(metrics.contains("rate_limit_alone_total "), "{metrics}");

    // With Redis, what was counted there counts again.
    door.open();
    eventually("/readyz says ok", async || (anyone.get("/readyz").await.expect(200)["status"] == "ok").then_some(()))
        .await;
    assert_eq!(statuses(&anyone, PRODUCTS).await, [429]);
}
