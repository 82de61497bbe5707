//! What is due, what waits, and what is kept back.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::souk::{Options, Souk, cents, eventually, text};

use super::{
    agree, complete, deliver, items, one_payout, owed, paid_seller, pay_out, payout_until, sell, set_account, upcoming,
};

/// Over on every clock.
fn long_ago() -> sea_orm::Value {
    chrono::DateTime::<chrono::Utc>::UNIX_EPOCH.into()
}

/// The jobs that pay sellers out, done or still to be done.
async fn planned(souk: &Souk) -> Vec<Value> {
    souk.admin().await.jobs("pay_out_seller").await
}

#[tokio::test]
async fn what_keeps_a_payout_is_told() {
    let souk = Souk::start().await;
    let seller = souk.seller("Kept Waiting").await;
    let offer = seller.offer("DUE-1", "30.00", 5).await;
    sell(&souk, &seller, &offer).await;
    let owed_before = owed(&seller).await;
    let nothing = Vec::<Value>::new();

    assert_eq!(pay_out(&souk, &seller).await, nothing);
    assert_eq!(upcoming(&seller).await.0["obstacle"], "no_account");
    let monday = planned(&souk).await;
    souk.database().make_due(text(&monday[0]["unique_key"])).await;
    souk.settle().await;
    let mondays: BTreeSet<String> =
        planned(&souk).await.iter().map(|job| text(&job["unique_key"]).to_owned()).collect();
    assert_eq!(mondays.len(), 2, "while something is owed, a next one is planned: {mondays:?}");

    set_account(&seller, "acct_due").await;
    agree(&souk, &seller, json!({"payout_minimum": owed_before + 1})).await;
    assert_eq!(pay_out(&souk, &seller).await, nothing);
    let (all, usd) = upcoming(&seller).await;
    assert_eq!((&all["obstacle"], &usd["shortfall"]), (&Value::Null, &json!("below_minimum")));

    agree(&souk, &seller, json!({"payout_minimum": owed_before})).await;
    let decide = format!("/api/v1/admin/sellers/{}", seller.id);
    let admin = &souk.admin().await.client;
    admin.post(&format!("{decide}/suspend"), json!({"reason": "complaints"})).await.expect(200);
    assert_eq!(pay_out(&souk, &seller).await, nothing, "nothing is paid to a suspended seller");
    let told = admin.get(&format!("{decide}/payouts/upcoming")).await.expect(200);
    assert_eq!((&told["obstacle"], cents(&told["currencies"][0]["due"])), (&json!("not_approved"), owed_before));
    admin.post_empty(&format!("{decide}/approve")).await.expect(200);

    let payout = one_payout(&souk, &seller).await;
    assert_eq!(cents(&payout["amount"]), owed_before);
    payout_until(&seller, &payout["id"], "paid").await;
    assert_eq!(souk.audit().await.sent, owed_before);

    for (terms, code) in [
        (json!({"payout_minimum": -1}), "INVALID_VALUE"),
        (json!({"payout_hold_days": 366}), "INVALID_VALUE"),
        (json!({"reserve_percent": "100"}), "INVALID_VALUE"),
        (json!({"reserve_days": -1}), "INVALID_VALUE"),
        (json!({"commission_tax_percent": "101"}), "INVALID_VALUE"),
    ] {
        admin.patch(&decide, terms).await.refused(422, code);
    }
}

#[tokio::test]
async fn a_hold_keeps_what_is_completed() {
    let souk = Souk::start().await;
    let seller = paid_seller(&souk, "Held", "acct_held").await;
    agree(&souk, &seller, json!({"payout_interval": "daily", "payout_hold_days": 10})).await;
    let offer = seller.offer("DUE-2", "30.00", 5).await;
    let (_, order) = sell(&souk, &seller, &offer).await;
    // The hold is that of completion, whatever is agreed later.
    agree(&souk, &seller, json!({"payout_hold_days": 0})).await;
    let owed_before = owed(&seller).await;
    assert_eq!(pay_out(&souk, &seller).await, Vec::<Value>::new());
    let (all, usd) = upcoming(&seller).await;
    let waiting = &usd["waiting"][0];
    assert_eq!((&waiting["reason"], cents(&waiting["amount"])), (&json!("hold"), owed_before));
    assert_eq!(waiting["first_at"], waiting["last_at"]);
    let instant = |value: &Value| text(value).parse::<chrono::DateTime<chrono::Utc>>().expect("an instant");
    let days = (instant(&waiting["first_at"]) - instant(&all["next_run_at"])).num_days();
    assert!((8..=9).contains(&days), "{all}");
    let planned = planned(&souk).await;
    assert_eq!(planned.len(), 1, "nothing is done before the hold is over");
    assert!(instant(&planned[0]["run_at"]) >= instant(&waiting["first_at"]));

    let part: uuid::Uuid = order.part(&seller).id().parse().expect("an id");
    let over = "UPDATE seller_order SET payable_at = $1 WHERE id = $2";
    souk.database().execute(over, [long_ago(), part.into()]).await;
    souk.database().make_due(text(&planned[0]["unique_key"])).await;
    souk.settle().await;
    assert_eq!(souk.audit().await.sent, owed_before);
    assert_eq!(owed(&seller).await, 0);
}

#[tokio::test]
async fn a_reserve_is_kept_back_and_released_whole() {
    let souk = Souk::start().await;
    let seller = paid_seller(&souk, "Reserved", "acct_reserved").await;
    agree(&souk, &seller, json!({"reserve_percent": "12.5", "reserve_days": 30})).await;
    let offer = seller.offer("DUE-3", "33.33", 5).await;
    sell(&souk, &seller, &offer).await;
    let owed_before = owed(&seller).await;
    let kept = (owed_before * 125 + 500) / 1000;
    let payout = one_payout(&souk, &seller).await;
    assert_eq!(cents(&payout["amount"]), owed_before - kept);
    let first = payout_until(&seller, &payout["id"], "paid").await;
    assert_eq!(cents(&first["reserve"]["amount"]), kept);
    assert!(first["reserve"]["released_at"].is_null());
    let settled = items(&seller, &payout).await;
    assert!(settled.iter().any(|item| item["source"] == "reserve_hold" && cents(&item["amount"]) == -kept));
    let account = seller.client.get("/api/v1/seller").await.expect(200);
    let balance = &account["balances"][0];
    assert_eq!((cents(&balance["amount"]), cents(&balance["reserve"])), (0, kept));
    let (_, usd) = upcoming(&seller).await;
    assert_eq!((cents(&usd["due"]), cents(&usd["in_reserve"][0]["amount"])), (0, kept));
    assert_eq!(usd["in_reserve"][0]["release_at"], first["reserve"]["release_at"]);
    assert_eq!(pay_out(&souk, &seller).await, Vec::<Value>::new(), "not before its time");
    assert_eq!(souk.admin().await.account("seller_reserve").await, (0, kept));

    let over = "UPDATE payout_reserve SET release_at = (SELECT created_at FROM payout WHERE id = payout_id)";
    souk.database().execute(over, []).await;
    let (_, usd) = upcoming(&seller).await;
    assert_eq!((cents(&usd["due"]), cents(&usd["amount"])), (kept, kept));
    let released = one_payout(&souk, &seller).await;
    assert_eq!(cents(&released["amount"]), kept, "nothing is kept of what was kept");
    let second = payout_until(&seller, &released["id"], "paid").await;
    assert!(second["reserve"].is_null());
    let first = payout_until(&seller, &payout["id"], "paid").await;
    assert!(first["reserve"]["released_at"].is_string());
    assert_eq!(souk.admin().await.account("seller_reserve").await, (kept, kept));
    assert_eq!(souk.audit().await.sent, owed_before);
}

#[tokio::test]
async fn what_a_seller_owes_is_taken_off_the_next_payout() {
    let souk = Souk::start().await;
    let seller = paid_seller(&souk, "Netted", "acct_netted").await;
    let offer = seller.offer("DUE-4", "20.00", 5).await;
    let (shopper, order) = sell(&souk, &seller, &offer).await;
    let first = one_payout(&souk, &seller).await;
    payout_until(&seller, &first["id"], "paid").await;

    souk.admin().await.goodwill(order.part(&seller).id(), "5.00").await.expect(201);
    shopper.refunded(order.id(), 1).await;
    assert_eq!(owed(&seller).await, -500);
    let (_, usd) = upcoming(&seller).await;
    assert_eq!((&usd["shortfall"], cents(&usd["due"])), (&json!("negative"), -500));
    assert_eq!(pay_out(&souk, &seller).await, Vec::<Value>::new());

    sell(&souk, &seller, &offer).await;
    let owed_now = owed(&seller).await;
    let second = one_payout(&souk, &seller).await;
    assert_eq!(cents(&second["amount"]), owed_now);
    assert_eq!(cents(&second["amount"]), cents(&first["amount"]) - 500);
    let settled = items(&seller, &second).await;
    assert!(settled.iter().any(|item| item["source"] == "refund" && item["amount"] == "-5.00"), "{settled:?}");
    payout_until(&seller, &second["id"], "paid").await;
    souk.audit().await;
}

#[tokio::test]
async fn an_open_return_keeps_its_seller_order() {
    let souk = Souk::start().await;
    let seller = paid_seller(&souk, "Returned To", "acct_returns").await;
    let offer = seller.offer("DUE-5", "20.00", 5).await;
    let (shopper, order) = deliver(&souk, &seller, &offer).await;
    let part = order.part(&seller);
    let asked = shopper.give_back(part, part.line(), 1).await.expect(201);
    souk.settle().await;
    // As if the hold had been over before the return was asked for.
    let id: uuid::Uuid = part.id().parse().expect("an id");
    let over = "UPDATE seller_order SET payable_at = $1 WHERE id = $2";
    souk.database().execute(over, [long_ago(), id.into()]).await;
    let (_, usd) = upcoming(&seller).await;
    assert_eq!(usd["waiting"][0]["reason"], "open_return");
    assert_eq!(pay_out(&souk, &seller).await, Vec::<Value>::new());
    let undo = "UPDATE seller_order SET payable_at = NULL WHERE id = $1";
    souk.database().execute(undo, [id.into()]).await;

    let path = format!("/api/v1/seller/returns/{}/reject", text(&asked["id"]));
    seller.client.post(&path, json!({"reason": "worn"})).await.expect(200);
    complete(&souk, &seller, &shopper, &order).await;
    one_payout(&souk, &seller).await;
    souk.audit().await;
}

#[tokio::test]
async fn what_is_given_back_late_has_nothing_paid_out_before_the_next_day_of_payouts() {
    let souk = Souk::start().await;
    let seller = paid_seller(&souk, "Late", "acct_late").await;
    let offer = seller.offer("DUE-8", "20.00", 5).await;
    sell(&souk, &seller, &offer).await;
    let (shopper, order) = deliver(&souk, &seller, &offer).await;
    // As if it had been completed long ago, when the seller's days of payouts were others.
    let part = order.part(&seller);
    let id: uuid::Uuid = part.id().parse().expect("an id");
    let over = "UPDATE seller_order SET payable_at = $1 WHERE id = $2";
    souk.database().execute(over, [long_ago(), id.into()]).await;
    let asked = shopper.give_back(part, part.line(), 1).await.expect(201);
    seller.approve_return(text(&asked["id"])).await.expect(200);
    let returned = shopper.return_with_label(text(&asked["id"])).await;
    if let Some(way_back) = returned["shipment"]["tracking_number"].as_str() {
        souk.simulator().advance(way_back, "delivered").await;
    }
    seller.receive(text(&asked["id"]), part.line(), 1).await.expect(200);
    shopper.until(order.id(), "refunded").await;
    souk.settle().await;
    let planned = planned(&souk).await;
    assert!(planned.iter().all(|job| job["status"] == "queued"), "{planned:?}");
    assert_eq!(seller.client.list("/api/v1/seller/payouts").await, Vec::<Value>::new());
    souk.audit().await;
}

#[tokio::test]
async fn a_cancelled_order_is_settled_and_a_seller_by_hand_is_not_paid_by_the_clock() {
    let souk = Souk::start().await;
    let seller = paid_seller(&souk, "By Hand", "acct_hand").await;
    let offer = seller.offer("DUE-6", "20.00", 5).await;
    let shopper = souk.guest();
    let cancelled = shopper.buy(&[(&offer, 1)]).await;
    shopper.cancel(cancelled.id()).await.expect(200);
    shopper.refunded(cancelled.id(), 1).await;
    assert_eq!(owed(&seller).await, 0);
    assert_eq!(pay_out(&souk, &seller).await, Vec::<Value>::new());

    sell(&souk, &seller, &offer).await;
    let planned = planned(&souk).await;
    assert_eq!(planned.len(), 1, "both are for the same Monday");
    agree(&souk, &seller, json!({"payout_interval": "manual"})).await;
    assert!(upcoming(&seller).await.0["next_run_at"].is_null());
    souk.database().make_due(text(&planned[0]["unique_key"])).await;
    souk.settle().await;
    assert_eq!(seller.client.list("/api/v1/seller/payouts").await, Vec::<Value>::new());
    agree(&souk, &seller, json!({"payout_interval": "daily"})).await;
    let next = upcoming(&seller).await.0["next_run_at"].take();
    let key = format!("pay-out:{}:{}", seller.id, &text(&next)[..10]);
    assert!(self::planned(&souk).await.iter().any(|job| job["unique_key"] == key.as_str()), "{key} is planned");

    let payout = one_payout(&souk, &seller).await;
    let settled = items(&seller, &payout).await;
    let number = &cancelled.part(&seller).0["number"];
    let of_cancelled: i64 =
        settled.iter().filter(|item| item["seller_order_number"] == *number).map(|item| cents(&item["amount"])).sum();
    assert_eq!(of_cancelled, 0, "a cancelled order comes to nothing");
    assert!(settled.iter().any(|item| item["seller_order_number"] == *number), "and is settled");
    souk.audit().await;
}

#[tokio::test]
async fn a_seller_is_not_paid_for_a_cancelled_order_whose_refund_was_refused() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = paid_seller(&souk, "Never Sent", "acct_never").await;
    let offer = seller.offer("DUE-7", "40.00", 5).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    souk.simulator().fault("refund_payment", "refused", 1).await;
    shopper.cancel(order.id()).await.expect(200);
    let admin = &souk.admin().await.client;
    let failed = eventually("the refund has failed", async || {
        admin.list("/api/v1/admin/refunds?status=failed").await.into_iter().next()
    })
    .await;
    assert_eq!(pay_out(&souk, &seller).await, Vec::<Value>::new(), "the shopper has nothing back");
    let (_, usd) = upcoming(&seller).await;
    assert_eq!((&usd["waiting"][0]["reason"], cents(&usd["due"])), (&json!("not_paid_back"), 0));

    admin.post_empty(&format!("/api/v1/admin/refunds/{}/retry", text(&failed["id"]))).await.expect(201);
    let books = souk.audit().await;
    assert_eq!((books.refunded, owed(&seller).await), (order.total(), 0));
    assert_eq!(upcoming(&seller).await.1["waiting"], json!([]));
}
