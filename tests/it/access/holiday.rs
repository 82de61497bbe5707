//! Sellers who are away: no new orders for a while.

use std::time::Duration;

use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::{Value, json};
use souk_domain::Clock;

use crate::souk::{Seller, Shopper, Souk, text};

const HOLIDAY: &str = "/api/v1/seller/holiday";

/// What the storefront shows of a seller's only offer.
async fn shown(souk: &Souk, seller: &Seller) -> Value {
    let products = seller.client.list("/api/v1/seller/products").await;
    let path = format!("/api/v1/catalog/products/{}", text(&products[0]["id"]));
    souk.anyone().get(&path).await.expect(200)["variants"][0]["offers"][0].clone()
}

#[tokio::test]
async fn while_a_seller_is_on_holiday_nothing_new_is_ordered_and_the_rest_goes_on() {
    let souk = Souk::start().await;
    let (seller, other) = (souk.seller("Away").await, souk.seller("Present").await);
    let (offer, present) = (seller.offer("LAMP", "10.00", 10).await, other.offer("PEN", "1.00", 10).await);
    let (shopper, late) = (souk.guest(), souk.guest());
    let running = shopper.buy(&[(&offer, 1)]).await;
    let cart = late.cart(&[(&offer, 1), (&present, 1)]).await;
    let until = Clock::System.now() + TimeDelta::days(7);
    let set = seller.client.put(HOLIDAY, json!({"ends_at": until, "message": "Back soon."})).await.expect(200);
    assert_eq!(set["holiday"]["message"], "Back soon.");

    let offered = shown(&souk, &seller).await;
    assert_eq!((&offered["available_quantity"], &offered["holiday"]["message"]), (&json!(0), &json!("Back soon.")));
    let line = json!({"offer_id": offer, "quantity": 1});
    let carts = json!({"currency": "USD", "lines": [line]});
    late.client().post("/api/v1/carts", carts).await.refused(422, "SELLER_ON_HOLIDAY");
    let path = format!("/api/v1/carts/{cart}");
    late.client().post(&format!("{path}/lines"), line).await.refused(422, "SELLER_ON_HOLIDAY");
    assert_eq!(late.client().get(&path).await.expect(200)["obstacle"]["code"], "SELLER_ON_HOLIDAY");
    let refused = late.try_place(&cart).await;
    refused.refused(422, "SELLER_ON_HOLIDAY");
    let details = refused.json()["error"]["details"].clone();
    assert_eq!((details.as_array().map(Vec::len), &details[0]["message"]), (Some(1), &json!("Back soon.")));
    assert_eq!(seller.inventory(&offer).await, (10, 1));

    let parcel = seller.ship(running.part(&seller).id(), "Main").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    let delivered = shopper.until(running.id(), "delivered").await;
    let part = delivered.part(&seller);
    let asked = shopper.give_back(part, part.line(), 1).await.expect(201);
    seller.approve_return(text(&asked["id"])).await.expect(200);
    seller.receive(text(&asked["id"]), part.line(), 1).await.expect(200);
    shopper.until(running.id(), "refunded").await;

    seller.client.delete(HOLIDAY).await.expect(200);
    let offered = shown(&souk, &seller).await;
    assert_eq!((&offered["available_quantity"], &offered["holiday"]), (&json!(10), &Value::Null));
    late.try_place(&cart).await.expect(201);
    souk.settle().await;
}

#[tokio::test]
async fn a_holiday_begins_and_ends_by_itself() {
    let souk = Souk::start().await;
    let seller = souk.seller("Planned").await;
    let offer = seller.offer("LAMP", "10.00", 10).await;
    let (now, shopper) = (Clock::System.now(), souk.guest());
    let day = TimeDelta::days(1);
    for wrong in [json!({"ends_at": now - day}), json!({"starts_at": now + day * 2, "ends_at": now + day})] {
        seller.client.put(HOLIDAY, wrong).await.refused(422, "INVALID_VALUE");
    }
    seller.client.put(HOLIDAY, json!({"starts_at": now + day, "ends_at": now + day * 2})).await.expect(200);
    let cart = shopper.cart(&[(&offer, 1)]).await;
    shopper.place(&cart).await;
    let soon = TimeDelta::seconds(2);
    seller
        .client
        .put(HOLIDAY, json!({"starts_at": now - day, "ends_at": Clock::System.now() + soon}))
        .await
        .expect(200);
    let line = json!({"currency": "USD", "lines": [{"offer_id": offer, "quantity": 1}]});
    shopper.client().post("/api/v1/carts", line).await.refused(422, "SELLER_ON_HOLIDAY");
    tokio::time::sleep(Duration::from_secs(3)).await;
    let cart = shopper.cart(&[(&offer, 1)]).await;
    shopper.place(&cart).await;
}

async fn placed(souk: &Souk, carts: &[(Shopper, String)], seller: &Seller, stop: impl AsyncFn()) {
    let placing = join_all(carts.iter().map(|(shopper, cart)| shopper.try_place(cart)));
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        stop().await;
        seller.client.list("/api/v1/seller/orders").await.len()
    };
    let (answers, there) = tokio::join!(placing, stopping);
    let made = answers.iter().filter(|answer| answer.status.as_u16() == 201).count();
    assert_eq!(made, there, "once it is said that no orders are taken, none is");
    for refused in answers.iter().filter(|answer| answer.status.as_u16() != 201) {
        assert_eq!(refused.status.as_u16(), 422, "{}", refused.json());
    }
    souk.settle().await;
}

#[tokio::test]
async fn no_order_slips_past_a_holiday_or_a_suspension() {
    let souk = Souk::start().await;
    for (name, suspends) in [("Gone", false), ("Suspended", true)] {
        let seller = souk.seller(name).await;
        let offer = seller.offer(name, "10.00", 100).await;
        let carts = join_all((0..40).map(async |_| {
            let shopper = souk.guest();
            let cart = shopper.cart(&[(&offer, 1)]).await;
            (shopper, cart)
        }))
        .await;
        let admin = &souk.admin().await.client;
        placed(&souk, &carts, &seller, async || {
            if suspends {
                let path = format!("/api/v1/admin/sellers/{}/suspend", seller.id);
                admin.post(&path, json!({"reason": "complaints"})).await.expect(200);
            } else {
                seller.client.put(HOLIDAY, json!({})).await.expect(200);
            }
        })
        .await;
    }
}
