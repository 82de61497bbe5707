//! Background work as operators see it.

use crate::souk::{Options, Souk, eventually, text};

#[tokio::test]
async fn a_dead_job_is_listed_and_redriven() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Stuck").await;
    let offer = seller.offer("STUCK-1", "10.00", 10).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    let admin = souk.admin().await;

    souk.simulator().fault("buy_label", "unavailable", 1_000).await;
    let parcel = seller.pack(order.parts()[0].id(), "Main").await.expect(201);
    let key = format!("label:{}:1", text(&parcel["id"]));
    let tried = eventually("the label was tried in vain", async || {
        let jobs = admin.jobs("buy_label").await;
        jobs.into_iter().find(|job| job["status"] == "queued" && job["last_error"].is_string())
    })
    .await;
    assert_eq!(tried["unique_key"], key.as_str());
    let path = format!("/api/v1/admin/jobs/{}", text(&tried["id"]));
    admin.client.post_empty(&format!("{path}/redrive")).await.refused(409, "ILLEGAL_TRANSITION");

    // The next try is to be the last one, and now.
    let spent = "UPDATE job SET max_attempts = attempts + 1 WHERE unique_key = $1 AND status = 'queued'";
    assert_eq!(souk.database().execute(spent, [key.as_str().into()]).await, 1);
    souk.database().make_due(&key).await;
    let dead = eventually("the job is dead", async || {
        let dead = admin.client.list("/api/v1/admin/jobs?status=dead").await;
        dead.into_iter().next()
    })
    .await;
    assert_eq!((&dead["id"], &dead["kind"]), (&tried["id"], &"buy_label".into()));
    assert_eq!(dead["attempts"], dead["max_attempts"]);

    souk.simulator().fault("buy_label", "unavailable", 0).await;
    let redriven = admin.client.post_empty(&format!("{path}/redrive")).await.expect(200);
    assert_eq!(redriven["status"], "queued");
    assert!(redriven["max_attempts"].as_i64() > dead["attempts"].as_i64());
    seller.labelled(text(&parcel["id"])).await;
    assert_eq!(admin.client.get(&path).await.expect(200)["status"], "done");
    let books = souk.audit().await;
    assert_eq!(books.labels, 1);
}

#[tokio::test]
async fn jobs_are_counted_and_their_queues_shown() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Counted").await;
    let offer = seller.offer("COUNTED-1", "10.00", 10).await;
    let order = souk.guest().buy(&[(&offer, 1)]).await;
    souk.settle().await;

    let captured = souk.admin().await.jobs("capture_payment").await;
    assert_eq!(captured.len(), 1);
    assert_eq!((&captured[0]["queue"], &captured[0]["status"]), (&"money".into(), &"done".into()));
    let waiting = souk.admin().await.jobs("expire_order").await;
    assert_eq!(waiting[0]["unique_key"], format!("expire-order:{}", order.id()));
    assert_eq!(waiting[0]["status"], "queued");

    let metrics = souk.anyone().get("/metrics").await;
    assert_eq!(metrics.status.as_u16(), 200);
    let metrics = String::from_utf8(metrics.body).expect("text");
    assert!(metrics.lines().any(|line| line == "orders_created_total 1"), "{metrics}");
}
