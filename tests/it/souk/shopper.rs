//! A shopper, with an account or without.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::client::text;
use super::{Answer, Client, Order, Part, eventually};

/// A shopper. A guest's credential is the token of their last cart.
pub struct Shopper {
    client: Mutex<Client>,
    email: String,
}

impl Shopper {
    pub(super) fn new(client: Client, email: String) -> Self {
        Self { client: Mutex::new(client), email }
    }

    /// Somebody who has registered in their own way.
    pub fn of(client: Client, email: &str) -> Self {
        Self::new(client, email.to_owned())
    }

    /// Their address.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// Their client as it is now.
    pub fn client(&self) -> Client {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fills a cart with quantities of offers; returns its id.
    pub async fn cart(&self, lines: &[(&str, i64)]) -> String {
        self.cart_in("USD", lines).await
    }

    /// Fills a cart of another currency.
    pub async fn cart_in(&self, currency: &str, lines: &[(&str, i64)]) -> String {
        let lines: Vec<Value> =
            lines.iter().map(|(offer, quantity)| json!({"offer_id": offer, "quantity": quantity})).collect();
        let client = self.client();
        let made = client.post("/api/v1/carts", json!({"currency": currency, "lines": lines})).await.expect(201);
        if let Some(token) = made["guest_token"].as_str() {
            *self.client.lock().unwrap_or_else(PoisonError::into_inner) = client.guest(token);
        }
        text(&made["cart"]["id"]).to_owned()
    }

    /// Puts a code into a cart.
    pub async fn use_coupon(&self, cart: &str, code: &str) -> Answer {
        self.client().put(&format!("/api/v1/carts/{cart}/coupons/{code}"), json!({})).await
    }

    /// What placing a cart sends.
    pub fn placement(&self, cart: &str) -> Value {
        json!({
            "cart_id": cart,
            "email": self.email,
            "shipping_address": {"name": "A Shopper", "line1": "1 Main Street", "city": "Springfield",
                                 "region": "IL", "postal_code": "62701", "country": "US"},
        })
    }

    /// Tries to place a cart.
    pub async fn try_place(&self, cart: &str) -> Answer {
        self.client().post("/api/v1/orders", self.placement(cart)).await
    }

    /// Places a cart.
    pub async fn place(&self, cart: &str) -> Order {
        Order(self.try_place(cart).await.expect(201))
    }

    /// Starts a payment, or finds the one that is under way.
    pub async fn start_payment(&self, order: &str) -> Answer {
        self.client().post(&format!("/api/v1/orders/{order}/payments"), json!({})).await
    }

    /// Answers the payment page with a test payment method: `pm_ok`, `pm_declined` or `pm_action`.
    pub async fn confirm(&self, payment: &Value, method: &str) -> Answer {
        self.client().post(text(&payment["confirm_url"]), json!({"payment_method": method})).await
    }

    /// Starts a payment and confirms it; returns the payment as it was started.
    pub async fn pay(&self, order: &str, method: &str) -> Value {
        let payment = self.start_payment(order).await.expect(201);
        self.confirm(&payment, method).await.expect(200);
        payment
    }

    /// A payment of an order, once it has the status.
    pub async fn payment_until(&self, order: &str, id: &str, status: &str) -> Value {
        eventually(&format!("the payment is {status}"), async || {
            let payments = self.client().list(&format!("/api/v1/orders/{order}/payments")).await;
            payments.into_iter().find(|payment| payment["id"] == id && payment["status"] == status)
        })
        .await
    }

    /// An order as it is now.
    pub async fn order(&self, id: &str) -> Order {
        Order(self.client().get(&format!("/api/v1/orders/{id}")).await.expect(200))
    }

    /// An order, once it has the status.
    pub async fn until(&self, id: &str, status: &str) -> Order {
        eventually(&format!("the order is {status}"), async || {
            let order = self.order(id).await;
            (order.status() == status).then_some(order)
        })
        .await
    }

    /// An order, placed, paid and accepted.
    pub async fn buy(&self, lines: &[(&str, i64)]) -> Order {
        let cart = self.cart(lines).await;
        let order = self.place(&cart).await;
        self.pay(order.id(), "pm_ok").await;
        self.until(order.id(), "processing").await
    }

    /// Tries to put an item into an order.
    pub async fn add_item(&self, order: &str, offer: &str, quantity: i64) -> Answer {
        let body = json!({"offer_id": offer, "quantity": quantity});
        self.client().post(&format!("/api/v1/orders/{order}/items"), body).await
    }

    /// Tries to change how many of an item are in an order.
    pub async fn update_item(&self, order: &str, offer: &str, quantity: i64) -> Answer {
        self.client().put(&format!("/api/v1/orders/{order}/items/{offer}"), json!({"quantity": quantity})).await
    }

    /// Tries to take an item out of an order.
    pub async fn remove_item(&self, order: &str, offer: &str) -> Answer {
        self.client().delete(&format!("/api/v1/orders/{order}/items/{offer}")).await
    }

    /// Tries to cancel an order.
    pub async fn cancel(&self, order: &str) -> Answer {
        self.client().post(&format!("/api/v1/orders/{order}/cancel"), json!({"reason": "changed my mind"})).await
    }

    /// The refunds of an order.
    pub async fn refunds(&self, order: &str) -> Vec<Value> {
        self.client().list(&format!("/api/v1/orders/{order}/refunds")).await
    }

    /// The refunds of an order, once there are so many and all have succeeded.
    pub async fn refunded(&self, order: &str, count: usize) -> Vec<Value> {
        eventually(&format!("{count} refunds have succeeded"), async || {
            let refunds = self.refunds(order).await;
            let done = refunds.iter().filter(|refund| refund["status"] == "succeeded").count();
            (done == count && refunds.len() == count).then_some(refunds)
        })
        .await
    }

    /// Asks to give back so many units of a line.
    pub async fn give_back(&self, part: Part<'_>, line: &str, quantity: i64) -> Answer {
        let line = json!({"line_id": line, "quantity": quantity, "reason": "no_longer_wanted"});
        self.client().post("/api/v1/returns", json!({"seller_order_id": part.id(), "lines": [line]})).await
    }

    /// A return, once it has the status.
    pub async fn return_until(&self, id: &str, status: &str) -> Value {
        eventually(&format!("the return is {status}"), async || {
            let found = self.client().get(&format!("/api/v1/returns/{id}")).await.expect(200);
            (found["status"] == status).then_some(found)
        })
        .await
    }

    /// A return, once its label is bought.
    pub async fn return_with_label(&self, id: &str) -> Value {
        eventually("the return has its label", async || {
            let found = self.client().get(&format!("/api/v1/returns/{id}")).await.expect(200);
            found["tracking_number"].is_string().then_some(found)
        })
        .await
    }
}
