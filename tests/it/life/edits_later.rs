//! Edits of orders that meet what has changed since, and edits that must change nothing.

use std::time::Duration;

use serde_json::json;

use crate::souk::{Order, Shopper, Souk, text};

/// The status of an order's only payment, after time enough to give it up.
async fn payment_later(shopper: &Shopper, order: &Order) -> String {
    tokio::time::sleep(Duration::from_secs(2)).await;
    let payments = shopper.client().list(&format!("/api/v1/orders/{}/payments", order.id())).await;
    text(&payments[0]["status"]).to_owned()
}

#[tokio::test]
async fn an_item_that_is_not_for_sale_any_more_can_be_reduced() {
    let souk = Souk::start().await;
    let seller = souk.seller("Closing").await;
    let offer = seller.offer("CLOSING-1", "10.00", 10).await;
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offer, 5)]).await;
    let order = shopper.place(&cart).await;
    souk.database().execute("UPDATE offer SET active = FALSE", []).await;
    shopper.update_item(order.id(), &offer, 2).await.expect(200);
}

#[tokio::test]
async fn an_edit_that_cannot_be_leaves_the_payment_alone() {
    let souk = Souk::start().await;
    let seller = souk.seller("Paying").await;
    let offer = seller.offer("PAYING-1", "10.00", 10).await;
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offer, 2)]).await;
    let order = shopper.place(&cart).await;
    shopper.start_payment(order.id()).await.expect(201);
    // The only item can never be taken out.
    shopper.remove_item(order.id(), &offer).await.refused(422, "INVALID_VALUE");
    assert_eq!(payment_later(&shopper, &order).await, "pending");
}

#[tokio::test]
async fn a_repeated_edit_leaves_the_payment_that_followed_alone() {
    let souk = Souk::start().await;
    let seller = souk.seller("Again").await;
    let offer = seller.offer("AGAIN-1", "10.00", 10).await;
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offer, 2)]).await;
    let order = shopper.place(&cart).await;
    shopper.update_item(order.id(), &offer, 3).await.expect(200);
    shopper.start_payment(order.id()).await.expect(201);
    // A client that did not get the answer to its PUT sends it again.
    let repeated = Order(shopper.update_item(order.id(), &offer, 3).await.expect(200));
    assert_eq!(repeated.0["version"], 2);
    assert_eq!(payment_later(&shopper, &order).await, "pending");
}

#[tokio::test]
async fn a_part_whose_items_changed_has_another_version() {
    let souk = Souk::start().await;
    let seller = souk.seller("Gifts").await;
    let (paid, gift) = (seller.offer("GIFTS-1", "10.00", 10).await, seller.offer("GIFTS-2", "0.00", 10).await);
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&paid, 1)]).await;
    let order = shopper.place(&cart).await;
    shopper.add_item(order.id(), &gift, 3).await.expect(200);
    assert_eq!(souk.database().number("SELECT version FROM seller_order", []).await, 2);
}

#[tokio::test]
async fn an_item_is_taken_out_whatever_became_of_the_others() {
    let souk = Souk::start().await;
    let seller = souk.seller("Selling Out").await;
    let (gone, kept) = (seller.offer("GONE-1", "10.00", 1).await, seller.offer("KEPT-1", "20.00", 1).await);
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&gone, 1), (&kept, 1)]).await;
    let order = shopper.place(&cart).await;
    let payment = shopper.pay(order.id(), "pm_declined").await;
    shopper.payment_until(order.id(), text(&payment["id"]), "failed").await;
    let other = souk.guest();
    other.buy(&[(&gone, 1), (&kept, 1)]).await;

    // Both are sold now; each can still be given up, and the rest held when there is some again.
    let order = Order(shopper.remove_item(order.id(), &gone).await.expect(200));
    assert_eq!((order.total(), seller.inventory(&gone).await), (2500, (1, 1)));
    shopper.start_payment(order.id()).await.refused(409, "INVENTORY_UNAVAILABLE");
    seller.stock(&kept, "Main", 2).await;
    shopper.pay(order.id(), "pm_ok").await;
    shopper.until(order.id(), "processing").await;
    assert_eq!(seller.inventory(&kept).await, (2, 2));
    souk.audit().await;
}

#[tokio::test]
async fn what_is_left_for_nothing_is_confirmed_with_its_stock() {
    let souk = Souk::start().await;
    let seller = souk.seller("For Nothing").await;
    let (paid, free) = (seller.offer("PAID-1", "10.00", 5).await, seller.offer("FREE-1", "0.00", 5).await);
    souk.admin().await.promotion(json!({"name": "Post free", "kind": "free_shipping"})).await;
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&paid, 1), (&free, 2)]).await;
    let order = shopper.place(&cart).await;
    let payment = shopper.pay(order.id(), "pm_declined").await;
    shopper.payment_until(order.id(), text(&payment["id"]), "failed").await;
    assert_eq!(seller.inventory(&free).await, (5, 0));
    let order = Order(shopper.remove_item(order.id(), &paid).await.expect(200));
    assert_eq!((order.total(), order.status()), (0, "processing"));
    assert_eq!((seller.inventory(&free).await, seller.inventory(&paid).await), ((5, 2), (5, 0)));
    souk.audit().await;
}

#[tokio::test]
async fn a_part_keeps_the_shipping_method_that_it_was_ordered_with() {
    let souk = Souk::start().await;
    let seller = souk.seller("No Post").await;
    let (pen, ink) = (seller.offer("NOPOST-1", "10.00", 5).await, seller.offer("NOPOST-2", "3.00", 5).await);
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&pen, 1), (&ink, 1)]).await;
    let order = shopper.place(&cart).await;
    souk.database().execute("UPDATE shipping_method SET active = FALSE, price = 9900", []).await;
    let order = Order(shopper.remove_item(order.id(), &ink).await.expect(200));
    assert_eq!(order.total(), 1000 + 500);
    let told = shopper.client().delete(&format!("/api/v1/orders/{}/items/{pen}?expected_total=1.00", order.id())).await;
    told.refused(422, "INVALID_VALUE");
    souk.audit().await;
}

#[tokio::test]
async fn taking_an_item_out_can_be_held_to_a_total() {
    let souk = Souk::start().await;
    let seller = souk.seller("Held To").await;
    let (pen, ink) = (seller.offer("HELDTO-1", "10.00", 5).await, seller.offer("HELDTO-2", "3.00", 5).await);
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&pen, 1), (&ink, 1)]).await;
    let order = shopper.place(&cart).await;
    let remove = async |total: &str| {
        let path = format!("/api/v1/orders/{}/items/{ink}?expected_total={total}", order.id());
        shopper.client().delete(&path).await
    };
    remove("14.00").await.refused(409, "PRICE_CHANGED");
    assert_eq!(Order(remove("15.00").await.expect(200)).total(), 1500);
}
