//! Orders, and parts of orders, that are called off.

use serde_json::json;

use crate::souk::{Souk, cents, text};

#[tokio::test]
async fn a_paid_order_is_cancelled_before_anything_has_left() {
    let souk = Souk::start().await;
    let sellers = [souk.seller("Left").await, souk.seller("Right").await];
    let offers = [sellers[0].offer("CANCEL-1", "10.00", 5).await, sellers[1].offer("CANCEL-2", "20.00", 5).await];
    let shopper = souk.guest();

    let order = shopper.buy(&[(&offers[0], 2), (&offers[1], 1)]).await;
    let parcel = sellers[0].ship(order.part(&sellers[0]).id(), "Main").await;
    shopper.cancel(order.id()).await.expect(200);
    shopper.refunded(order.id(), 2).await;
    sellers[0].shipment_until(text(&parcel["id"]), "cancelled").await;
    let label = format!("/api/v1/seller/shipments/{}/label", text(&parcel["id"]));
    sellers[0].client.get(&label).await.refused(404, "NOT_FOUND");
    for (seller, offer) in sellers.iter().zip(&offers) {
        assert_eq!(seller.inventory(offer).await, (5, 0));
    }
    shopper.cancel(order.id()).await.refused(409, "ILLEGAL_TRANSITION");

    let books = souk.audit().await;
    assert_eq!((books.captured, books.refunded), (order.total(), order.total()));
    assert_eq!((books.labels, books.voided), (1, 1));
}

#[tokio::test]
async fn nothing_is_cancelled_once_a_parcel_has_left() {
    let souk = Souk::start().await;
    let sellers = [souk.seller("Fast").await, souk.seller("Slow").await];
    let offers = [sellers[0].offer("LEFT-1", "10.00", 5).await, sellers[1].offer("LEFT-2", "20.00", 5).await];
    let shopper = souk.guest();

    let order = shopper.buy(&[(&offers[0], 1), (&offers[1], 1)]).await;
    let parcel = sellers[0].ship(order.part(&sellers[0]).id(), "Main").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "in_transit").await;
    let order = shopper.until(order.id(), "partially_shipped").await;
    shopper.cancel(order.id()).await.refused(409, "ILLEGAL_TRANSITION");
    // All or nothing: the part that has not left is as it was, too.
    assert_eq!(shopper.order(order.id()).await.part(&sellers[1]).status(), "processing");
    let books = souk.audit().await;
    assert_eq!((books.captured, books.refunded), (order.total(), 0));
}

#[tokio::test]
async fn a_seller_rejects_their_part_and_the_order_goes_on() {
    let souk = Souk::start().await;
    let sellers = [souk.seller("Willing").await, souk.seller("Unwilling").await];
    let offers = [sellers[0].offer("REJECT-1", "10.00", 5).await, sellers[1].offer("REJECT-2", "20.00", 5).await];
    souk.admin().await.promotion(json!({"code": "SEVEN", "kind": "percentage", "percent": "7"})).await;
    let shopper = souk.guest();

    let cart = shopper.cart(&[(&offers[0], 1), (&offers[1], 2)]).await;
    shopper.use_coupon(&cart, "SEVEN").await.expect(200);
    let order = shopper.place(&cart).await;
    shopper.pay(order.id(), "pm_ok").await;
    let order = shopper.until(order.id(), "processing").await;
    sellers[1].reject(order.part(&sellers[1]).id()).await.expect(200);

    let refunds = shopper.refunded(order.id(), 1).await;
    assert_eq!(refunds[0]["seller_order_id"], order.part(&sellers[1]).id());
    assert_eq!(cents(&refunds[0]["amount"]), order.part(&sellers[1]).cents("total"));
    assert_eq!(sellers[1].inventory(&offers[1]).await, (5, 0));
    let parcel = sellers[0].ship(order.part(&sellers[0]).id(), "Main").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    shopper.until(order.id(), "delivered").await;
    let books = souk.audit().await;
    assert_eq!(books.captured - books.refunded, order.part(&sellers[0]).cents("total"));
}

#[tokio::test]
async fn a_seller_who_decides_by_hand_accepts() {
    let souk = Souk::start().await;
    let seller = souk.seller("By Hand").await;
    seller.configure(json!({"auto_accept": false})).await;
    let offer = seller.offer("HAND-1", "10.00", 5).await;
    let shopper = souk.guest();

    let cart = shopper.cart(&[(&offer, 1)]).await;
    let order = shopper.place(&cart).await;
    seller.accept(order.parts()[0].id()).await.refused(409, "ILLEGAL_TRANSITION");
    shopper.pay(order.id(), "pm_ok").await;
    let order = shopper.until(order.id(), "confirmed").await;
    let part = order.part(&seller);
    assert!(part.0["accept_by"].is_string());
    seller.pack(part.id(), "Main").await.refused(409, "ILLEGAL_TRANSITION");
    seller.accept(part.id()).await.expect(200);
    shopper.until(order.id(), "processing").await;

    // The deadline comes and finds it accepted.
    souk.database().make_due(&format!("reject:{}", part.id())).await;
    let books = souk.audit().await;
    assert_eq!(shopper.order(order.id()).await.status(), "processing");
    assert_eq!((books.captured, books.refunded), (order.total(), 0));
}

#[tokio::test]
async fn what_no_seller_accepts_in_time_is_rejected_and_refunded() {
    let souk = Souk::start().await;
    let seller = souk.seller("Asleep").await;
    seller.configure(json!({"auto_accept": false})).await;
    let offer = seller.offer("ASLEEP-1", "10.00", 5).await;
    let shopper = souk.guest();

    let cart = shopper.cart(&[(&offer, 3)]).await;
    let order = shopper.place(&cart).await;
    shopper.pay(order.id(), "pm_ok").await;
    let order = shopper.until(order.id(), "confirmed").await;
    souk.database().make_due(&format!("reject:{}", order.part(&seller).id())).await;
    shopper.until(order.id(), "cancelled").await;
    shopper.refunded(order.id(), 1).await;
    assert_eq!(seller.inventory(&offer).await, (5, 0));
    let books = souk.audit().await;
    assert_eq!((books.captured, books.refunded), (order.total(), order.total()));
}
