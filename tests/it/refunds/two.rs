//! Large refunds by operators, which take two.

use std::process::Command;

use futures::future::join_all;
use serde_json::{Value, json};

use super::{by_admin, by_seller, refundable, units};
use crate::souk::{Answer, Client, Options, Order, Seller, Shopper, Souk, cents, eventually, long_ago, text};

const APPROVALS: &str = "/api/v1/admin/refund-approvals";

/// Ten pieces for a hundred dollars each, paid: operators may refund 500 of it by themselves.
async fn sold() -> (Souk, Seller, Shopper, Order) {
    let souk = Souk::start().await;
    let seller = souk.seller("Expensive").await;
    let offer = seller.offer("EXPENSIVE-1", "100.00", 20).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 10)]).await;
    (souk, seller, shopper, order)
}

async fn decide(client: &Client, approval: &Value, what: &str) -> Answer {
    let path = format!("{APPROVALS}/{}/{what}", text(&approval["id"]));
    match what {
        "reject" => client.post(&path, json!({"reason": "It was delivered."})).await,
        _ => client.post_empty(&path).await,
    }
}

/// The operators' refunds that are made.
async fn refunds(souk: &Souk) -> Vec<Value> {
    souk.admin().await.client.list("/api/v1/admin/refunds").await
}

async fn status(client: &Client, approval: &Value) -> String {
    text(&client.get(&format!("{APPROVALS}/{}", text(&approval["id"]))).await.expect(200)["status"]).to_owned()
}

#[tokio::test]
async fn what_is_above_the_limit_waits_for_another_operator() {
    let (souk, seller, shopper, order) = sold().await;
    let (part, line) = (order.part(&seller).id(), order.part(&seller).line());
    let admin = souk.admin().await.client.clone();
    let (manager, manager_id) = souk.operator("manager").await;
    // Within the limit at first, and what splits the rest into small pieces is not.
    by_admin(&souk, part, json!({"lines": units(line, 4), "note": "Broken"})).await.expect(201);
    by_admin(&souk, part, json!({"lines": units(line, 1)})).await.expect(201);
    let path = format!("/api/v1/admin/seller-orders/{part}/refunds");
    let body = json!({"goodwill_amount": "0.01", "note": "A cent"});
    let waits = admin.post_once(&path, "a-cent", body.clone()).await.expect(202);
    assert_eq!(admin.post_once(&path, "a-cent", body).await.expect(202), waits);
    assert_eq!(
        (&waits["status"], &waits["amount"], &waits["limit"], &waits["note"]),
        (&json!("pending"), &json!("0.01"), &json!("500.00"), &json!("A cent"))
    );
    // Somebody else has no amount of their own: it is the order's.
    let theirs = manager.post(&path, json!({"lines": units(line, 2), "note": "All broken"})).await.expect(202);
    assert_eq!((&theirs["amount"], &theirs["requested_by"]), (&json!("200.00"), &json!(manager_id)));
    assert_eq!(refunds(&souk).await.len(), 2, "no money moves");
    assert_eq!(manager.list(&format!("{APPROVALS}?status=pending")).await.len(), 2);

    // Never by who has asked, in whatever way they sign in; never by who only reads.
    decide(&manager, &theirs, "approve").await.refused(403, "FORBIDDEN");
    decide(&manager, &theirs, "reject").await.refused(403, "FORBIDDEN");
    let key = json!({"name": "Mine", "scopes": ["refunds:write", "refunds:read"], "expires_in_days": 1});
    let key = admin.post("/api/v1/admin/api-keys", key).await.expect(201);
    let by_key = souk.anyone().bearer(text(&key["secret"]));
    decide(&by_key, &waits, "approve").await.refused(403, "FORBIDDEN");
    let (reader, _) = souk.operator("read_only").await;
    reader.get(&format!("{APPROVALS}/{}", text(&theirs["id"]))).await.expect(200);
    decide(&reader, &theirs, "approve").await.refused(403, "FORBIDDEN");
    decide(&seller.client, &theirs, "approve").await.refused(403, "FORBIDDEN");

    let made = decide(&admin, &theirs, "approve").await.expect(201);
    assert_eq!((&made["amount"], &made["note"]), (&json!("200.00"), &json!("All broken")));
    let shown = manager.get(&format!("{APPROVALS}/{}", text(&theirs["id"]))).await.expect(200);
    assert_eq!((&shown["status"], &shown["refund_id"]), (&json!("approved"), &made["id"]));
    for what in ["approve", "reject"] {
        decide(&admin, &theirs, what).await.refused(409, "ILLEGAL_TRANSITION");
    }
    // Turned down, it moves nothing; who has asked can take it back.
    let rejected = decide(&manager, &waits, "reject").await.expect(200);
    assert_eq!((&rejected["status"], &rejected["reason"]), (&json!("rejected"), &json!("It was delivered.")));
    let again = by_admin(&souk, part, json!({"goodwill_amount": "1.00"})).await.expect(202);
    decide(&manager, &again, "withdraw").await.refused(409, "ILLEGAL_TRANSITION");
    assert_eq!(decide(&admin, &again, "withdraw").await.expect(200)["status"], "withdrawn");
    decide(&manager, &again, "approve").await.refused(409, "ILLEGAL_TRANSITION");
    assert_eq!(shopper.refunded(order.id(), 3).await.len(), 3);
    // Sellers' own refunds are not counted and not held up.
    by_seller(&seller.client, part, json!({"lines": units(line, 3)})).await.expect(201);
    let paid: i64 = shopper.refunded(order.id(), 4).await.iter().map(|refund| cents(&refund["amount"])).sum();
    assert_eq!(paid, 100_000);
    souk.audit().await;
}

#[tokio::test]
async fn two_refunds_at_once_do_not_get_around_the_limit() {
    let (souk, seller, _, order) = sold().await;
    let (part, line) = (order.part(&seller).id(), order.part(&seller).line());
    let admin = souk.admin().await.client.clone();
    let (manager, _) = souk.operator("manager").await;
    let path = format!("/api/v1/admin/seller-orders/{part}/refunds");
    let asked = join_all([&admin, &manager, &admin].map(|who| who.post(&path, json!({"lines": units(line, 3)})))).await;
    let mut statuses: Vec<u16> = asked.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 202, 202]);
    souk.audit().await;
}

#[tokio::test]
async fn of_several_decisions_at_once_one_counts() {
    let (souk, seller, _, order) = sold().await;
    let (part, line) = (order.part(&seller).id(), order.part(&seller).line());
    let (first, _) = souk.operator("manager").await;
    let (second, _) = souk.operator("admin").await;
    by_admin(&souk, part, json!({"lines": units(line, 4)})).await.expect(201);
    let waits = by_admin(&souk, part, json!({"lines": units(line, 2)})).await.expect(202);
    let (one, other) = tokio::join!(decide(&first, &waits, "approve"), decide(&second, &waits, "approve"));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    assert_eq!(refunds(&souk).await.len(), 2);

    let waits = by_admin(&souk, part, json!({"lines": units(line, 2)})).await.expect(202);
    let (approved, rejected) = tokio::join!(decide(&first, &waits, "approve"), decide(&second, &waits, "reject"));
    let made = match (approved.status.as_u16(), rejected.status.as_u16()) {
        (201, 409) => 3,
        (409, 200) => 2,
        other => panic!("{other:?}"),
    };
    assert_eq!(refunds(&souk).await.len(), made);
    let expected = if made == 3 { "approved" } else { "rejected" };
    assert_eq!(status(&first, &waits).await, expected);
    souk.audit().await;
}

#[tokio::test]
async fn an_approval_pays_what_is_left_then_or_nothing() {
    let (souk, seller, shopper, order) = sold().await;
    let (part, line) = (order.part(&seller).id(), order.part(&seller).line());
    let (manager, _) = souk.operator("manager").await;
    let waits = by_admin(&souk, part, json!({"lines": units(line, 8)})).await.expect(202);
    by_seller(&seller.client, part, json!({"lines": units(line, 5)})).await.expect(201);
    decide(&manager, &waits, "approve").await.refused(409, "ILLEGAL_TRANSITION");
    assert_eq!(status(&manager, &waits).await, "pending");
    assert_eq!(shopper.refunded(order.id(), 1).await.len(), 1);

    // Nobody decides in time.
    let late = "UPDATE refund_approval SET expires_at = $1";
    souk.database().execute(late, [long_ago().into()]).await;
    decide(&manager, &waits, "approve").await.refused(409, "ILLEGAL_TRANSITION");
    souk.command(&["schedules", "run", "clean-up"]);
    eventually("it is expired", async || (status(&manager, &waits).await == "expired").then_some(())).await;
    assert_eq!(refunds(&souk).await.len(), 1);
    souk.audit().await;
}

#[tokio::test]
async fn a_refund_that_is_made_again_is_not_more_than_was_approved() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Expensive").await;
    let offer = seller.offer("EXPENSIVE-1", "100.00", 20).await;
    let order = souk.guest().buy(&[(&offer, 10)]).await;
    let (part, line) = (order.part(&seller).id(), order.part(&seller).line());
    let (manager, _) = souk.operator("manager").await;
    souk.simulator().fault("refund_payment", "unavailable", 1_000).await;
    // What the seller gives leaves this much for the units, and neither reaches the shopper.
    let given = cents(&json!("200.00"));
    let gift = by_seller(&seller.client, part, json!({"goodwill_amount": "200.00"})).await.expect(201);
    let waits = by_admin(&souk, part, json!({"lines": units(line, 10)})).await.expect(202);
    let worth = cents(&refundable(&souk, &seller, part).await["amount"]) + given;
    assert!(cents(&waits["amount"]) < worth, "{waits:?} of {worth}");
    let made = decide(&manager, &waits, "approve").await.expect(201);
    assert_eq!(made["amount"], waits["amount"]);
    souk.simulator().fault("refund_payment", "unavailable", 0).await;
    souk.simulator().fault("refund_payment", "refused", 2).await;
    let path = format!("/api/v1/admin/refunds/{}", text(&made["id"]));
    for refund in [&gift, &made] {
        let path = format!("/api/v1/admin/refunds/{}", text(&refund["id"]));
        eventually("it has failed", async || {
            (manager.get(&path).await.expect(200)["status"] == "failed").then_some(())
        })
        .await;
    }
    manager.post_empty(&format!("{path}/retry")).await.refused(409, "ILLEGAL_TRANSITION");
    assert_eq!(refunds(&souk).await.len(), 2, "none is made");
    // What leaves as much for it as before makes it possible again.
    by_seller(&seller.client, part, json!({"goodwill_amount": "200.00"})).await.expect(201);
    let again = manager.post_empty(&format!("{path}/retry")).await.expect(201);
    assert_eq!(again["amount"], made["amount"]);
    souk.audit().await;
}

#[test]
fn a_malformed_limit_is_refused_at_the_start() {
    let directory = tempfile::tempdir().expect("a directory");
    for limit in ["USD:500", "*", "*:1.50", "USD:1.005,*:none", "*:-1"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_souk"));
        let command = command.env_clear().arg("serve").env("SOUK_DATA_DIR", directory.path());
        let command = command.env("SOUK_REFUND_APPROVAL_ABOVE", limit);
        let output = command.output().expect("souk runs");
        assert_eq!(output.status.code(), Some(2), "{limit}");
    }
}
