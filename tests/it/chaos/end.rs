//! The ends that orders come to, and the way there.

use serde_json::{Value, json};

use super::market::{Buyer, Market};
use crate::souk::{Order, text};

/// What becomes of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Delivered, and its return window closed.
    Completed,
    /// Cancelled by the shopper before the payment.
    Abandoned,
    /// The card was declined.
    Declined,
    /// Paid, packed, cancelled and paid back.
    Refunded,
    /// Delivered, sent back and paid back.
    Returned,
    /// Paid, and not accepted in time.
    Unaccepted,
    /// Delivered, and a return that was approved was never sent.
    Kept,
}

impl End {
    /// As often as they are met in a market with much bad luck.
    pub fn of(number: usize) -> Self {
        match number % 8 {
            0..4 => Self::Completed,
            4 => Self::Abandoned,
            5 => Self::Declined,
            6 => Self::Refunded,
            _ => Self::Returned,
        }
    }

    /// The order's status then.
    pub fn status(self) -> &'static str {
        match self {
            Self::Completed | Self::Kept => "completed",
            Self::Abandoned | Self::Refunded | Self::Unaccepted => "cancelled",
            Self::Declined => "pending",
            Self::Returned => "refunded",
        }
    }

    /// How many of its payments were captured, of its refunds paid and of its labels bought, by the
    /// number of sellers.
    pub fn counts(self, sellers: usize) -> (usize, usize, usize) {
        match self {
            Self::Completed => (1, 0, sellers),
            Self::Abandoned | Self::Declined => (0, 0, 0),
            Self::Refunded => (1, sellers, sellers),
            Self::Returned => (1, sellers, 2 * sellers),
            Self::Unaccepted => (1, sellers, 0),
            Self::Kept => (1, 0, 2 * sellers),
        }
    }
}

/// Leads an order of some sellers to its end; returns its id.
pub async fn lead(market: &Market, buyer: &Buyer, end: End) -> String {
    let id = buyer.order().await;
    match end {
        End::Abandoned => {
            buyer.start_payment(&id).await;
            buyer.cancel(&id).await;
            buyer.payment_until(&id, "voided").await;
        }
        End::Declined => {
            buyer.pay(&id, "pm_declined").await;
            buyer.payment_until(&id, "failed").await;
        }
        End::Completed => {
            let order = delivered(market, buyer, &id).await;
            complete(market, order).await;
        }
        End::Refunded => {
            let order = Order(paid(buyer, &id).await);
            for part in order.parts() {
                let merchant = market.merchant(part);
                merchant.labelled(&merchant.pack(part.id()).await).await;
            }
            buyer.cancel(&id).await;
            buyer.refunded(&id, order.parts().len()).await;
        }
        End::Returned => {
            let order = Order(delivered(market, buyer, &id).await);
            for part in order.parts() {
                give_back(market, buyer, part.0).await;
            }
            buyer.refunded(&id, order.parts().len()).await;
        }
        End::Unaccepted => {
            buyer.pay(&id, "pm_ok").await;
            let order = Order(buyer.until(&id, "confirmed").await);
            for part in order.parts() {
                market.pass(&format!("reject:{}", part.id())).await;
            }
            buyer.refunded(&id, order.parts().len()).await;
        }
        End::Kept => {
            let order = delivered(market, buyer, &id).await;
            for part in Order(order.clone()).parts() {
                let back = ask_to_give_back(market, buyer, part.0).await;
                market.pass(&format!("expire-return:{back}")).await;
                let expired = |found: &Value| (found["status"] == "expired").then_some(());
                buyer.client.until("the return is expired", &format!("/api/v1/returns/{back}"), expired).await;
            }
            complete(market, order).await;
        }
    }
    buyer.until(&id, end.status()).await;
    id
}

/// The return window of each part closes.
async fn complete(market: &Market, order: Value) {
    for part in Order(order).parts() {
        market.pass(&format!("complete:{}", part.id())).await;
    }
}

async fn paid(buyer: &Buyer, id: &str) -> Value {
    buyer.pay(id, "pm_ok").await;
    buyer.until(id, "processing").await
}

async fn delivered(market: &Market, buyer: &Buyer, id: &str) -> Value {
    let order = Order(paid(buyer, id).await);
    for part in order.parts() {
        let merchant = market.merchant(part);
        let number = merchant.labelled(&merchant.pack(part.id()).await).await;
        market.advance(&number, "delivered").await;
    }
    buyer.until(id, "delivered").await
}

/// A part may go back as a whole, and its label is bought; returns the return's id.
async fn ask_to_give_back(market: &Market, buyer: &Buyer, part: &Value) -> String {
    let line = json!({"line_id": part["lines"][0]["id"], "quantity": 1, "reason": "no_longer_wanted"});
    let body = json!({"seller_order_id": part["id"], "lines": [line]});
    let asked = buyer.client.send("/api/v1/returns", &body).await.expect(201);
    let id = text(&asked["id"]).to_owned();
    let merchant = market.merchant(crate::souk::Part(part));
    merchant.client.post(&format!("/api/v1/seller/returns/{id}/approve"), None).await.expect(200);
    let label = |found: &Value| found["tracking_number"].is_string().then_some(());
    buyer.client.until("the return has its label", &format!("/api/v1/returns/{id}"), label).await;
    id
}

/// A part goes back as a whole, with a label, and is received.
async fn give_back(market: &Market, buyer: &Buyer, part: &Value) {
    let id = ask_to_give_back(market, buyer, part).await;
    let merchant = market.merchant(crate::souk::Part(part));
    let number = |found: &Value| found["tracking_number"].as_str().map(str::to_owned);
    let number = buyer.client.until("the return has its label", &format!("/api/v1/returns/{id}"), number).await;
    market.advance(&number, "delivered").await;
    let line = json!({"line_id": part["lines"][0]["id"], "quantity": 1, "condition": "as_new", "restock": true});
    let path = format!("/api/v1/seller/returns/{id}/receive");
    merchant.client.send(&path, &json!({"lines": [line]})).await.expect(200);
}
