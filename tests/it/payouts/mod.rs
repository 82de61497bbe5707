//! Sellers are paid what is theirs, once.

mod due;
mod provider;

use serde_json::{Value, json};

use crate::souk::{Order, Seller, Shopper, Souk, cents, eventually, text};

/// An approved seller whose payouts go to `account`.
async fn paid_seller(souk: &Souk, name: &str, account: &str) -> Seller {
    let seller = souk.seller(name).await;
    set_account(&seller, account).await;
    seller
}

async fn set_account(seller: &Seller, account: &str) {
    let set = seller.client.put("/api/v1/seller/payout-account", json!({"account": account})).await.expect(200);
    assert_eq!(set["payout_account"], account);
}

/// Sells a unit of an offer and delivers it.
async fn deliver(souk: &Souk, seller: &Seller, offer: &str) -> (Shopper, Order) {
    let shopper = souk.guest();
    let order = shopper.buy(&[(offer, 1)]).await;
    let parcel = seller.ship(order.part(seller).id(), "Main").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    let order = shopper.until(order.id(), "delivered").await;
    (shopper, order)
}

/// Lets the return window of a delivered order close.
async fn complete(souk: &Souk, seller: &Seller, shopper: &Shopper, order: &Order) -> Order {
    souk.database().make_due(&format!("complete:{}", order.part(seller).id())).await;
    shopper.until(order.id(), "completed").await
}

/// Sells a unit of an offer, delivers it, and lets the return window close.
async fn sell(souk: &Souk, seller: &Seller, offer: &str) -> (Shopper, Order) {
    let (shopper, order) = deliver(souk, seller, offer).await;
    let order = complete(souk, seller, &shopper, &order).await;
    (shopper, order)
}

/// What a seller is owed in USD, in cents, without their reserve.
async fn owed(seller: &Seller) -> i64 {
    let account = seller.client.get("/api/v1/seller").await.expect(200);
    let balances = account["balances"].as_array().expect("balances");
    balances.iter().find(|balance| balance["currency"] == "USD").map_or(0, |balance| cents(&balance["amount"]))
}

/// Agrees terms with a seller.
async fn agree(souk: &Souk, seller: &Seller, terms: Value) {
    souk.admin().await.client.patch(&format!("/api/v1/admin/sellers/{}", seller.id), terms).await.expect(200);
}

/// Pays a seller out now; returns the payouts that were made.
async fn pay_out(souk: &Souk, seller: &Seller) -> Vec<Value> {
    let path = format!("/api/v1/admin/sellers/{}/payouts", seller.id);
    let run = souk.admin().await.client.post_empty(&path).await.expect(200);
    run["payouts"].as_array().expect("payouts").clone()
}

/// The one payout that is made of paying a seller out now.
async fn one_payout(souk: &Souk, seller: &Seller) -> Value {
    let made = pay_out(souk, seller).await;
    assert_eq!(made.len(), 1, "{made:?}");
    made.into_iter().next().expect("one")
}

/// A payout of the seller, once it has the status.
async fn payout_until(seller: &Seller, id: &Value, status: &str) -> Value {
    let path = format!("/api/v1/seller/payouts/{}", text(id));
    eventually(&format!("the payout is {status}"), async || {
        let found = seller.client.get(&path).await.expect(200);
        (found["payout"]["status"] == status).then_some(found)
    })
    .await
}

/// What a seller will be paid: what holds for all currencies, and for USD.
async fn upcoming(seller: &Seller) -> (Value, Value) {
    let all = seller.client.get("/api/v1/seller/payouts/upcoming").await.expect(200);
    let currencies = all["currencies"].as_array().expect("currencies");
    let usd = currencies.iter().find(|of| of["currency"] == "USD").cloned().unwrap_or_default();
    (all, usd)
}

/// The items of a payout, which add up to its amount.
async fn items(seller: &Seller, payout: &Value) -> Vec<Value> {
    let items = seller.client.list(&format!("/api/v1/seller/payouts/{}/items", text(&payout["id"]))).await;
    let sum: i64 = items.iter().map(|item| cents(&item["amount"])).sum();
    assert_eq!(sum, cents(&payout["amount"]), "{items:?}");
    items
}

#[tokio::test]
async fn what_is_completed_is_paid_on_the_next_monday() {
    let souk = Souk::start().await;
    let seller = paid_seller(&souk, "Weekly", "acct_weekly").await;
    let offer = seller.offer("PAYOUT-1", "40.00", 5).await;
    let (shopper, order) = deliver(&souk, &seller, &offer).await;
    let owed_before = owed(&seller).await;
    assert!(owed_before > 0);
    let (_, usd) = upcoming(&seller).await;
    assert_eq!((&usd["shortfall"], cents(&usd["due"])), (&json!("nothing"), 0));
    assert_eq!(usd["waiting"][0]["reason"], "not_completed");
    assert_eq!(cents(&usd["waiting"][0]["amount"]), owed_before);
    assert_eq!(pay_out(&souk, &seller).await, Vec::<Value>::new(), "nothing is due");

    let order = complete(&souk, &seller, &shopper, &order).await;
    let (all, usd) = upcoming(&seller).await;
    assert_eq!((cents(&usd["due"]), cents(&usd["amount"])), (owed_before, owed_before));
    assert!(usd["shortfall"].is_null() && all["obstacle"].is_null(), "{all}");
    let planned = souk.admin().await.jobs("pay_out_seller").await;
    assert_eq!(planned.len(), 1);
    let (key, run_at) = (text(&planned[0]["unique_key"]), text(&planned[0]["run_at"]));
    assert_eq!(all["next_run_at"], run_at);
    assert_eq!(key, format!("pay-out:{}:{}", seller.id, &run_at[..10]));
    let run_at: chrono::DateTime<chrono::Utc> = run_at.parse().expect("an instant");
    assert_eq!(run_at.format("%a %H:%M:%S").to_string(), "Mon 06:00:00");

    souk.database().make_due(key).await;
    let made =
        eventually("a payout is made", async || seller.client.list("/api/v1/seller/payouts").await.into_iter().next())
            .await;
    let paid = payout_until(&seller, &made["id"], "paid").await;
    assert_eq!((cents(&paid["payout"]["amount"]), &paid["payout"]["account"]), (owed_before, &json!("acct_weekly")));
    assert!(paid["payout"]["paid_at"].is_string() && paid["reserve"].is_null(), "{paid}");
    let states: Vec<&str> =
        paid["history"].as_array().expect("history").iter().map(|h| text(&h["to_status"])).collect();
    assert_eq!(states, ["pending", "submitted", "paid"]);
    let items = items(&seller, &made).await;
    let number = &order.part(&seller).0["number"];
    assert!(items.iter().all(|item| item["seller_order_number"] == *number), "{items:?}");
    assert!(items.iter().any(|item| item["source"] == "capture") && items.iter().any(|item| item["source"] == "label"));
    assert_eq!(owed(&seller).await, 0);

    let admin = &souk.admin().await.client;
    let all = admin.list(&format!("/api/v1/admin/payouts?seller_id={}&status=paid", seller.id)).await;
    assert_eq!((all.len(), &all[0]["id"]), (1, &made["id"]));
    let path = format!("/api/v1/admin/payouts/{}", text(&made["id"]));
    assert_eq!(admin.get(&path).await.expect(200), paid);
    assert_eq!(admin.list(&format!("{path}/items")).await, items);
    assert_eq!(souk.admin().await.jobs("pay_out_seller").await.len(), 1, "nothing more is to come");
    let books = souk.audit().await;
    assert_eq!((books.sent, books.transfers), (owed_before, 1));
}

#[tokio::test]
async fn twenty_runs_at_once_pay_once() {
    let souk = Souk::start().await;
    let seller = paid_seller(&souk, "Hurried", "acct_hurried").await;
    let offer = seller.offer("PAYOUT-2", "25.00", 5).await;
    sell(&souk, &seller, &offer).await;
    sell(&souk, &seller, &offer).await;
    let owed_before = owed(&seller).await;
    let admin = &souk.admin().await.client;
    let path = format!("/api/v1/admin/sellers/{}/payouts", seller.id);
    let runs = futures::future::join_all((0..20).map(|_| admin.post_empty(&path))).await;
    let made: usize = runs.iter().map(|run| run.expect(200)["payouts"].as_array().expect("payouts").len()).sum();
    assert_eq!(made, 1);
    let once = format!("once-{}", seller.id);
    let again = admin.request(reqwest::Method::POST, &path).header("Idempotency-Key", &once);
    assert_eq!(crate::souk::client::send(again).await.expect(200)["payouts"], json!([]));
    let books = souk.audit().await;
    assert_eq!((books.sent, books.transfers), (owed_before, 1));
}

#[tokio::test]
async fn a_payout_is_its_sellers_and_its_account_the_owners() {
    let souk = Souk::start().await;
    let seller = paid_seller(&souk, "Private", "acct_private").await;
    let other = souk.seller("Curious").await;
    let offer = seller.offer("PAYOUT-3", "10.00", 5).await;
    sell(&souk, &seller, &offer).await;
    let payout = one_payout(&souk, &seller).await;
    payout_until(&seller, &payout["id"], "paid").await;
    let path = format!("/api/v1/seller/payouts/{}", text(&payout["id"]));
    for path in [path.clone(), format!("{path}/items")] {
        other.client.get(&path).await.refused(404, "NOT_FOUND");
        seller.client.get(&path).await.expect(200);
    }
    assert_eq!(other.client.list("/api/v1/seller/payouts").await, Vec::<Value>::new());
    let all = other.client.get("/api/v1/seller/payouts/upcoming").await.expect(200);
    assert_eq!((&all["currencies"], &all["obstacle"]), (&json!([]), &json!("no_account")));
    let run = format!("/api/v1/admin/sellers/{}/payouts", seller.id);
    seller.client.post_empty(&run).await.refused(403, "FORBIDDEN");

    for account in ["", "with space", "acct_é"] {
        let refused = seller.client.put("/api/v1/seller/payout-account", json!({"account": account})).await;
        assert!([400, 422].contains(&refused.status.as_u16()), "{account}: {}", refused.json());
    }
    souk.database().execute("UPDATE seller_member SET role = 'staff'", []).await;
    let refused = seller.client.put("/api/v1/seller/payout-account", json!({"account": "acct_thief"})).await;
    refused.refused(403, "FORBIDDEN");
    souk.audit().await;
}
