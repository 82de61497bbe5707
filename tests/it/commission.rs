//! Commission: which rule applies to a line, and that it is the one of the day of the order.

use reqwest::Method;
use serde_json::{Value, json};

use crate::souk::client::send;
use crate::souk::{Seller, Shopper, Souk, cents, text};

/// Places a unit of each offer, one order each; returns the commissions in cents.
async fn commissions(shopper: &Shopper, seller: &Seller, offers: &[&str]) -> Vec<i64> {
    let mut all = Vec::new();
    for offer in offers {
        let order = shopper.place(&shopper.cart(&[(offer, 1)]).await).await;
        all.push(commission(seller, order.part(seller).id()).await);
    }
    all
}

/// The commission of a seller order, in cents.
async fn commission(seller: &Seller, part: &str) -> i64 {
    let seen = seller.client.get(&format!("/api/v1/seller/orders/{part}")).await.expect(200);
    cents(&seen["commission_total"])
}

#[tokio::test]
async fn the_most_specific_rule_applies_and_the_latest_of_equals() {
    let souk = Souk::start().await;
    let admin = souk.admin().await;
    let root = admin.category("root", None).await;
    let leaf = admin.category("leaf", Some(&root)).await;
    let seller = souk.seller("A Seller").await;
    let other = souk.seller("Another").await;
    let in_leaf = seller.offer_in("LEAF", "100.00", &leaf).await;
    let in_root = seller.offer_in("ROOT", "100.00", &root).await;
    let nowhere = seller.offer("NOWHERE", "100.00", 100).await;
    let offers = [in_leaf.as_str(), &in_root, &nowhere];
    let others = other.offer_in("OTHER", "100.00", &leaf).await;
    let shopper = souk.guest();
    let of = async || commissions(&shopper, &seller, &offers).await;

    assert_eq!(of().await, [1_000, 1_000, 1_000], "what every marketplace begins with");
    let first = shopper.place(&shopper.cart(&[(&in_leaf, 1)]).await).await;
    let first = first.part(&seller).id().to_owned();
    admin.commission_rule(json!({"percent": "20"})).await;
    assert_eq!(of().await, [2_000, 2_000, 2_000], "a rule is replaced by one that starts later");
    admin.commission_rule(json!({"percent": "90", "starts_at": "2999-01-01T00:00:00Z"})).await;
    admin.commission_rule(json!({"percent": "15", "category_id": root})).await;
    assert_eq!(of().await, [1_500, 1_500, 2_000], "of a category and those below it");
    admin.commission_rule(json!({"percent": "12", "category_id": leaf})).await;
    assert_eq!(of().await, [1_200, 1_500, 2_000], "the nearest");
    let own = admin.commission_rule(json!({"percent": "8", "seller_id": seller.id})).await;
    assert_eq!(of().await, [800, 800, 800], "a seller's own goes before categories");
    admin.commission_rule(json!({"percent": "5", "seller_id": seller.id, "category_id": root})).await;
    assert_eq!(of().await, [500, 500, 800], "their own of a category before all");
    assert_eq!(commissions(&shopper, &other, &[&others]).await, [1_200], "others have others");
    assert_eq!(commission(&seller, &first).await, 1_000, "what was placed keeps its own");

    let ended = admin.client.patch(&format!("/api/v1/admin/commission-rules/{own}"), json!({})).await.expect(200);
    assert!(ended["ends_at"].is_string(), "{ended}");
    assert_eq!(of().await, [500, 500, 2_000]);
    let again = json!({"ends_at": "2999-01-01T00:00:00Z"});
    let path = format!("/api/v1/admin/commission-rules/{own}");
    admin.client.patch(&path, again).await.refused(422, "INVALID_VALUE");
    souk.settle().await;
}

#[tokio::test]
async fn amounts_apply_in_their_currency_and_within_their_limits() {
    let souk = Souk::start().await;
    let admin = souk.admin().await;
    let seller = souk.seller("A Seller").await;
    let mut offers = Vec::new();
    for (sku, price) in [("CENT", "0.20"), ("CHEAP", "1.00"), ("DEAR", "10.00"), ("DEAREST", "100.00")] {
        offers.push(seller.offer(sku, price, 100).await);
    }
    let offers: Vec<&str> = offers.iter().map(String::as_str).collect();
    let shopper = souk.guest();
    let euros = json!({"percent": "50", "flat": "9.00", "currency": "EUR"});
    admin.commission_rule(euros).await;
    assert_eq!(commissions(&shopper, &seller, &offers).await, [2, 10, 100, 1_000], "the euros' rule is for euros");
    let terms = json!({"percent": "10", "flat": "0.30", "minimum": "0.50", "maximum": "5.00", "currency": "USD"});
    let rule = admin.commission_rule(terms.clone()).await;
    assert_eq!(commissions(&shopper, &seller, &offers).await, [20, 50, 130, 500], "never more than the goods");
    let shown = admin.client.get(&format!("/api/v1/admin/commission-rules/{rule}")).await.expect(200);
    for (field, value) in terms.as_object().expect("an object") {
        assert_eq!(&shown[field], value, "{field}");
    }
    let order = shopper.place(&shopper.cart(&[(offers[2], 3)]).await).await;
    assert_eq!(commission(&seller, order.part(&seller).id()).await, 390, "the flat part is for each unit");
    souk.settle().await;
}

#[tokio::test]
async fn rules_are_made_by_administrators_and_read_by_whom_they_concern() {
    let souk = Souk::start().await;
    let admin = souk.admin().await;
    let (seller, other) = (souk.seller("A Seller").await, souk.seller("Another").await);
    let body = json!({"name": "For one", "percent": "8", "seller_id": seller.id});
    let mut made = Vec::new();
    for _ in 0..2 {
        made.push(admin.client.post_once("/api/v1/admin/commission-rules", "key", body.clone()).await.expect(201));
    }
    assert_eq!(made[0], made[1]);
    let own = text(&made[0]["id"]);
    let global = admin.commission_rule(json!({"percent": "11"})).await;
    let later = admin.commission_rule(json!({"percent": "12", "starts_at": "2999-01-01T00:00:00Z"})).await;
    let over = admin.commission_rule(json!({"percent": "13"})).await;
    admin.client.patch(&format!("/api/v1/admin/commission-rules/{over}"), json!({})).await.expect(200);
    let ids = |rules: &[Value]| -> Vec<String> { rules.iter().map(|rule| text(&rule["id"]).to_owned()).collect() };
    let seen = async |seller: &Seller| {
        let mut rules = seller.client.list("/api/v1/seller/commission-rules").await;
        assert_eq!(rules.pop().expect("a rule")["percent"], "10", "the one that every marketplace begins with");
        ids(&rules)
    };
    assert_eq!(seen(&seller).await, [later.as_str(), &global, own]);
    assert_eq!(seen(&other).await, [later.as_str(), &global]);
    assert_eq!(admin.client.list("/api/v1/admin/commission-rules").await.len(), 5);
    let of_seller = format!("/api/v1/admin/commission-rules?seller_id={}", seller.id);
    assert_eq!(ids(&admin.client.list(&of_seller).await), [own]);
    let path = format!("/api/v1/seller/commission-rules/{own}");
    let answer = send(seller.client.request(Method::PATCH, &path).json(&json!({}))).await;
    answer.refused(404, "ROUTE_NOT_FOUND");
}
