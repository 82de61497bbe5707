//! Making, listing and changing promotions.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use super::{cart_with, obstacle, see};
use crate::souk::client::send;
use crate::souk::promotions::promotion;
use crate::souk::{Souk, text};

const LONG_AGO: &str = "2020-01-01T00:00:00Z";

fn ids(list: &[Value]) -> Vec<&str> {
    list.iter().map(|promotion| text(&promotion["id"])).collect()
}

#[tokio::test]
async fn makers_see_what_they_made_and_operators_see_all() {
    let souk = Souk::start().await;
    let (first, second) = (souk.seller("First").await, souk.seller("Second").await);
    let admin = souk.admin().await;
    let offers = [first.offer("ONE", "1.00", 1).await, first.offer("TWO", "2.00", 1).await];
    let terms = json!({"name": "Two for one", "code": "two-4-one", "kind": "buy_x_get_y", "buy_quantity": 1,
        "get_quantity": 1, "target": "offers", "offer_ids": offers, "currency": "USD", "minimum_spend": "3.00",
        "usage_limit": 9, "shopper_limit": 2, "stacking": "exclusive", "priority": 7,
        "starts_at": "2026-01-01T00:00:00.123456+00:00", "ends_at": "2999-01-01T00:00:00+00:00"});
    let made = first.promotion(terms.clone()).await;
    for (field, value) in terms.as_object().expect("an object") {
        if !["code", "offer_ids"].contains(&field.as_str()) {
            assert_eq!(&made[field], value, "{field}");
        }
    }
    let told = [("code", "TWO-4-ONE"), ("percent", "100"), ("borne_by", "seller"), ("owner_seller_id", &first.id)];
    for (field, value) in told {
        assert_eq!(made[field], value, "{field}");
    }
    assert_eq!((&made["used"], &made["active"], &made["version"]), (&json!(0), &json!(true), &json!(1)));
    let mut named: Vec<&str> = made["offer_ids"].as_array().expect("offers").iter().map(text).collect();
    named.sort_unstable_by_key(|id| offers.iter().position(|offer| offer == id));
    assert_eq!(named, offers);

    let own = admin.promotion(json!({"kind": "free_shipping"})).await;
    assert_eq!((&own["percent"], &own["borne_by"]), (&json!("100"), &json!("platform")));
    for absent in ["code", "owner_seller_id", "currency", "minimum_spend", "offer_ids", "amount", "ends_at"] {
        assert!(own.get(absent).is_none(), "{own}");
    }
    assert_eq!((&own["stacking"], &own["priority"]), (&json!("combinable"), &json!(100)));

    let path = format!("/api/v1/seller/promotions/{}", text(&made["id"]));
    assert_eq!(first.client.get(&path).await.expect(200), made);
    assert_eq!(admin.client.get(&path.replace("seller", "admin")).await.expect(200), made);
    let mut listed = made.clone();
    listed.as_object_mut().expect("an object").remove("offer_ids");
    assert_eq!(first.client.list("/api/v1/seller/promotions").await, [listed.clone()]);
    assert!(second.client.list("/api/v1/seller/promotions").await.is_empty());
    let all = admin.client.list("/api/v1/admin/promotions").await;
    assert_eq!(ids(&all), [text(&own["id"]), text(&made["id"])], "newest first");
    for filter in [format!("owner_seller_id={}", first.id), "code=Two-4-one".to_owned()] {
        assert_eq!(admin.client.list(&format!("/api/v1/admin/promotions?{filter}")).await, [listed.clone()]);
    }
}

#[tokio::test]
async fn one_request_makes_one_and_a_code_is_taken_once() {
    let souk = Souk::start().await;
    let seller = souk.seller("A Seller").await;
    let terms = promotion(json!({"code": "ONCE", "kind": "percentage", "percent": "5"}));
    for _ in 0..2 {
        seller.client.post_once("/api/v1/seller/promotions", "key", terms.clone()).await.expect(201);
    }
    let taken = json!({"code": "once", "kind": "fixed", "amount": "5.00", "currency": "USD"});
    souk.admin().await.try_promotion(taken.clone()).await.refused(409, "ALREADY_EXISTS");
    seller.try_promotion(taken).await.refused(409, "ALREADY_EXISTS");
    assert_eq!(seller.client.list("/api/v1/seller/promotions").await.len(), 1);
    // Without codes there may be many alike.
    for _ in 0..2 {
        seller.promotion(json!({"kind": "percentage", "percent": "5"})).await;
    }
}

#[tokio::test]
async fn a_seller_promotes_their_own_goods_at_their_own_expense() {
    let souk = Souk::start().await;
    let (first, second) = (souk.seller("First").await, souk.seller("Second").await);
    let (own, other) = (first.offer("OWN", "10.00", 5).await, second.offer("OTHER", "10.00", 5).await);
    let percent = |mut change: Value| {
        change["kind"] = json!("percentage");
        change["percent"] = json!("50");
        change
    };
    let refusal = first.try_promotion(percent(json!({"target": "offers", "offer_ids": [own, other]}))).await;
    let error = refusal.refused(404, "NOT_FOUND");
    assert_eq!(error["details"], json!([{"offer_id": other}]));
    assert!(text(&error["message"]).contains(&other), "{error}");
    for change in [json!({"target": "seller", "seller_id": second.id}), json!({"borne_by": "platform"})] {
        first.try_promotion(percent(change)).await.refused(422, "INVALID_VALUE");
    }
    let euros = percent(json!({"target": "offers", "offer_ids": [own], "currency": "EUR"}));
    first.try_promotion(euros).await.refused(422, "INVALID_MONEY");

    let shop = first.promotion(percent(json!({"target": "seller"}))).await;
    assert_eq!(shop["seller_id"], first.id, "it is the seller's own");
    let theirs = souk.admin().await.promotion(json!({"kind": "free_shipping"})).await;
    for promotion in [&shop, &theirs] {
        second.change_promotion(promotion, json!({"active": false})).await.refused(404, "NOT_FOUND");
    }
    let cart = cart_with(&souk.guest(), &[(&own, 1), (&other, 1)], &[]).await;
    assert_eq!((&cart["discount_total"], &cart["shipping_total"]), (&json!("5.00"), &json!("0.00")), "{cart}");
}

#[tokio::test]
async fn how_long_and_how_often_can_be_changed() {
    let souk = Souk::start().await;
    let seller = souk.seller("A Seller").await;
    let lamp = seller.offer("LAMP", "10.00", 9).await;
    let made = seller.promotion(json!({"code": "TENTH", "kind": "percentage", "percent": "10"})).await;
    let path = format!("/api/v1/seller/promotions/{}", text(&made["id"]));
    seller.client.patch(&path, json!({"active": false})).await.refused(428, "IF_MATCH_REQUIRED");
    let guarded = async |version: &str, change: Value| {
        let request = seller.client.request(Method::PATCH, &path).header("If-Match", version);
        send(request.json(&change)).await
    };
    let change = json!({"name": "Ten", "usage_limit": 2, "priority": 1, "ends_at": "2999-01-01T00:00:00+00:00"});
    let changed = guarded("\"1\"", change.clone()).await;
    assert_eq!(changed.header("etag"), Some("\"2\""));
    let changed = changed.expect(200);
    for (field, value) in change.as_object().expect("an object") {
        assert_eq!(&changed[field], value, "{field}");
    }
    guarded("\"1\"", json!({"active": false})).await.refused(412, "STALE_VERSION");
    let bad =
        [json!({"usage_limit": 0}), json!({"priority": 1_001}), json!({"priority": -1}), json!({"ends_at": LONG_AGO})];
    for change in bad {
        seller.change_promotion(&made, change).await.refused(422, "INVALID_VALUE");
    }
    seller.change_promotion(&made, json!({"percent": "20"})).await.refused(400, "MALFORMED_REQUEST");

    let shopper = souk.guest();
    let mut placed = Vec::new();
    for _ in 0..2 {
        let cart = cart_with(&shopper, &[(&lamp, 1)], &["tenth"]).await;
        placed.push(shopper.place(text(&cart["id"])).await);
    }
    assert_eq!(souk.admin().await.uses(&made).await, 2);
    let cart = shopper.cart(&[(&lamp, 1)]).await;
    shopper.use_coupon(&cart, "TENTH").await.refused(409, "COUPON_EXHAUSTED");
    seller.change_promotion(&made, json!({"usage_limit": 1})).await.refused(422, "INVALID_VALUE");
    seller.change_promotion(&made, json!({"usage_limit": 3})).await.expect(200);
    shopper.use_coupon(&cart, "TENTH").await.expect(200);
    // Operators can stop what a seller makes.
    souk.admin().await.change_promotion(&made, json!({"active": false})).await.expect(200);
    shopper.try_place(&cart).await.refused(422, "COUPON_NOT_APPLICABLE");
    for order in placed {
        assert_eq!(shopper.order(order.id()).await.0["discount_total"], "1.00", "what is placed stays");
    }
}

#[tokio::test]
async fn it_is_used_while_it_is_valid() {
    let souk = Souk::start().await;
    let seller = souk.seller("A Seller").await;
    let admin = souk.admin().await;
    let lamp = seller.offer("LAMP", "10.00", 9).await;
    let soon = json!({"code": "SOON", "kind": "percentage", "percent": "10", "starts_at": "2999-01-01T00:00:00Z"});
    admin.promotion(soon).await;
    let euros = json!({"code": "EUROS", "kind": "fixed", "amount": "1.00", "currency": "EUR"});
    admin.promotion(euros).await;
    let now = json!({"code": "NOW", "kind": "percentage", "percent": "10", "starts_at": LONG_AGO,
                     "ends_at": "2999-01-01T00:00:00Z"});
    let now = admin.promotion(now).await;
    let by_itself =
        admin.promotion(json!({"kind": "fixed", "amount": "0.50", "currency": "USD", "priority": 900})).await;

    let shopper = souk.guest();
    let cart = shopper.cart(&[(&lamp, 1)]).await;
    for code in ["SOON", "EUROS", "NEVER", "so%20on"] {
        shopper.use_coupon(&cart, code).await.refused(422, "COUPON_NOT_APPLICABLE");
    }
    shopper.use_coupon(&cart, "now").await.expect(200);
    let expect = async |discount: &str, why_not: Option<&str>| {
        let seen = see(&shopper, &cart).await;
        assert_eq!((text(&seen["discount_total"]), obstacle(&seen)), (discount, why_not), "{seen}");
    };
    expect("1.50", None).await;
    admin.change_promotion(&now, json!({"active": false})).await.expect(200);
    expect("0.50", Some("COUPON_NOT_APPLICABLE")).await;
    admin.change_promotion(&now, json!({"active": true})).await.expect(200);
    expect("1.50", None).await;
    admin.change_promotion(&by_itself, json!({"active": false})).await.expect(200);
    expect("1.00", None).await;

    // Time passes.
    let over = "2021-01-01T00:00:00Z".parse::<DateTime<Utc>>().expect("an instant");
    let sql = "UPDATE promotion SET ends_at = $1 WHERE code = 'NOW'";
    souk.database().execute(sql, [over.into()]).await;
    expect("0.00", Some("COUPON_NOT_APPLICABLE")).await;
    shopper.try_place(&cart).await.refused(422, "COUPON_NOT_APPLICABLE");
    let other = shopper.cart(&[(&lamp, 1)]).await;
    shopper.use_coupon(&other, "NOW").await.refused(422, "COUPON_NOT_APPLICABLE");
    // One that is over may go on; and a code that does not apply can be taken out.
    admin.change_promotion(&now, json!({"ends_at": "2999-01-01T00:00:00Z"})).await.expect(200);
    expect("1.00", None).await;
    souk.database().execute(sql, [over.into()]).await;
    shopper.client().delete(&format!("/api/v1/carts/{cart}/coupons/now")).await.expect(200);
    expect("0.00", None).await;
    assert_eq!(shopper.place(&cart).await.total(), 1_500);
}

#[tokio::test]
async fn a_code_to_come_is_answered_like_one_that_is_not_there() {
    let souk = Souk::start().await;
    let seller = souk.seller("A Seller").await;
    let lamp = seller.offer("LAMP", "10.00", 9).await;
    let percent = |code: &str| json!({"code": code, "kind": "percentage", "percent": "10"});
    let mut later = percent("LATER");
    later["starts_at"] = json!("2999-01-01T00:00:00Z");
    later["currency"] = json!("EUR");
    seller.promotion(later).await;
    let off = seller.promotion(percent("OFF")).await;
    let mut gone = percent("GONE");
    (gone["starts_at"], gone["ends_at"]) = (json!(LONG_AGO), json!("2021-01-01T00:00:00Z"));
    seller.promotion(gone).await;
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&lamp, 1)]).await;
    shopper.use_coupon(&cart, "off").await.expect(200);
    seller.change_promotion(&off, json!({"active": false})).await.expect(200);

    let message = async |code: &str| {
        let refusal = shopper.use_coupon(&cart, code).await.refused(422, "COUPON_NOT_APPLICABLE");
        text(&refusal["message"]).to_owned()
    };
    for code in ["never", "Later", "off"] {
        assert_eq!(message(code).await, format!("There is no code {}.", code.to_uppercase()));
    }
    let seen = see(&shopper, &cart).await;
    assert_eq!(seen["obstacle"], json!({"code": "COUPON_NOT_APPLICABLE", "message": "There is no code OFF."}));
    shopper.client().delete(&format!("/api/v1/carts/{cart}/coupons/off")).await.expect(200);
    assert!(message("gone").await.contains("is over"));
}
