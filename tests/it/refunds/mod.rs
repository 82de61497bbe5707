//! Money paid back without a return, and beside one.

mod asked;
mod failed;
mod goodwill;
mod pieces;
mod two;

use serde_json::{Value, json};

use crate::souk::{Admin, Answer, Client, Order, Seller, Shopper, Souk, cents, eventually, text};

/// Asks for a refund of a seller order as an administrator.
async fn by_admin(souk: &Souk, part: &str, body: Value) -> Answer {
    souk.admin().await.client.post(&format!("/api/v1/admin/seller-orders/{part}/refunds"), body).await
}

/// Asks for a refund of a seller order as its seller.
async fn by_seller(client: &Client, part: &str, body: Value) -> Answer {
    client.post(&format!("/api/v1/seller/orders/{part}/refunds"), body).await
}

/// So many units of a line.
fn units(line: &str, quantity: i64) -> Value {
    json!([{"line_id": line, "quantity": quantity}])
}

/// What can be refunded, which is the same for the seller and for operators.
async fn refundable(souk: &Souk, seller: &Seller, part: &str) -> Value {
    let told = seller.client.get(&format!("/api/v1/seller/orders/{part}/refundable")).await.expect(200);
    let path = format!("/api/v1/admin/seller-orders/{part}/refundable");
    assert_eq!(souk.admin().await.client.get(&path).await.expect(200), told);
    told
}

/// What the marketplace owes a seller, in cents.
async fn owed(seller: &Seller) -> i64 {
    let shown = seller.client.get("/api/v1/seller").await.expect(200);
    let balances = shown["balances"].as_array().expect("balances");
    balances.iter().find(|balance| balance["currency"] == "USD").map_or(0, |balance| cents(&balance["amount"]))
}

/// What an account has been credited with less what it has been debited, in cents.
async fn credited(admin: &Admin, account: &str) -> i64 {
    let (debits, credits) = admin.account(account).await;
    credits - debits
}

/// A market where everything that a refund can concern happens: tax on goods and shipping, a
/// discount that the marketplace bears, commission and the tax on it.
async fn market() -> (Souk, Seller, Shopper) {
    let souk = Souk::start().await;
    let admin = souk.admin().await;
    let zone = admin.tax_zone("US", false).await;
    admin.tax_rate(&zone, "standard", "8.875").await;
    admin.tax_rate(&zone, "shipping", "5").await;
    let tenth = json!({"name": "A tenth off", "kind": "percentage", "percent": "10", "target": "order",
                       "borne_by": "platform"});
    admin.client.post("/api/v1/admin/promotions", tenth).await.expect(201);
    let seller = souk.seller("Generous").await;
    let terms = json!({"commission_tax_percent": "20"});
    admin.client.patch(&format!("/api/v1/admin/sellers/{}", seller.id), terms).await.expect(200);
    let shopper = souk.guest();
    (souk, seller, shopper)
}

/// Ships a seller order from the first warehouse and has it delivered.
async fn deliver(souk: &Souk, shopper: &Shopper, seller: &Seller, order: &Order) -> Order {
    let parcel = seller.ship(order.part(seller).id(), "Main").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    shopper.until(order.id(), "delivered").await
}

/// Gives units of the only line back, which the seller receives at once.
async fn return_units(shopper: &Shopper, seller: &Seller, order: &Order, quantity: i64) -> Value {
    let part = order.part(seller);
    let asked = shopper.give_back(part, part.line(), quantity).await.expect(201);
    let id = text(&asked["id"]);
    seller.approve_return(id).await.expect(200);
    seller.receive(id, part.line(), quantity).await.expect(200);
    shopper.return_until(id, "processed").await
}

/// The first refund that is listed with this status, once there is one.
async fn refund_until(admin: &Admin, status: &str) -> Value {
    eventually(&format!("a refund is {status}"), async || {
        admin.client.list(&format!("/api/v1/admin/refunds?status={status}")).await.into_iter().next()
    })
    .await
}

fn sum(refunds: &[Value], field: &str) -> i64 {
    refunds.iter().map(|refund| cents(&refund[field])).sum()
}
