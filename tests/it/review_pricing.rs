//! What a review of prices and of order edits found.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use crate::souk::{Order, Setup, Shopper, Souk, text};

/// The status of an order's only payment, after time enough to give it up.
async fn payment_later(shopper: &Shopper, order: &Order) -> String {
    tokio::time::sleep(Duration::from_secs(2)).await;
    let payments = shopper.client().list(&format!("/api/v1/orders/{}/payments", order.id())).await;
    text(&payments[0]["status"]).to_owned()
}

#[tokio::test]
async fn many_promotions_on_many_lines_can_be_ordered() {
    let souk = Souk::start().await;
    let seller = souk.seller("Promoting").await;
    let offers = join_all((0..60).map(async |at| seller.offer(&format!("MANY-{at}"), "1000.00", 10).await)).await;
    for at in 0..90 {
        seller.promotion(json!({"name": format!("P{at}"), "kind": "percentage", "percent": "0.1"})).await;
    }
    let shopper = souk.guest();
    let lines: Vec<(&str, i64)> = offers.iter().map(|offer| (offer.as_str(), 1)).collect();
    let cart = shopper.cart(&lines).await;
    shopper.try_place(&cart).await.expect(201);
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
    let _refused = shopper.remove_item(order.id(), &offer).await;
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
    let _repeated = shopper.update_item(order.id(), &offer, 3).await;
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
async fn a_limit_that_is_set_while_a_use_is_given_back_does_not_count_it() {
    if !matches!(Setup::of_environment(), Setup::Services) {
        return; // SQLite has one writer at a time.
    }
    let souk = Souk::start().await;
    let admin = souk.admin().await;
    let seller = souk.seller("Limiting").await;
    let offer = seller.offer("LIMITING-1", "10.00", 10).await;
    let made = admin.promotion(json!({"code": "LATELIMIT", "kind": "percentage", "percent": "10"})).await;
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offer, 1)]).await;
    shopper.use_coupon(&cart, "LATELIMIT").await.expect(200);
    let order = shopper.place(&cart).await;
    // The cancellation has given the use back and waits for the stock while the limit is set.
    let hold = "DO $$ BEGIN PERFORM 1 FROM inventory_level FOR UPDATE; PERFORM pg_sleep(3); END $$";
    let (_, cancelled, changed) = tokio::join!(
        souk.database().execute(hold, []),
        async {
            tokio::time::sleep(Duration::from_millis(600)).await;
            shopper.cancel(order.id()).await
        },
        async {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            admin.change_promotion(&made, json!({"usage_limit": 1})).await
        },
    );
    cancelled.expect(200);
    changed.expect(200);
    assert_eq!(admin.uses(&made).await, 0);
}
