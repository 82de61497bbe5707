//! Orders that go well.

use reqwest::Method;
use serde_json::json;

use crate::souk::client::send;
use crate::souk::{Souk, cents, text};

#[tokio::test]
async fn one_seller_from_cart_to_completion() {
    let souk = Souk::start().await;
    let seller = souk.seller("Solo").await;
    let shopper = souk.shopper().await;
    let offer = seller.offer("SOLO-1", "19.99", 5).await;

    let cart = shopper.cart(&[(&offer, 2)]).await;
    let order = shopper.place(&cart).await;
    assert_eq!((order.status(), order.total()), ("pending", 2 * 1999 + 500));
    assert_eq!(seller.inventory(&offer).await, (5, 2));

    shopper.pay(order.id(), "pm_ok").await;
    let order = shopper.until(order.id(), "processing").await;
    let part = order.part(&seller);
    let parcel = seller.ship(part.id(), "Main").await;
    let tracking_number = text(&parcel["tracking_number"]);

    souk.simulator().advance(tracking_number, "in_transit").await;
    shopper.until(order.id(), "shipped").await;
    assert_eq!(seller.inventory(&offer).await, (3, 0));
    souk.simulator().advance(tracking_number, "delivered").await;
    let order = shopper.until(order.id(), "delivered").await;
    assert_eq!(order.part(&seller).lines()[0]["delivered_quantity"], 2);

    souk.database().make_due(&format!("complete:{}", order.part(&seller).id())).await;
    let order = shopper.until(order.id(), "completed").await;
    let told = souk.admin().await.order(order.id()).await;
    let states: Vec<_> =
        told["history"].as_array().expect("a history").iter().map(|row| text(&row["to_status"])).collect();
    assert_eq!(
        states,
        ["pending", "confirmed", "processing", "shipped", "delivered", "completed"],
        "the order's history"
    );

    let books = souk.audit().await;
    assert_eq!((books.payments, books.captured, books.refunded, books.labels), (1, order.total(), 0, 1));
}

#[tokio::test]
async fn three_sellers_one_order() {
    let souk = Souk::start().await;
    let sellers = [souk.seller("First").await, souk.seller("Second").await, souk.seller("Third").await];
    let offers = [
        sellers[0].offer("THREE-1", "33.33", 2).await,
        sellers[1].offer("THREE-2", "0.99", 10).await,
        sellers[2].offer("THREE-3", "100.01", 10).await,
    ];
    // The first seller has the goods in two places, and in neither of them enough.
    sellers[0].stock(&offers[0], "West", 2).await;
    souk.admin().await.promotion(json!({"code": "TENTH", "kind": "percentage", "percent": "10"})).await;

    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offers[0], 3), (&offers[1], 7), (&offers[2], 1)]).await;
    shopper.use_coupon(&cart, "tenth").await.expect(200);
    let order = shopper.place(&cart).await;

    let goods = 3 * 3333 + 7 * 99 + 10_001;
    assert_eq!(cents(&order.0["items_total"]), goods);
    assert_eq!(cents(&order.0["discount_total"]), (goods + 5) / 10);
    for total in ["items_total", "discount_total", "shipping_total", "total"] {
        let parts: i64 = order.parts().iter().map(|part| part.cents(total)).sum();
        assert_eq!(parts, cents(&order.0[total]), "{total} of the parts and of the order");
    }
    let number = text(&order.0["number"]);
    let mut numbers: Vec<_> = order.parts().iter().map(|part| text(&part.0["number"])).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [format!("{number}-1"), format!("{number}-2"), format!("{number}-3")]);

    shopper.pay(order.id(), "pm_ok").await;
    let order = shopper.until(order.id(), "processing").await;
    let mut parcels = vec![
        sellers[0].ship(order.part(&sellers[0]).id(), "Main").await,
        sellers[0].ship(order.part(&sellers[0]).id(), "West").await,
    ];
    for seller in &sellers[1..] {
        parcels.push(seller.ship(order.part(seller).id(), "Main").await);
    }

    for (parcel, seller) in parcels.iter().zip([0, 0, 1, 2]) {
        let label = format!("/api/v1/seller/shipments/{}/label", text(&parcel["id"]));
        let pdf = sellers[seller].client.get(&format!("{label}?format=pdf")).await;
        assert_eq!((pdf.status.as_u16(), pdf.header("content-type")), (200, Some("application/pdf")));
        assert!(pdf.body.starts_with(b"%PDF"));
        let zpl = sellers[seller].client.get(&format!("{label}?format=zpl")).await;
        assert!(zpl.status.is_success() && zpl.body.starts_with(b"^XA"));
    }

    souk.simulator().advance(text(&parcels[0]["tracking_number"]), "in_transit").await;
    shopper.until(order.id(), "partially_shipped").await;
    for parcel in &parcels {
        souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    }
    let order = shopper.until(order.id(), "delivered").await;
    let tracking = shopper.client().get(&format!("/api/v1/orders/{}/tracking", order.id())).await.expect(200);
    assert_eq!(tracking["shipments"].as_array().map(Vec::len), Some(4));
    for shipment in tracking["shipments"].as_array().expect("shipments") {
        let scans = shipment["events"].as_array().expect("scans");
        assert_eq!(scans.last().map(|scan| &scan["status"]), Some(&json!("delivered")));
        assert!(shipment.get("label_cost").is_none(), "what a label costs is not the shopper's business");
    }
    assert_eq!(sellers[0].inventory(&offers[0]).await, (1, 0));

    let books = souk.audit().await;
    assert_eq!((books.captured, books.labels, books.voided), (order.total(), 4, 0));
}

#[tokio::test]
async fn a_guest_needs_the_token_of_the_cart() {
    let souk = Souk::start().await;
    let seller = souk.seller("For Guests").await;
    let offer = seller.offer("GUEST-1", "5.00", 5).await;
    let (guest, other) = (souk.guest(), souk.guest());

    let order = guest.buy(&[(&offer, 1)]).await;
    other.cart(&[(&offer, 1)]).await;
    let path = format!("/api/v1/orders/{}", order.id());
    guest.client().get(&path).await.expect(200);
    other.client().get(&path).await.refused(404, "NOT_FOUND");
    souk.anyone().get(&path).await.refused(401, "UNAUTHENTICATED");
    souk.audit().await;
}

#[tokio::test]
async fn orders_come_in_pages_that_neither_skip_nor_repeat() {
    let souk = Souk::start().await;
    let seller = souk.seller("Paged").await;
    let offer = seller.offer("PAGED-1", "1.00", 20).await;
    let shopper = souk.guest();
    let mut placed = Vec::new();
    for _ in 0..5 {
        let cart = shopper.cart(&[(&offer, 1)]).await;
        placed.push(shopper.place(&cart).await.id().to_owned());
    }

    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = shopper.client().get(&format!("/api/v1/orders?limit=2{cursor}")).await.expect(200);
        let items = page["items"].as_array().expect("items");
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|order| text(&order["id"]).to_owned()));
        if seen.len() == 2 {
            // Between two pages another order comes: it belongs on a page that was read already.
            let cart = shopper.cart(&[(&offer, 1)]).await;
            shopper.place(&cart).await;
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    placed.reverse();
    assert_eq!(seen, placed);
    shopper.client().get("/api/v1/orders?limit=101").await.refused(422, "INVALID_VALUE");
}

#[tokio::test]
async fn an_order_that_costs_nothing_needs_no_payment() {
    let souk = Souk::start().await;
    let seller = souk.seller("Generous").await;
    let method = json!({"name": "Free", "price": "0.00", "currency": "USD", "min_days": 1, "max_days": 9});
    let method = seller.client.post("/api/v1/seller/shipping-methods", method).await.expect(201);
    let offer = seller.offer("FREE-1", "9.99", 3).await;
    souk.admin().await.promotion(json!({"code": "ALL", "kind": "percentage", "percent": "100"})).await;

    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offer, 2)]).await;
    shopper.use_coupon(&cart, "ALL").await.expect(200);
    let path = format!("/api/v1/carts/{cart}/shipping/{}", seller.id);
    shopper.client().put(&path, json!({"shipping_method_id": method["id"]})).await.expect(200);

    let order = shopper.place(&cart).await;
    assert_eq!((order.total(), order.status()), (0, "processing"));
    shopper.start_payment(order.id()).await.refused(409, "PAYMENT_IN_PROGRESS");
    let parcel = seller.ship(order.parts()[0].id(), "Main").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    shopper.until(order.id(), "delivered").await;
    let books = souk.audit().await;
    assert_eq!((books.payments, books.captured), (0, 0));
}

#[tokio::test]
async fn an_administrator_moves_an_order_only_where_the_states_allow() {
    let souk = Souk::start().await;
    let seller = souk.seller("Overseen").await;
    seller.configure(json!({"auto_accept": false})).await;
    let offer = seller.offer("OVER-1", "9.99", 3).await;
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offer, 1)]).await;
    let order = shopper.place(&cart).await;
    shopper.pay(order.id(), "pm_ok").await;
    let order = shopper.until(order.id(), "confirmed").await;

    let admin = &souk.admin().await.client;
    let path = format!("/api/v1/admin/orders/{}/status", order.id());
    let set = async |status: &str, version: &str| {
        let request = admin.request(Method::PUT, &path).header("If-Match", version);
        send(request.json(&json!({"status": status, "reason": "a test"}))).await
    };
    admin.put(&path, json!({"status": "processing"})).await.refused(428, "IF_MATCH_REQUIRED");
    set("processing", "\"999\"").await.refused(412, "STALE_VERSION");
    set("shipped", "*").await.refused(409, "ILLEGAL_TRANSITION");
    set("completed", "*").await.refused(409, "ILLEGAL_TRANSITION");
    set("processing", &format!("\"{}\"", order.0["version"])).await.expect(200);
    set("processing", "*").await.refused(409, "ILLEGAL_TRANSITION");
    set("cancelled", "*").await.expect(200);
    shopper.until(order.id(), "cancelled").await;
    let books = souk.audit().await;
    assert_eq!(books.refunded, order.total());
}

#[tokio::test]
async fn a_sellers_promotion_touches_that_sellers_goods_only() {
    let souk = Souk::start().await;
    let sellers = [souk.seller("Cheaper").await, souk.seller("As Ever").await];
    let offers = [sellers[0].offer("OWN-1", "10.00", 5).await, sellers[1].offer("OWN-2", "20.00", 5).await];
    sellers[0].promotion(json!({"code": "MINE", "kind": "fixed", "amount": "3.00", "currency": "USD"})).await;

    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offers[0], 1), (&offers[1], 1)]).await;
    shopper.use_coupon(&cart, "MINE").await.expect(200);
    let order = shopper.place(&cart).await;
    assert_eq!(order.part(&sellers[0]).cents("discount_total"), 300);
    assert_eq!(order.part(&sellers[1]).cents("discount_total"), 0);
    shopper.pay(order.id(), "pm_ok").await;
    shopper.until(order.id(), "processing").await;

    // Commission is a tenth of what the seller is credited for: 7.00 here, 20.00 there.
    let commission = souk.admin().await.account("commission_revenue").await;
    assert_eq!(commission, (0, 70 + 200));
    let books = souk.audit().await;
    assert_eq!(books.captured, 700 + 2000 + 2 * 500);
}
