//! Webhooks to sellers: who is told of what, signed by what, how often, and what becomes of
//! endpoints that do not answer.

mod again;
mod apart;
mod endpoints;
pub mod receiver;
mod secrets;
mod told;
mod tried;

use serde_json::{Value, json};

use crate::souk::{Answer, Options, Seller, Souk, eventually, text};
use receiver::{Behaviour, Receiver};

const ENDPOINTS: &str = "/api/v1/seller/webhook-endpoints";

/// An installation whose webhooks may go to this machine.
fn near() -> Options {
    Options::default().env("SOUK_WEBHOOK_PRIVATE_TARGETS", "true")
}

/// An endpoint of a seller.
struct Endpoint<'a> {
    seller: &'a Seller,
    id: String,
}

impl<'a> Endpoint<'a> {
    /// Makes one that is told of some types of events.
    async fn make(seller: &'a Seller, url: &str, event_types: &[&str]) -> Self {
        let made = seller.client.post(ENDPOINTS, json!({"url": url, "event_types": event_types})).await.expect(201);
        Self { seller, id: text(&made["id"]).to_owned() }
    }

    fn path(&self, rest: &str) -> String {
        format!("{ENDPOINTS}/{}{rest}", self.id)
    }

    async fn show(&self) -> Value {
        self.seller.client.get(&self.path("")).await.expect(200)
    }

    async fn secret(&self) -> Value {
        self.seller.client.get(&self.path("/secret")).await.expect(200)
    }

    /// Sends it a test.
    async fn test(&self) {
        self.seller.client.post_empty(&self.path("/test")).await.expect(200);
    }

    async fn act(&self, action: &str) -> Answer {
        self.seller.client.post_empty(&self.path(&format!("/{action}"))).await
    }

    /// The endpoint, once it has the status.
    async fn until(&self, status: &str) -> Value {
        eventually(&format!("the endpoint is {status}"), async || {
            let endpoint = self.show().await;
            (endpoint["status"] == status).then_some(endpoint)
        })
        .await
    }

    /// Its deliveries, newest first.
    async fn deliveries(&self, filter: &str) -> Vec<Value> {
        self.seller.client.list(&self.path(&format!("/deliveries?{filter}"))).await
    }

    /// Its only delivery with its attempts, once so many are written down.
    async fn delivery_tried(&self, attempts: i64) -> Value {
        eventually(&format!("{attempts} attempts are written down"), async || {
            let deliveries = self.deliveries("").await;
            let only = deliveries.first()?;
            assert_eq!(deliveries.len(), 1, "{deliveries:?}");
            let path = self.path(&format!("/deliveries/{}", text(&only["id"])));
            let detail = self.seller.client.get(&path).await.expect(200);
            (detail["delivery"]["attempts"] == attempts).then_some(detail)
        })
        .await
    }

    /// Makes what waits for a further attempt due now, as if its time had come.
    async fn make_due(&self, souk: &Souk) {
        let key = format!("deliver-webhooks:{}", self.id);
        let resting = "SELECT count(*) FROM job WHERE unique_key = $1 AND status = 'queued'";
        eventually("the job waits", async || {
            (souk.database().number(resting, [key.as_str().into()]).await == 1).then_some(())
        })
        .await;
        let id: uuid::Uuid = self.id.parse().expect("an id");
        let sql = "UPDATE webhook_delivery SET next_attempt_at = $1 WHERE endpoint_id = $2 AND status = 'pending'";
        souk.database().execute(sql, [crate::souk::long_ago().into(), id.into()]).await;
        souk.database().make_due(&key).await;
    }
}

/// A seller of lamps for 10.00 USD; and the offer.
async fn shop(souk: &Souk, name: &str, sku: &str) -> (Seller, String) {
    let seller = souk.seller(name).await;
    let offer = seller.offer(sku, "10.00", 100).await;
    (seller, offer)
}

/// Waits until everything that has happened is told.
async fn all_is_told(souk: &Souk) {
    souk.settle().await;
    let left = "SELECT count(*) FROM event WHERE position IS NULL \
                OR position > (SELECT position FROM event_consumer WHERE name = 'seller_webhooks')";
    eventually("the log is read", async || (souk.database().number(left, []).await == 0).then_some(())).await;
    souk.settle().await;
}
