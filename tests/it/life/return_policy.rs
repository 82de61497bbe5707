//! What a seller takes back and at what cost, as it was when the order was placed.

use serde_json::{Value, json};

use crate::souk::{Options, Order, Seller, Shopper, Souk, cents, text};

const POLICY: &str = "/api/v1/seller/return-policy";

fn terms(days: i32, payer: &str, fee: &str, excluded: &[&str]) -> Value {
    json!({"window_days": days, "label_paid_by": payer, "restocking_fee_percent": fee, "excluded_category_ids": excluded})
}

async fn deliver(souk: &Souk, shopper: &Shopper, seller: &Seller, order: &Order) -> Order {
    let parcel = seller.ship(order.part(seller).id(), "Main").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    shopper.until(order.id(), "delivered").await
}

async fn ask(shopper: &Shopper, order: &Order, seller: &Seller, line: &str, reason: &str) -> crate::souk::Answer {
    let line = json!({"line_id": line, "quantity": 1, "reason": reason});
    let body = json!({"seller_order_id": order.part(seller).id(), "lines": [line]});
    shopper.client().post("/api/v1/returns", body).await
}

/// One unit comes back, by our label or by another way; returns the refund and what the label cost.
async fn bring_back(
    souk: &Souk,
    (shopper, seller): (&Shopper, &Seller),
    order: &Order,
    (line, reason): (&str, &str),
    by_label: bool,
) -> (Value, i64) {
    let asked = ask(shopper, order, seller, line, reason).await.expect(201);
    let id = text(&asked["id"]);
    seller.approve_return(id).await.expect(200);
    let labelled = shopper.return_with_label(id).await;
    let parcel = seller.shipment_until(text(&labelled["shipment_id"]), "labelled").await;
    if by_label {
        souk.simulator().advance(text(&labelled["tracking_number"]), "delivered").await;
        shopper.return_until(id, "in_transit").await;
    }
    seller.receive(id, line, 1).await.expect(200);
    shopper.return_until(id, "processed").await;
    let refunds = shopper.refunds(order.id()).await;
    let refund = refunds.into_iter().find(|refund| refund["return_id"] == id).expect("its refund");
    (refund, cents(&parcel["label_cost"]))
}

/// What a refund says of itself: paid back, fee, label.
fn amounts(refund: &Value) -> (i64, i64, i64) {
    (cents(&refund["amount"]), cents(&refund["restocking_fee"]), cents(&refund["return_label"]))
}

#[tokio::test]
async fn an_order_is_taken_back_on_the_terms_that_it_was_placed_on() {
    let souk = Souk::start().await;
    let admin = souk.admin().await;
    let seller = souk.seller("Strict").await;
    let (home, other) = (admin.category("home", None).await, admin.category("other", None).await);
    let lights = admin.category("lights", Some(&home)).await;
    let lamp = seller.offer_in("LAMP", "50.00", &lights).await;
    let pen = seller.offer_in("PEN", "33.33", &other).await;
    seller.client.put(POLICY, terms(10, "shopper", "15", &[&home])).await.expect(200);
    let told = souk.anyone().get(&format!("/api/v1/catalog/sellers/{}/return-policy", seller.id)).await.expect(200);
    assert_eq!(told, terms(10, "shopper", "15", &[&home]));

    let shopper = souk.guest();
    let order = shopper.buy(&[(&lamp, 1), (&pen, 4)]).await;
    seller.client.put(POLICY, terms(0, "seller", "50", &[&other])).await.expect(200);
    let order = deliver(&souk, &shopper, &seller, &order).await;
    let part = order.part(&seller);
    let frozen = json!({"window_days": 10, "label_paid_by": "shopper", "restocking_fee_percent": "15"});
    assert_eq!(part.0["return_policy"], frozen);
    let line = |sku: &str| part.lines().iter().find(|line| line["sku"] == sku).expect("a line");
    let (lamp, pen) = (line("LAMP"), line("PEN"));
    assert_eq!((&lamp["returnable"], &pen["returnable"]), (&json!(false), &json!(true)));

    let lamp = text(&lamp["id"]);
    for reason in ["no_longer_wanted", "other"] {
        ask(&shopper, &order, &seller, lamp, reason).await.refused(422, "RETURN_EXCLUDED");
    }
    let both = (&shopper, &seller);
    let (refund, _) = bring_back(&souk, both, &order, (lamp, "defective"), true).await;
    assert_eq!(amounts(&refund), (5_000, 0, 0), "the seller's fault costs nothing, and is taken back in any case");

    // 15% of 4 * 33.33 is 20.00: 5.00 each.
    let pen = text(&pen["id"]);
    let (refund, cost) = bring_back(&souk, both, &order, (pen, "no_longer_wanted"), true).await;
    assert!(cost > 0);
    assert_eq!(amounts(&refund), (3_333 - 500 - cost, 500, cost));
    let told = admin.client.get(&format!("/api/v1/admin/explain/refund/{}", text(&refund["id"]))).await.expect(200);
    assert_eq!(told["adds_up"], true, "{told:#}");
    let of = |name: &str| {
        let all = told["amounts"].as_array().expect("amounts");
        cents(&all.iter().find(|amount| amount["name"] == name).expect("an amount")["amount"])
    };
    assert_eq!((of("amount"), of("restocking_fee"), of("return_label")), (3_333 - 500 - cost, 500, cost));

    let (refund, _) = bring_back(&souk, both, &order, (pen, "other"), false).await;
    assert_eq!(amounts(&refund), (3_333 - 500, 500, 0), "a label that was not used is voided and costs nobody");
    let (refund, _) = bring_back(&souk, both, &order, (pen, "damaged"), true).await;
    assert_eq!(amounts(&refund), (3_333, 0, 0));
    let (refund, _) = bring_back(&souk, both, &order, (pen, "no_longer_wanted"), false).await;
    assert_eq!(amounts(&refund), (3_333 - 500, 500, 0));
    shopper.until(order.id(), "refunded").await;

    // Owed are the shipping and the fees, less the labels but the one that the shopper paid.
    let books = souk.audit().await;
    let sold = 500 + 3 * 500 - (books.label_cost - books.voided_cost - cost);
    let account = seller.client.get("/api/v1/seller").await.expect(200);
    let commission = admin.account("commission_revenue").await;
    assert_eq!(cents(&account["balances"][0]["amount"]), sold - (commission.1 - commission.0));
}

#[tokio::test]
async fn units_that_come_back_one_by_one_cost_what_they_cost_together() {
    let souk = Souk::start().await;
    let seller = souk.seller("By The Piece").await;
    let offer = seller.offer("PIECE", "3.33", 5).await;
    seller.client.put(POLICY, terms(30, "seller", "12.5", &[])).await.expect(200);
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 3)]).await;
    let order = deliver(&souk, &shopper, &seller, &order).await;
    let line = order.part(&seller).line().to_owned();
    let mut fees = 0;
    for by_label in [true, false, false] {
        let back = bring_back(&souk, (&shopper, &seller), &order, (&line, "no_longer_wanted"), by_label).await;
        fees += amounts(&back.0).1;
    }
    assert_eq!(fees, 125, "an eighth of 9.99 is 1.24875");
    souk.audit().await;
}

#[tokio::test]
async fn a_label_that_costs_more_than_the_goods_leaves_nothing_to_be_paid_back() {
    let souk = Souk::start().await;
    let seller = souk.seller("Cheap").await;
    let offer = seller.offer("CHEAP", "0.40", 5).await;
    seller.client.put(POLICY, terms(30, "shopper", "50", &[])).await.expect(200);
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    let order = deliver(&souk, &shopper, &seller, &order).await;
    let line = order.part(&seller).line().to_owned();
    let (refund, cost) = bring_back(&souk, (&shopper, &seller), &order, (&line, "other"), true).await;
    assert!(cost > 20);
    assert_eq!(amounts(&refund), (0, 20, 20));
    souk.audit().await;
}

#[tokio::test]
async fn a_policy_is_within_what_the_marketplace_allows() {
    let souk = Souk::with(Options::default().env("SOUK_RETURN_WINDOW_MINIMUM_DAYS", 14)).await;
    let seller = souk.seller("Bounded").await;
    let category = souk.admin().await.category("home", None).await;
    let set = async |body: Value| seller.client.put(POLICY, body).await;
    for wrong in [
        terms(13, "seller", "0", &[]),
        terms(366, "seller", "0", &[]),
        terms(30, "seller", "50.0001", &[]),
        terms(30, "seller", "-1", &[]),
        terms(30, "seller", "0", &[&category, &category]),
    ] {
        set(wrong).await.refused(422, "INVALID_VALUE");
    }
    set(terms(30, "seller", "0", &["00000000-0000-7000-8000-000000000000"])).await.refused(404, "NOT_FOUND");
    seller.client.patch("/api/v1/seller", json!({"return_window_days": 13})).await.refused(422, "INVALID_VALUE");
    let before = seller.client.get(POLICY).await.expect(200);
    assert_eq!(before, terms(30, "seller", "0", &[]), "nothing of that was taken");
    set(terms(14, "shopper", "50", &[&category])).await.expect(200);
    set(terms(14, "shopper", "50", &[])).await.expect(200);
    assert_eq!(seller.client.get(POLICY).await.expect(200), terms(14, "shopper", "50", &[]));
}
