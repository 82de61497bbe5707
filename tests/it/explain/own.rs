//! What sellers are told of their own amounts, and what they are not told of others'.

use serde_json::{Value, json};

use crate::souk::{Client, Part, Souk, cents, text};

use super::{Market, amount, explained};

#[tokio::test]
async fn a_seller_is_told_of_their_own_and_of_nothing_else() {
    let market = Market::open().await;
    let [first, second] = &market.sellers;
    let part = market.order.part(first);
    let refund = text(&market.refunds(part.id()).await[0]["id"]).to_owned();
    let payout = text(&market.payout(first).await["id"]).to_owned();
    let own = [
        ("order_line", text(&part.lines()[0]["id"])),
        ("seller_order", part.id()),
        ("refund", refund.as_str()),
        ("payout", payout.as_str()),
    ];
    for (kind, id) in own {
        let told = explained(&first.client, "/api/v1/seller", kind, id).await;
        let whole = explained(market.admin().await, "/api/v1/admin", kind, id).await;
        assert_eq!(without_promotions(&told), without_promotions(&whole));
        let path = format!("/api/v1/seller/explain/{kind}/{id}");
        let foreign = second.client.get(&path).await;
        let nobodys = second.client.get(&path.replace(id, "00000000-0000-7000-8000-000000000000")).await;
        let (mut foreign, mut nobodys) = (foreign.refused(404, "NOT_FOUND"), nobodys.refused(404, "NOT_FOUND"));
        for error in [&mut foreign, &mut nobodys] {
            error["request_id"].take();
        }
        assert_eq!(foreign, nobodys);
        for other in ["order_line", "seller_order", "refund", "payout"].into_iter().filter(|other| *other != kind) {
            let path = format!("/api/v1/seller/explain/{other}/{id}");
            first.client.get(&path).await.refused(404, "NOT_FOUND");
        }
    }
    for path in [format!("cart/{}", part.id()), "order_line/garbage".into()] {
        first.client.get(&format!("/api/v1/seller/explain/{path}")).await.refused(404, "NOT_FOUND");
    }
}

/// An explanation without the steps of promotions, of which a seller may not be told all.
fn without_promotions(told: &Value) -> Value {
    let mut told = told.clone();
    for amount in told["amounts"].as_array_mut().expect("amounts") {
        amount["steps"].as_array_mut().expect("steps").retain(|step| step["kind"] != "promotion");
    }
    told
}

/// The step of a promotion in what is explained of a seller's line, or of their shipping.
async fn step_of(client: &Client, of: &str, part: Part<'_>, promotion: &str) -> Value {
    for (kind, id, name) in [("order_line", part.line(), "discount"), ("seller_order", part.id(), "shipping_discount")]
    {
        let told = explained(client, of, kind, id).await;
        let steps = amount(&told, name)["steps"].as_array().expect("steps").clone();
        if let Some(step) = steps.into_iter().find(|step| step["rule_name"] == promotion) {
            return step;
        }
    }
    panic!("{promotion} takes something off");
}

#[tokio::test]
async fn a_seller_does_not_see_what_others_sold_in_the_same_order() {
    let souk = Souk::start().await;
    let admin = &souk.admin().await.client;
    let (seller, other) = (souk.seller("Nosy").await, souk.seller("Secret").await);
    let all = [
        ("A tenth off", json!({"kind": "percentage", "percent": "10"})),
        ("Five off", json!({"kind": "fixed", "amount": "5.00", "currency": "USD"})),
        ("Half for two", json!({"kind": "buy_x_get_y", "percent": "50", "buy_quantity": 1, "get_quantity": 1})),
        ("Half the shipping", json!({"kind": "free_shipping", "percent": "50"})),
    ];
    for (at, (name, terms)) in all.iter().enumerate() {
        let mut terms = terms.clone();
        terms["name"] = json!(name);
        terms["target"] = json!("order");
        terms["borne_by"] = json!("platform");
        terms["priority"] = json!(at);
        admin.post("/api/v1/admin/promotions", terms).await.expect(201);
    }
    let own = json!({"name": "Of our own", "kind": "fixed", "amount": "0.50", "currency": "USD", "target": "order",
                     "priority": 9});
    seller.client.post("/api/v1/seller/promotions", own).await.expect(201);
    let offers = [seller.offer("NOSY-1", "10.00", 9).await, other.offer("SECRET-1", "123.45", 9).await];
    let order = souk.guest().buy(&[(&offers[0], 2), (&offers[1], 1)]).await;
    let part = order.part(&seller);
    for kind in [("order_line", part.line()), ("seller_order", part.id())] {
        let told = explained(&seller.client, "/api/v1/seller", kind.0, kind.1).await.to_string();
        for foreign in ["143.45", "123.45", "129.10", "14.35", "14.34"] {
            assert!(!told.contains(foreign), "20.00 of one's own in an order of 143.45: {told}");
        }
    }
    for (name, _) in all {
        let whole = step_of(admin, "/api/v1/admin", part, name).await;
        let told = step_of(&seller.client, "/api/v1/seller", part, name).await;
        for kept in ["weight", "rate_percent", "amount", "rule_id"] {
            assert_eq!(told[kept], whole[kept], "{kept} of {told}");
        }
        for kept in ["base", "divided_amount", "sum_of_weights", "rounding"] {
            assert!(told[kept].is_null() && whole[kept].is_string(), "{kept} of {told}");
        }
        assert!(text(&told["what"]).contains(text(&told["weight"])), "{told}");
    }
    let told = step_of(&seller.client, "/api/v1/seller", part, "Of our own").await;
    assert_eq!(told, step_of(admin, "/api/v1/admin", part, "Of our own").await);
    assert!(told["base"].is_string() && told["sum_of_weights"].is_string(), "{told}");

    // Of an order that is theirs alone they are told all.
    let order = souk.guest().buy(&[(&offers[0], 2)]).await;
    let part = order.part(&seller);
    for kind in [("order_line", part.line()), ("seller_order", part.id())] {
        let told = explained(&seller.client, "/api/v1/seller", kind.0, kind.1).await;
        assert_eq!(told, explained(admin, "/api/v1/admin", kind.0, kind.1).await);
    }
}

#[tokio::test]
async fn a_promotion_for_the_goods_of_one_seller_tells_them_all() {
    let souk = Souk::start().await;
    let admin = &souk.admin().await.client;
    let (seller, other) = (souk.seller("Sponsored").await, souk.seller("Beside").await);
    let gift = json!({"name": "Theirs", "kind": "percentage", "percent": "10", "target": "seller",
                      "seller_id": seller.id, "borne_by": "platform"});
    admin.post("/api/v1/admin/promotions", gift).await.expect(201);
    let offers = [seller.offer("SPONSORED-1", "10.00", 9).await, other.offer("BESIDE-1", "20.00", 9).await];
    let order = souk.guest().buy(&[(&offers[0], 2), (&offers[1], 1)]).await;
    let part = order.part(&seller);
    let told = step_of(&seller.client, "/api/v1/seller", part, "Theirs").await;
    assert_eq!(told, step_of(admin, "/api/v1/admin", part, "Theirs").await);
    assert_eq!(["base", "divided_amount"].map(|name| cents(&told[name])), [2000, 200]);
}
