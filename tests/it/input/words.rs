//! Text of every kind, everywhere that text goes.

use reqwest::Method;
use serde_json::json;

use crate::souk::client::send;
use crate::souk::{Answer, text};

use super::{NOBODY, Shop, raw, refused, refused_somehow};

/// Every text of the API, with what sends it there.
pub(super) async fn send_everywhere(shop: &Shop, value: &str) -> Vec<(&'static str, Answer)> {
    let (anyone, shopper) = (shop.souk.anyone(), shop.shopper.client());
    let (seller, admin) = (&shop.seller.client, &shop.souk.admin().await.client);
    let query = |path: &str, name: &str| {
        let mut url = reqwest::Url::parse(&anyone.address(path)).expect("a URL");
        url.query_pairs_mut().append_pair(name, value);
        url.to_string()
    };
    let first = |count: usize| value.chars().take(count).collect::<String>();
    let account =
        |email: String, name: String| json!({"email": email, "password": "correct horse battery", "name": name});
    let product = seller.post("/api/v1/seller/products", json!({"name": "A", "description": ""})).await.expect(201);
    let product = format!("/api/v1/seller/products/{}", text(&product["id"]));
    let address = |name: String| {
        json!({"name": name, "line1": first(255), "line2": first(255), "city": first(100), "region": first(100),
               "postal_code": first(20), "country": "US"})
    };
    let mut promotion = json!({"name": first(100), "code": first(40), "kind": "percentage", "percent": first(10),
                               "target": "order"});
    let mut commission_rule = json!({"name": first(100), "percent": first(10), "flat": first(24), "currency": "USD"});
    let mut code =
        reqwest::Url::parse(&anyone.address(&format!("/api/v1/carts/{}/coupons/", shop.cart))).expect("a URL");
    code.path_segments_mut().expect("a path").pop_if_empty().push(&first(40));
    let fresh = format!("n{}@example.com", uuid::Uuid::new_v4().simple());
    let csv = seller.request(Method::POST, "/api/v1/seller/batches/inventory").header("content-type", "text/csv");
    let mut category = json!({"name": first(100), "slug": "a-slug"});
    let mut tax_zone = json!({"name": first(100), "country": "US", "region": first(100), "prices_include_tax": false});
    let place = json!({"country": "US", "region": first(100)});
    let mut shipping_zone = json!({"name": first(100), "places": [place]});
    let mut shipping_method =
        json!({"name": first(100), "price": "1.00", "currency": "USD", "min_days": 1, "max_days": 2});
    let named = anyone.post("/api/v1/auth/register", account(fresh, first(200))).await;
    let asked = vec![
        ("an account's name", named),
        (
            "an address",
            anyone.post("/api/v1/auth/register", account(format!("{}@example.com", first(200)), "A".into())).await,
        ),
        ("a sign-in", anyone.post("/api/v1/auth/sign-in", json!({"email": first(254), "password": first(128)})).await),
        ("a refresh token", anyone.post("/api/v1/auth/refresh", json!({"refresh_token": first(128)})).await),
        ("a search", anyone.get(&query("/api/v1/catalog/products", "q")).await),
        ("an order's number", admin.get(&query("/api/v1/admin/orders", "number")).await),
        ("a statement's currency", seller.get(&query("/api/v1/seller/statement", "currency")).await),
        ("a statement's beginning", seller.get(&query("/api/v1/seller/statement.csv", "from")).await),
        ("an order's e-mail", admin.get(&query("/api/v1/admin/orders", "email")).await),
        ("a product", seller.post("/api/v1/seller/products", json!({"name": first(255), "description": value})).await),
        ("a new name", seller.patch(&product, json!({"name": first(255), "description": value})).await),
        (
            "a variant",
            seller
                .post(&format!("{product}/variants"), json!({"sku": first(100), "name": first(255), "weight_grams": 1}))
                .await,
        ),
        ("a payout account", seller.put("/api/v1/seller/payout-account", json!({"account": first(100)})).await),
        ("a warehouse", seller.post("/api/v1/seller/warehouses", address(first(100))).await),
        ("a promotion", admin.post("/api/v1/admin/promotions", promotion.take()).await),
        ("a promotion's code", admin.get(&query("/api/v1/admin/promotions", "code")).await),
        ("a commission rule", admin.post("/api/v1/admin/commission-rules", commission_rule.take()).await),
        ("a category", admin.post("/api/v1/admin/categories", category.take()).await),
        (
            "a destination",
            shopper
                .put(
                    &format!("/api/v1/carts/{}/destination", shop.cart),
                    json!({"country": "US", "region": first(100)}),
                )
                .await,
        ),
        ("a tax zone", admin.post("/api/v1/admin/tax-zones", tax_zone.take()).await),
        (
            "an exemption's certificate",
            admin.post("/api/v1/admin/tax-exemptions", json!({"user_id": NOBODY, "certificate": first(100)})).await,
        ),
        ("a shipping zone", seller.post("/api/v1/seller/shipping-zones", shipping_zone.take()).await),
        ("a shipping method", seller.post("/api/v1/seller/shipping-methods", shipping_method.take()).await),
        ("a code's use", shopper.put(code.as_str(), json!({})).await),
        (
            "a provider",
            shopper.post(&format!("/api/v1/orders/{NOBODY}/payments"), json!({"provider": first(20)})).await,
        ),
        (
            "a refund's note",
            admin
                .post(
                    &format!("/api/v1/admin/seller-orders/{NOBODY}/refunds"),
                    json!({"goodwill_amount": first(24), "note": first(500)}),
                )
                .await,
        ),
        ("a file", send(csv.body(format!("sku,warehouse,on_hand\n{value},{value},1\n"))).await),
        (
            "a reason",
            admin
                .post(&format!("/api/v1/admin/sellers/{}/suspend", shop.seller.id), json!({"reason": first(500)}))
                .await,
        ),
    ];
    // What was just suspended sells again, for the next text; what was not is refused.
    admin.post_empty(&format!("/api/v1/admin/sellers/{}/approve", shop.seller.id)).await;
    asked
}

#[tokio::test]
async fn text_of_every_kind_is_taken_or_refused_and_never_fails() {
    let shop = Shop::open().await;
    let long = "x".repeat(10_001);
    let texts = [
        "\u{1F600}".repeat(300),
        "\u{130}".repeat(300),
        "\u{df}".repeat(300),
        "\u{202e}\u{200b}\u{feff}".to_owned(),
        "Robert'); DROP TABLE orders;--".to_owned(),
        "100% _real_ \\ \"quoted\" `x` ${y} {{z}} <b>".to_owned(),
        "\r\nSet-Cookie: a=b".to_owned(),
        "   ".to_owned(),
        String::new(),
        long,
    ];
    for value in &texts {
        for (what, answer) in send_everywhere(&shop, value).await {
            if !answer.status.is_success() {
                refused_somehow(&answer, &format!("{what} of {value:.20?}"));
            }
        }
    }
}

#[tokio::test]
async fn text_with_nul_is_refused_on_every_database() {
    let shop = Shop::open().await;
    let before = shop.souk.database().number("SELECT count(*) FROM product", []).await;
    for (what, answer) in send_everywhere(&shop, "a\0b").await {
        assert_eq!(answer.status.as_u16(), 400, "{what}: {}", answer.json());
        refused(&answer, 400, "MALFORMED_REQUEST");
    }
    // One was made to be renamed.
    assert_eq!(shop.souk.database().number("SELECT count(*) FROM product", []).await, before + 1);
    let escaped = r#"{"currency": "USD\u0000"}"#;
    refused(&send(raw(&shop.souk.anyone(), "/api/v1/carts", escaped)).await, 400, "MALFORMED_REQUEST");
    refused(&shop.place(|body| body["notes"] = json!("a\0b")).await, 400, "MALFORMED_REQUEST");
    // A backslash and the letters u0000 are just text.
    shop.place(|body| body["notes"] = json!("a\\u0000b")).await.expect(201);
}

#[tokio::test]
async fn a_search_takes_its_text_literally() {
    let shop = Shop::open().await;
    for name in ["Lamp 100% wool_1", "Lamp 1000 woolx1", "Back\\slash", "IJSSEL Ünïcode \u{1F600}"] {
        let body = json!({"name": name, "description": ""});
        shop.seller.client.post("/api/v1/seller/products", body).await.expect(201);
    }
    let anyone = shop.souk.anyone();
    let found = async |q: &str| {
        let mut url = reqwest::Url::parse(&anyone.address("/api/v1/catalog/products")).expect("a URL");
        url.query_pairs_mut().append_pair("q", q);
        let page = anyone.get(url.as_str()).await.expect(200);
        page["items"].as_array().expect("items").len()
    };
    for (q, count) in [
        ("lamp", 3),
        ("100%", 1),
        ("%", 1),
        ("_", 1),
        ("wool_1", 1),
        ("\\", 1),
        ("' OR '1'='1", 0),
        ("'; DROP TABLE product;--", 0),
        ("ijssel", 1),
        ("ünïcode", 1),
        ("\u{1F600}", 1),
        ("  ", 5),
    ] {
        assert_eq!(found(q).await, count, "{q:?}");
    }
}
