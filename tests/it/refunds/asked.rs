//! Who may ask for a refund, and of what.

use serde_json::{Value, json};

use crate::souk::{Souk, cents};

use super::{by_admin, by_seller, refundable, units};

#[tokio::test]
async fn a_refund_names_something_that_is_there() {
    let souk = Souk::start().await;
    let (seller, other) = (souk.seller("Mine").await, souk.seller("Theirs").await);
    let offers = [seller.offer("MINE-1", "10.00", 9).await, other.offer("THEIRS-1", "10.00", 9).await];
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offers[0], 2), (&offers[1], 1)]).await;
    let order = shopper.place(&cart).await;
    let (part, line) = (order.part(&seller).id(), order.part(&seller).line());
    let ask = async |body: Value| by_seller(&seller.client, part, body).await;
    let nothing = refundable(&souk, &seller, part).await;
    assert_eq!((cents(&nothing["amount"]), &nothing["lines"][0]["quantity"]), (0, &json!(0)));
    ask(json!({"goodwill_amount": "1.00"})).await.refused(409, "ILLEGAL_TRANSITION");
    shopper.pay(order.id(), "pm_ok").await;
    shopper.until(order.id(), "processing").await;

    for body in [
        json!({}),
        json!({"lines": []}),
        json!({"shipping_amount": "0.00"}),
        json!({"goodwill_amount": "-1.00"}),
        json!({"lines": units(line, 0)}),
        json!({"lines": units(line, -1)}),
        json!({"lines": [{"line_id": line, "quantity": 1}, {"line_id": line, "quantity": 1}]}),
    ] {
        ask(body).await.refused(422, "INVALID_VALUE");
    }
    ask(json!({"goodwill_amount": "1.00", "currency": "EUR"})).await.refused(422, "INVALID_MONEY");
    ask(json!({"goodwill_amount": "1.001"})).await.refused(422, "INVALID_MONEY");
    ask(json!({"goodwill_amount": "1.00", "goodwill_borne_by": "platform"})).await.refused(400, "MALFORMED_REQUEST");
    ask(json!({"lines": units(order.part(&other).line(), 1)})).await.refused(404, "NOT_FOUND");
    let error = ask(json!({"lines": units(line, 3)})).await.refused(422, "REFUND_EXCEEDS_PAYMENT");
    assert_eq!(error["message"], "3 of MINE-1 cannot be refunded: 2 can.");
    let error = ask(json!({"shipping_amount": "5.01"})).await.refused(422, "REFUND_EXCEEDS_PAYMENT");
    assert_eq!(error["message"], "5.01 of the shipping cannot be refunded: 5.00 can.");
    let error = ask(json!({"goodwill_amount": "25.01"})).await.refused(422, "REFUND_EXCEEDS_PAYMENT");
    assert_eq!(error["message"], "25.01 USD cannot be refunded of this seller order: 25.00 can.");
    for path in ["refunds", "refundable"] {
        other.client.get(&format!("/api/v1/seller/orders/{part}/{path}")).await.refused(404, "NOT_FOUND");
    }
    by_seller(&other.client, part, json!({"goodwill_amount": "1.00"})).await.refused(404, "NOT_FOUND");

    let path = format!("/api/v1/seller/orders/{part}/refunds");
    let body = json!({"lines": units(line, 1)});
    let first = seller.client.post_once(&path, "once", body.clone()).await.expect(201);
    assert_eq!(seller.client.post_once(&path, "once", body).await.expect(201), first);
    assert_eq!(shopper.refunded(order.id(), 1).await.len(), 1);
    souk.audit().await;
}

#[tokio::test]
async fn a_suspended_seller_cannot_pay_back_what_they_were_paid() {
    let souk = Souk::start().await;
    let seller = souk.seller("Suspended").await;
    let offer = seller.offer("SUSPENDED-1", "10.00", 9).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 2)]).await;
    let (part, line) = (order.part(&seller).id(), order.part(&seller).line());
    let decide = format!("/api/v1/admin/sellers/{}", seller.id);
    let admin = &souk.admin().await.client;
    admin.post(&format!("{decide}/suspend"), json!({"reason": "fraud"})).await.expect(200);
    for body in [json!({"goodwill_amount": "1.00"}), json!({"lines": units(line, 1)})] {
        let error = by_seller(&seller.client, part, body).await.refused(409, "ILLEGAL_TRANSITION");
        assert_eq!(error["message"], "Your shop is suspended; ask the marketplace to make this refund.");
    }
    // The marketplace can, and so can they once they sell again.
    by_admin(&souk, part, json!({"lines": units(line, 1)})).await.expect(201);
    admin.post_empty(&format!("{decide}/approve")).await.expect(200);
    by_seller(&seller.client, part, json!({"goodwill_amount": "1.00"})).await.expect(201);
    shopper.refunded(order.id(), 2).await;
    souk.audit().await;
}
