//! Endpoints as their sellers make and change them.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ENDPOINTS, Endpoint, Receiver, near, shop};
use crate::souk::client::send;
use crate::souk::{Souk, text};

#[tokio::test]
async fn private_targets_are_refused_unless_the_setting_allows_them() {
    let (souk, receiver) = (Souk::start().await, Receiver::start().await);
    let (seller, _) = shop(&souk, "Inside", "LAMP").await;
    let port = receiver.url("").rsplit(':').next().expect("a port").to_owned();
    for url in [
        receiver.url("/hook"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://0x7f.1:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        format!("https://localhost:{port}/"),
        "https://169.254.169.254/latest/meta-data/".into(),
        "https://user:password@example.com/".into(),
        "hooks".into(),
    ] {
        let error = seller.client.post(ENDPOINTS, json!({"url": url})).await.refused(422, "INVALID_VALUE");
        assert!(text(&error["message"]).starts_with("url "), "{error}");
    }
    // A name tells only when it is resolved, which is at each attempt; as if this one had led elsewhere before.
    let endpoint = Endpoint::make(&seller, "https://example.com/hook", &[]).await;
    let sql = "UPDATE webhook_endpoint SET url = $1";
    souk.database().execute(sql, [format!("https://localhost.:{port}/").into()]).await;
    endpoint.test().await;
    let detail = endpoint.delivery_tried(1).await;
    let error = text(&detail["attempts"][0]["error"]);
    assert!(error.contains("public internet"), "{error}");
    assert!(receiver.received("/").is_empty());
}

#[tokio::test]
async fn endpoints_are_made_changed_and_shown_to_their_seller_only() {
    let souk = Souk::with(near()).await;
    let (first, second) = (souk.seller("First").await, souk.seller("Second").await);
    let wanted = json!({"url": "https://example.com/hooks", "description": "Warehouse",
                        "event_types": ["payout.paid", "order.*", "payout.paid"]});
    let made = first.client.post_once(ENDPOINTS, "key", wanted.clone()).await.expect(201);
    assert_eq!(first.client.post_once(ENDPOINTS, "key", wanted).await.expect(201), made);
    assert_eq!(made["event_types"], json!(["order.*", "payout.paid"]));
    assert_eq!(
        (&made["status"], &made["version"], &made["seller_id"]),
        (&json!("active"), &json!(1), &json!(first.id))
    );
    assert!(made.get("secret").is_none(), "answers are stored; secrets are not");
    let path = format!("{ENDPOINTS}/{}", text(&made["id"]));
    let change = async |version: &str, change: Value| {
        send(first.client.request(Method::PATCH, &path).header("If-Match", version).json(&change)).await
    };
    first.client.patch(&path, json!({"description": "x"})).await.refused(428, "IF_MATCH_REQUIRED");
    change("\"9\"", json!({"description": "x"})).await.refused(412, "STALE_VERSION");
    change("\"1\"", json!({"event_types": ["order.sold"]})).await.refused(422, "INVALID_VALUE");
    let changed = change("\"1\"", json!({"event_types": []})).await;
    assert_eq!(changed.header("etag"), Some("\"2\""));
    let changed = changed.expect(200);
    assert_eq!((&changed["event_types"], &changed["description"]), (&json!([]), &json!("Warehouse")));
    assert_eq!(first.client.list(ENDPOINTS).await, [changed]);
    assert!(second.client.list(ENDPOINTS).await.is_empty());

    let disabled = first.client.post_empty(&format!("{path}/disable")).await.expect(200);
    assert_eq!((&disabled["status"], &disabled["disabled_reason"]), (&json!("disabled"), &json!("owner")));
    first.client.post_empty(&format!("{path}/disable")).await.refused(409, "ILLEGAL_TRANSITION");
    let history = first.client.get(&path).await.expect(200)["history"].as_array().expect("history").len();
    assert_eq!(history, 3);
}

#[tokio::test]
async fn another_sellers_endpoint_is_not_there() {
    let (souk, receiver) = (Souk::with(near()).await, Receiver::start().await);
    let (first, second) = (souk.seller("First").await, souk.seller("Second").await);
    let endpoint = Endpoint::make(&first, &receiver.url("/hook"), &[]).await;
    let own = Endpoint::make(&second, &receiver.url("/own"), &[]).await;
    endpoint.test().await;
    let delivery = endpoint.delivery_tried(1).await["delivery"]["id"].take();
    let delivery = text(&delivery);
    for (method, rest, body) in [
        (Method::GET, String::new(), Value::Null),
        (Method::PATCH, String::new(), json!({"description": "mine"})),
        (Method::GET, "/secret".into(), Value::Null),
        (Method::POST, "/rotate-secret".into(), json!({})),
        (Method::POST, "/test".into(), Value::Null),
        (Method::POST, "/disable".into(), Value::Null),
        (Method::POST, "/enable".into(), Value::Null),
        (Method::GET, "/deliveries".into(), Value::Null),
        (Method::GET, format!("/deliveries/{delivery}"), Value::Null),
        (Method::POST, format!("/deliveries/{delivery}/redeliver"), Value::Null),
        (Method::POST, "/redeliver".into(), json!({"since": "2026-01-01T00:00:00Z"})),
    ] {
        let request = second.client.request(method.clone(), &endpoint.path(&rest)).header("If-Match", "*");
        let answer = send(if body.is_null() { request } else { request.json(&body) }).await;
        assert_eq!(answer.status.as_u16(), 404, "{method} {rest}: {}", answer.json());
        answer.refused(404, "NOT_FOUND");
    }
    // Nor is a delivery under an endpoint of one's own that it did not go to.
    let strange = own.path(&format!("/deliveries/{delivery}"));
    second.client.get(&strange).await.refused(404, "NOT_FOUND");
    second.client.post_empty(&format!("{strange}/redeliver")).await.refused(404, "NOT_FOUND");
    assert_eq!(endpoint.show().await["version"], 2, "made and tested, and no more");
}

#[tokio::test]
async fn a_seller_has_ten_active_endpoints_however_they_are_asked_for() {
    let souk = Souk::start().await;
    let seller = souk.seller("Many").await;
    let make = || seller.client.post(ENDPOINTS, json!({"url": "https://example.com/"}));
    for _ in 0..8 {
        make().await.expect(201);
    }
    let raced = futures::future::join_all((0..5).map(|_| make())).await;
    let made = raced.iter().filter(|answer| answer.status.as_u16() == 201).count();
    assert_eq!(made, 2);
    for answer in raced.iter().filter(|answer| answer.status.as_u16() != 201) {
        answer.refused(422, "INVALID_VALUE");
    }
    let one = format!("{ENDPOINTS}/{}", text(&seller.client.list(ENDPOINTS).await[0]["id"]));
    seller.client.post_empty(&format!("{one}/disable")).await.expect(200);
    make().await.expect(201);
    seller.client.post_empty(&format!("{one}/enable")).await.refused(422, "INVALID_VALUE");
}
