//! Shoppers, guests and sellers who try what is another's.

use reqwest::Method;
use serde_json::{Value, json};

use crate::souk::client::send;
use crate::souk::{Client, Order, Seller, Shopper, Souk, text};

/// An id of the right form that is nobody's.
const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// A request for a thing: method, path with `{}` for its id, and body.
type Attempt = (Method, String, Option<Value>);

fn attempt(method: Method, path: &str, body: Option<Value>) -> Attempt {
    (method, path.to_owned(), body)
}

/// What can be told of everything that requests could have changed.
async fn everything(souk: &Souk) -> Vec<i64> {
    let sums = [
        "SELECT count(*) FROM status_history",
        "SELECT count(*) FROM event",
        "SELECT count(*) FROM shipment",
        "SELECT count(*) FROM payment",
        "SELECT count(*) FROM refund",
        "SELECT count(*) FROM return_request",
        "SELECT count(*) FROM product_variant",
        "SELECT count(*) FROM stock_movement",
        "SELECT count(*) FROM idempotency_key",
        "SELECT count(*) FROM inventory_level",
        "SELECT count(*) FROM product WHERE active",
        "SELECT count(*) FROM shipping_method WHERE active",
        "SELECT CAST(coalesce(sum(version), 0) AS bigint) FROM orders",
        "SELECT CAST(coalesce(sum(version), 0) AS bigint) FROM seller_order",
        "SELECT CAST(coalesce(sum(version), 0) AS bigint) FROM cart",
        "SELECT CAST(coalesce(sum(version), 0) AS bigint) FROM offer",
        "SELECT CAST(coalesce(sum(version), 0) AS bigint) FROM shipment",
        "SELECT CAST(coalesce(sum(version), 0) AS bigint) FROM batch",
        "SELECT count(*) FROM shipping_zone_place WHERE country = 'US'",
        "SELECT CAST(coalesce(sum(version), 0) AS bigint) FROM promotion",
    ];
    let mut all = Vec::new();
    for sql in sums {
        all.push(souk.database().number(sql, []).await);
    }
    all
}

/// Every attempt is answered as it is for an id that names nothing.
async fn finds_nothing(client: &Client, who: &str, attempts: &[(Attempt, &str)]) {
    for ((method, path, body), id) in attempts {
        let ask = async |id: &str| {
            let request = client.request(method.clone(), &path.replace("{}", id)).header("If-Match", "*");
            send(if let Some(body) = body { request.json(body) } else { request }).await
        };
        let answer = ask(id).await;
        assert_eq!(answer.status.as_u16(), 404, "{who}: {method} {path}: {}", answer.json());
        let (mut theirs, mut nobodys) = (answer.refused(404, "NOT_FOUND"), ask(NOBODY).await.refused(404, "NOT_FOUND"));
        for error in [&mut theirs, &mut nobodys] {
            error["request_id"].take();
        }
        assert_eq!(theirs, nobodys, "{who}: {method} {path}");
    }
}

struct Market {
    souk: Souk,
    first: Seller,
    second: Seller,
    shopper: Shopper,
    order: Order,
    /// Delivered by the first seller.
    parcel: String,
    /// Asked of the first seller, with its label.
    returned: String,
    /// Still open.
    cart: String,
    offers: [String; 2],
}

impl Market {
    async fn open() -> Self {
        let souk = Souk::start().await;
        let (first, second) = (souk.seller("First").await, souk.seller("Second").await);
        let offers = [first.offer("FIRST", "10.00", 20).await, second.offer("SECOND", "20.00", 20).await];
        let shopper = souk.shopper().await;
        let order = shopper.buy(&[(&offers[0], 2), (&offers[1], 1)]).await;
        let parcel = first.ship(order.part(&first).id(), "Main").await;
        souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
        let order = shopper.until(order.id(), "partially_delivered").await;
        let part = order.part(&first);
        let returned = shopper.give_back(part, part.line(), 1).await.expect(201);
        let cart = shopper.cart(&[(&offers[0], 1)]).await;
        let (parcel, returned) = (text(&parcel["id"]).to_owned(), text(&returned["id"]).to_owned());
        souk.settle().await;
        Self { souk, first, second, shopper, order, parcel, returned, cart, offers }
    }
}

#[tokio::test]
async fn a_shopper_finds_nothing_of_another() {
    let market = Market::open().await;
    let before = everything(&market.souk).await;
    let (order, cart, returned) = (market.order.id(), market.cart.as_str(), market.returned.as_str());
    let (offer, part) = (&market.offers[0], market.order.part(&market.first));
    let line = json!({"offer_id": offer, "quantity": 3});
    let placement = json!({"cart_id": NOBODY, "email": "b@example.com", "shipping_address":
        {"name": "B", "line1": "1", "city": "C", "postal_code": "1", "country": "US"}});
    let give_back = json!({"seller_order_id": part.id(),
        "lines": [{"line_id": part.line(), "quantity": 1, "reason": "other"}]});
    let attempts = [
        (attempt(Method::GET, "/api/v1/carts/{}", None), cart),
        (attempt(Method::POST, "/api/v1/carts/{}/lines", Some(line)), cart),
        (attempt(Method::PUT, &format!("/api/v1/carts/{{}}/lines/{offer}"), Some(json!({"quantity": 5}))), cart),
        (attempt(Method::DELETE, &format!("/api/v1/carts/{{}}/lines/{offer}"), None), cart),
        (attempt(Method::PUT, "/api/v1/carts/{}/coupons/ANY", None), cart),
        (attempt(Method::DELETE, "/api/v1/carts/{}/coupons/ANY", None), cart),
        (
            attempt(
                Method::PUT,
                &format!("/api/v1/carts/{{}}/shipping/{}", market.first.id),
                Some(json!({"shipping_method_id": NOBODY})),
            ),
            cart,
        ),
        (attempt(Method::PUT, "/api/v1/carts/{}/destination", Some(json!({"country": "US"}))), cart),
        (attempt(Method::GET, "/api/v1/carts/{}/shipping-options", None), cart),
        (attempt(Method::POST, "/api/v1/orders/{}/items", Some(json!({"offer_id": offer, "quantity": 1}))), order),
        (attempt(Method::PUT, &format!("/api/v1/orders/{{}}/items/{offer}"), Some(json!({"quantity": 5}))), order),
        (attempt(Method::DELETE, &format!("/api/v1/orders/{{}}/items/{offer}"), None), order),
        (attempt(Method::GET, "/api/v1/orders/{}", None), order),
        (attempt(Method::GET, "/api/v1/orders/{}/tracking", None), order),
        (attempt(Method::GET, "/api/v1/orders/{}/payments", None), order),
        (attempt(Method::GET, "/api/v1/orders/{}/refunds", None), order),
        (attempt(Method::POST, "/api/v1/orders/{}/payments", Some(json!({}))), order),
        (attempt(Method::POST, "/api/v1/orders/{}/cancel", Some(json!({"reason": "not mine"}))), order),
        (attempt(Method::GET, "/api/v1/returns/{}", None), returned),
        (attempt(Method::GET, "/api/v1/returns/{}/label", None), returned),
        (attempt(Method::POST, "/api/v1/returns/{}/cancel", None), returned),
    ];
    let stranger = market.souk.shopper().await.client();
    let guest = market.souk.guest();
    guest.cart(&[]).await;
    let people = [
        ("another shopper", stranger),
        ("a guest", guest.client()),
        ("a guest with a made-up token", market.souk.anyone().guest(&"0".repeat(64))),
        ("their seller", market.first.client.clone()),
        ("the administrator", market.souk.admin().await.client.clone()),
    ];
    let unchanged = {
        // The guest's own cart counts among the carts.
        let mut all = before.clone();
        all[14] += 1;
        all
    };
    for (who, client) in &people {
        finds_nothing(client, who, &attempts).await;
        for list in ["/api/v1/orders", "/api/v1/returns", &format!("/api/v1/returns?order_id={order}")] {
            assert_eq!(client.list(list).await, Vec::<Value>::new(), "{who}: {list}");
        }
        let mut body = placement.clone();
        body["cart_id"] = json!(cart);
        client.post("/api/v1/orders", body).await.refused(404, "NOT_FOUND");
        client.post("/api/v1/returns", give_back.clone()).await.refused(404, "NOT_FOUND");
        assert_eq!(everything(&market.souk).await, unchanged, "{who} has changed something");
    }
    assert_eq!(market.shopper.order(order).await.0["version"], market.order.0["version"]);
}

#[tokio::test]
async fn a_seller_finds_nothing_of_another() {
    let market = Market::open().await;
    let part = market.order.part(&market.first);
    let warehouse = market.first.warehouse("Main").await;
    let (offer, own_offer) = (market.offers[0].as_str(), market.offers[1].as_str());
    let own_warehouse = market.second.warehouse("Main").await;
    let products = market.first.client.list("/api/v1/seller/products").await;
    let methods = market.first.client.list("/api/v1/seller/shipping-methods").await;
    let (product, method) = (text(&products[0]["id"]), text(&methods[0]["id"]));
    let zone = market.first.shipping_zone("Home", &["US"]).await;
    let promotion = market.first.promotion(json!({"code": "MINE", "kind": "percentage", "percent": "5"})).await;
    let promotion = text(&promotion["id"]);
    let csv = market.first.client.request(Method::POST, "/api/v1/seller/batches/inventory");
    let batch =
        send(csv.header("content-type", "text/csv").body("sku,warehouse,on_hand\nFIRST,Main,20\n")).await.expect(201);
    let batch = text(&batch["id"]).to_owned();
    market.souk.settle().await;
    let before = everything(&market.souk).await;
    let reason = || Some(json!({"reason": "not mine"}));
    let received = json!({"lines": [{"line_id": part.line(), "quantity": 1, "condition": "as_new", "restock": true}]});
    let variant = json!({"sku": "STOLEN", "name": "Stolen", "weight_grams": 1});
    let attempts = [
        (attempt(Method::GET, "/api/v1/seller/orders/{}", None), part.id()),
        (attempt(Method::POST, "/api/v1/seller/orders/{}/accept", None), part.id()),
        (attempt(Method::POST, "/api/v1/seller/orders/{}/reject", reason()), part.id()),
        (attempt(Method::GET, "/api/v1/seller/explain/seller_order/{}", None), part.id()),
        (attempt(Method::GET, "/api/v1/seller/explain/order_line/{}", None), part.line()),
        (attempt(Method::GET, "/api/v1/seller/orders/{}/refundable", None), part.id()),
        (attempt(Method::GET, "/api/v1/seller/orders/{}/refunds", None), part.id()),
        (
            attempt(Method::POST, "/api/v1/seller/orders/{}/refunds", Some(json!({"goodwill_amount": "1.00"}))),
            part.id(),
        ),
        (attempt(Method::GET, "/api/v1/seller/orders/{}/shipments", None), part.id()),
        (
            attempt(Method::POST, "/api/v1/seller/orders/{}/shipments", Some(json!({"warehouse_id": own_warehouse}))),
            part.id(),
        ),
        (attempt(Method::GET, "/api/v1/seller/shipments/{}", None), &market.parcel),
        (attempt(Method::GET, "/api/v1/seller/shipments/{}/label", None), &market.parcel),
        (attempt(Method::POST, "/api/v1/seller/shipments/{}/cancel", None), &market.parcel),
        (attempt(Method::GET, "/api/v1/seller/returns/{}", None), &market.returned),
        (attempt(Method::POST, "/api/v1/seller/returns/{}/approve", None), &market.returned),
        (attempt(Method::POST, "/api/v1/seller/returns/{}/reject", reason()), &market.returned),
        (attempt(Method::POST, "/api/v1/seller/returns/{}/receive", Some(received)), &market.returned),
        (attempt(Method::GET, "/api/v1/seller/offers/{}", None), offer),
        (attempt(Method::PATCH, "/api/v1/seller/offers/{}", Some(json!({"active": false}))), offer),
        (
            attempt(
                Method::PUT,
                &format!("/api/v1/seller/inventory/{{}}/{own_warehouse}"),
                Some(json!({"on_hand": 1})),
            ),
            offer,
        ),
        (
            attempt(Method::PUT, &format!("/api/v1/seller/inventory/{own_offer}/{{}}"), Some(json!({"on_hand": 1}))),
            &warehouse,
        ),
        (attempt(Method::GET, "/api/v1/seller/products/{}", None), product),
        (attempt(Method::PATCH, "/api/v1/seller/products/{}", Some(json!({"active": false}))), product),
        (attempt(Method::POST, "/api/v1/seller/products/{}/variants", Some(variant)), product),
        (attempt(Method::PATCH, "/api/v1/seller/shipping-methods/{}", Some(json!({"active": false}))), method),
        (
            attempt(
                Method::PUT,
                "/api/v1/seller/shipping-zones/{}/places",
                Some(json!({"places": [{"country": "DE"}]})),
            ),
            &zone,
        ),
        (attempt(Method::GET, "/api/v1/seller/promotions/{}", None), promotion),
        (attempt(Method::PATCH, "/api/v1/seller/promotions/{}", Some(json!({"active": false}))), promotion),
        (attempt(Method::GET, "/api/v1/seller/batches/{}", None), &batch),
        (attempt(Method::GET, "/api/v1/seller/batches/{}/rows", None), &batch),
        (attempt(Method::GET, "/api/v1/seller/batches/{}/errors", None), &batch),
        (attempt(Method::GET, "/api/v1/seller/batches/{}/progress", None), &batch),
        (attempt(Method::POST, "/api/v1/seller/batches/{}/cancel", None), &batch),
    ];
    finds_nothing(&market.second.client, "another seller", &attempts).await;
    // Out of a warehouse of another.
    let own_part = market.order.part(&market.second);
    let path = format!("/api/v1/seller/orders/{}/shipments", own_part.id());
    market.second.client.post(&path, json!({"warehouse_id": warehouse})).await.refused(404, "NOT_FOUND");
    // A line of another in a parcel of one's own.
    let lines = json!({"warehouse_id": own_warehouse, "lines": [{"line_id": part.line(), "quantity": 1}]});
    let answer = market.second.client.post(&path, lines).await;
    assert!([404, 422].contains(&answer.status.as_u16()), "{}", answer.json());

    let both =
        ["/api/v1/seller/orders", "/api/v1/seller/offers", "/api/v1/seller/products", "/api/v1/seller/inventory"];
    for list in both {
        assert_eq!(market.second.client.list(list).await.len(), 1, "only one's own: {list}");
    }
    for list in [
        "/api/v1/seller/shipments",
        "/api/v1/seller/returns",
        "/api/v1/seller/batches",
        "/api/v1/seller/promotions",
        "/api/v1/seller/shipping-zones",
    ] {
        assert_eq!(market.second.client.list(list).await, Vec::<Value>::new(), "{list}");
    }
    assert_eq!(everything(&market.souk).await, before, "something has changed");
}
