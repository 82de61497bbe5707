//! Orders whose items are changed before they are paid.

use serde_json::{Value, json};

use crate::souk::{Order, Shopper, Souk, cents, eventually, text};
use futures::future::join_all;

/// The quantity and the total in cents of an offer in an order.
fn item(order: &Order, offer: &str) -> (i64, i64) {
    let parts = order.parts();
    let line = parts.iter().flat_map(|part| part.lines()).find(|line| line["offer_id"] == offer);
    let line = line.unwrap_or_else(|| panic!("no {offer} in {}", order.0));
    (line["quantity"].as_i64().expect("a quantity"), cents(&line["total"]))
}

async fn placed(shopper: &Shopper, lines: &[(&str, i64)]) -> Order {
    let cart = shopper.cart(lines).await;
    shopper.place(&cart).await
}

#[tokio::test]
async fn items_are_put_in_changed_and_taken_out_until_the_order_is_paid() {
    let souk = Souk::start().await;
    let (first, second) = (souk.seller("Edit One").await, souk.seller("Edit Two").await);
    let shirt = first.offer("EDIT-SHIRT", "10.00", 10).await;
    let shoes = first.offer("EDIT-SHOES", "40.00", 3).await;
    let lamp = second.offer("EDIT-LAMP", "25.00", 5).await;
    let shopper = souk.shopper().await;

    let order = placed(&shopper, &[(&shirt, 2)]).await;
    assert_eq!((order.total(), order.0["version"].as_i64()), (2500, Some(1)));

    // Another seller's item makes another part, with its own shipping.
    let order = Order(shopper.add_item(order.id(), &lamp, 1).await.expect(200));
    assert_eq!((order.total(), order.parts().len()), (2500 + 2500 + 500, 2));
    assert_eq!(second.inventory(&lamp).await, (5, 1));
    shopper.add_item(order.id(), &lamp, 1).await.refused(409, "ALREADY_EXISTS");

    // A changed price is not for what is ordered, but for more of it.
    let offer = first.client.get(&format!("/api/v1/seller/offers/{shirt}")).await;
    let version = offer.header("ETag").expect("a version").to_owned();
    let change = first.client.request(reqwest::Method::PATCH, &format!("/api/v1/seller/offers/{shirt}"));
    let change = change.header("If-Match", version).json(&json!({"price": "99.00", "currency": "USD"}));
    assert!(change.send().await.expect("an answer").status().is_success());
    let order = Order(shopper.update_item(order.id(), &shirt, 1).await.expect(200));
    assert_eq!((item(&order, &shirt), first.inventory(&shirt).await), ((1, 1000), (10, 1)));
    let order = Order(shopper.update_item(order.id(), &shirt, 5).await.expect(200));
    assert_eq!((item(&order, &shirt), first.inventory(&shirt).await), ((5, 49_500), (10, 5)));
    let order = Order(shopper.update_item(order.id(), &shirt, 1).await.expect(200));
    assert_eq!((item(&order, &shirt), first.inventory(&shirt).await), ((1, 9900), (10, 1)));

    // More than there is changes nothing.
    let before = order.0.clone();
    shopper.add_item(order.id(), &shoes, 4).await.refused(409, "INVENTORY_UNAVAILABLE");
    shopper.update_item(order.id(), &shirt, 11).await.refused(409, "INVENTORY_UNAVAILABLE");
    assert_eq!(shopper.order(order.id()).await.0, before);

    // The part of a seller without items is cancelled and costs nothing; it does not come back.
    let order = Order(shopper.remove_item(order.id(), &lamp).await.expect(200));
    assert_eq!((order.total(), order.part(&second).status()), (10_400, "cancelled"));
    assert_eq!((item(&order, &lamp), order.part(&second).cents("total")), ((0, 0), 0));
    assert_eq!(second.inventory(&lamp).await, (5, 0));
    shopper.add_item(order.id(), &lamp, 1).await.refused(409, "ILLEGAL_TRANSITION");
    shopper.remove_item(order.id(), &lamp).await.refused(404, "NOT_FOUND");
    shopper.remove_item(order.id(), &shirt).await.refused(422, "INVALID_VALUE");

    // One that was taken out can be put in again while its part lives; it is a new item then.
    shopper.add_item(order.id(), &shoes, 1).await.expect(200);
    shopper.remove_item(order.id(), &shirt).await.expect(200);
    let order = Order(shopper.add_item(order.id(), &shirt, 1).await.expect(200));
    assert_eq!(item(&order, &shirt), (1, 9900));

    let tracking = shopper.client().get(&format!("/api/v1/orders/{}/tracking", order.id())).await.expect(200);
    let notes: Vec<&str> =
        tracking["history"].as_array().expect("history").iter().filter_map(|row| row["note"].as_str()).collect();
    assert_eq!(notes.len(), 8, "{notes:?}");

    shopper.pay(order.id(), "pm_ok").await;
    let paid = shopper.until(order.id(), "processing").await;
    assert_eq!(paid.part(&second).status(), "cancelled");
    shopper.update_item(order.id(), &shirt, 2).await.refused(409, "ILLEGAL_TRANSITION");
    let books = souk.audit().await;
    assert_eq!((books.captured, books.refunded), (4000 + 9900 + 500, 0));
}

#[tokio::test]
async fn a_payment_of_the_old_total_is_given_up_before_an_edit() {
    let souk = Souk::start().await;
    let seller = souk.seller("Edit Paying").await;
    let offer = seller.offer("EDIT-PAY", "10.00", 10).await;
    let shopper = souk.shopper().await;
    let order = placed(&shopper, &[(&offer, 1)]).await;
    let payment = shopper.start_payment(order.id()).await.expect(201);
    shopper.update_item(order.id(), &offer, 3).await.refused(409, "PAYMENT_IN_PROGRESS");
    shopper.payment_until(order.id(), text(&payment["id"]), "voided").await;
    let order = eventually("the edit is done", async || {
        let answer = shopper.update_item(order.id(), &offer, 3).await;
        (answer.status == 200).then(|| Order(answer.json()))
    })
    .await;
    assert_eq!((order.total(), seller.inventory(&offer).await), (3500, (10, 3)));
    shopper.pay(order.id(), "pm_ok").await;
    shopper.until(order.id(), "processing").await;
    let books = souk.audit().await;
    assert_eq!((books.captured, books.refunded), (3500, 0));
}

#[tokio::test]
async fn an_order_whose_payment_failed_is_held_again_by_an_edit() {
    let souk = Souk::start().await;
    let seller = souk.seller("Edit Declined").await;
    let (kept, more) = (seller.offer("EDIT-KEPT", "10.00", 2).await, seller.offer("EDIT-MORE", "5.00", 4).await);
    let shopper = souk.shopper().await;
    let order = placed(&shopper, &[(&kept, 2)]).await;
    let payment = shopper.pay(order.id(), "pm_declined").await;
    shopper.payment_until(order.id(), text(&payment["id"]), "failed").await;
    assert_eq!(seller.inventory(&kept).await, (2, 0));
    let order = Order(shopper.add_item(order.id(), &more, 1).await.expect(200));
    assert_eq!((seller.inventory(&kept).await, seller.inventory(&more).await), ((2, 2), (4, 1)));
    let order = Order(shopper.update_item(order.id(), &more, 4).await.expect(200));
    let payment = shopper.pay(order.id(), "pm_declined").await;
    shopper.payment_until(order.id(), text(&payment["id"]), "failed").await;
    shopper.pay(order.id(), "pm_ok").await;
    shopper.until(order.id(), "processing").await;
    assert_eq!((seller.inventory(&kept).await, seller.inventory(&more).await), ((2, 2), (4, 4)));
    souk.audit().await;
}

#[tokio::test]
async fn edits_of_many_orders_race_for_the_last_units() {
    let souk = Souk::start().await;
    let seller = souk.seller("Edit Race").await;
    let (own, rare) = (seller.offer("EDIT-OWN", "10.00", 50).await, seller.offer("EDIT-RARE", "5.00", 5).await);
    let shoppers: Vec<_> = (0..20).map(|_| souk.guest()).collect();
    let orders = join_all(shoppers.iter().map(async |shopper| placed(shopper, &[(&own, 1)]).await)).await;
    let answers =
        join_all(shoppers.iter().zip(&orders).map(|(shopper, order)| shopper.add_item(order.id(), &rare, 1))).await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.refused(409, "INVENTORY_UNAVAILABLE");
    }
    assert_eq!((done, seller.inventory(&rare).await), (5, (5, 5)));

    // Edits of one order take turns, and each is seen once.
    let (shopper, order) = (&shoppers[0], &orders[0]);
    join_all((1..=10).map(|quantity| shopper.update_item(order.id(), &own, quantity))).await;
    let order = shopper.order(order.id()).await;
    let held: i64 = seller.inventory(&own).await.1;
    assert_eq!(held, 19 + item(&order, &own).0);
    souk.audit().await;
}

#[tokio::test]
async fn an_edit_keeps_what_the_shopper_expects_and_drops_a_code_that_no_longer_applies() {
    let souk = Souk::start().await;
    let seller = souk.seller("Edit Code").await;
    let (cheap, dear) = (seller.offer("EDIT-CHEAP", "10.00", 10).await, seller.offer("EDIT-DEAR", "90.00", 10).await);
    let body = json!({"name": "Ten off a hundred", "code": "TENOFF", "kind": "fixed", "amount": "10.00",
                      "currency": "USD", "target": "order", "minimum_spend": "100.00", "usage_limit": 1});
    souk.admin().await.client.post("/api/v1/admin/promotions", body).await.expect(201);
    let shopper = souk.shopper().await;
    let cart = shopper.cart(&[(&cheap, 1), (&dear, 1)]).await;
    shopper.use_coupon(&cart, "TENOFF").await.expect(200);
    let order = shopper.place(&cart).await;
    assert_eq!(order.total(), 10_000 - 1_000 + 500);

    let path = format!("/api/v1/orders/{}/items/{cheap}", order.id());
    let expecting = |total: &str| json!({"quantity": 2, "expected_total": total});
    let told: Value = shopper.client().put(&path, expecting("1.00")).await.refused(409, "PRICE_CHANGED");
    assert_eq!(told["details"][0]["total"], "105.00");
    shopper.client().put(&path, expecting("105.00")).await.expect(200);
    let order = Order(shopper.remove_item(order.id(), &dear).await.expect(200));
    assert_eq!(order.total(), 2_000 + 500, "the goods cost less than the code asks for");

    // Its use is free for somebody else.
    let other = souk.shopper().await;
    let cart = other.cart(&[(&dear, 2)]).await;
    other.use_coupon(&cart, "TENOFF").await.expect(200);
    assert_eq!(other.place(&cart).await.total(), 18_000 - 1_000 + 500);
    let order = Order(shopper.add_item(order.id(), &dear, 2).await.expect(200));
    assert_eq!(order.total(), 20_000 + 500, "and gone for the first");
    souk.audit().await;
}

#[tokio::test]
async fn one_code_that_does_not_apply_leaves_the_others() {
    let souk = Souk::start().await;
    let seller = souk.seller("Edit Codes").await;
    let (cheap, dear) = (seller.offer("CODES-CHEAP", "10.00", 9).await, seller.offer("CODES-DEAR", "90.00", 9).await);
    let admin = souk.admin().await;
    for (code, terms) in [
        ("BIG", json!({"amount": "10.00", "currency": "USD", "kind": "fixed", "minimum_spend": "100.00"})),
        ("HALF", json!({"percent": "50", "kind": "percentage"})),
    ] {
        let mut body = json!({"name": code, "code": code, "target": "order"});
        body.as_object_mut().expect("an object").extend(terms.as_object().expect("an object").clone());
        admin.client.post("/api/v1/admin/promotions", body).await.expect(201);
    }
    let shopper = souk.shopper().await;
    let cart = shopper.cart(&[(&cheap, 2)]).await;
    shopper.use_coupon(&cart, "HALF").await.expect(200);
    let quote = shopper.use_coupon(&cart, "BIG").await.expect(200);
    assert_eq!((text(&quote["total"]), text(&quote["obstacle"]["code"])), ("15.00", "COUPON_NOT_APPLICABLE"));
    shopper.try_place(&cart).await.refused(422, "COUPON_NOT_APPLICABLE");

    let path = format!("/api/v1/carts/{cart}/lines/{dear}");
    let quote = shopper.client().put(&path, json!({"quantity": 1})).await.expect(200);
    assert!(quote["obstacle"].is_null(), "{quote}");
    let order = shopper.place(&cart).await;
    assert_eq!(order.total(), (11_000 - 1_000) / 2 + 500);
    let order = Order(shopper.remove_item(order.id(), &dear).await.expect(200));
    assert_eq!(order.total(), 2_000 / 2 + 500);
    let used = async |code: &str| {
        let found = admin.client.get(&format!("/api/v1/admin/promotions?code={code}")).await.expect(200);
        found["items"][0]["used"].as_i64()
    };
    assert_eq!((used("BIG").await, used("HALF").await), (Some(0), Some(1)));
    souk.audit().await;
}
