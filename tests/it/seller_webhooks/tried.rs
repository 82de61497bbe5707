//! Endpoints that do not take what they are sent.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Behaviour, Endpoint, Receiver, all_is_told, near, shop};
use crate::souk::{Souk, eventually, text};

fn instant(value: &Value) -> DateTime<Utc> {
    text(value).parse().expect("an instant")
}

#[tokio::test]
async fn ten_attempts_are_made_by_the_schedule_and_then_no_more() {
    let (souk, receiver) = (Souk::with(near()).await, Receiver::start().await);
    let (seller, _) = shop(&souk, "Failing", "LAMP").await;
    receiver.behave("/hook", Behaviour::Answer(500));
    let endpoint = Endpoint::make(&seller, &receiver.url("/hook"), &[]).await;
    endpoint.test().await;
    let waits = [
        TimeDelta::seconds(5),
        TimeDelta::minutes(5),
        TimeDelta::minutes(30),
        TimeDelta::hours(2),
        TimeDelta::hours(5),
        TimeDelta::hours(10),
        TimeDelta::hours(14),
        TimeDelta::hours(20),
        TimeDelta::hours(24),
    ];
    for (number, wait) in (1..).zip(waits) {
        let detail = endpoint.delivery_tried(number).await;
        let attempts = detail["attempts"].as_array().expect("attempts");
        let last = attempts.last().expect("an attempt");
        assert_eq!((attempts.len() as i64, &last["number"]), (number, &json!(number)));
        assert_eq!(last["response_status"], 500);
        assert_eq!(detail["delivery"]["status"], "pending");
        let after = instant(&detail["delivery"]["next_attempt_at"]) - instant(&last["started_at"]);
        assert!(after >= wait && after < wait + TimeDelta::minutes(1), "attempt {number}: {after}");
        endpoint.make_due(&souk).await;
    }
    let detail = endpoint.delivery_tried(10).await;
    assert_eq!(detail["delivery"]["status"], "failed");
    assert!(detail["delivery"].get("next_attempt_at").is_none());
    let posts = receiver.received("/hook");
    assert_eq!(posts.len(), 10);
    for post in &posts {
        assert_eq!(post.header("webhook-id"), text(&detail["delivery"]["event_id"]));
        assert_eq!(post.body, posts[0].body, "the same bytes at every attempt");
    }
    let shown = endpoint.show().await;
    assert_eq!(shown["status"], "active");
    assert!(shown["failing_since"].is_string(), "{shown}");
    // One success, and it does not fail any more.
    receiver.behave("/hook", Behaviour::Answer(200));
    endpoint.test().await;
    eventually("the endpoint does not fail any more", async || {
        endpoint.show().await.get("failing_since").is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_disabled_and_what_waits_is_sent_once_it_is_enabled() {
    let (souk, receiver) = (Souk::with(near()).await, Receiver::start().await);
    let (seller, lamp) = shop(&souk, "Gone", "LAMP").await;
    receiver.behave("/hook", Behaviour::Answer(410));
    let endpoint = Endpoint::make(&seller, &receiver.url("/hook"), &[]).await;
    let alert = Endpoint::make(&seller, &receiver.url("/alert"), &["webhook_endpoint.disabled"]).await;
    endpoint.test().await;
    let shown = endpoint.until("disabled").await;
    assert_eq!(shown["disabled_reason"], "gone");
    let told = receiver.until("/alert", 1).await[0].json();
    assert_eq!((&told["data"]["entity_id"], &told["data"]["disabled_reason"]), (&json!(endpoint.id), &json!("gone")));
    endpoint.act("test").await.refused(409, "ILLEGAL_TRANSITION");
    let waiting = endpoint.delivery_tried(1).await;
    let again = endpoint.path(&format!("/deliveries/{}/redeliver", text(&waiting["delivery"]["id"])));
    seller.client.post_empty(&again).await.refused(409, "ILLEGAL_TRANSITION");

    // What happens meanwhile is never told.
    souk.guest().buy(&[(&lamp, 1)]).await;
    receiver.behave("/hook", Behaviour::Answer(200));
    endpoint.act("enable").await.expect(200);
    endpoint.act("enable").await.refused(409, "ILLEGAL_TRANSITION");
    endpoint.make_due(&souk).await;
    receiver.until("/hook", 2).await;
    let detail = endpoint.delivery_tried(2).await;
    assert_eq!(detail["delivery"]["status"], "delivered");
    all_is_told(&souk).await;
    assert_eq!(receiver.received("/hook").len(), 2);
    let history: Vec<Value> = endpoint.show().await["history"].as_array().expect("history").clone();
    let path: Vec<&str> = history.iter().map(|change| text(&change["to_status"])).collect();
    assert_eq!(path, ["active", "active", "disabled", "active"]);
    assert_eq!(history[2]["actor"], "system");
    assert_eq!(alert.show().await["status"], "active");
}

#[tokio::test]
async fn five_days_of_failure_disable_an_endpoint() {
    let (souk, receiver) = (Souk::with(near()).await, Receiver::start().await);
    let (seller, _) = shop(&souk, "Failing", "LAMP").await;
    receiver.behave("/hook", Behaviour::Answer(503));
    let endpoint = Endpoint::make(&seller, &receiver.url("/hook"), &[]).await;
    endpoint.test().await;
    endpoint.delivery_tried(1).await;
    let since = |days: i64| souk_domain::Clock::System.now() - TimeDelta::days(days);
    let age = "UPDATE webhook_endpoint SET failing_since = $1 WHERE failing_since IS NOT NULL";
    assert_eq!(souk.database().execute(age, [since(4).into()]).await, 1);
    endpoint.make_due(&souk).await;
    endpoint.delivery_tried(2).await;
    assert_eq!(endpoint.show().await["status"], "active");
    assert_eq!(souk.database().execute(age, [since(5).into()]).await, 1);
    endpoint.make_due(&souk).await;
    let shown = endpoint.until("disabled").await;
    assert_eq!(shown["disabled_reason"], "failing");
    let disabled = "SELECT count(*) FROM event WHERE type = 'webhook_endpoint.disabled'";
    assert_eq!(souk.database().number(disabled, []).await, 1);
    let enabled = endpoint.act("enable").await.expect(200);
    assert!(enabled.get("failing_since").is_none(), "it begins anew: {enabled}");
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let (souk, receiver) = (Souk::with(near()).await, Receiver::start().await);
    let (seller, _) = shop(&souk, "Moved", "LAMP").await;
    receiver.behave("/hook", Behaviour::Redirect("/elsewhere"));
    let endpoint = Endpoint::make(&seller, &receiver.url("/hook"), &[]).await;
    endpoint.test().await;
    let detail = endpoint.delivery_tried(1).await;
    assert_eq!(detail["attempts"][0]["response_status"], 302);
    assert_eq!(detail["delivery"]["status"], "pending");
    assert!(receiver.received("/elsewhere").is_empty());
    // Nobody listens where it goes now.
    let change = json!({"url": "http://127.0.0.1:1/hook"});
    let request = seller.client.request(reqwest::Method::PATCH, &endpoint.path("")).header("If-Match", "*");
    crate::souk::client::send(request.json(&change)).await.expect(200);
    endpoint.make_due(&souk).await;
    let detail = endpoint.delivery_tried(2).await;
    let error = text(&detail["attempts"][1]["error"]);
    assert!(error.starts_with("no connection") && !error.contains("/hook"), "{error}");
}

#[tokio::test]
async fn what_an_endpoint_answers_is_kept_without_the_numbers_of_cards() {
    let (souk, receiver) = (Souk::with(near()).await, Receiver::start().await);
    let (seller, _) = shop(&souk, "Talkative", "LAMP").await;
    let endpoint = Endpoint::make(&seller, &receiver.url("/hook"), &[]).await;
    // The second would be cut in its middle.
    let long = format!("{} 4111111111111111 {}", "x".repeat(989), "y".repeat(100));
    for (number, answer, kept) in [
        (1, "declined: 4111 1111 1111 1111".to_owned(), "declined: **** **** **** ****".to_owned()),
        (2, long, format!("{} **********", "x".repeat(989))),
        (3, r#"{"pan":"\u0034111111111111111","pan":1}"#.to_owned(), r#"{"pan":1}"#.to_owned()),
        (4, "out of stock: 4006381333931".to_owned(), "out of stock: 4006381333931".to_owned()),
    ] {
        receiver.behave("/hook", Behaviour::Complain(answer));
        if number == 1 {
            endpoint.test().await;
        } else {
            endpoint.make_due(&souk).await;
        }
        let detail = endpoint.delivery_tried(number).await;
        let last = detail["attempts"].as_array().and_then(|attempts| attempts.last()).expect("an attempt").clone();
        assert_eq!((&last["number"], text(&last["response_body"])), (&json!(number), kept.as_str()));
    }
}
