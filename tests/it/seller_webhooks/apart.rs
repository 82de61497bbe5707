//! Endpoints do not keep each other waiting, and a worker that is killed loses nothing.

use super::{Behaviour, Endpoint, Receiver, near, shop};
use crate::souk::{Souk, eventually, text};

#[tokio::test]
async fn an_endpoint_that_hangs_delays_no_other() {
    let (souk, receiver) = (Souk::with(near()).await, Receiver::start().await);
    let ((first, lamp), (second, desk)) = (shop(&souk, "First", "LAMP").await, shop(&souk, "Second", "DESK").await);
    receiver.behave("/hangs", Behaviour::Hang);
    let only = ["seller_order.created"];
    let hanging = Endpoint::make(&first, &receiver.url("/hangs"), &only).await;
    let beside = Endpoint::make(&first, &receiver.url("/beside"), &only).await;
    let other = Endpoint::make(&second, &receiver.url("/other"), &only).await;
    // More than the endpoint is sent at once.
    let shopper = souk.guest();
    for _ in 0..8 {
        let cart = shopper.cart(&[(&lamp, 1), (&desk, 1)]).await;
        shopper.place(&cart).await;
    }
    receiver.until("/hangs", 1).await;
    for (path, endpoint) in [("/beside", &beside), ("/other", &other)] {
        receiver.until(path, 8).await;
        eventually("all is delivered", async || {
            (endpoint.deliveries("status=delivered").await.len() == 8).then_some(())
        })
        .await;
    }
    assert_eq!(hanging.deliveries("status=delivered").await.len(), 0);
    assert!(receiver.received("/hangs").len() <= 4, "no more at once");
    let busy = "SELECT count(*) FROM job WHERE queue = 'webhooks' AND status = 'running'";
    assert!(souk.database().number(busy, []).await <= 1, "it takes one worker");
}

#[tokio::test]
async fn a_worker_that_is_killed_while_it_posts_loses_nothing() {
    let (mut souk, receiver) = (Souk::with(near()).await, Receiver::start().await);
    let (seller, lamp) = shop(&souk, "Killed", "LAMP").await;
    receiver.behave("/hook", Behaviour::Hang);
    let endpoint = Endpoint::make(&seller, &receiver.url("/hook"), &["seller_order.created"]).await;
    let shopper = souk.guest();
    for _ in 0..6 {
        let cart = shopper.cart(&[(&lamp, 1)]).await;
        shopper.place(&cart).await;
    }
    eventually("all is to be delivered", async || {
        (endpoint.deliveries("status=pending").await.len() == 6).then_some(())
    })
    .await;
    let posted = receiver.until("/hook", 1).await;
    souk.kill_workers();
    receiver.behave("/hook", Behaviour::Answer(200));
    souk.resume().await;
    souk.database().end_leases().await;
    eventually("all is delivered", async || (endpoint.deliveries("status=delivered").await.len() == 6).then_some(()))
        .await;
    let posts = receiver.received("/hook");
    let of = |id: &str| posts.iter().filter(|post| post.header("webhook-id") == id).count();
    for delivery in endpoint.deliveries("").await {
        assert!(of(text(&delivery["event_id"])) >= 1, "{delivery}");
        assert_eq!(delivery["attempts"], 1, "what was not written down is no attempt");
    }
    assert_eq!(of(posted[0].header("webhook-id")), 2, "it is posted again, by the same id");
}
