//! What people are told by e-mail: each thing once, and nobody of what is another's.

mod refused;
mod server;
mod told;

use serde_json::Value;

use crate::souk::{Seller, Souk, text};

/// The address of a seller's owner.
async fn owner(seller: &Seller) -> String {
    text(&seller.client.get("/api/v1/me").await.expect(200)["email"]).to_owned()
}

/// The notifications that an operator finds, newest first.
async fn found(souk: &Souk, filter: &str) -> Vec<Value> {
    souk.admin().await.client.list(&format!("/api/v1/admin/notifications?{filter}")).await
}

/// How many events the consumer of notifications has yet to read.
const UNREAD: &str = "SELECT (SELECT count(*) FROM event WHERE position IS NULL) \
    + (SELECT count(*) FROM event WHERE position > (SELECT position FROM event_consumer WHERE name = 'notifications')) \
    + (SELECT count(*) FROM notification WHERE status = 'pending')";
