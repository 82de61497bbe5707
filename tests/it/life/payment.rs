//! Payments that do not go straight through.

use crate::souk::{Souk, text};

#[tokio::test]
async fn a_declined_payment_lets_go_of_the_stock_and_another_may_follow() {
    let souk = Souk::start().await;
    let seller = souk.seller("Patient").await;
    let offer = seller.offer("DECLINED-1", "10.00", 1).await;
    let (shopper, rival) = (souk.guest(), souk.guest());

    let cart = shopper.cart(&[(&offer, 1)]).await;
    let order = shopper.place(&cart).await;
    let rivals_cart = rival.cart(&[(&offer, 1)]).await;
    rival.try_place(&rivals_cart).await.refused(409, "INVENTORY_UNAVAILABLE");

    let first = shopper.pay(order.id(), "pm_declined").await;
    shopper.payment_until(order.id(), text(&first["id"]), "failed").await;
    assert_eq!(seller.inventory(&offer).await, (1, 0));
    assert_eq!(shopper.order(order.id()).await.status(), "pending");

    let second = shopper.pay(order.id(), "pm_ok").await;
    assert_ne!(first["id"], second["id"]);
    shopper.until(order.id(), "processing").await;
    assert_eq!(seller.inventory(&offer).await, (1, 1));
    let books = souk.audit().await;
    assert_eq!((books.payments, books.captured), (2, order.total()));
}

#[tokio::test]
async fn stock_sold_after_a_declined_payment_is_not_sold_twice() {
    let souk = Souk::start().await;
    let seller = souk.seller("Scarce").await;
    let offer = seller.offer("DECLINED-2", "10.00", 1).await;
    let (shopper, rival) = (souk.guest(), souk.guest());

    let cart = shopper.cart(&[(&offer, 1)]).await;
    let order = shopper.place(&cart).await;
    let payment = shopper.pay(order.id(), "pm_declined").await;
    shopper.payment_until(order.id(), text(&payment["id"]), "failed").await;
    rival.buy(&[(&offer, 1)]).await;
    shopper.start_payment(order.id()).await.refused(409, "INVENTORY_UNAVAILABLE");
    let books = souk.audit().await;
    assert_eq!(books.captured, order.total());
}

#[tokio::test]
async fn the_banks_further_step_is_passed() {
    let souk = Souk::start().await;
    let seller = souk.seller("Secure").await;
    let offer = seller.offer("ACTION-1", "10.00", 5).await;
    let shopper = souk.guest();

    let cart = shopper.cart(&[(&offer, 1)]).await;
    let order = shopper.place(&cart).await;
    let payment = shopper.pay(order.id(), "pm_action").await;
    shopper.payment_until(order.id(), text(&payment["id"]), "requires_action").await;
    assert_eq!(shopper.order(order.id()).await.status(), "pending");
    souk.simulator().action(text(&payment["provider_ref"]), true).await.expect(200);
    shopper.until(order.id(), "processing").await;
    let books = souk.audit().await;
    assert_eq!(books.captured, order.total());
}

#[tokio::test]
async fn the_banks_further_step_is_failed() {
    let souk = Souk::start().await;
    let seller = souk.seller("Secure").await;
    let offer = seller.offer("ACTION-2", "10.00", 5).await;
    let shopper = souk.guest();

    let cart = shopper.cart(&[(&offer, 1)]).await;
    let order = shopper.place(&cart).await;
    let payment = shopper.pay(order.id(), "pm_action").await;
    shopper.payment_until(order.id(), text(&payment["id"]), "requires_action").await;
    souk.simulator().action(text(&payment["provider_ref"]), false).await.expect(200);
    let failed = shopper.payment_until(order.id(), text(&payment["id"]), "failed").await;
    assert_eq!(failed["failure_code"], "authentication_failed");
    assert_eq!(seller.inventory(&offer).await, (5, 0));
    let books = souk.audit().await;
    assert_eq!(books.captured, 0);
}

#[tokio::test]
async fn an_order_that_is_not_paid_in_time_is_cancelled() {
    let souk = Souk::start().await;
    let seller = souk.seller("Punctual").await;
    let offer = seller.offer("LATE-1", "10.00", 5).await;
    let shopper = souk.guest();

    let cart = shopper.cart(&[(&offer, 2)]).await;
    let order = shopper.place(&cart).await;
    let payment = shopper.start_payment(order.id()).await.expect(201);
    assert_eq!(seller.inventory(&offer).await, (5, 2));
    souk.database().make_due(&format!("expire-order:{}", order.id())).await;
    shopper.until(order.id(), "cancelled").await;
    assert_eq!(seller.inventory(&offer).await, (5, 0));

    // Who pays now finds the session closed.
    shopper.payment_until(order.id(), text(&payment["id"]), "voided").await;
    let late = shopper.confirm(&payment, "pm_ok").await;
    late.refused(409, "ILLEGAL_TRANSITION");
    shopper.start_payment(order.id()).await.refused(409, "ILLEGAL_TRANSITION");
    let books = souk.audit().await;
    assert_eq!(books.captured, 0);
}
