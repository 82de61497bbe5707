//! Quantities, amounts, and coupons that cannot be.

use reqwest::Method;
use serde_json::{Value, json};

use crate::souk::client::send;
use crate::souk::text;

use super::{Shop, raw, refused, refused_somehow};

#[tokio::test]
async fn quantities_that_cannot_be() {
    let shop = Shop::open().await;
    let client = shop.shopper.client();
    let lines = format!("/api/v1/carts/{}/lines", shop.cart);
    let line = format!("{lines}/{}", shop.offer);
    for quantity in [0, -1, 10_000, 1 << 31, i64::MAX, i64::MIN] {
        let body = json!({"offer_id": shop.offer, "quantity": quantity});
        refused(&client.post(&lines, body.clone()).await, 422, "INVALID_VALUE");
        refused(&client.put(&line, json!({"quantity": quantity})).await, 422, "INVALID_VALUE");
        refused(&client.post("/api/v1/carts", json!({"currency": "USD", "lines": [body]})).await, 422, "INVALID_VALUE");
    }
    for quantity in ["9223372036854775808", "-9223372036854775809", "18446744073709551616", "1e300", "1.0", "-0.5"] {
        let body = format!(r#"{{"offer_id": "{}", "quantity": {quantity}}}"#, shop.offer);
        refused(&send(raw(&client, &lines, body)).await, 400, "MALFORMED_REQUEST");
    }
    let twice = json!({"offer_id": shop.offer, "quantity": 1});
    let body = json!({"currency": "USD", "lines": [twice, twice]});
    refused(&client.post("/api/v1/carts", body).await, 422, "INVALID_VALUE");
    let body = json!({"currency": "USD", "lines": vec![twice; 201]});
    refused(&client.post("/api/v1/carts", body).await, 422, "INVALID_VALUE");

    let warehouse = shop.seller.warehouse("Main").await;
    let level = format!("/api/v1/seller/inventory/{}/{warehouse}", shop.offer);
    for on_hand in [-1, i64::MIN, 1_000_000_001, i64::MAX] {
        refused(&shop.seller.client.put(&level, json!({"on_hand": on_hand})).await, 422, "INVALID_VALUE");
    }
    let low = json!({"on_hand": 10, "low_stock_threshold": -1});
    refused(&shop.seller.client.put(&level, low).await, 422, "INVALID_VALUE");
    assert_eq!(shop.seller.inventory(&shop.offer).await, (10, 0), "nothing has changed");
    let cart = client.get(&format!("/api/v1/carts/{}", shop.cart)).await.expect(200);
    assert_eq!(cart["sellers"][0]["lines"][0]["quantity"], 1, "nothing has changed");
}

#[tokio::test]
async fn amounts_that_their_currency_cannot_express() {
    let shop = Shop::open().await;
    let path = format!("/api/v1/seller/offers/{}", shop.offer);
    let change = async |price: Value, currency: Value| {
        let request = shop.seller.client.request(Method::PATCH, &path).header("If-Match", "*");
        send(request.json(&json!({"price": price, "currency": currency}))).await
    };
    let texts = [
        "10.001",
        "-0.01",
        "-1",
        "1e2",
        "1.",
        ".5",
        "",
        " 1",
        "1 ",
        "+1",
        "--1",
        "1,50",
        "0x10",
        "NaN",
        "Infinity",
        "١",
        "1_000",
        "99999999999999999999",
        "100000000000.01",
    ];
    for price in texts {
        refused(&change(json!(price), json!("USD")).await, 422, "INVALID_MONEY");
    }
    refused(&change(json!("9".repeat(25)), json!("USD")).await, 422, "INVALID_VALUE");
    for currency in ["XXX", "usd", "US", "ÜSD", "$$$", ""] {
        refused(&change(json!("1.00"), json!(currency)).await, 422, "INVALID_MONEY");
    }
    refused(&change(json!("1.00"), json!("USDX")).await, 422, "INVALID_VALUE");
    refused(&change(json!("1.00"), json!("EUR")).await, 422, "INVALID_MONEY");
    refused(&change(json!(["1.00"]), json!("USD")).await, 400, "MALFORMED_REQUEST");

    for (price, currency, ok) in [
        ("1.5", "JPY", false),
        ("150", "JPY", true),
        ("1.2345", "KWD", false),
        ("1.234", "KWD", true),
        ("1.50", "EUR", true),
    ] {
        let body = json!({"name": format!("{currency} {price}"), "price": price, "currency": currency, "min_days": 1, "max_days": 2});
        let answer = shop.seller.client.post("/api/v1/seller/shipping-methods", body).await;
        if ok { drop(answer.expect(201)) } else { drop(refused(&answer, 422, "INVALID_MONEY")) }
    }
    let offer = shop.seller.client.get(&path).await.expect(200);
    assert_eq!(offer["price"], "10.00", "nothing has changed");
}

#[tokio::test]
async fn an_offer_of_another_currency_is_not_put_into_a_cart() {
    let shop = Shop::open().await;
    let client = shop.souk.anyone();
    let body = json!({"currency": "EUR", "lines": [{"offer_id": shop.offer, "quantity": 1}]});
    refused(&client.post("/api/v1/carts", body).await, 422, "INVALID_MONEY");
    let empty = client.post("/api/v1/carts", json!({"currency": "EUR"})).await.expect(201);
    let guest = client.guest(text(&empty["guest_token"]));
    let lines = format!("/api/v1/carts/{}/lines", text(&empty["cart"]["id"]));
    refused(&guest.post(&lines, json!({"offer_id": shop.offer, "quantity": 1})).await, 422, "INVALID_MONEY");
    for currency in ["XXX", "eur", "", "EU"] {
        refused(&client.post("/api/v1/carts", json!({"currency": currency})).await, 422, "INVALID_MONEY");
    }
}

#[tokio::test]
async fn coupons_that_cannot_be() {
    let shop = Shop::open().await;
    let admin = &shop.souk.admin().await.client;
    let make = async |change: Value| {
        let mut body = json!({"code": "BAD", "kind": "fixed", "value": "1.00", "currency": "USD"});
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        (
            admin.post("/api/v1/admin/coupons", body).await,
            shop.seller.client.post("/api/v1/seller/coupons", change).await,
        )
    };
    let bad = [
        json!({"value": "0"}),
        json!({"value": "-1.00"}),
        json!({"value": "0.001"}),
        json!({"value": "100000000000.01"}),
        json!({"value": "99999999999999999999"}),
        json!({"kind": "percentage", "value": "0"}),
        json!({"kind": "percentage", "value": "-5"}),
        json!({"kind": "percentage", "value": "100.01"}),
        json!({"kind": "percentage", "value": "0.00001"}),
        json!({"kind": "percentage", "value": "1e1"}),
        json!({"kind": "percentage", "value": "99999999999999999999"}),
        json!({"kind": "free"}),
        json!({"usage_limit": 0}),
        json!({"usage_limit": -1}),
        json!({"minimum_spend": "-0.01"}),
        json!({"maximum_discount": "0.00"}),
        json!({"maximum_discount": "-1.00"}),
        json!({"currency": null}),
        json!({"currency": "XXX"}),
        json!({"code": "AB"}),
        json!({"code": "A B C"}),
        json!({"code": "ÄÖÜ"}),
        json!({"code": "X".repeat(41)}),
        json!({"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2029-01-01T00:00:00Z"}),
        json!({"starts_at": "tomorrow"}),
        json!({"starts_at": "2026-13-01T00:00:00Z"}),
        json!({"starts_at": "-9999-01-01T00:00:00Z"}),
        json!({"starts_at": "-262143-01-01T00:00:00Z"}),
        json!({"ends_at": "+262142-01-01T00:00:00Z"}),
    ];
    for change in bad {
        let (by_admin, by_seller) = make(change.clone()).await;
        refused_somehow(&by_admin, &change.to_string());
        refused_somehow(&by_seller, &change.to_string());
    }
    assert_eq!(shop.souk.database().number("SELECT count(*) FROM coupon", []).await, 0);
    make(json!({"usage_limit": i64::MAX, "value": "100000000000.00"})).await.0.expect(201);
    // Larger than the goods, it takes off no more than they cost.
    shop.shopper.use_coupon(&shop.cart, "bad").await.expect(200);
    let order = shop.shopper.place(&shop.cart).await;
    assert_eq!((order.0["discount_total"].clone(), order.0["total"].clone()), (json!("10.00"), json!("5.00")));
}
