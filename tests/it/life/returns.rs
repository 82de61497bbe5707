//! Goods that come back.

use serde_json::json;

use crate::souk::{Order, Seller, Shopper, Souk, cents, text};

/// Ships a seller's part from their first warehouse and has it delivered.
async fn deliver(souk: &Souk, shopper: &Shopper, seller: &Seller, order: &Order) -> Order {
    let parcel = seller.ship(order.part(seller).id(), "Main").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    shopper.until(order.id(), "delivered").await
}

#[tokio::test]
async fn a_part_comes_back_and_exactly_that_is_refunded() {
    let souk = Souk::start().await;
    let seller = souk.seller("Returning").await;
    let offer = seller.offer("RETURN-1", "3.33", 5).await;
    souk.admin().await.promotion(json!({"code": "TENTH", "kind": "percentage", "percent": "10"})).await;
    let shopper = souk.guest();

    let cart = shopper.cart(&[(&offer, 3)]).await;
    shopper.use_coupon(&cart, "TENTH").await.expect(200);
    let order = shopper.place(&cart).await;
    shopper.pay(order.id(), "pm_ok").await;
    let order = shopper.until(order.id(), "processing").await;
    shopper.give_back(order.part(&seller), order.part(&seller).line(), 1).await.refused(422, "RETURN_NOT_ALLOWED");
    let order = deliver(&souk, &shopper, &seller, &order).await;
    let part = order.part(&seller);
    assert_eq!(cents(&part.lines()[0]["total"]), 899);

    let asked = shopper.give_back(part, part.line(), 2).await.expect(201);
    let id = text(&asked["id"]);
    seller.approve_return(id).await.expect(200);
    let approved = shopper.return_with_label(id).await;
    let label = shopper.client().get(&format!("/api/v1/returns/{id}/label")).await;
    assert!(label.status.is_success() && label.body.starts_with(b"%PDF"));
    let tracking_number = text(&approved["tracking_number"]);
    souk.simulator().advance(tracking_number, "in_transit").await;
    shopper.return_until(id, "in_transit").await;
    souk.simulator().advance(tracking_number, "delivered").await;
    seller.receive(id, part.line(), 2).await.expect(200);
    shopper.return_until(id, "processed").await;

    // Two thirds of 8.99, rounded half up.
    let refunds = shopper.refunded(order.id(), 1).await;
    assert_eq!((cents(&refunds[0]["amount"]), text(&refunds[0]["return_id"])), (599, id));
    assert_eq!(seller.inventory(&offer).await, (4, 0));
    assert_eq!(shopper.order(order.id()).await.status(), "delivered");
    let books = souk.audit().await;
    assert_eq!((books.refunded, books.labels), (599, 2));
}

#[tokio::test]
async fn an_order_is_refunded_when_every_unit_is_back() {
    let souk = Souk::start().await;
    let seller = souk.seller("All Back").await;
    let offer = seller.offer("RETURN-2", "3.33", 5).await;
    souk.admin().await.promotion(json!({"code": "TENTH", "kind": "percentage", "percent": "10"})).await;
    let shopper = souk.guest();

    let cart = shopper.cart(&[(&offer, 3)]).await;
    shopper.use_coupon(&cart, "TENTH").await.expect(200);
    let order = shopper.place(&cart).await;
    shopper.pay(order.id(), "pm_ok").await;
    let order = shopper.until(order.id(), "processing").await;
    let order = deliver(&souk, &shopper, &seller, &order).await;
    let part = order.part(&seller);
    for quantity in [1, 1, 1] {
        let asked = shopper.give_back(part, part.line(), quantity).await.expect(201);
        let id = text(&asked["id"]);
        seller.approve_return(id).await.expect(200);
        // Before the label is used; the seller has it in hand already.
        seller.receive(id, part.line(), quantity).await.expect(200);
        shopper.return_until(id, "processed").await;
    }
    shopper.until(order.id(), "refunded").await;
    let refunds = shopper.refunded(order.id(), 3).await;
    let sum: i64 = refunds.iter().map(|refund| cents(&refund["amount"])).sum();
    assert_eq!(sum, 899, "the slices add up to what the line cost");
    let books = souk.audit().await;
    assert_eq!(books.refunded, 899);
    shopper.give_back(part, part.line(), 1).await.refused(422, "RETURN_NOT_ALLOWED");
}

#[tokio::test]
async fn a_rejected_return_refunds_nothing_and_a_cancelled_one_voids_its_label() {
    let souk = Souk::start().await;
    let seller = souk.seller("Strict").await;
    let offer = seller.offer("RETURN-3", "10.00", 5).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 2)]).await;
    let order = deliver(&souk, &shopper, &seller, &order).await;
    let part = order.part(&seller);

    let rejected = shopper.give_back(part, part.line(), 2).await.expect(201);
    let path = format!("/api/v1/seller/returns/{}/reject", text(&rejected["id"]));
    seller.client.post(&path, json!({"reason": "worn"})).await.expect(200);
    seller.approve_return(text(&rejected["id"])).await.refused(409, "ILLEGAL_TRANSITION");

    let asked = shopper.give_back(part, part.line(), 2).await.expect(201);
    let id = text(&asked["id"]);
    seller.approve_return(id).await.expect(200);
    shopper.return_with_label(id).await;
    shopper.client().post_empty(&format!("/api/v1/returns/{id}/cancel")).await.expect(200);
    seller.receive(id, part.line(), 1).await.refused(409, "ILLEGAL_TRANSITION");

    let books = souk.audit().await;
    assert_eq!((books.refunded, books.labels, books.voided), (0, 2, 1));
}
