//! The people of a market, each able to go on while processes come and go.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use souk_domain::Clock;
use uuid::Uuid;

use super::patient::Patient;
use crate::souk::client::PASSWORD;
use crate::souk::{Client, Database, Part, Seller, Souk, admin, long_ago, text};

/// Everybody, for the tasks that act for them.
pub struct Market {
    pub sellers: Vec<Merchant>,
    pub admin: Patient,
    anyone: Patient,
    stranger: Client,
    database: Arc<Database>,
}

/// A seller with goods.
pub struct Merchant {
    pub seller: Seller,
    pub client: Patient,
    pub offer: String,
    warehouse: String,
}

/// A shopper with a cart.
pub struct Buyer {
    pub client: Patient,
    pub cart: String,
    email: String,
}

impl Market {
    /// So many sellers, each with an offer that never runs out.
    pub async fn open(souk: &Souk, sellers: usize) -> Self {
        let mut merchants = Vec::new();
        for number in 0..sellers {
            let seller = souk.seller(&format!("Merchant {number}")).await;
            let me = seller.client.get("/api/v1/me").await.expect(200);
            let path = "/api/v1/seller/payout-account";
            seller.client.put(path, json!({"account": format!("acct_{number}")})).await.expect(200);
            let offer = seller.offer(&format!("CHAOS-{number}"), "10.00", 1_000_000).await;
            let warehouse = seller.warehouse("Main").await;
            merchants.push(Merchant {
                client: Patient::signed_in(seller.client.clone(), text(&me["email"]), PASSWORD),
                seller,
                offer,
                warehouse,
            });
        }
        Self {
            sellers: merchants,
            admin: Patient::signed_in(souk.admin().await.client.clone(), admin::EMAIL, admin::PASSWORD),
            anyone: Patient::new(souk.anyone()),
            stranger: souk.anyone(),
            database: souk.shared_database(),
        }
    }

    /// The time of a job comes; it is waited for.
    pub async fn pass(&self, job: &str) {
        let sql = "UPDATE job SET run_at = $1 WHERE unique_key = $2 AND status = 'queued'";
        for _ in 0..1_000 {
            if matches!(self.database.try_execute(sql, [long_ago().into(), job.into()]).await, Ok(1)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("there is no job {job} in the queue");
    }

    /// The time of a job comes, and is waited for until it has been.
    pub async fn pass_through(&self, job: &str) {
        self.pass(job).await;
        let sql = "SELECT count(*) FROM job WHERE unique_key = $1 AND status <> 'running' AND run_at > $2";
        for _ in 0..1_000 {
            if self.database.number(sql, [job.into(), long_ago().into()]).await == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{job} did not run");
    }

    /// A schedule's time comes; nobody notices who has looked at the schedules a moment ago.
    pub async fn tick(&self, schedule: &str) {
        let due = "UPDATE schedule SET next_tick = $1 WHERE name = $2";
        let due = self.database.execute(due, [Clock::System.now().into(), schedule.into()]).await;
        assert_eq!(due, 1, "there is no schedule {schedule}");
    }

    /// Waits until a schedule's run has ended that began after `since`.
    pub async fn ran(&self, schedule: &str, since: DateTime<Utc>) {
        let ended = "SELECT count(*) FROM schedule WHERE name = $1 AND last_finished_at > $2";
        self.wait(schedule, ended, &[schedule.into(), since.into()]).await;
    }

    /// Waits until a query counts one row.
    pub async fn wait(&self, what: &str, sql: &str, values: &[sea_orm::Value]) {
        for _ in 0..1_000 {
            if self.database.number(sql, values.iter().cloned()).await == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("waited in vain for {what}");
    }

    /// The time of a cart is over.
    pub async fn expire(&self, cart: &str) {
        self.over(cart).await;
        self.pass(&format!("expire-cart:{cart}")).await;
    }

    /// A job is due that cannot be done, or can be done again.
    pub async fn spoil(&self, job: &str, payload: Value) {
        let sql = "UPDATE job SET payload = $1, run_at = $2 WHERE unique_key = $3 AND status = 'queued'";
        let spoiled = self.database.execute(sql, [payload.into(), long_ago().into(), job.into()]).await;
        assert_eq!(spoiled, 1, "there is no job {job} in the queue");
    }

    /// A job that is dead can be done again, to close a cart.
    pub async fn mend(&self, job: &str, payload: Value, cart: &str) {
        let sql = "UPDATE job SET payload = $1 WHERE unique_key = $2 AND status = 'dead'";
        assert_eq!(self.database.execute(sql, [payload.into(), job.into()]).await, 1, "{job} is not dead");
        self.over(cart).await;
    }

    async fn over(&self, cart: &str) {
        let id = sea_orm::Value::from(Uuid::parse_str(cart).expect("an id"));
        self.database.execute("UPDATE cart SET expires_at = $1 WHERE id = $2", [long_ago().into(), id]).await;
    }

    /// The payouts of a day that has not come yet were not made early.
    pub async fn forget_pay_day(&self) {
        self.database.execute("DELETE FROM job WHERE kind = 'pay_out_seller' AND status = 'done'", []).await;
    }

    /// The payout of the day is due.
    pub async fn pay_day(&self) {
        let payable = "UPDATE seller_order SET payable_at = $1 WHERE payable_at > $1";
        self.database.execute(payable, [Clock::System.now().into()]).await;
        let sql = "UPDATE job SET run_at = $1 WHERE kind = 'pay_out_seller' AND status = 'queued'";
        assert_eq!(self.database.execute(sql, [long_ago().into()]).await, 1, "sellers that are paid out");
    }

    /// Waits until no job is due.
    pub async fn rest(&self) {
        let sql = "SELECT count(*) FROM job WHERE status = 'running' OR (status = 'queued' AND run_at <= $1)";
        for _ in 0..1_000 {
            if self.database.number(sql, [Clock::System.now().into()]).await == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("jobs are due that nobody does");
    }

    /// What is asked about every few minutes or hours is asked about now: time that passes.
    pub async fn hurry(&self) {
        let sql = "UPDATE job SET run_at = $1 WHERE status = 'queued' AND run_at > $2 \
                   AND kind IN ('resolve_payment', 'sync_shipment')";
        // The server may be away; then time stands still.
        let _ = self.database.try_execute(sql, [long_ago().into(), Clock::System.now().into()]).await;
    }

    /// A guest with one unit of each seller's offer in the cart.
    pub async fn buyer(&self, sellers: &[&Merchant]) -> Buyer {
        let lines: Vec<Value> =
            sellers.iter().map(|merchant| json!({"offer_id": merchant.offer, "quantity": 1})).collect();
        let made = self.anyone.send("/api/v1/carts", &json!({"currency": "USD", "lines": lines})).await.expect(201);
        Buyer {
            client: Patient::new(self.stranger.guest(text(&made["guest_token"]))),
            cart: text(&made["cart"]["id"]).to_owned(),
            email: format!("{}@example.com", text(&made["cart"]["id"])),
        }
    }

    /// A parcel gets somewhere in the carrier's books.
    pub async fn advance(&self, tracking_number: &str, status: &str) {
        let path = format!("/simulator/parcels/{tracking_number}/advance");
        self.anyone.send(&path, &json!({"to": status})).await.expect(200);
    }

    /// The merchant whose part of an order it is.
    pub fn merchant(&self, part: Part<'_>) -> &Merchant {
        let found = self.sellers.iter().find(|merchant| part.0["seller_id"] == merchant.seller.id.as_str());
        found.expect("a merchant of this market")
    }
}

impl Merchant {
    /// Packs a part of an order; returns the parcel's id.
    pub async fn pack(&self, part: &str) -> String {
        let path = format!("/api/v1/seller/orders/{part}/shipments");
        let parcel = self.client.send(&path, &json!({"warehouse_id": self.warehouse})).await.expect(201);
        text(&parcel["id"]).to_owned()
    }

    /// Uploads a list of stock, and waits until it is applied.
    pub async fn upload(&self, sku: &str, on_hand: i64) {
        let csv = format!("sku,warehouse,on_hand\n{sku},Main,{on_hand}\n");
        let batch = self.client.csv("/api/v1/seller/batches/inventory", &csv).await.expect(201);
        let path = format!("/api/v1/seller/batches/{}", text(&batch["id"]));
        let done = |batch: &Value| (batch["status"] == "completed").then_some(());
        self.client.until("the batch is applied", &path, done).await;
    }

    /// The tracking number of a parcel, once its label is bought.
    pub async fn labelled(&self, parcel: &str) -> String {
        let path = format!("/api/v1/seller/shipments/{parcel}");
        let number =
            |parcel: &Value| (parcel["status"] == "labelled").then(|| text(&parcel["tracking_number"]).to_owned());
        self.client.until("the label is bought", &path, number).await
    }
}

impl Buyer {
    /// Waits until the cart is closed.
    pub async fn cart_expired(&self) {
        let expired = |cart: &Value| (cart["status"] == "expired").then_some(());
        self.client.until("the cart is closed", &format!("/api/v1/carts/{}", self.cart), expired).await;
    }

    /// Orders the cart; returns the order's id.
    pub async fn order(&self) -> String {
        let body = json!({
            "cart_id": self.cart,
            "email": self.email,
            "shipping_address": {"name": "A Shopper", "line1": "1 Main Street", "city": "Springfield",
                                 "region": "IL", "postal_code": "62701", "country": "US"},
        });
        text(&self.client.send("/api/v1/orders", &body).await.expect(201)["id"]).to_owned()
    }

    /// Starts a payment.
    pub async fn start_payment(&self, order: &str) -> Value {
        self.client.send(&format!("/api/v1/orders/{order}/payments"), &json!({})).await.expect(201)
    }

    /// Starts a payment and answers the payment page.
    pub async fn pay(&self, order: &str, method: &str) {
        let payment = self.start_payment(order).await;
        let answer = self.client.send(text(&payment["confirm_url"]), &json!({"payment_method": method})).await;
        // The answer to an earlier try may have been lost: then it waits for nothing any more.
        assert!(matches!(answer.status.as_u16(), 200 | 409), "{}", answer.json());
    }

    /// Cancels an order.
    pub async fn cancel(&self, order: &str) {
        let path = format!("/api/v1/orders/{order}/cancel");
        self.client.send(&path, &json!({"reason": "changed my mind"})).await.expect(200);
    }

    /// An order, once it has the status.
    pub async fn until(&self, order: &str, status: &str) -> Value {
        let path = format!("/api/v1/orders/{order}");
        let what = format!("the order is {status}");
        self.client.until(&what, &path, |order| (order["status"] == status).then(|| order.clone())).await
    }

    /// Waits until all of an order's refunds have succeeded, and there are so many.
    pub async fn refunded(&self, order: &str, count: usize) {
        let path = format!("/api/v1/orders/{order}/refunds");
        let done = |page: &Value| {
            let refunds = page["items"].as_array().expect("items");
            let done = refunds.iter().filter(|refund| refund["status"] == "succeeded").count();
            (done == count && refunds.len() == count).then_some(())
        };
        self.client.until("the refunds have succeeded", &path, done).await;
    }

    /// Waits until a payment of an order has the status.
    pub async fn payment_until(&self, order: &str, status: &str) {
        let path = format!("/api/v1/orders/{order}/payments");
        let done = |page: &Value| {
            let payments = page["items"].as_array().expect("items");
            payments.iter().any(|payment| payment["status"] == status).then_some(())
        };
        self.client.until(&format!("the payment is {status}"), &path, done).await;
    }
}
