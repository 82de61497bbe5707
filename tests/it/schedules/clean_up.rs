//! What is kept for a time only is removed when its time is over, and nothing else is.

use chrono::TimeDelta;
use sea_orm::Value as Bound;
use serde_json::json;
use souk_domain::Clock;

use super::{ago, days_ago, expect, id_of, jobs, run, without_ticks};
use crate::souk::{Seller, Souk, text};

async fn count(souk: &Souk, from: &str) -> i64 {
    souk.database().number(&format!("SELECT count(*) FROM {from}"), []).await
}

#[tokio::test]
async fn a_market_that_is_new_has_nothing_to_remove() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let offer = souk.seller("New").await.offer("NEW-1", "10.00", 9).await;
    souk.guest().buy(&[(&offer, 1)]).await;
    souk.settle().await;
    expect(&souk, "clean_up", "Nothing to remove.").await;
}

#[tokio::test]
async fn idempotency_keys_are_kept_for_a_day_and_removed_in_batches() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let sql = "INSERT INTO idempotency_key (actor, route, key, fingerprint, status_code, body, created_at) \
               WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2500) \
               SELECT 'nobody', $1, 'key-' || n, 'f', 200, $2, $3 FROM numbers";
    let body = || Bound::from(b"{}".to_vec());
    souk.database().execute(sql, ["old".into(), body(), ago(TimeDelta::hours(25)).into()]).await;
    souk.database().execute(sql, ["young".into(), body(), ago(TimeDelta::hours(23)).into()]).await;
    expect(&souk, "clean_up", "Removed 2500 idempotency keys.").await;
    assert_eq!(count(&souk, "idempotency_key WHERE route = 'old'").await, 0);
    assert_eq!(count(&souk, "idempotency_key WHERE route = 'young'").await, 2500);
}

/// Makes a job as old as that.
async fn age(souk: &Souk, key: &str, status: &str, days: i64) {
    let id = id_of(ago(TimeDelta::days(days)));
    let reason = match status {
        "discarded" => ", discard_reason = 'why not'",
        "dead" => ", last_error = 'too late'",
        _ => "",
    };
    let sql =
        format!("UPDATE job SET id = $1, created_at = $2, updated_at = $2, status = $3{reason} WHERE unique_key = $4");
    let rows = souk.database().execute(&sql, [id, days_ago(days), status.into(), key.into()]).await;
    assert_eq!(rows, 1, "{key}");
}

#[tokio::test]
async fn jobs_that_are_over_are_kept_for_thirty_days() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let offer = souk.seller("Jobs").await.offer("JOBS-1", "10.00", 99).await;
    let shopper = souk.guest();
    let mut keys = Vec::new();
    for _ in 0..6 {
        keys.push(format!("expire-cart:{}", shopper.cart(&[(&offer, 1)]).await));
    }
    run(&souk, "sync_shipments").await;
    let runs = "SELECT unique_key FROM job WHERE unique_key LIKE 'schedule:sync_shipments:%'";
    let ran = souk.database().words(runs).await.remove(0);
    let old = [("done", 31), ("done", 32), ("done", 29), ("dead", 400), ("queued", 400), ("done", 31)];
    for (key, (status, days)) in keys.iter().zip(old) {
        age(&souk, key, status, days).await;
    }
    // Given up by an operator: were it forgotten, its cart's net would ask for it again.
    let given_up = format!("expire-cart:{}", shopper.cart(&[(&offer, 1)]).await);
    age(&souk, &given_up, "discarded", 400).await;
    // Made long ago, and over only now.
    let sql = "UPDATE job SET updated_at = $1 WHERE unique_key = $2";
    souk.database().execute(sql, [days_ago(1), keys[5].as_str().into()]).await;
    // A seller's payout of a day, which asked for again would run again.
    let kept = "UPDATE job SET kind = 'pay_out_seller' WHERE unique_key = $1";
    let paid = format!("expire-cart:{}", shopper.cart(&[(&offer, 1)]).await);
    age(&souk, &paid, "done", 400).await;
    souk.database().execute(kept, [paid.as_str().into()]).await;
    age(&souk, &ran, "done", 8).await;

    expect(&souk, "clean_up", "Removed 2 jobs, 1 runs of schedules.").await;
    assert_eq!(jobs(&souk, &keys[0], "done").await + jobs(&souk, &keys[1], "done").await, 0);
    assert_eq!(jobs(&souk, &given_up, "discarded").await, 1);
    for (key, (status, _)) in keys.iter().zip(old).skip(2) {
        let left = jobs(&souk, key, status).await;
        // The queued one was due for long, and is at work or done.
        assert!(left == 1 || status == "queued", "{key} {status}");
    }
    assert_eq!(jobs(&souk, &paid, "done").await, 1);
    assert_eq!(jobs(&souk, &ran, "done").await, 0);
    let mend = "UPDATE job SET kind = 'expire_cart' WHERE unique_key = $1";
    souk.database().execute(mend, [paid.as_str().into()]).await;
}

#[tokio::test]
async fn tokens_and_outside_events_are_kept_for_their_time() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let offer = souk.seller("Tokens").await.offer("TOKENS-1", "10.00", 9).await;
    let (first, second) = (souk.shopper().await, souk.shopper().await);
    let expire = "UPDATE refresh_token SET expires_at = $1 WHERE user_id = $2";
    for (shopper, days) in [(&first, 31), (&second, 29)] {
        let me = shopper.client().get("/api/v1/me").await.expect(200);
        assert_eq!(souk.database().execute(expire, [days_ago(days), super::uuid(text(&me["id"]))]).await, 1);
    }
    for _ in 0..3 {
        first.buy(&[(&offer, 1)]).await;
    }
    souk.settle().await;
    let events = souk.database().words("SELECT event_id FROM inbox ORDER BY id").await;
    assert!(events.len() >= 3, "the provider has told of three payments");
    let age = "UPDATE inbox SET id = $1, received_at = $2, processed_at = $3 WHERE event_id = $4";
    let never: Option<chrono::DateTime<chrono::Utc>> = None;
    let ages = [(91, days_ago(91)), (89, days_ago(89)), (91, Bound::from(never))];
    for (event, (days, processed)) in events.iter().zip(ages) {
        let id = id_of(ago(TimeDelta::days(days)));
        let row = [id, days_ago(days), processed, event.as_str().into()];
        assert_eq!(souk.database().execute(age, row).await, 1);
    }
    expect(&souk, "clean_up", "Removed 1 events of providers and carriers, 1 refresh tokens.").await;
    let left = souk.database().words("SELECT event_id FROM inbox ORDER BY id").await;
    assert_eq!(left.len(), events.len() - 1);
    assert!(!left.contains(&events[0]));
    expect(&souk, "clean_up", "Nothing to remove.").await;
}

#[tokio::test]
async fn traces_of_sign_ins_are_kept_for_thirty_days() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let sql = "INSERT INTO sign_in_throttle (subject, failures, counted_since, next_at, touched_at) \
               VALUES ($1, 3, $2, $2, $2)";
    for (subject, days) in [("old", 31), ("young", 29)] {
        souk.database().execute(sql, [subject.into(), days_ago(days)]).await;
    }
    expect(&souk, "clean_up", "Removed 1 traces of sign-ins.").await;
    assert_eq!(count(&souk, "sign_in_throttle WHERE subject = 'young'").await, 1);
}

/// A delivery of an event that ended so many days ago, after one attempt.
async fn delivered(souk: &Souk, endpoint: &Bound, event: &str, redelivery: i32, days: i64) {
    let at = ago(TimeDelta::days(days));
    let id = id_of(at);
    let sql = "INSERT INTO webhook_delivery (id, endpoint_id, event_id, event_type, redelivery, status, attempts, \
               created_at, ended_at) SELECT $1, $2, e.id, e.type, $3, 'delivered', 1, $4, $4 FROM event e \
               WHERE e.type = $5 AND e.seller_id IS NOT NULL ORDER BY e.id LIMIT 1";
    let row = [id.clone(), endpoint.clone(), redelivery.into(), at.into(), event.into()];
    assert_eq!(souk.database().execute(sql, row).await, 1);
    let sql = "INSERT INTO webhook_attempt (delivery_id, number, started_at, duration_ms, response_status) \
               VALUES ($1, 1, $2, 5, 200)";
    assert_eq!(souk.database().execute(sql, [id, at.into()]).await, 1);
}

#[tokio::test]
async fn webhook_deliveries_go_with_their_attempts_and_the_last_first() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let seller = souk.seller("Hooked").await;
    let offer = seller.offer("HOOKED-1", "10.00", 9).await;
    souk.guest().buy(&[(&offer, 1)]).await;
    souk.settle().await;
    let endpoint = id_of(Clock::System.now());
    let sql = "INSERT INTO webhook_endpoint (id, seller_id, url, description, event_types, status, disabled_reason, \
               secret_generation, told_since, version, created_at, updated_at) \
               VALUES ($1, $2, 'https://example.com', '', '[]', 'disabled', 'owner', 1, $3, 1, $3, $3)";
    souk.database().execute(sql, [endpoint.clone(), super::uuid(&seller.id), days_ago(60)]).await;
    // All of this event's are over; of this one's the last is not, and the first stays with it.
    for (redelivery, days) in [(0, 50), (1, 40), (2, 31)] {
        delivered(&souk, &endpoint, "seller_order.confirmed", redelivery, days).await;
    }
    for (redelivery, days) in [(0, 50), (1, 29)] {
        delivered(&souk, &endpoint, "seller_order.accepted", redelivery, days).await;
    }
    expect(&souk, "clean_up", "Removed 3 webhook deliveries.").await;
    assert_eq!(count(&souk, "webhook_delivery").await, 2);
    assert_eq!(count(&souk, "webhook_attempt").await, 2);
    assert_eq!(count(&souk, "webhook_delivery WHERE event_type = 'seller_order.accepted'").await, 2);
    souk.database().execute("DELETE FROM webhook_attempt", []).await;
    souk.database().execute("DELETE FROM webhook_delivery", []).await;
    souk.database().execute("DELETE FROM webhook_endpoint", []).await;
}

#[tokio::test]
async fn rows_of_orders_by_which_nobody_can_be_found_are_emptied_after_a_day() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let admin = &souk.admin().await.client;
    let rows = [json!({"external_id": "1", "name": "Ann"}), json!({"external_id": "2", "email": "ann@example.com"})];
    for hours in [25, 23] {
        let uploaded = crate::batches::upload_json(admin, "/api/v1/admin/batches/orders", &rows).await;
        let id = super::uuid(text(&uploaded.json()["id"]));
        souk.settle().await;
        let sql = "UPDATE batch SET updated_at = $1 WHERE id = $2";
        assert_eq!(souk.database().execute(sql, [ago(TimeDelta::hours(hours)).into(), id]).await, 1);
    }
    expect(&souk, "clean_up", "Removed 1 rows of orders without an address.").await;
    assert_eq!(count(&souk, "batch_row WHERE length(input) = 0 AND line = 1").await, 1);
    assert_eq!(count(&souk, "batch_row WHERE length(input) > 0").await, 3);
    expect(&souk, "clean_up", "Nothing to remove.").await;
    souk.audit().await;
}

async fn upload(seller: &Seller, offer: &str) -> String {
    let csv = format!("sku,warehouse,on_hand\n{offer},Main,7\nNOT-THERE,Main,7\n");
    let request = seller.client.request(reqwest::Method::POST, "/api/v1/seller/batches/inventory");
    let batch = crate::souk::client::send(request.header("content-type", "text/csv").body(csv)).await;
    text(&batch.json()["id"]).to_owned()
}

#[tokio::test]
async fn rows_of_ended_batches_and_uploads_given_up_go() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let seller = souk.seller("Uploads").await;
    seller.offer("UPLOADS-1", "10.00", 9).await;
    let (old, young) = (upload(&seller, "UPLOADS-1").await, upload(&seller, "UPLOADS-1").await);
    souk.settle().await;
    let sql = "UPDATE batch SET updated_at = $1 WHERE id = $2";
    assert_eq!(souk.database().execute(sql, [days_ago(31), super::uuid(&old)]).await, 1);
    assert_eq!(souk.database().execute(sql, [days_ago(29), super::uuid(&young)]).await, 1);
    for hours in [25, 23] {
        let at = ago(TimeDelta::hours(hours));
        let id = id_of(at);
        let sql = "INSERT INTO batch (id, seller_id, kind, format, header, dry_run, status, total_rows, processed_rows, \
                   failed_rows, done_line, version, created_at, updated_at) \
                   VALUES ($1, $2, 'inventory', 'csv', 'sku', $3, 'receiving', 0, 0, 0, 0, 0, $4, $4)";
        souk.database().execute(sql, [id.clone(), super::uuid(&seller.id), false.into(), at.into()]).await;
        let sql = "INSERT INTO batch_row (batch_id, line, input, status) VALUES ($1, 1, 'X', 'pending')";
        souk.database().execute(sql, [id]).await;
    }
    expect(&souk, "clean_up", "Removed 2 rows of ended batches, 1 uploads given up.").await;
    assert_eq!(count(&souk, "batch").await, 3);
    assert_eq!(count(&souk, "batch_row").await, 3);
    let path = format!("/api/v1/seller/batches/{old}");
    let batch = seller.client.get(&path).await.expect(200);
    assert_eq!((&batch["total_rows"], &batch["failed_rows"]), (&json!(2), &json!(1)), "its counts stay");
}
