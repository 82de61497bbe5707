//! The simulated companies: the shopper at the payment page, the depot, bad luck, and the auditor.

use serde_json::{Value, json};

use super::{Answer, Client};

/// The simulated payment provider and carrier.
pub struct Simulator {
    client: Client,
}

/// What the companies' books say, in cents of USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Payments opened.
    pub payments: i64,
    /// Taken.
    pub captured: i64,
    /// Paid back.
    pub refunded: i64,
    /// Sent to sellers, what came back included.
    pub sent: i64,
    /// What of that came back.
    pub returned: i64,
    /// Transfers to sellers that were asked for.
    pub transfers: i64,
    /// Labels sold, later voided ones included.
    pub labels: i64,
    /// What the labels cost.
    pub label_cost: i64,
    /// Labels voided.
    pub voided: i64,
    /// What those had cost.
    pub voided_cost: i64,
}

impl Simulator {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// The bank's further step is passed or failed.
    pub async fn action(&self, provider_ref: &str, approve: bool) -> Answer {
        self.client.post(&format!("/simulator/payments/{provider_ref}/action"), json!({"approve": approve})).await
    }

    /// A seller's bank sends a transfer back.
    pub async fn return_transfer(&self, provider_ref: &str) -> Answer {
        self.client.post_empty(&format!("/simulator/transfers/{provider_ref}/return")).await
    }

    /// A parcel gets to `status`, with every scan before it.
    pub async fn advance(&self, tracking_number: &str, status: &str) {
        let path = format!("/simulator/parcels/{tracking_number}/advance");
        self.client.post(&path, json!({"to": status})).await.expect(200);
    }

    /// The next `calls` calls of `operation` by the API's process fail in this way.
    pub async fn fault(&self, operation: &str, fault: &str, calls: u32) {
        let body = json!({"operation": operation, "fault": fault, "calls": calls});
        self.client.post("/simulator/faults", body).await.expect(204);
    }

    /// The companies' books.
    pub async fn books(&self) -> Books {
        let all = self.client.get("/simulator/books").await.expect(200);
        let number = |book: &str, field: &str| {
            let books = all[book].as_array().expect("books");
            let of_usd = books.iter().find(|book| book["currency"] == "USD");
            of_usd.map_or(0, |book| book[field].as_i64().expect("a number"))
        };
        Books {
            payments: number("payments", "payments"),
            captured: number("payments", "captured"),
            refunded: number("payments", "refunded"),
            sent: number("transfers", "sent"),
            returned: number("transfers", "returned"),
            transfers: number("transfers", "transfers"),
            labels: number("labels", "bought"),
            label_cost: number("labels", "bought_cost"),
            voided: number("labels", "voided"),
            voided_cost: number("labels", "voided_cost"),
        }
    }
}

/// An amount of USD as the API writes it, in cents.
#[track_caller]
pub fn cents(amount: &Value) -> i64 {
    let text = amount.as_str().unwrap_or_else(|| panic!("{amount} is no amount"));
    let (whole, part) = text.split_once('.').unwrap_or_else(|| panic!("{text} has no cents"));
    assert_eq!(part.len(), 2, "{text} has no cents");
    format!("{whole}{part}").parse().unwrap_or_else(|_| panic!("{text} is no amount"))
}
