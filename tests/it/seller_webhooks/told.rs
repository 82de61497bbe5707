//! What endpoints are told.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use souk_domain::webhook::filter::{EVENT_TYPES, OF_EVERY_PART};

use super::receiver::Received;
use super::{Endpoint, Receiver, all_is_told, near, shop};
use crate::souk::{Souk, eventually, text};

fn types(received: &[Received]) -> BTreeSet<String> {
    received.iter().map(|received| text(&received.json()["type"]).to_owned()).collect()
}

#[tokio::test]
async fn a_sale_is_told_signed_and_of_the_sellers_own_part_only() {
    let (souk, receiver) = (Souk::with(near()).await, Receiver::start().await);
    let ((first, lamp), (second, desk)) = (shop(&souk, "First", "LAMP").await, shop(&souk, "Second", "DESK").await);
    let endpoint = Endpoint::make(&first, &receiver.url("/first"), &[]).await;
    Endpoint::make(&second, &receiver.url("/second"), &[]).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&lamp, 2), (&desk, 1)]).await;
    let own = order.part(&first);
    let parcel = first.ship(own.id(), "Main").await;
    let told = eventually("the first seller is told of the sale", async || {
        let told = receiver.received("/first");
        let wanted = ["order.created", "seller_order.created", "seller_order.accepted", "shipment.updated"];
        let types = types(&told);
        wanted.iter().all(|wanted| types.contains(*wanted)).then_some(told)
    })
    .await;

    let secret = endpoint.secret().await;
    for received in &told {
        assert_eq!(received.signatures_by(text(&secret["secret"])), 1, "{received:?}");
        assert_eq!(received.header("content-type"), "application/json");
        let (body, data) = (received.json(), received.json()["data"].take());
        assert_eq!(received.header("webhook-id"), text(&data["id"]));
        assert!(text(&body["timestamp"]).ends_with('Z'), "{body}");
        if data.get("order_id").is_some() {
            assert_eq!((&data["order_id"], &data["seller_order_id"]), (&json!(order.id()), &json!(own.id())), "{body}");
        }
        assert!(EVENT_TYPES.contains(&text(&body["type"])), "{body}");
    }
    let of = |wanted: &str| -> Vec<Value> {
        told.iter()
            .map(Received::json)
            .filter(|body| body["type"] == wanted)
            .map(|mut body| body["data"].take())
            .collect()
    };
    let part = &of("seller_order.created")[0];
    assert_eq!((&part["entity_id"], &part["total"]), (&json!(own.id()), &own.0["total"]));
    assert_eq!((&part["status"], &part["currency"]), (&json!("pending"), &json!("USD")));
    let whole = &of("order.created")[0];
    assert_eq!((&whole["entity_id"], &whole["status"]), (&json!(order.id()), &json!("pending")));
    assert!(whole.get("total").is_none(), "what others sell is not theirs to know: {whole}");
    assert!(of("shipment.updated").iter().any(|data| data["tracking_number"] == parcel["tracking_number"]));

    // Nothing of others, in any form, and nothing of the shopper.
    all_is_told(&souk).await;
    let (mine, theirs) = (receiver.received("/first"), receiver.received("/second"));
    for received in &mine {
        let body = String::from_utf8(received.body.clone()).expect("text");
        for strange in [second.id.as_str(), order.part(&second).id(), "Shopper", "Main Street", "@example.com"] {
            assert!(!body.contains(strange), "{strange} is in {body}");
        }
    }
    assert!(!theirs.is_empty());
    assert!(theirs.iter().all(|received| !String::from_utf8_lossy(&received.body).contains(own.id())));
    let whole: BTreeSet<String> = types(&mine).into_iter().filter(|told| told.starts_with("order.")).collect();
    assert!(whole.iter().all(|told| OF_EVERY_PART.contains(&told.as_str())), "{whole:?}");
    assert!(types(&mine).iter().all(|told| !told.starts_with("payment.")), "payments are of the whole order");
    let known: Vec<String> = EVENT_TYPES.iter().map(|known| format!("'{known}'")).collect();
    let unknown =
        format!("SELECT count(*) FROM event WHERE seller_id IS NOT NULL AND type NOT IN ({})", known.join(", "));
    assert_eq!(souk.database().number(&unknown, []).await, 0, "every type that sellers are told of is listed");
}

#[tokio::test]
async fn an_endpoint_is_told_what_it_asks_for_and_nothing_before_its_time() {
    let (souk, receiver) = (Souk::with(near()).await, Receiver::start().await);
    let (seller, lamp) = shop(&souk, "Filtered", "LAMP").await;
    let before = souk.guest().buy(&[(&lamp, 1)]).await;
    let [all, orders, one, own] = [
        ("/all", &[][..]),
        ("/orders", &["order.*", "seller_order.*"][..]),
        ("/one", &["seller_order.confirmed"][..]),
        ("/own", &["webhook_endpoint.*"][..]),
    ]
    .map(|(path, event_types)| (path, event_types.to_vec()));
    let mut endpoints = Vec::new();
    for (path, event_types) in [&all, &orders, &one, &own] {
        endpoints.push(Endpoint::make(&seller, &receiver.url(path), event_types).await);
    }
    let order = souk.guest().buy(&[(&lamp, 1)]).await;
    seller.ship(order.part(&seller).id(), "Main").await;
    all_is_told(&souk).await;

    let orders = receiver.received("/orders");
    assert!(types(&orders).is_superset(&["order.created", "seller_order.confirmed"].map(String::from).into()));
    assert!(types(&orders).iter().all(|told| told.starts_with("order.") || told.starts_with("seller_order.")));
    let one = receiver.received("/one");
    assert_eq!(one.len(), 1);
    assert_eq!(one[0].json()["data"]["order_id"], order.id());
    let all = receiver.received("/all");
    assert!(all.len() > orders.len());
    assert!(all.iter().all(|received| !String::from_utf8_lossy(&received.body).contains(before.id())));
    assert!(types(&all).iter().all(|told| !told.starts_with("webhook_endpoint.")));
    assert_eq!(types(&receiver.received("/own")), ["webhook_endpoint.created".to_owned()].into());

    // Each of them can be asked for in the log of deliveries.
    assert_eq!(endpoints[2].deliveries("status=delivered&event_type=seller_order.confirmed").await.len(), 1);
    assert!(endpoints[2].deliveries("status=pending").await.is_empty());
    assert!(endpoints[2].deliveries("event_type=seller_order.created").await.is_empty());
    assert_eq!(endpoints[0].deliveries("").await.len(), all.len());
}
