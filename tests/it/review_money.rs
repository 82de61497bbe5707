//! What a review of the money has found: each of these fails until it is repaired.

use serde_json::{Value, json};

use crate::souk::{Admin, Answer, Client, Options, Order, Seller, Shopper, Souk, cents, eventually, text};

async fn paid_seller(souk: &Souk, name: &str, account: &str) -> Seller {
    let seller = souk.seller(name).await;
    seller.client.put("/api/v1/seller/payout-account", json!({"account": account})).await.expect(200);
    seller
}

async fn refund(client: &Client, part: &str, body: Value) -> Answer {
    client.post(&format!("/api/v1/seller/orders/{part}/refunds"), body).await
}

async fn pay_out(souk: &Souk, seller: &Seller) -> Vec<Value> {
    let path = format!("/api/v1/admin/sellers/{}/payouts", seller.id);
    let run = souk.admin().await.client.post_empty(&path).await.expect(200);
    run["payouts"].as_array().expect("payouts").clone()
}

async fn owed(seller: &Seller) -> i64 {
    let account = seller.client.get("/api/v1/seller").await.expect(200);
    let balances = account["balances"].as_array().expect("balances");
    balances.iter().find(|balance| balance["currency"] == "USD").map_or(0, |balance| cents(&balance["amount"]))
}

async fn refund_until(admin: &Admin, status: &str) -> Value {
    eventually(&format!("a refund is {status}"), async || {
        admin.client.list(&format!("/api/v1/admin/refunds?status={status}")).await.into_iter().next()
    })
    .await
}

async fn deliver(souk: &Souk, seller: &Seller, offer: &str, units: i64) -> (Shopper, Order) {
    let shopper = souk.guest();
    let order = shopper.buy(&[(offer, units)]).await;
    let parcel = seller.ship(order.part(seller).id(), "Main").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    let order = shopper.until(order.id(), "delivered").await;
    (shopper, order)
}

async fn sell(souk: &Souk, seller: &Seller, offer: &str) -> (Shopper, Order) {
    let (shopper, order) = deliver(souk, seller, offer, 1).await;
    souk.database().make_due(&format!("complete:{}", order.part(seller).id())).await;
    let order = shopper.until(order.id(), "completed").await;
    (shopper, order)
}

#[tokio::test]
async fn a_seller_is_not_paid_for_a_cancelled_order_whose_refund_was_refused() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = paid_seller(&souk, "Never Sent", "acct_never").await;
    let offer = seller.offer("RM-1", "40.00", 5).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    souk.simulator().fault("refund_payment", "refused", 1).await;
    shopper.cancel(order.id()).await.expect(200);
    refund_until(souk.admin().await, "failed").await;
    let made = pay_out(&souk, &seller).await;
    assert_eq!(made, Vec::<Value>::new(), "paid for goods that were never sent, while the shopper has nothing back");
}

#[tokio::test]
async fn a_failed_refund_is_made_again_once() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Once More").await;
    let offer = seller.offer("RM-2", "40.00", 5).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    souk.simulator().fault("refund_payment", "refused", 1).await;
    refund(&seller.client, order.part(&seller).id(), json!({"goodwill_amount": "5.00"})).await.expect(201);
    let admin = souk.admin().await;
    let failed = refund_until(admin, "failed").await;
    let path = format!("/api/v1/admin/refunds/{}/retry", text(&failed["id"]));
    admin.client.post_empty(&path).await.expect(201);
    let again = admin.client.post_empty(&path).await;
    assert_ne!(again.status.as_u16(), 201, "5.00 of goodwill is paid back twice: {}", again.json());
}

#[tokio::test]
async fn a_return_whose_refund_failed_and_was_paid_otherwise_can_be_settled() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Stuck").await;
    let offer = seller.offer("RM-3", "10.00", 5).await;
    let (shopper, order) = deliver(&souk, &seller, &offer, 2).await;
    let part = order.part(&seller);
    let asked = shopper.give_back(part, part.line(), 1).await.expect(201);
    let id = text(&asked["id"]);
    seller.approve_return(id).await.expect(200);
    souk.simulator().fault("refund_payment", "refused", 1).await;
    seller.receive(id, part.line(), 1).await.expect(200);
    let admin = souk.admin().await;
    let failed = refund_until(admin, "failed").await;
    let all = json!({"lines": [{"line_id": part.line(), "quantity": 2}]});
    refund(&seller.client, part.id(), all).await.expect(201);
    refund_until(admin, "succeeded").await;
    let again = admin.client.post_empty(&format!("/api/v1/admin/refunds/{}/retry", text(&failed["id"]))).await;
    let path = format!("/api/v1/returns/{id}");
    let now = shopper.client().get(&path).await.expect(200);
    assert_eq!(now["status"], "processed", "nothing ends the return any more; retry says {}", again.json());
}

#[tokio::test]
async fn a_refusal_after_a_lost_answer_does_not_pay_a_seller_twice() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = paid_seller(&souk, "Doubled", "acct_doubled").await;
    let offer = seller.offer("RM-4", "40.00", 5).await;
    sell(&souk, &seller, &offer).await;
    let amount = owed(&seller).await;
    souk.simulator().fault("transfer", "answer_lost", 1).await;
    let made = pay_out(&souk, &seller).await;
    let path = format!("/api/v1/seller/payouts/{}", text(&made[0]["id"]));
    let is = async |wanted: &[&str]| {
        eventually("the payout moves", async || {
            let now = seller.client.get(&path).await.expect(200);
            wanted.contains(&text(&now["payout"]["status"])).then_some(now)
        })
        .await
    };
    is(&["unresolved"]).await;
    souk.simulator().fault("transfer", "refused", 1).await;
    is(&["failed", "paid"]).await;
    for payout in pay_out(&souk, &seller).await {
        let path = format!("/api/v1/seller/payouts/{}", text(&payout["id"]));
        eventually("the payout is paid", async || {
            (seller.client.get(&path).await.expect(200)["payout"]["status"] == "paid").then_some(())
        })
        .await;
    }
    assert_eq!(souk.simulator().books().await.sent, amount);
}

#[tokio::test]
async fn a_refusal_after_a_lost_answer_does_not_pay_a_shopper_twice() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Doubled Back").await;
    let offer = seller.offer("RM-5", "40.00", 5).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    let admin = souk.admin().await;
    souk.simulator().fault("refund_payment", "answer_lost", 1).await;
    refund(&seller.client, order.part(&seller).id(), json!({"goodwill_amount": "5.00"})).await.expect(201);
    refund_until(admin, "unresolved").await;
    souk.simulator().fault("refund_payment", "refused", 1).await;
    let failed = eventually("it ends", async || {
        let all = admin.client.list("/api/v1/admin/refunds").await;
        all.into_iter().find(|one| one["status"] == "failed" || one["status"] == "succeeded")
    })
    .await;
    admin.client.post_empty(&format!("/api/v1/admin/refunds/{}/retry", text(&failed["id"]))).await;
    souk.settle().await;
    assert_eq!(souk.simulator().books().await.refunded, 500);
}

#[tokio::test]
async fn a_seller_does_not_see_what_others_sold_in_the_same_order() {
    let souk = Souk::start().await;
    let tenth = json!({"name": "A tenth off", "kind": "percentage", "percent": "10", "target": "order",
                       "borne_by": "platform"});
    souk.admin().await.client.post("/api/v1/admin/promotions", tenth).await.expect(201);
    let (seller, other) = (souk.seller("Nosy").await, souk.seller("Secret").await);
    let offers = [seller.offer("RM-6", "10.00", 9).await, other.offer("RM-7", "123.45", 9).await];
    let order = souk.guest().buy(&[(&offers[0], 1), (&offers[1], 1)]).await;
    let told = seller.client.get(&format!("/api/v1/seller/explain/order_line/{}", order.part(&seller).line())).await;
    let told = told.expect(200).to_string();
    assert!(!told.contains("133.45"), "10.00 of one's own in an order of 133.45: {told}");
}

#[tokio::test]
async fn what_was_cancelled_is_not_taxed_after_goodwill() {
    let souk = Souk::start().await;
    let admin = souk.admin().await;
    let zone = admin.tax_zone("US", false).await;
    admin.tax_rate(&zone, "standard", "10").await;
    admin.tax_rate(&zone, "shipping", "10").await;
    let seller = souk.seller("Taxed").await;
    let offer = seller.offer("RM-8", "20.00", 9).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    refund(&seller.client, order.part(&seller).id(), json!({"goodwill_amount": "6.00"})).await.expect(201);
    shopper.refunded(order.id(), 1).await;
    shopper.cancel(order.id()).await.expect(200);
    let refunds = shopper.refunded(order.id(), 2).await;
    let back: i64 = refunds.iter().map(|refund| cents(&refund["amount"])).sum();
    assert_eq!(back, order.total());
    let (debits, credits) = admin.account("tax_payable").await;
    assert_eq!((owed(&seller).await, credits - debits), (0, 0), "all was paid back and nothing was sold");
}

#[tokio::test]
async fn a_payout_that_has_not_gone_does_not_go_to_a_suspended_seller() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = paid_seller(&souk, "Stopped", "acct_stopped").await;
    let offer = seller.offer("RM-10", "40.00", 5).await;
    sell(&souk, &seller, &offer).await;
    souk.simulator().fault("transfer", "unavailable", 2).await;
    let made = pay_out(&souk, &seller).await;
    assert_eq!(made.len(), 1);
    let path = format!("/api/v1/admin/sellers/{}/suspend", seller.id);
    souk.admin().await.client.post(&path, json!({"reason": "fraud"})).await.expect(200);
    souk.settle().await;
    assert_eq!(souk.simulator().books().await.sent, 0);
}
