//! The marketplace's administrator.

use serde_json::{Value, json};

use super::Client;
use super::simulator::cents;

/// The administrator that every installation begins with.
pub const EMAIL: &str = "admin@example.com";
/// The administrator's password.
pub const PASSWORD: &str = "an admin of the tests";

/// A signed-in administrator.
#[derive(Debug)]
pub struct Admin {
    /// Their client.
    pub client: Client,
}

impl Admin {
    /// Signs in.
    pub async fn sign_in(anyone: Client) -> Self {
        Self { client: anyone.sign_in(EMAIL, PASSWORD).await }
    }

    /// Lets a seller sell.
    pub async fn approve(&self, seller: &str) {
        self.client.post_empty(&format!("/api/v1/admin/sellers/{seller}/approve")).await.expect(200);
    }

    /// An order with its payments, refunds and history.
    pub async fn order(&self, id: &str) -> Value {
        self.client.get(&format!("/api/v1/admin/orders/{id}")).await.expect(200)
    }

    /// Pays goodwill that the seller bears.
    pub async fn goodwill(&self, part: &str, amount: &str) -> super::Answer {
        let body = json!({"goodwill_amount": amount, "currency": "USD"});
        self.client.post(&format!("/api/v1/admin/seller-orders/{part}/refunds"), body).await
    }

    /// All jobs of a kind, newest first.
    pub async fn jobs(&self, kind: &str) -> Vec<Value> {
        self.client.list(&format!("/api/v1/admin/jobs?kind={kind}")).await
    }

    /// What an account has been debited and credited with, in cents.
    pub async fn account(&self, name: &str) -> (i64, i64) {
        let balance = self.client.get("/api/v1/admin/ledger/trial-balance").await.expect(200);
        for total in balance["totals"].as_array().expect("totals") {
            assert_eq!(cents(&total["total"]), 0, "the ledger is out of balance: {balance}");
        }
        let rows = balance["rows"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["account"] == name);
        row.map_or((0, 0), |row| (cents(&row["debits"]), cents(&row["credits"])))
    }
}
