//! Kept answers about orders: never older than what the reader knows, never somebody else's.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::{join, join_all};
use redis::AsyncCommands;
use serde_json::{Value, json};

use crate::faults::outage::Door;
use crate::souk::{Answer, Client, Options, Seller, Setup, Shopper, Souk, eventually, text};

/// One more process of the API, on services.
struct Second {
    child: Child,
    http: reqwest::Client,
    url: String,
}

impl Second {
    fn start(souk: &Souk) -> Option<Self> {
        if Setup::of_environment() == Setup::Embedded {
            return None;
        }
        let mut command = souk.souk(&["serve", "--no-workers"]);
        command.env("SOUK_BIND", "127.0.0.1:0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("souk starts");
        let lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let line =
            lines.map_while(Result::ok).find_map(|line| line.strip_prefix("souk listens on ").map(str::to_owned));
        let url = line.expect("it listens").split_whitespace().next().expect("a URL").to_owned();
        Some(Self { child, http: reqwest::Client::builder().no_proxy().build().expect("an HTTP client"), url })
    }

    fn guest(&self, token: &str) -> Client {
        Client::new(self.http.clone(), &self.url).guest(token)
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How often the cache of the process behind `client` had this outcome.
async fn lookups(client: &Client, outcome: &str) -> u64 {
    let page = String::from_utf8(client.get("/metrics").await.body).expect("text");
    let name = format!("cache_total{{outcome=\"{outcome}\"}} ");
    page.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().expect("a number"))
}

/// A guest with an order of one unit, and their clients of every process of the API.
async fn reader(souk: &Souk, second: Option<&Second>, offer: &str) -> (Shopper, Value, Vec<Client>) {
    let token = format!("{}-reads-their-own-order", uuid::Uuid::now_v7());
    let client = souk.anyone().guest(&token);
    let mut clients = vec![client.clone()];
    clients.extend(second.map(|second| second.guest(&token)));
    let cart = json!({"currency": "USD", "lines": [{"offer_id": offer, "quantity": 1}]});
    let cart = client.post("/api/v1/carts", cart).await.expect(201);
    let shopper = souk.guest();
    let placed = client.post("/api/v1/orders", shopper.placement(text(&cart["cart"]["id"]))).await.expect(201);
    (shopper, placed, clients)
}

fn path(order: &Value) -> String {
    format!("/api/v1/orders/{}", text(&order["id"]))
}

/// What a write has answered is what every process shows: the order, the list, and where it is.
async fn agrees(clients: &[Client], order: &Value) {
    for client in clients {
        let shown = client.get(&path(order)).await;
        assert_eq!(shown.expect(200), *order);
        assert_eq!(shown.header("ETag"), Some(format!("\"{}\"", order["version"]).as_str()));
        let listed = client.get("/api/v1/orders").await.expect(200);
        let listed = &listed["items"][0];
        assert_eq!((&listed["id"], &listed["total"]), (&order["id"], &order["total"]));
        assert_eq!(listed["status"], order["status"]);
        let tracking = client.get(&format!("{}/tracking", path(order))).await.expect(200);
        assert_eq!(tracking["status"], order["status"]);
    }
}

async fn shop(souk: &Souk) -> (Seller, String) {
    let seller = souk.seller("Remembered").await;
    let offer = seller.offer("KEPT-1", "10.00", 1_000).await;
    (seller, offer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_written_reads_it_however_many_read_meanwhile() {
    let souk = Souk::start().await;
    let second = Second::start(&souk);
    let (_seller, offer) = shop(&souk).await;
    let shopping = (0..4).map(async |_| {
        let (_, order, clients) = reader(&souk, second.as_ref(), &offer).await;
        agrees(&clients, &order).await;
        let over = AtomicBool::new(false);
        let read_on = async |client: &Client| {
            while !over.load(Ordering::Relaxed) {
                client.get(&path(&order)).await.expect(200);
                client.get("/api/v1/orders").await.expect(200);
            }
        };
        let write = async {
            for quantity in 2..12 {
                let line = format!("{}/items/{offer}", path(&order));
                // Now by one process, now by the other.
                let writer = &clients[quantity % clients.len()];
                let written = writer.put(&line, json!({"quantity": quantity})).await.expect(200);
                agrees(&clients, &written).await;
            }
            let cancelled = clients[0].post(&format!("{}/cancel", path(&order)), json!({"reason": "enough"})).await;
            agrees(&clients, &cancelled.expect(200)).await;
            over.store(true, Ordering::Relaxed);
        };
        join(join_all(clients.iter().chain(&clients).map(read_on)), write).await;
    });
    join_all(shopping).await;
    assert!(lookups(&souk.anyone(), "hit").await > 0, "nothing was read from the cache");
}

#[tokio::test]
async fn a_kept_answer_is_the_same_answer_and_nobody_elses() {
    let souk = Souk::start().await;
    let (_seller, offer) = shop(&souk).await;
    let (_, order, clients) = reader(&souk, None, &offer).await;
    let paths = [path(&order), format!("{}/tracking", path(&order)), "/api/v1/orders?limit=5".to_owned()];
    for path in &paths {
        let read = clients[0].get(path).await;
        // The log makes the cache forget once more, a moment after an order was placed.
        let kept = eventually("an answer is kept", async || {
            let hits = lookups(&souk.anyone(), "hit").await;
            let kept = clients[0].get(path).await;
            (lookups(&souk.anyone(), "hit").await > hits).then_some(kept)
        })
        .await;
        assert_eq!((read.status, &read.body), (kept.status, &kept.body));
        for header in ["ETag", "Content-Type"] {
            assert_eq!(read.header(header), kept.header(header), "{path}");
        }
    }
    let stranger = souk.anyone().guest("a-stranger-who-has-no-order-of-their-own");
    for path in &paths[..2] {
        stranger.get(path).await.refused(404, "NOT_FOUND");
        stranger.get(path).await.refused(404, "NOT_FOUND");
        clients[0].get(path).await.expect(200);
    }
    assert_eq!(stranger.get(&paths[2]).await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn who_follows_an_order_sees_each_scan() {
    let souk = Souk::start().await;
    let (seller, offer) = shop(&souk).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    let parcel = seller.ship(order.part(&seller).id(), "Main").await;
    let tracking = format!("/api/v1/orders/{}/tracking", order.id());
    let number = text(&parcel["tracking_number"]);
    shopper.client().get(&tracking).await.expect(200);
    // The second does not change what the parcel's status is.
    for status in ["in_transit", "out_for_delivery", "delivered"] {
        souk.simulator().advance(number, status).await;
        eventually(&format!("the tracking shows {status}"), async || {
            let shown = shopper.client().get(&tracking).await.expect(200);
            shown["shipments"].to_string().contains(&format!("\"{status}\"")).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn without_the_switch_nothing_is_kept() {
    let souk = Souk::with(Options::default().env("SOUK_CACHE", "off")).await;
    let (_seller, offer) = shop(&souk).await;
    let (_, order, clients) = reader(&souk, None, &offer).await;
    agrees(&clients, &order).await;
    agrees(&clients, &order).await;
    for outcome in ["hit", "miss", "away"] {
        assert_eq!(lookups(&souk.anyone(), outcome).await, 0);
    }
}

#[tokio::test]
async fn no_other_process_shares_a_database_whose_answers_one_keeps_for_itself() {
    let souk = Souk::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    for arguments in [&["worker"][..], &["serve", "--no-workers"]] {
        let mut command = souk.souk(arguments);
        command.env("DATABASE_URL", format!("sqlite://{}/souk.db?mode=rwc", directory.path().display()));
        command.env_remove("REDIS_URL").env("SOUK_BIND", "127.0.0.1:0");
        let output = command.output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains("SOUK_CACHE=off"), "{told}");
    }
}

#[tokio::test]
async fn a_start_can_warm_the_cache() {
    let mut souk = Souk::start().await;
    let (_seller, offer) = shop(&souk).await;
    let (_, order, clients) = reader(&souk, None, &offer).await;
    souk.stop();
    souk.set_env("SOUK_CACHE_WARM", Some("100"));
    souk.resume().await;
    eventually("the order was asked for by nobody else", async || {
        (lookups(&souk.anyone(), "miss").await == 1).then_some(())
    })
    .await;
    assert_eq!(clients[0].get(&path(&order)).await.expect(200), order);
}

/// Deletes what is kept for this installation, and nothing of others.
async fn flush(souk: &Souk) -> usize {
    let url = std::env::var("REDIS_URL").expect("services have REDIS_URL");
    let client = redis::Client::open(url).expect("REDIS_URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis is there");
    let database = souk.database().words("SELECT current_database()").await.remove(0);
    let keys: Vec<String> = connection.keys(format!("souk:{database}:cache:*")).await.expect("keys");
    if !keys.is_empty() {
        let _: () = connection.del(&keys).await.expect("they are deleted");
    }
    keys.len()
}

/// What a server that starts from a snapshot, or a replica that takes over, may remember: answers
/// that were forgotten since, with the tickets of another process.
#[tokio::test]
async fn a_redis_that_remembers_the_past_makes_no_answer_wrong() {
    if Setup::of_environment() == Setup::Embedded {
        println!("nothing to test: the embedded set-up has no Redis");
        return;
    }
    let souk = Souk::start().await;
    let (_seller, offer) = shop(&souk).await;
    let (_, order, clients) = reader(&souk, None, &offer).await;
    let url = std::env::var("REDIS_URL").expect("services have REDIS_URL");
    let client = redis::Client::open(url).expect("REDIS_URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis is there");
    let database = souk.database().words("SELECT current_database()").await.remove(0);
    let key = format!("souk:{database}:cache:order:{}", text(&order["id"]));
    let past = eventually("the order is kept", async || {
        agrees(&clients, &order).await;
        let kept: Vec<(String, Vec<u8>)> = connection.clone().hgetall(&key).await.expect("a hash");
        (kept.len() == 3).then_some(kept)
    })
    .await;
    let line = format!("{}/items/{offer}", path(&order));
    for quantity in 2..6 {
        let edited = clients[0].put(&line, json!({"quantity": quantity})).await.expect(200);
        let mut restored = past.clone();
        let ticket = restored.iter_mut().find(|(name, _)| name == "ticket").expect("a ticket");
        ticket.1 = format!("{}:{}", "0".repeat(40), uuid::Uuid::now_v7()).into_bytes();
        let _: () = connection.hset_multiple(&key, &restored).await.expect("it is put back");
        agrees(&clients, &edited).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_goes_away_or_forgets_makes_no_answer_wrong() {
    if Setup::of_environment() == Setup::Embedded {
        println!("nothing to test: the embedded set-up has no Redis");
        return;
    }
    let door = Door::before(&std::env::var("REDIS_URL").expect("services have REDIS_URL")).await;
    let souk = Souk::with(Options::default().env("REDIS_URL", &door.url)).await;
    let (_seller, offer) = shop(&souk).await;
    let (_, mut order, clients) = reader(&souk, None, &offer).await;
    let line = format!("{}/items/{offer}", path(&order));
    let edit = async |quantity: i64| -> Answer { clients[0].put(&line, json!({"quantity": quantity})).await };
    agrees(&clients, &order).await;
    assert!(flush(&souk).await >= 2, "the order and the list were kept");
    agrees(&clients, &order).await;

    for round in 0..3 {
        agrees(&clients, &order).await;
        door.shut();
        // What is kept there now is old after this, and nobody there hears of it.
        order = edit(2 + round).await.expect(200);
        agrees(&clients, &order).await;
        agrees(&clients, &order).await;
        if round == 1 {
            flush(&souk).await;
        }
        door.open();
        agrees(&clients, &order).await;
        let hits = lookups(&souk.anyone(), "hit").await;
        eventually("answers are kept again", async || {
            agrees(&clients, &order).await;
            (lookups(&souk.anyone(), "hit").await > hits + 3).then_some(())
        })
        .await;
    }
}
