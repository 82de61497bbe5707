//! What a seller wants to be sent again.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Behaviour, Endpoint, Receiver, near, shop};
use crate::souk::{Souk, eventually, text};

async fn ended(endpoint: &Endpoint<'_>, status: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{count} deliveries are {status}"), async || {
        let found = endpoint.deliveries(&format!("status={status}")).await;
        (found.len() == count).then_some(found)
    })
    .await
}

#[tokio::test]
async fn one_delivery_is_repeated_with_the_same_id_and_body() {
    let (souk, receiver) = (Souk::with(near()).await, Receiver::start().await);
    let (seller, _) = shop(&souk, "Again", "LAMP").await;
    let endpoint = Endpoint::make(&seller, &receiver.url("/hook"), &[]).await;
    endpoint.test().await;
    let delivered = ended(&endpoint, "delivered", 1).await.remove(0);
    let again = |delivery: &Value| endpoint.path(&format!("/deliveries/{}/redeliver", text(&delivery["id"])));
    for _ in 0..2 {
        let answer = seller.client.post_once(&again(&delivered), "key", json!(null)).await.expect(200);
        assert_eq!((&answer["redelivery"], &answer["event_id"]), (&json!(1), &delivered["event_id"]));
    }
    let posts = receiver.until("/hook", 2).await;
    ended(&endpoint, "delivered", 2).await;
    assert_eq!(posts[0].header("webhook-id"), posts[1].header("webhook-id"));
    assert_eq!(posts[0].body, posts[1].body);

    // What waits for its next attempt is not doubled: its attempt is made now.
    receiver.behave("/hook", Behaviour::Answer(500));
    endpoint.test().await;
    let failing = eventually("an attempt failed", async || {
        let pending = endpoint.deliveries("status=pending").await;
        pending.into_iter().find(|delivery| delivery["attempts"] == 1)
    })
    .await;
    receiver.behave("/hook", Behaviour::Answer(200));
    let answer = seller.client.post_empty(&again(&failing)).await.expect(200);
    assert_eq!((&answer["id"], &answer["redelivery"]), (&failing["id"], &json!(0)));
    ended(&endpoint, "delivered", 3).await;
    assert_eq!(endpoint.deliveries("").await.len(), 3);
}

#[tokio::test]
async fn the_failures_of_a_time_are_repeated_or_all_of_it() {
    let (souk, receiver) = (Souk::with(near()).await, Receiver::start().await);
    let (seller, _) = shop(&souk, "Again", "LAMP").await;
    let endpoint = Endpoint::make(&seller, &receiver.url("/hook"), &[]).await;
    endpoint.test().await;
    ended(&endpoint, "delivered", 1).await;
    receiver.behave("/hook", Behaviour::Answer(500));
    for tests in 1..=2 {
        endpoint.test().await;
        eventually("an attempt failed", async || {
            let pending = endpoint.deliveries("status=pending").await;
            (pending.iter().filter(|delivery| delivery["attempts"] != 0).count() == tests).then_some(())
        })
        .await;
    }
    // Nine further attempts later.
    let resting = "SELECT count(*) FROM job WHERE kind = 'deliver_webhooks' AND status = 'queued'";
    eventually("the job waits", async || (souk.database().number(resting, []).await == 1).then_some(())).await;
    for sql in [
        "INSERT INTO webhook_attempt (delivery_id, number, started_at, duration_ms, response_status) \
         SELECT d.id, n.column1, d.created_at, 1, 500 FROM webhook_delivery d \
         CROSS JOIN (VALUES (2), (3), (4), (5), (6), (7), (8), (9), (10)) n \
         WHERE d.status = 'pending' AND n.column1 > d.attempts",
        "UPDATE webhook_delivery SET status = 'failed', attempts = 10, next_attempt_at = NULL, ended_at = created_at \
         WHERE status = 'pending'",
    ] {
        souk.database().execute(sql, []).await;
    }
    receiver.behave("/hook", Behaviour::Answer(200));
    let now = souk_domain::Clock::System.now();
    let ask = async |from: TimeDelta, to: TimeDelta, which: &str| {
        let body = json!({"since": now + from, "until": now + to, "which": which});
        seller.client.post(&endpoint.path("/redeliver"), body).await
    };
    let (hour, day) = (TimeDelta::hours(1), TimeDelta::days(1));
    let count = async |from, to, which: &str| ask(from, to, which).await.expect(200)["redeliveries"].clone();
    assert_eq!(count(-day, -hour, "all").await, 0);
    assert_eq!(count(hour, day, "all").await, 0);
    assert_eq!(count(-hour, hour, "failed").await, 2);
    ended(&endpoint, "delivered", 3).await;
    assert_eq!(count(-hour, hour, "failed").await, 0, "they are delivered now");
    assert_eq!(count(-hour, hour, "all").await, 3, "each event once");
    ended(&endpoint, "delivered", 6).await;
    let redelivered = endpoint.deliveries("").await;
    let mut times: Vec<i64> =
        redelivered.iter().map(|delivery| delivery["redelivery"].as_i64().expect("a count")).collect();
    times.sort_unstable();
    assert_eq!(times, [0, 0, 0, 1, 1, 1, 2, 2]);
    ask(hour, -hour, "all").await.refused(422, "INVALID_VALUE");
}
