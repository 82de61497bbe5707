//! Carts that cannot become an order.

use reqwest::Method;
use serde_json::json;

use crate::souk::client::send;

use super::{NOBODY, Shop, refused};

#[tokio::test]
async fn a_cart_that_is_empty_or_over_is_no_order() {
    let shop = Shop::open().await;
    let client = shop.shopper.client();
    let line = format!("/api/v1/carts/{}/lines/{}", shop.cart, shop.offer);
    send(client.request(Method::DELETE, &line)).await.expect(200);
    refused(&send(client.request(Method::DELETE, &line)).await, 404, "NOT_FOUND");
    refused(&shop.place(|_| ()).await, 422, "CART_EMPTY");
    client.put(&line, json!({"quantity": 1})).await.expect(200);

    let long_ago = "2001-01-01T00:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().expect("a time");
    shop.souk.database().execute("UPDATE cart SET expires_at = $1", [long_ago.into()]).await;
    refused(&shop.place(|_| ()).await, 409, "CART_EXPIRED");
    refused(&client.put(&line, json!({"quantity": 2})).await, 409, "CART_EXPIRED");
    refused(&shop.shopper.use_coupon(&shop.cart, "ANY").await, 409, "CART_EXPIRED");
    assert_eq!(shop.orders().await, 0);
    assert_eq!(shop.seller.inventory(&shop.offer).await, (10, 0));
}

#[tokio::test]
async fn an_order_of_another_total_than_the_shopper_saw() {
    let shop = Shop::open().await;
    let expect = async |total: &str, currency: Option<&str>| {
        shop.place(|body| {
            body["expected_total"] = json!(total);
            if let Some(currency) = currency {
                body["currency"] = json!(currency);
            }
        })
        .await
    };
    let error = refused(&expect("14.99", Some("USD")).await, 409, "PRICE_CHANGED");
    assert_eq!(error["details"][0], json!({"total": "15.00", "currency": "USD"}));
    refused(&expect("15.00", Some("EUR")).await, 409, "PRICE_CHANGED");
    refused(&expect("15.001", Some("USD")).await, 422, "INVALID_MONEY");
    refused(&expect("15.00", None).await, 422, "INVALID_VALUE");

    let path = format!("/api/v1/seller/offers/{}", shop.offer);
    let request = shop.seller.client.request(Method::PATCH, &path).header("If-Match", "\"1\"");
    send(request.json(&json!({"price": "11.00", "currency": "USD"}))).await.expect(200);
    refused(&expect("15.00", Some("USD")).await, 409, "PRICE_CHANGED");
    assert_eq!(shop.orders().await, 0);
    assert_eq!(expect("16.00", Some("USD")).await.expect(201)["total"], "16.00");
}

#[tokio::test]
async fn an_order_with_a_bad_address() {
    let shop = Shop::open().await;
    for (field, value) in [
        ("country", json!("us")),
        ("country", json!("USA")),
        ("country", json!("")),
        ("name", json!("")),
        ("name", json!("x".repeat(201))),
        ("line1", json!("")),
        ("city", json!("x".repeat(101))),
        ("postal_code", json!("x".repeat(21))),
        ("phone", json!("x".repeat(21))),
    ] {
        let answer = shop.place(|body| body["shipping_address"][field] = value.clone()).await;
        assert_eq!(answer.status.as_u16(), 422, "{field} {value}");
        refused(&answer, 422, "INVALID_VALUE");
        let answer = shop.place(|body| {
            body["billing_address"] = body["shipping_address"].clone();
            body["billing_address"][field] = value.clone();
        });
        refused(&answer.await, 422, "INVALID_VALUE");
    }
    for email in ["", "x", "@", "a@b", "a b@example.com", "a@b@example.com", "a@example.com\r\nBcc: b@example.com"] {
        refused(&shop.place(|body| body["email"] = json!(email)).await, 422, "INVALID_VALUE");
    }
    refused(&shop.place(|body| body["notes"] = json!("x".repeat(2001))).await, 422, "INVALID_VALUE");
    refused(&shop.place(|body| body["cart_id"] = json!("x")).await, 400, "MALFORMED_REQUEST");
    refused(&shop.place(|body| body["cart_id"] = json!(NOBODY)).await, 404, "NOT_FOUND");
    assert_eq!(shop.orders().await, 0);
}
