//! Refunds that the provider refuses or does not answer, and how they are made again.

use serde_json::json;

use crate::souk::{Options, Order, Seller, Shopper, Souk, cents, eventually, text};

use super::{by_admin, by_seller, deliver, refund_until, refundable, units};

#[tokio::test]
async fn a_refused_refund_frees_what_it_held_and_can_be_made_anew() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Again").await;
    let offer = seller.offer("AGAIN-1", "9.99", 9).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 3)]).await;
    let (part, line) = (order.part(&seller).id(), order.part(&seller).line());
    souk.simulator().fault("refund_payment", "refused", 1).await;
    let some = json!({"lines": units(line, 2), "shipping_amount": "5.00", "goodwill_amount": "1.00",
                      "goodwill_borne_by": "platform"});
    let made = by_admin(&souk, part, some).await.expect(201);
    let (admin, path) = (souk.admin().await, format!("/api/v1/admin/refunds/{}", text(&made["id"])));
    eventually("the refund has failed", async || {
        (admin.client.get(&path).await.expect(200)["status"] == "failed").then_some(())
    })
    .await;
    assert_eq!(cents(&refundable(&souk, &seller, part).await["amount"]), order.total());
    let again = admin.client.post_empty(&format!("{path}/retry")).await.expect(201);
    for field in ["amount", "tax", "platform_amount", "commission", "reason"] {
        assert_eq!(again[field], made[field], "{field}");
    }
    let done = eventually("it is paid back", async || {
        let refunds = shopper.refunds(order.id()).await;
        refunds.iter().any(|refund| refund["status"] == "succeeded").then_some(refunds)
    })
    .await;
    assert_eq!(done.len(), 2);
    let books = souk.audit().await;
    assert_eq!(books.refunded, cents(&made["amount"]));
}

#[tokio::test]
async fn a_failed_refund_is_made_again_once() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Once More").await;
    let offer = seller.offer("ONCE-1", "40.00", 5).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    souk.simulator().fault("refund_payment", "refused", 1).await;
    let some = json!({"goodwill_amount": "5.00", "note": "for the wait"});
    by_seller(&seller.client, order.part(&seller).id(), some).await.expect(201);
    let admin = souk.admin().await;
    let failed = refund_until(admin, "failed").await;
    let path = format!("/api/v1/admin/refunds/{}/retry", text(&failed["id"]));
    let made = admin.client.post_empty(&path).await.expect(201);
    assert_eq!((&made["note"], &made["reason"]), (&json!("for the wait"), &json!("goodwill")));
    admin.client.post_empty(&path).await.refused(409, "ILLEGAL_TRANSITION");
    refund_until(admin, "succeeded").await;
    let books = souk.audit().await;
    assert_eq!(books.refunded, 500);
}

/// Units are sold and some of them given back, for which the refund is refused.
struct Refused {
    souk: Souk,
    seller: Seller,
    shopper: Shopper,
    order: Order,
    /// The return.
    id: String,
    /// Where its refund is made again.
    retry: String,
}

impl Refused {
    async fn open(sold: i64, back: i64) -> Self {
        let souk = Souk::with(Options::default().inside()).await;
        let seller = souk.seller("Stuck").await;
        let offer = seller.offer("STUCK-1", "10.00", 5).await;
        let shopper = souk.guest();
        let order = shopper.buy(&[(&offer, sold)]).await;
        let order = deliver(&souk, &shopper, &seller, &order).await;
        let part = order.part(&seller);
        let asked = shopper.give_back(part, part.line(), back).await.expect(201);
        let id = text(&asked["id"]).to_owned();
        seller.approve_return(&id).await.expect(200);
        souk.simulator().fault("refund_payment", "refused", 1).await;
        seller.receive(&id, part.line(), back).await.expect(200);
        let failed = refund_until(souk.admin().await, "failed").await;
        let retry = format!("/api/v1/admin/refunds/{}/retry", text(&failed["id"]));
        Self { souk, seller, shopper, order, id, retry }
    }

    /// So many units are paid back without a return.
    async fn pay_otherwise(&self, quantity: i64) {
        let part = self.order.part(&self.seller);
        by_seller(&self.seller.client, part.id(), json!({"lines": units(part.line(), quantity)})).await.expect(201);
        refund_until(self.souk.admin().await, "succeeded").await;
    }
}

#[tokio::test]
async fn a_return_whose_refund_failed_and_was_paid_otherwise_can_be_settled() {
    let refused = Refused::open(2, 1).await;
    refused.pay_otherwise(2).await;
    let admin = &refused.souk.admin().await.client;
    admin.post_empty(&refused.retry).await.expect(201);
    refused.shopper.return_until(&refused.id, "processed").await;
    admin.post_empty(&refused.retry).await.refused(409, "ILLEGAL_TRANSITION");
    let books = refused.souk.audit().await;
    assert_eq!(books.refunded, 2000);
}

#[tokio::test]
async fn a_return_is_paid_for_as_far_as_it_was_not_otherwise() {
    let refused = Refused::open(3, 3).await;
    refused.pay_otherwise(1).await;
    let made = refused.souk.admin().await.client.post_empty(&refused.retry).await.expect(201);
    assert_eq!((cents(&made["amount"]), &made["lines"][0]["quantity"]), (2000, &json!(2)));
    refused.shopper.return_until(&refused.id, "processed").await;
    refused.shopper.until(refused.order.id(), "refunded").await;
    let books = refused.souk.audit().await;
    assert_eq!(books.refunded, 3000);
}

#[tokio::test]
async fn a_refusal_after_a_lost_answer_does_not_pay_a_shopper_twice() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Doubled Back").await;
    let offer = seller.offer("DOUBLE-1", "40.00", 5).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    let admin = souk.admin().await;
    souk.simulator().fault("refund_payment", "answer_lost", 1).await;
    by_seller(&seller.client, order.part(&seller).id(), json!({"goodwill_amount": "5.00"})).await.expect(201);
    refund_until(admin, "unresolved").await;
    souk.simulator().fault("refund_payment", "refused", 1).await;
    let failed = eventually("it ends", async || {
        let all = admin.client.list("/api/v1/admin/refunds").await;
        all.into_iter().find(|one| one["status"] == "failed" || one["status"] == "succeeded")
    })
    .await;
    admin.client.post_empty(&format!("/api/v1/admin/refunds/{}/retry", text(&failed["id"]))).await;
    let books = souk.audit().await;
    assert_eq!(books.refunded, 500);
}
