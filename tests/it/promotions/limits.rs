//! Promotions that can be used only so often, wanted by many at once.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use crate::souk::{Answer, Seller, Setup, Shopper, Souk, text};

/// A seller with plenty of an offer.
async fn open() -> (Souk, Seller, String) {
    let souk = Souk::start().await;
    let seller = souk.seller("Generous").await;
    let offer = seller.offer("PLENTY", "10.00", 100).await;
    (souk, seller, offer)
}

/// Thirty carts of one unit each, shared out among these shoppers.
async fn carts<'a>(shoppers: &'a [Shopper], offer: &str, code: Option<&str>) -> Vec<(&'a Shopper, String)> {
    let mut carts = Vec::new();
    for shopper in shoppers.iter().cycle().take(30) {
        let cart = shopper.cart(&[(offer, 1)]).await;
        if let Some(code) = code {
            shopper.use_coupon(&cart, code).await.expect(200);
        }
        carts.push((shopper, cart));
    }
    carts
}

async fn place_all(carts: &[(&Shopper, String)]) -> Vec<Answer> {
    join_all(carts.iter().map(|(shopper, cart)| shopper.try_place(cart))).await
}

/// How many were placed with the discount, placed without it, and refused for want of a use.
#[track_caller]
fn outcome(answers: &[Answer]) -> [usize; 3] {
    let mut counts = [0; 3];
    for answer in answers {
        let at = if answer.status.as_u16() != 201 {
            answer.refused(409, "COUPON_EXHAUSTED");
            2
        } else {
            usize::from(text(&answer.json()["discount_total"]) == "0.00")
        };
        counts[at] += 1;
    }
    counts
}

fn guests(souk: &Souk, count: usize) -> Vec<Shopper> {
    (0..count).map(|_| souk.guest()).collect()
}

#[tokio::test]
async fn a_code_is_used_no_more_often_than_it_may() {
    let (souk, _seller, offer) = open().await;
    let terms = json!({"code": "SEVEN", "kind": "percentage", "percent": "10", "usage_limit": 7});
    let made = souk.admin().await.promotion(terms).await;
    let shoppers = guests(&souk, 30);
    let carts = carts(&shoppers, &offer, Some("SEVEN")).await;
    let answers = place_all(&carts).await;
    assert_eq!(outcome(&answers), [7, 0, 23]);
    assert_eq!(souk.admin().await.uses(&made).await, 7);

    // Who takes the code out gets the goods at their price.
    let late = answers.iter().zip(&carts).find(|(answer, _)| answer.status.as_u16() != 201).map(|(_, cart)| cart);
    let (shopper, cart) = late.expect("a refusal");
    shopper.client().delete(&format!("/api/v1/carts/{cart}/coupons/SEVEN")).await.expect(200);
    assert_eq!(shopper.place(cart).await.total(), 1_500);
    souk.settle().await;
}

#[tokio::test]
async fn one_that_applies_by_itself_refuses_nobody() {
    let (souk, _seller, offer) = open().await;
    let terms = json!({"name": "The first seven", "kind": "percentage", "percent": "10", "usage_limit": 7});
    let made = souk.admin().await.promotion(terms).await;
    let shoppers = guests(&souk, 30);
    let answers = place_all(&carts(&shoppers, &offer, None).await).await;
    assert_eq!(outcome(&answers), [7, 23, 0]);
    assert_eq!(souk.admin().await.uses(&made).await, 7);
    souk.settle().await;
}

#[tokio::test]
async fn a_shopper_uses_a_code_no_more_often_than_one_may() {
    let (souk, seller, offer) = open().await;
    let terms = json!({"code": "THREE", "kind": "fixed", "amount": "1.00", "currency": "USD", "shopper_limit": 3});
    let made = seller.promotion(terms).await;
    let shoppers = [souk.shopper().await];
    let carts = carts(&shoppers, &offer, Some("THREE")).await;
    let answers = place_all(&carts).await;
    assert_eq!(outcome(&answers), [3, 0, 27]);
    assert_eq!(souk.admin().await.uses(&made).await, 3);

    // An order that is called off unpaid gives its use back to the shopper.
    let placed = answers.iter().find(|answer| answer.status.as_u16() == 201).expect("an order").json();
    shoppers[0].cancel(text(&placed["id"])).await.expect(200);
    let left: Vec<_> = answers.iter().zip(carts).filter(|(answer, _)| answer.status.as_u16() != 201).collect();
    let left: Vec<_> = left.into_iter().map(|(_, cart)| cart).collect();
    assert_eq!(outcome(&place_all(&left).await), [1, 0, 26]);
    // Others have uses of their own.
    let other = souk.shopper().await;
    let cart = other.cart(&[(&offer, 1)]).await;
    other.use_coupon(&cart, "THREE").await.expect(200);
    assert_eq!(other.place(&cart).await.total(), 1_400);
    assert_eq!(souk.admin().await.uses(&made).await, 4);
    souk.settle().await;
}

#[tokio::test]
async fn a_guest_is_known_by_the_address() {
    let (souk, _seller, offer) = open().await;
    let terms = json!({"name": "Thrice", "kind": "percentage", "percent": "10", "shopper_limit": 3});
    let made = souk.admin().await.promotion(terms).await;
    let shoppers = guests(&souk, 30);
    let carts = carts(&shoppers, &offer, None).await;
    let spellings = ["ann@example.org", "Ann@Example.org", "ANN@EXAMPLE.ORG"];
    let placing = carts.iter().zip(spellings.into_iter().cycle()).map(async |((shopper, cart), email)| {
        let mut body = shopper.placement(cart);
        body["email"] = json!(email);
        shopper.client().post("/api/v1/orders", body).await
    });
    let answers = join_all(placing).await;
    assert_eq!(outcome(&answers), [3, 27, 0]);
    assert_eq!(souk.admin().await.uses(&made).await, 3);
    souk.settle().await;
}

#[tokio::test]
async fn many_promotions_on_many_lines_can_be_ordered() {
    let souk = Souk::start().await;
    let seller = souk.seller("Promoting").await;
    let offers = join_all((0..60).map(async |at| seller.offer(&format!("MANY-{at}"), "1000.00", 10).await)).await;
    let admin = souk.admin().await;
    for at in 0..45 {
        let terms = json!({"name": format!("P{at}"), "kind": "percentage", "percent": "0.1"});
        seller.promotion(terms.clone()).await;
        admin.promotion(terms).await;
    }
    let shopper = souk.guest();
    let lines: Vec<(&str, i64)> = offers.iter().map(|offer| (offer.as_str(), 1)).collect();
    let cart = shopper.cart(&lines).await;
    shopper.place(&cart).await;
    souk.audit().await;
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
