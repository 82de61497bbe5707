//! The log of events: what is told of an order, who reads it and from where, and what other systems
//! tell us.

use std::collections::HashMap;

use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::souk::{Client, Setup, Souk, eventually, text};

const CONSUMERS: &str = "/api/v1/admin/event-consumers";

/// All events, page by page.
async fn log(client: &Client, filter: &str) -> Vec<Value> {
    client.list(&format!("/api/v1/admin/events?limit=7{filter}")).await
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| text(&event["type"])).collect()
}

async fn consumer(client: &Client, name: &str) -> Option<Value> {
    let list = client.get(CONSUMERS).await.expect(200);
    list["items"].as_array().expect("consumers").iter().find(|consumer| consumer["name"] == name).cloned()
}

async fn until_caught_up(client: &Client, name: &str) -> Value {
    eventually(&format!("{name} is at the end of the log"), async || {
        consumer(client, name).await.filter(|consumer| consumer["lag"] == 0 && consumer["position"] != 0)
    })
    .await
}

#[tokio::test]
async fn the_life_of_an_order_is_told_in_events() {
    let souk = Souk::start().await;
    let seller = souk.seller("Told").await;
    let offer = seller.offer("TOLD-1", "10.00", 10).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    let parcel = seller.ship(order.part(&seller).id(), "Main").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "in_transit").await;
    shopper.until(order.id(), "shipped").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    let delivered = shopper.until(order.id(), "delivered").await;
    let part = delivered.part(&seller);
    let asked = shopper.give_back(part, part.line(), 1).await.expect(201);
    seller.approve_return(text(&asked["id"])).await.expect(200);
    let returned = shopper.return_with_label(text(&asked["id"])).await;
    let way_back = &returned["shipment"]["tracking_number"];
    if way_back.is_string() {
        souk.simulator().advance(text(way_back), "delivered").await;
    }
    seller.receive(text(&asked["id"]), part.line(), 1).await.expect(200);
    shopper.until(order.id(), "refunded").await;
    let given_up = shopper.place(&shopper.cart(&[(&offer, 1)]).await).await;
    shopper.cancel(given_up.id()).await.expect(200);
    souk.settle().await;

    let client = &souk.admin().await.client;
    let of_order = log(client, &format!("&order_id={}", order.id())).await;
    let told: Vec<Value> = of_order.iter().filter(|event| event["entity"] == "order").cloned().collect();
    let expected =
        ["order.created", "order.confirmed", "order.processing", "order.shipped", "order.delivered", "order.returned"];
    assert_eq!(types(&told), expected);
    assert!(told.iter().zip(1..).all(|(event, version)| event["version"] == version), "{told:#?}");
    assert!(types(&of_order).contains(&"shipment.updated"));
    assert!(types(&of_order).contains(&"payment.confirmed"));
    let cancelled = log(client, "&type=order.cancelled").await;
    assert_eq!(cancelled.len(), 1);
    assert_eq!(cancelled[0]["order_id"], given_up.id());

    let all = log(client, "").await;
    let positions: Vec<i64> = all.iter().map(|event| event["position"].as_i64().expect("a position")).collect();
    assert_eq!(positions, (1..=i64::try_from(all.len()).expect("few")).collect::<Vec<_>>());
    let rest = log(client, "&after=5").await;
    assert_eq!(rest, all[5..]);
    for name in ["notifications", "seller_webhooks"] {
        let consumer = until_caught_up(client, name).await;
        assert_eq!((&consumer["position"], &consumer["paused"]), (&json!(all.len()), &json!(false)));
    }
    client.get("/api/v1/admin/events?cursor=x").await.refused(400, "MALFORMED_REQUEST");
    client.get("/api/v1/admin/events?limit=101").await.refused(422, "INVALID_VALUE");
}

#[tokio::test]
async fn a_consumer_is_paused_and_moved_by_an_administrator() {
    let souk = Souk::start().await;
    let seller = souk.seller("Paused").await;
    let client = &souk.admin().await.client;
    let path = |what: &str| format!("{CONSUMERS}/notifications/{what}");
    until_caught_up(client, "notifications").await;
    let paused = client.post_empty(&path("pause")).await.expect(200);
    assert_eq!(paused["paused"], true);
    let offer = seller.offer("PAUSED-1", "10.00", 10).await;
    souk.guest().buy(&[(&offer, 1)]).await;
    until_caught_up(client, "seller_webhooks").await;
    let behind = consumer(client, "notifications").await.expect("it is there");
    assert_eq!(behind["position"], paused["position"]);
    assert!(behind["lag"].as_i64() > Some(0), "{behind}");
    let resumed = client.post_empty(&path("resume")).await.expect(200);
    assert_eq!(resumed["paused"], false);
    let done = until_caught_up(client, "notifications").await;

    // Back: what was told already is not told again.
    let counted = "SELECT count(*) FROM notification";
    souk.settle().await;
    let told = souk.database().number(counted, []).await;
    assert!(told > 0);
    let back = client.post_once(&path("replay"), "back", json!({"from_position": 1})).await.expect(200);
    assert_eq!((&back["position"], &back["lag"]), (&json!(0), &done["position"]));
    until_caught_up(client, "notifications").await;
    assert_eq!(client.post_once(&path("replay"), "back", json!({"from_position": 1})).await.expect(200), back);
    souk.settle().await;
    assert_eq!(souk.database().number(counted, []).await, told);
    assert_eq!(consumer(client, "notifications").await.expect("it is there")["lag"], 0, "a replay is once");

    let head = client.get(CONSUMERS).await.expect(200)["head"].as_i64().expect("a position");
    client.post(&path("replay"), json!({"from_position": head + 1})).await.expect(200);
    for from in [head + 2, i64::MAX] {
        client.post(&path("replay"), json!({"from_position": from})).await.refused(422, "INVALID_VALUE");
    }
    for what in ["pause", "resume"] {
        client.post_empty(&format!("{CONSUMERS}/nobody/{what}")).await.refused(404, "NOT_FOUND");
    }
    client.post(&format!("{CONSUMERS}/nobody/replay"), json!({"from_position": 1})).await.refused(404, "NOT_FOUND");
}

/// The streams of an installation.
struct Streams {
    connection: MultiplexedConnection,
    namespace: String,
}

type Entries = Vec<(String, HashMap<String, String>)>;

impl Streams {
    async fn of(souk: &Souk) -> Self {
        let namespace = souk.database().words("SELECT current_database()::text").await.remove(0);
        let client = redis::Client::open(std::env::var("REDIS_URL").expect("REDIS_URL")).expect("a Redis URL");
        let connection = client.get_multiplexed_async_connection().await.expect("Redis");
        Self { connection, namespace }
    }

    fn key(&self, name: &str) -> String {
        format!("souk:{}:{name}", self.namespace)
    }

    async fn add(&mut self, event: &str) {
        let key = self.key("payments");
        let added: String = redis::cmd("XADD")
            .arg(&[&key, "*", "event", event])
            .query_async(&mut self.connection)
            .await
            .expect("an entry");
        assert!(!added.is_empty());
    }

    async fn read(&mut self, name: &str) -> Entries {
        let key = self.key(name);
        redis::cmd("XRANGE").arg(&[&key, "-", "+"]).query_async(&mut self.connection).await.expect("entries")
    }

    /// Entries that were handed out and not acknowledged.
    async fn pending(&mut self) -> i64 {
        let key = self.key("payments");
        let told: Vec<redis::Value> =
            redis::cmd("XPENDING").arg(&[&key, "souk"]).query_async(&mut self.connection).await.expect("a summary");
        redis::from_redis_value(told[0].clone()).expect("a number")
    }

    async fn wipe(&mut self, name: &str) {
        let key = self.key(name);
        let _: i64 = redis::cmd("DEL").arg(&key).query_async(&mut self.connection).await.expect("an answer");
    }
}

#[tokio::test]
async fn redis_is_told_every_event_and_again_when_asked() {
    if Setup::of_environment() == Setup::Embedded {
        return;
    }
    let souk = Souk::start().await;
    let mut streams = Streams::of(&souk).await;
    let seller = souk.seller("Streamed").await;
    let offer = seller.offer("STREAMED-1", "10.00", 10).await;
    let order = souk.guest().buy(&[(&offer, 1)]).await;
    souk.settle().await;
    let client = &souk.admin().await.client;
    let head = until_caught_up(client, "redis_stream").await["position"].as_u64().expect("a position");
    let sequence = |entries: &Entries| -> Vec<u64> {
        let events = entries.iter().map(|(_, fields)| serde_json::from_str::<Value>(&fields["event"]).expect("JSON"));
        events.map(|event| text(&event["sequence"]).parse().expect("a position")).collect()
    };
    let entries = streams.read("events").await;
    assert_eq!(sequence(&entries), (1..=head).collect::<Vec<_>>());
    let placed = entries.iter().find(|(_, fields)| fields["type"] == "order.created").expect("it was placed");
    let placed: Value = serde_json::from_str(&placed.1["event"]).expect("JSON");
    assert_eq!(placed["specversion"], "1.0");
    assert_eq!(placed["source"], format!("/souk/{}", streams.namespace));
    assert_eq!(placed["subject"], format!("order/{}", order.id()));
    assert_eq!(placed["data"]["order_id"], order.id());

    streams.wipe("events").await;
    let replay = json!({"from_position": head});
    client.post(&format!("{CONSUMERS}/redis_stream/replay"), replay).await.expect(200);
    until_caught_up(client, "redis_stream").await;
    assert_eq!(sequence(&streams.read("events").await), [head]);
}

fn news(id: &str, data: &Value) -> String {
    json!({"specversion": "1.0", "id": id, "source": "/psp", "type": "payment.confirmed", "data": data}).to_string()
}

#[tokio::test]
async fn a_payment_is_heard_of_through_redis_and_asked_about() {
    if Setup::of_environment() == Setup::Embedded {
        return;
    }
    let souk = Souk::start().await;
    let mut streams = Streams::of(&souk).await;
    let seller = souk.seller("Heard").await;
    let offer = seller.offer("HEARD-1", "10.00", 10).await;
    let shopper = souk.guest();
    let [by_reference, by_id, unpaid] = [
        shopper.place(&shopper.cart(&[(&offer, 1)]).await).await,
        shopper.place(&shopper.cart(&[(&offer, 1)]).await).await,
        shopper.place(&shopper.cart(&[(&offer, 1)]).await).await,
    ];
    // The provider's own webhooks get lost.
    souk.database().execute("CREATE RULE lost AS ON INSERT TO simulated_webhook DO INSTEAD NOTHING", []).await;
    let first = shopper.pay(by_reference.id(), "pm_ok").await;
    let second = shopper.pay(by_id.id(), "pm_ok").await;
    let never = shopper.start_payment(unpaid.id()).await.expect(201);

    let told = news("evt_1", &json!({"provider": "simulated", "provider_ref": first["provider_ref"]}));
    for _ in 0..3 {
        streams.add(&told).await;
    }
    shopper.until(by_reference.id(), "processing").await;
    // A wiped Redis has lost the group, too.
    streams.wipe("payments").await;
    streams.add(&news("evt_2", &json!({"provider": "simulated", "payment_id": second["id"]}))).await;
    shopper.until(by_id.id(), "processing").await;

    // It says so, and the provider does not: nothing comes of it. Nor of what nobody knows.
    streams.add(&news("evt_3", &json!({"provider": "simulated", "payment_id": never["id"]}))).await;
    streams.add(&news("evt_4", &json!({"provider": "nobody", "payment_id": Uuid::new_v4()}))).await;
    streams.add("garbage").await;
    streams.add(&news("", &json!({"provider": "simulated", "payment_id": never["id"]}))).await;
    let dead = eventually("what cannot be read is set aside", async || {
        let dead = streams.read("payments:dead").await;
        (dead.len() == 2).then_some(dead)
    })
    .await;
    assert_eq!(dead[0].1["event"], "garbage");
    assert!(dead[0].1["reason"].contains("not a CloudEvent"), "{dead:?}");
    assert!(dead[1].1["reason"].contains("`id`"), "{dead:?}");
    eventually("all is acknowledged", async || (streams.pending().await == 0).then_some(())).await;
    let stored = "SELECT event_id FROM inbox WHERE source = 'stream' ORDER BY event_id";
    assert_eq!(souk.database().words(stored).await, ["evt_1", "evt_2", "evt_3", "evt_4"]);
    eventually("the one that is not true is acted on", async || {
        let sql = "SELECT count(*) FROM inbox WHERE event_id = 'evt_3' AND processed_at IS NOT NULL";
        (souk.database().number(sql, []).await == 1).then_some(())
    })
    .await;
    assert_eq!(shopper.order(unpaid.id()).await.status(), "pending");
    let books = souk.simulator().books().await;
    assert_eq!(books.captured, by_reference.total() + by_id.total());
    for name in ["events", "payments", "payments:dead"] {
        streams.wipe(name).await;
    }
}
