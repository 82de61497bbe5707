//! What webhooks are signed with, and how that is changed.

use serde_json::json;

use super::{Endpoint, Receiver, near, shop};
use crate::souk::{Souk, long_ago, text};

#[tokio::test]
async fn a_new_secret_signs_beside_the_one_before_until_that_is_over() {
    let (souk, receiver) = (Souk::with(near()).await, Receiver::start().await);
    let (seller, _) = shop(&souk, "Rotating", "LAMP").await;
    let endpoint = Endpoint::make(&seller, &receiver.url("/hook"), &[]).await;
    let first = endpoint.secret().await;
    assert!(first.get("previous_secret").is_none(), "{first}");
    let rotate = async |expire_now: bool| {
        let path = endpoint.path("/rotate-secret");
        seller.client.post(&path, json!({"expire_now": expire_now})).await.expect(200)
    };
    let last = async |count: usize| {
        endpoint.test().await;
        receiver.until("/hook", count).await.pop().expect("a webhook")
    };

    let rotated = rotate(false).await;
    assert!(rotated["previous_secret_until"].is_string(), "{rotated}");
    let second = endpoint.secret().await;
    assert_ne!(second["secret"], first["secret"]);
    assert_eq!(second["previous_secret"], first["secret"]);
    let both = last(1).await;
    assert_eq!(both.signatures().len(), 2);
    assert_eq!([&first, &second].map(|secret| both.signatures_by(text(&secret["secret"]))), [1, 1]);

    // A day later.
    let sql = "UPDATE webhook_endpoint SET previous_secret_until = $1";
    souk.database().execute(sql, [long_ago().into()]).await;
    let one = last(2).await;
    assert_eq!(one.signatures().len(), 1);
    assert_eq!([&first, &second].map(|secret| one.signatures_by(text(&secret["secret"]))), [0, 1]);
    assert!(endpoint.secret().await.get("previous_secret").is_none());

    rotate(true).await;
    let third = endpoint.secret().await;
    let one = last(3).await;
    assert_eq!((one.signatures().len(), one.signatures_by(text(&third["secret"]))), (1, 1));
    let stored = "SELECT count(*) FROM idempotency_key WHERE CAST(body AS text) LIKE '%whsec%'";
    assert_eq!(souk.database().number(stored, []).await, 0);
}
