//! A process that ends before the commit of a request, and again after it and before the answer:
//! the request is sent once more under its key, and has one effect.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use futures::FutureExt;
use serde_json::{Value, json};
use tokio::time::timeout;
use uuid::Uuid;

use super::super::market::Market;
use super::super::patient::Patient;
use super::{FAILPOINT, REACHED_WITHIN, SIGABRT, TRACE, all_are_listed};
use crate::souk::{Options, Order, Souk, text};

/// What is asked for, in this order.
pub const OPERATIONS: [&str; 32] = [
    "createCategory",
    "createTaxZone",
    "createTaxRate",
    "createTaxExemption",
    "createCommissionRule",
    "createPromotion",
    "createWarehouse",
    "createShippingMethod",
    "createShippingZone",
    "createProduct",
    "createVariant",
    "createOffer",
    "createSellerPromotion",
    "createWebhookEndpoint",
    "testWebhookEndpoint",
    "rotateWebhookSecret",
    "disableWebhookEndpoint",
    "enableWebhookEndpoint",
    "createCart",
    "addCartLine",
    "addOrderItem",
    "acceptSellerOrder",
    "cancelShipment",
    "refundOrder",
    "refundSellerOrder",
    "adminCancelSellerOrder",
    "rejectSellerOrder",
    "pauseEventConsumer",
    "resumeEventConsumer",
    "runSchedule",
    "suspendSeller",
    "approveSeller",
];

/// Who asks, and what becomes of the processes meanwhile.
struct Asking<'a> {
    souk: &'a mut Souk,
    /// What is still to be asked for.
    left: std::slice::Iter<'static, &'static str>,
}

impl Asking<'_> {
    /// The API starts again, to end at a place.
    async fn launch(&mut self, place: Option<&str>) {
        self.souk.kill_api();
        self.souk.database().end_leases().await;
        self.souk.set_env(FAILPOINT, place);
        self.souk.launch();
    }

    /// Asks for something under a key, through the ends of two processes, and once more after
    /// them. The answers are equal, and `counted` grows by one.
    async fn ask(&mut self, who: &Patient, operation: &str, path: &str, body: Option<Value>, counted: &str) -> Value {
        assert_eq!(self.left.next(), Some(&operation), "what is asked for next");
        let counted = format!("SELECT count(*) FROM {counted}");
        let kept = format!("SELECT count(*) FROM idempotency_key WHERE route = '{operation}'");
        let database = self.souk.shared_database();
        let number = async |sql: &str| database.number(sql, []).await;
        let before = (number(&counted).await, number(&kept).await);
        let key = Uuid::new_v4().to_string();
        let answered = who.post_under(&key, path, body.as_ref());
        let (answer, ()) = tokio::join!(
            answered.inspect(|answer| println!("{operation}: {}", answer.status)),
            self.end_twice(operation)
        );
        assert!(answer.status.is_success(), "{operation}: {}", answer.json());
        let again = who.post_under(&key, path, body.as_ref()).await;
        assert_eq!((again.status, &again.body), (answer.status, &answer.body), "{operation}");
        let after = (number(&counted).await, number(&kept).await);
        assert_eq!(after, (before.0 + 1, before.1 + 1), "what there is of {counted}, and keys");
        println!("{operation}: ended twice, and done once");
        answer.json()
    }

    /// Sees a process end at each place of an operation, and starts the next.
    async fn end_twice(&mut self, operation: &str) {
        let next = self.left.as_slice().first().map(|next| format!("{next}:commit"));
        let places = [
            (format!("{operation}:commit"), Some(format!("{operation}:committed"))),
            (format!("{operation}:committed"), next),
        ];
        for (place, next) in places {
            let end = timeout(REACHED_WITHIN, async {
                loop {
                    if let Some(status) = self.souk.ended() {
                        return status;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            });
            let status = end.await.unwrap_or_else(|_| panic!("{place} was never reached"));
            assert_eq!(status.signal(), Some(SIGABRT), "{place}: {status}");
            self.launch(next.as_deref()).await;
        }
    }
}

/// Ends a process twice in each operation, one after the other.
pub async fn survive() {
    let options = Options::default().env("SOUK_MAIL", "file").env("SOUK_WEBHOOK_PRIVATE_TARGETS", "true");
    let mut souk = Souk::with(options).await;
    let market = Market::open(&souk, 1).await;
    let trace = souk.path("trace");
    souk.set_env(TRACE, trace.to_str());
    let mut asking = Asking { souk: &mut souk, left: OPERATIONS.iter() };
    asking.launch(Some(&format!("{}:commit", OPERATIONS[0]))).await;
    terms(&mut asking, &market).await;
    goods(&mut asking, &market).await;
    endpoints(&mut asking, &market).await;
    orders(&mut asking, &market).await;
    installation(&mut asking, &market).await;
    assert_eq!(asking.left.next(), None, "what was not asked for");
    souk.resume().await;
    market.rest().await;
    souk.audit().await;
    all_are_listed(&trace);
}

/// What an administrator makes.
async fn terms(asking: &mut Asking<'_>, market: &Market) {
    let admin = &market.admin;
    let body = json!({"name": "Lamps", "slug": "lamps", "parent_id": null});
    asking.ask(admin, "createCategory", "/api/v1/admin/categories", Some(body), "category").await;
    let zones = "/api/v1/admin/tax-zones";
    let body = json!({"name": "Switzerland", "country": "CH", "prices_include_tax": true});
    let zone = asking.ask(admin, "createTaxZone", zones, Some(body), "tax_zone").await;
    let body = json!({"name": "Tax", "tax_class": "standard", "percent": "8.1"});
    asking.ask(admin, "createTaxRate", &format!("{zones}/{}/rates", text(&zone["id"])), Some(body), "tax_rate").await;
    let user = market.sellers[0].client.get("/api/v1/me").await["id"].take();
    let body = json!({"user_id": user, "country": "CH", "certificate": "CH-1"});
    asking.ask(admin, "createTaxExemption", "/api/v1/admin/tax-exemptions", Some(body), "tax_exemption").await;
    let body = json!({"name": "Euros", "percent": "12.5", "flat": "0.30", "currency": "EUR"});
    asking.ask(admin, "createCommissionRule", "/api/v1/admin/commission-rules", Some(body), "commission_rule").await;
    let body = json!({"name": "A tenth", "code": "TENTH", "kind": "percentage", "percent": "10", "target": "order",
                      "borne_by": "platform"});
    asking.ask(admin, "createPromotion", "/api/v1/admin/promotions", Some(body), "promotion").await;
}

/// What a seller makes.
async fn goods(asking: &mut Asking<'_>, market: &Market) {
    let seller = &market.sellers[0].client;
    let body = json!({"name": "Second", "line1": "1 Dock Road", "city": "Newark", "region": "NJ",
                      "postal_code": "07102", "country": "US"});
    asking.ask(seller, "createWarehouse", "/api/v1/seller/warehouses", Some(body), "warehouse").await;
    let methods = "/api/v1/seller/shipping-methods";
    let body = json!({"name": "Slow", "price": "9.00", "currency": "USD", "min_days": 7, "max_days": 9});
    asking.ask(seller, "createShippingMethod", methods, Some(body), "shipping_method").await;
    let body = json!({"name": "Alps", "places": [{"country": "CH"}]});
    asking.ask(seller, "createShippingZone", "/api/v1/seller/shipping-zones", Some(body), "shipping_zone").await;
    let products = "/api/v1/seller/products";
    let body = json!({"name": "A lamp", "description": "For a test."});
    let product = asking.ask(seller, "createProduct", products, Some(body), "product").await;
    let variants = format!("{products}/{}/variants", text(&product["id"]));
    let body = json!({"sku": "LAMP", "name": "Standard", "weight_grams": 500});
    let variant = asking.ask(seller, "createVariant", &variants, Some(body), "product_variant").await;
    let body = json!({"variant_id": variant["id"], "price": "3.00", "currency": "USD"});
    let offer = asking.ask(seller, "createOffer", "/api/v1/seller/offers", Some(body), "offer").await;
    market.sellers[0].seller.stock(text(&offer["id"]), "Main", 100).await;
    let body = json!({"name": "A fifth", "code": "FIFTH", "kind": "percentage", "percent": "20", "target": "order"});
    asking.ask(seller, "createSellerPromotion", "/api/v1/seller/promotions", Some(body), "promotion").await;
}

/// What a seller does with an endpoint for webhooks.
async fn endpoints(asking: &mut Asking<'_>, market: &Market) {
    let seller = &market.sellers[0].client;
    let path = "/api/v1/seller/webhook-endpoints";
    // Nobody is there: what is to be delivered waits.
    let body = json!({"url": "http://127.0.0.1:9/", "event_types": ["payout.failed"]});
    let made = asking.ask(seller, "createWebhookEndpoint", path, Some(body), "webhook_endpoint").await;
    let told = "event WHERE type LIKE 'webhook_endpoint.%'";
    for (operation, action) in [
        ("testWebhookEndpoint", "test"),
        ("rotateWebhookSecret", "rotate-secret"),
        ("disableWebhookEndpoint", "disable"),
        ("enableWebhookEndpoint", "enable"),
    ] {
        let body = (action == "rotate-secret").then(|| json!({}));
        asking.ask(seller, operation, &format!("{path}/{}/{action}", text(&made["id"])), body, told).await;
    }
    seller.post(&format!("{path}/{}/disable", text(&made["id"])), None).await.expect(200);
}

/// What is done with carts and orders.
async fn orders(asking: &mut Asking<'_>, market: &Market) {
    let merchant = &market.sellers[0];
    let (seller, admin) = (&merchant.client, &market.admin);
    let guest = Patient::new(asking.souk.anyone().guest("a-guest-of-the-tests-with-a-cart-to-fill"));
    let body = json!({"currency": "USD"});
    let made = asking.ask(&guest, "createCart", "/api/v1/carts", Some(body), "cart").await;
    let lines = format!("/api/v1/carts/{}/lines", text(&made["cart"]["id"]));
    let body = json!({"offer_id": merchant.offer, "quantity": 2});
    asking.ask(&guest, "addCartLine", &lines, Some(body), "cart_line").await;

    merchant.seller.configure(json!({"auto_accept": false})).await;
    let lamp = asking.souk.database().words("SELECT sku FROM product_variant WHERE sku = 'LAMP'").await;
    assert_eq!(lamp.len(), 1);
    let offers = seller.get("/api/v1/seller/offers?limit=100").await;
    let other = offers["items"].as_array().expect("items").iter().find(|offer| offer["id"] != merchant.offer.as_str());
    let other = text(&other.expect("another offer")["id"]).to_owned();
    let buyer = market.buyer(&[merchant]).await;
    let id = buyer.order().await;
    let body = json!({"offer_id": other, "quantity": 2});
    let items = format!("/api/v1/orders/{id}/items");
    asking.ask(&buyer.client, "addOrderItem", &items, Some(body), "order_line WHERE quantity = 2").await;
    buyer.pay(&id, "pm_ok").await;
    let order = Order(buyer.until(&id, "confirmed").await);
    let part = order.parts()[0].id().to_owned();
    let path = format!("/api/v1/seller/orders/{part}/accept");
    asking.ask(seller, "acceptSellerOrder", &path, None, "event WHERE type = 'seller_order.accepted'").await;
    let parcel = merchant.pack(&part).await;
    merchant.labelled(&parcel).await;
    let path = format!("/api/v1/seller/shipments/{parcel}/cancel");
    asking.ask(seller, "cancelShipment", &path, None, "shipment WHERE status = 'cancelled'").await;
    let path = format!("/api/v1/seller/orders/{part}/refunds");
    let body = json!({"goodwill_amount": "1.00", "note": "late"});
    asking.ask(seller, "refundOrder", &path, Some(body), "refund").await;
    let part_path = format!("/api/v1/admin/seller-orders/{part}");
    let body = json!({"goodwill_amount": "1.00", "goodwill_borne_by": "platform", "note": "late"});
    asking.ask(admin, "refundSellerOrder", &format!("{part_path}/refunds"), Some(body), "refund").await;
    let body = json!({"reason": "a fraud"});
    let ended = "seller_order WHERE status = 'cancelled'";
    asking.ask(admin, "adminCancelSellerOrder", &format!("{part_path}/cancel"), Some(body), ended).await;

    let buyer = market.buyer(&[merchant]).await;
    let id = buyer.order().await;
    buyer.pay(&id, "pm_ok").await;
    let order = Order(buyer.until(&id, "confirmed").await);
    let path = format!("/api/v1/seller/orders/{}/reject", order.parts()[0].id());
    asking.ask(seller, "rejectSellerOrder", &path, Some(json!({"reason": "sold out"})), ended).await;
}

/// What an administrator does with the installation.
async fn installation(asking: &mut Asking<'_>, market: &Market) {
    let admin = &market.admin;
    let path = "/api/v1/admin/event-consumers/notifications";
    let kept = "idempotency_key WHERE route LIKE '%EventConsumer'";
    asking.ask(admin, "pauseEventConsumer", &format!("{path}/pause"), None, kept).await;
    asking.ask(admin, "resumeEventConsumer", &format!("{path}/resume"), None, kept).await;
    let runs = "job WHERE unique_key LIKE 'schedule:pay_out:%'";
    asking.ask(admin, "runSchedule", "/api/v1/admin/schedules/pay_out/run", None, runs).await;
    let path = format!("/api/v1/admin/sellers/{}", market.sellers[0].seller.id);
    let told = "event WHERE type LIKE 'seller.%'";
    let body = json!({"reason": "a complaint"});
    asking.ask(admin, "suspendSeller", &format!("{path}/suspend"), Some(body), told).await;
    asking.ask(admin, "approveSeller", &format!("{path}/approve"), None, told).await;
}
