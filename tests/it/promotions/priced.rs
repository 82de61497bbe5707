//! What promotions take off, of what, and who pays for it.

use serde_json::{Value, json};

use super::{cart_with, obstacle, see};
use crate::souk::{Part, Seller, Shopper, Souk, cents, text};

/// A seller of lamps for 10.00 (in a category below another one) and pens for 3.33, another one of
/// rugs for 20.00; both ship for 5.00.
struct Market {
    souk: Souk,
    sellers: [Seller; 2],
    lamp: String,
    pen: String,
    rug: String,
    lights: String,
    home: String,
}

impl Market {
    async fn open() -> Self {
        let souk = Souk::start().await;
        let admin = souk.admin().await;
        let home = admin.category("home", None).await;
        let lights = admin.category("lights", Some(&home)).await;
        let sellers = [souk.seller("Lamps and Pens").await, souk.seller("Rugs").await];
        let lamp = sellers[0].offer_in("LAMP", "10.00", &lights).await;
        let pen = sellers[0].offer("PEN", "3.33", 100).await;
        let rug = sellers[1].offer("RUG", "20.00", 100).await;
        Self { souk, sellers, lamp, pen, rug, lights, home }
    }

    /// Three lamps, three pens and a rug: 59.99, of which 39.99 are of the first seller.
    fn goods(&self) -> [(&str, i64); 3] {
        [(&self.lamp, 3), (&self.pen, 3), (&self.rug, 1)]
    }
}

#[tokio::test]
async fn each_kind_takes_off_what_it_says() {
    let market = Market::open().await;
    let (first, second) = (&market.sellers[0], &market.sellers[1]);
    // The discounts of the two sellers' goods, and what is left of their shipping, in cents.
    let cases = [
        // 7.50 of 59.99: 3.75 and 1.25 by the largest remainder, 2.50.
        (json!({"kind": "percentage", "percent": "12.5"}), [500, 250, 500, 500]),
        (
            json!({"kind": "percentage", "percent": "50", "maximum_discount": "4.00", "currency": "USD"}),
            [267, 133, 500, 500],
        ),
        (json!({"kind": "percentage", "percent": "100"}), [3_999, 2_000, 500, 500]),
        (
            json!({"kind": "fixed", "amount": "5.00", "currency": "USD", "target": "seller", "seller_id": second.id}),
            [0, 500, 500, 500],
        ),
        (
            json!({"kind": "fixed", "amount": "30.00", "currency": "USD", "target": "offers", "offer_ids": [market.rug]}),
            [0, 2_000, 500, 500],
        ),
        (
            json!({"kind": "percentage", "percent": "10", "target": "category", "category_id": market.home}),
            [300, 0, 500, 500],
        ),
        (json!({"kind": "free_shipping"}), [0, 0, 0, 0]),
        (
            json!({"kind": "free_shipping", "percent": "50", "target": "seller", "seller_id": first.id}),
            [0, 0, 250, 500],
        ),
        (
            json!({"kind": "free_shipping", "target": "category", "category_id": market.lights,
                   "maximum_discount": "4.99", "currency": "USD"}),
            [0, 0, 1, 500],
        ),
        // Of seven units two are free: pens are the cheapest.
        (json!({"kind": "buy_x_get_y", "buy_quantity": 2, "get_quantity": 1}), [666, 0, 500, 500]),
        (
            json!({"kind": "buy_x_get_y", "buy_quantity": 1, "get_quantity": 1, "percent": "50", "target": "offers",
                   "offer_ids": [market.lamp, market.rug]}),
            [1_000, 0, 500, 500],
        ),
        (
            json!({"kind": "percentage", "percent": "10", "minimum_spend": "59.99", "currency": "USD"}),
            [400, 200, 500, 500],
        ),
    ];
    let shopper = market.souk.guest();
    for (at, (mut terms, [a, b, shipping_a, shipping_b])) in cases.into_iter().enumerate() {
        let code = format!("CODE-{at}");
        terms["code"] = json!(code);
        let made = market.souk.admin().await.promotion(terms.clone()).await;
        let cart = cart_with(&shopper, &market.goods(), &[&code]).await;
        let listed = json!([{"id": made["id"], "name": code, "code": code, "applied": true}]);
        assert_eq!(cart["promotions"], listed, "{terms}");
        let order = shopper.place(text(&cart["id"])).await;
        for total in ["items_total", "discount_total", "shipping_total", "total"] {
            assert_eq!(order.0[total], cart[total], "{total} of the cart and of the order: {terms}");
        }
        let amounts = |seller: &Seller| {
            let part: Part<'_> = order.part(seller);
            [part.cents("discount_total"), part.cents("shipping_total")]
        };
        let ([off_a, left_a], [off_b, left_b]) = (amounts(first), amounts(second));
        assert_eq!([off_a, off_b, left_a, left_b], [a, b, shipping_a, shipping_b], "{terms}");
        assert_eq!(order.total(), 5_999 - a - b + shipping_a + shipping_b, "{terms}");
    }
    market.souk.settle().await;
}

#[tokio::test]
async fn a_code_that_takes_nothing_off_stands_in_the_way() {
    let market = Market::open().await;
    let admin = market.souk.admin().await;
    let cases = [
        json!({"code": "LARGE", "kind": "percentage", "percent": "10", "minimum_spend": "60.00", "currency": "USD"}),
        json!({"code": "RUGS", "kind": "percentage", "percent": "10", "target": "offers", "offer_ids": [market.rug]}),
        json!({"code": "EIGHT", "kind": "buy_x_get_y", "buy_quantity": 7, "get_quantity": 1}),
    ];
    let shopper = market.souk.guest();
    for terms in cases {
        admin.promotion(terms.clone()).await;
        let cart = cart_with(&shopper, &[(&market.lamp, 3), (&market.pen, 3)], &[text(&terms["code"])]).await;
        assert_eq!(obstacle(&cart), Some("COUPON_NOT_APPLICABLE"), "{terms}");
        assert_eq!((&cart["discount_total"], &cart["promotions"][0]["applied"]), (&json!("0.00"), &json!(false)));
        let id = text(&cart["id"]);
        let error = shopper.try_place(id).await.refused(422, "COUPON_NOT_APPLICABLE");
        assert!(text(&error["message"]).contains(text(&terms["code"])), "{error}");
    }
}

/// What promotions take off one lamp and one pen, with codes put in.
async fn lamp_and_pen(market: &Market, shopper: &Shopper, codes: &[&str]) -> Value {
    cart_with(shopper, &[(&market.lamp, 1), (&market.pen, 1)], codes).await
}

#[tokio::test]
async fn promotions_follow_each_other_or_stand_alone() {
    let market = Market::open().await;
    let admin = market.souk.admin().await;
    let shopper = market.souk.guest();
    let lamps = json!([market.lamp]);
    let half = json!({"name": "Half", "kind": "percentage", "percent": "50", "priority": 50});
    let half = admin.promotion(half).await;
    admin
        .promotion(json!({"code": "FIRST", "kind": "fixed", "amount": "2.00", "currency": "USD", "priority": 1}))
        .await;
    admin
        .promotion(json!({"code": "LATER", "kind": "fixed", "amount": "2.00", "currency": "USD", "priority": 90}))
        .await;
    let alone = json!({"code": "ALONE", "kind": "fixed", "amount": "4.00", "currency": "USD", "priority": 10,
                       "stacking": "exclusive", "target": "offers", "offer_ids": lamps});
    admin.promotion(alone).await;
    let late = json!({"code": "LATE", "kind": "fixed", "amount": "4.00", "currency": "USD", "priority": 99,
                      "stacking": "exclusive", "target": "offers", "offer_ids": lamps});
    admin.promotion(late).await;
    let off = async |codes: &[&str]| {
        let cart = lamp_and_pen(&market, &shopper, codes).await;
        (cents(&cart["discount_total"]), obstacle(&cart).is_some())
    };
    assert_eq!(off(&[]).await, (667, false), "half of 13.33, rounded half up");
    assert_eq!(off(&["FIRST"]).await, (200 + 567, false), "half of what is left");
    assert_eq!(off(&["LATER"]).await, (667 + 200, false), "off what is left");
    assert_eq!(off(&["FIRST", "LATER"]).await, (200 + 567 + 200, false));
    assert_eq!(off(&["ALONE"]).await, (400 + 167, false), "half of the pen only");
    assert_eq!(off(&["LATE"]).await, (667, true), "the lamp is taken");
    assert_eq!(off(&["ALONE", "FIRST"]).await, (200 + 567, true), "the lamp is taken here as well");
    admin.change_promotion(&half, json!({"active": false})).await.expect(200);
    assert_eq!(off(&["LATE"]).await, (400, false));
    assert_eq!(off(&["LATE", "ALONE"]).await, (400, true), "one of them only: the first");
}

#[tokio::test]
async fn who_bears_it_pays_for_it() {
    let market = Market::open().await;
    let admin = market.souk.admin().await;
    let seller = &market.sellers[0];
    admin.promotion(json!({"code": "OURS", "kind": "percentage", "percent": "10", "priority": 1})).await;
    seller
        .promotion(json!({"code": "THEIRS", "kind": "fixed", "amount": "2.00", "currency": "USD", "priority": 2}))
        .await;
    let shared = json!({"code": "SHARED", "kind": "percentage", "percent": "10", "borne_by": "seller", "priority": 3});
    assert_eq!(admin.promotion(shared).await["borne_by"], "seller");
    admin.promotion(json!({"code": "FREIGHT", "kind": "free_shipping", "percent": "20"})).await;
    seller.promotion(json!({"code": "PARCEL", "kind": "free_shipping", "percent": "25"})).await;

    let shopper = market.souk.guest();
    let codes = ["OURS", "THEIRS", "SHARED", "FREIGHT", "PARCEL"];
    let cart = cart_with(&shopper, &[(&market.lamp, 1)], &codes).await;
    let order = shopper.place(text(&cart["id"])).await;
    // 10.00 less 1.00, 2.00 and 0.70; 5.00 less 1.00 and 1.00.
    assert_eq!((order.total(), text(&order.0["shipping_total"])), (630 + 300, "3.00"));
    shopper.pay(order.id(), "pm_ok").await;
    shopper.until(order.id(), "processing").await;
    market.souk.audit().await;
    assert_eq!(admin.account("promotion_expense").await, (100 + 100, 0), "ours, of goods and of shipping");
    assert_eq!(admin.account("commission_revenue").await, (0, 73), "a tenth of 6.30 and of the 1.00 that we make good");
    let (debits, credits) = admin.account("seller_payable").await;
    assert_eq!(credits - debits, 630 + 300 + 200 - 73);
}

#[tokio::test]
async fn what_an_order_was_placed_with_stays() {
    let market = Market::open().await;
    let admin = market.souk.admin().await;
    let made = admin.promotion(json!({"code": "TENTH", "kind": "percentage", "percent": "10"})).await;
    let shopper = market.souk.guest();
    let cart = cart_with(&shopper, &market.goods(), &["TENTH"]).await;
    let mut body = shopper.placement(text(&cart["id"]));
    body["expected_total"] = cart["total"].clone();
    body["currency"] = json!("USD");
    admin.change_promotion(&made, json!({"active": false})).await.expect(200);
    shopper.client().post("/api/v1/orders", body.clone()).await.refused(422, "COUPON_NOT_APPLICABLE");
    admin.change_promotion(&made, json!({"active": true})).await.expect(200);
    let by_itself = admin.promotion(json!({"kind": "free_shipping"})).await;
    let error = shopper.client().post("/api/v1/orders", body.clone()).await.refused(409, "PRICE_CHANGED");
    let now = see(&shopper, text(&cart["id"])).await;
    assert_eq!(error["details"][0]["total"], now["total"]);
    body["expected_total"] = now["total"].clone();
    let order = shopper.client().post("/api/v1/orders", body).await.expect(201);
    admin.change_promotion(&by_itself, json!({"active": false})).await.expect(200);
    assert_eq!(shopper.order(text(&order["id"])).await.0["total"], now["total"]);
    assert_eq!((admin.uses(&made).await, admin.uses(&by_itself).await), (1, 1));
    shopper.cancel(text(&order["id"])).await.expect(200);
    assert_eq!((admin.uses(&made).await, admin.uses(&by_itself).await), (0, 0), "given back");
    market.souk.settle().await;
}
