//! Quantities, amounts, promotions and commission rules that cannot be.

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
async fn promotions_that_cannot_be() {
    let shop = Shop::open().await;
    let admin = shop.souk.admin().await;
    let terms = |change: &Value| {
        let mut body = json!({"name": "Bad", "code": "BAD", "kind": "fixed", "amount": "1.00", "currency": "USD",
                              "target": "order"});
        let fields = body.as_object_mut().expect("an object");
        fields.extend(change.as_object().expect("an object").clone());
        fields.retain(|_, value| !value.is_null());
        body
    };
    let percentage = |change: Value| {
        let mut body = json!({"kind": "percentage", "amount": null, "percent": "10"});
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        body
    };
    let units = |change: Value| {
        let mut body = json!({"kind": "buy_x_get_y", "amount": null, "buy_quantity": 2, "get_quantity": 1});
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        body
    };
    let bad = [
        json!({"name": null}),
        json!({"name": " padded "}),
        json!({"amount": null}),
        json!({"amount": "0"}),
        json!({"amount": "-1.00"}),
        json!({"amount": "0.001"}),
        json!({"amount": "100000000000.01"}),
        json!({"amount": "99999999999999999999"}),
        json!({"percent": "10"}),
        json!({"maximum_discount": "0.50"}),
        json!({"buy_quantity": 1}),
        percentage(json!({"percent": null})),
        percentage(json!({"percent": "0"})),
        percentage(json!({"percent": "-5"})),
        percentage(json!({"percent": "100.01"})),
        percentage(json!({"percent": "0.00001"})),
        percentage(json!({"percent": "1e1"})),
        percentage(json!({"percent": "9999999999"})),
        percentage(json!({"amount": "1.00"})),
        percentage(json!({"get_quantity": 1})),
        percentage(json!({"maximum_discount": "0.00"})),
        percentage(json!({"maximum_discount": "-1.00"})),
        percentage(json!({"maximum_discount": "1.00", "currency": null})),
        percentage(json!({"minimum_spend": "1.00", "currency": null})),
        units(json!({"buy_quantity": null})),
        units(json!({"get_quantity": null})),
        units(json!({"buy_quantity": 0})),
        units(json!({"get_quantity": -1})),
        units(json!({"buy_quantity": 10_000})),
        units(json!({"get_quantity": i64::MAX})),
        units(json!({"percent": "0"})),
        units(json!({"amount": "1.00"})),
        json!({"kind": "free_shipping"}),
        json!({"kind": "free_shipping", "amount": null, "percent": "101"}),
        json!({"kind": "free"}),
        json!({"usage_limit": 0}),
        json!({"usage_limit": -1}),
        json!({"shopper_limit": 0}),
        json!({"minimum_spend": "-0.01"}),
        json!({"priority": -1}),
        json!({"priority": 1_001}),
        json!({"stacking": "sometimes"}),
        json!({"borne_by": "nobody"}),
        json!({"currency": null}),
        json!({"currency": "XXX"}),
        json!({"code": "AB"}),
        json!({"code": "A B C"}),
        json!({"code": "ÄÖÜ"}),
        json!({"code": "X".repeat(41)}),
        json!({"target": null}),
        json!({"target": "category"}),
        json!({"target": "offers"}),
        json!({"target": "offers", "offer_ids": []}),
        json!({"target": "offers", "offer_ids": vec![super::NOBODY; 501]}),
        json!({"target": "offers", "offer_ids": [super::NOBODY]}),
        json!({"target": "category", "category_id": super::NOBODY}),
        json!({"target": "seller", "seller_id": super::NOBODY}),
        json!({"target": "order", "seller_id": shop.seller.id}),
        json!({"target": "order", "category_id": super::NOBODY}),
        json!({"target": "seller", "offer_ids": [shop.offer]}),
        json!({"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2029-01-01T00:00:00Z"}),
        json!({"starts_at": "tomorrow"}),
        json!({"starts_at": "2026-13-01T00:00:00Z"}),
        json!({"starts_at": "-9999-01-01T00:00:00Z"}),
        json!({"starts_at": "-262143-01-01T00:00:00Z"}),
        json!({"ends_at": "+262142-01-01T00:00:00Z"}),
    ];
    for change in &bad {
        let by_admin = admin.client.post("/api/v1/admin/promotions", terms(change)).await;
        let by_seller = shop.seller.client.post("/api/v1/seller/promotions", terms(change)).await;
        refused_somehow(&by_admin, &change.to_string());
        refused_somehow(&by_seller, &change.to_string());
    }
    // A marketplace's promotion for a seller has to say which.
    let answer = admin.client.post("/api/v1/admin/promotions", terms(&json!({"target": "seller"}))).await;
    assert!(text(&refused(&answer, 422, "INVALID_VALUE")["message"]).contains("seller_id"));
    for table in ["promotion", "promotion_offer"] {
        assert_eq!(shop.souk.database().number(&format!("SELECT count(*) FROM {table}"), []).await, 0);
    }

    admin.promotion(terms(&json!({"usage_limit": i64::MAX, "amount": "100000000000.00"}))).await;
    // Larger than the goods, it takes off no more than they cost.
    shop.shopper.use_coupon(&shop.cart, "bad").await.expect(200);
    let order = shop.shopper.place(&shop.cart).await;
    assert_eq!((order.0["discount_total"].clone(), order.0["total"].clone()), (json!("10.00"), json!("5.00")));
}

#[tokio::test]
async fn commission_rules_that_cannot_be() {
    let shop = Shop::open().await;
    let admin = &shop.souk.admin().await.client;
    let bad = [
        json!({"percent": null}),
        json!({"percent": "-1"}),
        json!({"percent": "100.0001"}),
        json!({"percent": "0.00001"}),
        json!({"percent": "ten"}),
        json!({"name": null}),
        json!({"name": ""}),
        json!({"flat": "0.30"}),
        json!({"minimum": "0.30"}),
        json!({"maximum": "0.30"}),
        json!({"currency": "XXX"}),
        json!({"currency": "USD", "flat": "-0.01"}),
        json!({"currency": "USD", "flat": "0.001"}),
        json!({"currency": "USD", "minimum": "-0.01"}),
        json!({"currency": "USD", "minimum": "2.00", "maximum": "1.99"}),
        json!({"seller_id": super::NOBODY}),
        json!({"category_id": super::NOBODY}),
        json!({"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2030-01-01T00:00:00Z"}),
        json!({"ends_at": "2020-01-01T00:00:00Z"}),
        json!({"ends_at": "+262142-01-01T00:00:00Z"}),
    ];
    for change in &bad {
        let mut body = json!({"name": "Bad", "percent": "10"});
        let fields = body.as_object_mut().expect("an object");
        fields.extend(change.as_object().expect("an object").clone());
        fields.retain(|_, value| !value.is_null());
        refused_somehow(&admin.post("/api/v1/admin/commission-rules", body).await, &change.to_string());
    }
    let rules = admin.list("/api/v1/admin/commission-rules").await;
    assert_eq!(rules.len(), 1, "only the one that every marketplace begins with: {rules:?}");
}
