//! Orders of another system.

use serde_json::{Value, json};

use super::{OPERATING, failed, outcome, told, upload_json};
use crate::souk::{Answer, Souk, text};

fn order(id: &str, seller: &str, sku: &str, quantity: i64) -> Value {
    json!({
        "external_id": id,
        "email": "Ann@Example.com",
        "currency": "USD",
        "shipping_address": {"name": "Ann", "line1": "1 Main Street", "city": "Springfield", "region": "IL",
                             "postal_code": "62701", "country": "US"},
        "lines": [{"seller": seller, "sku": sku, "quantity": quantity}],
    })
}

fn with(mut order: Value, change: impl FnOnce(&mut Value)) -> Value {
    change(&mut order);
    order
}

async fn import(souk: &Souk, query: &str, rows: &[Value]) -> Answer {
    upload_json(&souk.admin().await.client, &format!("{OPERATING}/orders{query}"), rows).await
}

#[tokio::test]
async fn each_row_becomes_an_order_once() {
    let souk = Souk::start().await;
    let (first, second) = (souk.seller("First").await, souk.seller("Second").await);
    let offer = first.offer("IMPORT-1", "10.00", 5).await;
    second.offer("IMPORT-2", "20.00", 5).await;
    let shopper = souk.shopper().await;
    let user = shopper.client().get("/api/v1/me").await.expect(200)["id"].take();
    let both = with(order("their-1", "First", "IMPORT-1", 2), |order| {
        order["lines"]
            .as_array_mut()
            .expect("lines")
            .push(json!({"seller": second.id, "sku": "IMPORT-2", "quantity": 1}));
        order["user_id"] = user.clone();
        order["notes"] = json!("By telephone.");
    });
    let rows = [
        both.clone(),
        both,
        order("their-2", "Nobody", "IMPORT-1", 1),
        order("their-3", "First", "IMPORT-2", 1),
        order("their-4", "First", "IMPORT-1", 4),
        with(order("their-5", "First", "IMPORT-1", 1), |order| order["paid"] = json!(true)),
        with(order("their-6", "First", "IMPORT-1", 1), |order| order["email"] = json!("nobody")),
        with(order("their-7", "First", "IMPORT-1", 1), |order| order["shipping_address"]["country"] = json!("Utopia")),
        with(order("their-8", "First", "IMPORT-1", 1), |order| order["currency"] = json!("EUR")),
        with(order("their-9", "First", "IMPORT-1", 1), |order| order["user_id"] = json!(first.id)),
        with(order("their-10", "First", "IMPORT-1", 1), |order| order["notes"] = json!("\u{0}")),
        with(order("their-11", "First", "IMPORT-1", 0), |_| ()),
        with(order("", "First", "IMPORT-1", 1), |_| ()),
        order("their-12", "First", "IMPORT-1", 1),
    ];
    let admin = souk.admin().await.client.clone();
    let tried = import(&souk, "?dry_run=true", &rows).await;
    outcome(&admin, OPERATING, tried, "completed_with_errors", 10).await;
    assert_eq!(souk.database().number("SELECT count(*) FROM orders", []).await, 0, "a dry run places nothing");
    assert_eq!(souk.database().number("SELECT count(*) FROM cart", []).await, 0);

    let rows = outcome(&admin, OPERATING, import(&souk, "", &rows).await, "completed_with_errors", 12).await;
    let made = |at: usize| if at == 0 || at == 13 { "made" } else { "failed" };
    assert_eq!(told(&rows), (0..14).map(|at| (i64::try_from(at).expect("a line") + 1, made(at))).collect::<Vec<_>>());
    let number = text(&rows[0]["result"]);
    failed(&rows, 1, &format!("imported already, as {number}"));
    failed(&rows, 2, "no seller \"Nobody\"");
    failed(&rows, 3, "does not offer");
    failed(&rows, 5, "paid");
    failed(&rows, 10, "NUL");
    assert_eq!(souk.database().number("SELECT count(*) FROM orders", []).await, 2);
    assert_eq!(first.inventory(&offer).await, (5, 3), "stock is held as for any order");

    // The shopper finds it and pays it.
    let orders = shopper.client().list("/api/v1/orders").await;
    assert_eq!(orders.len(), 1, "the other order is a guest's");
    let placed = shopper.order(text(&orders[0]["id"])).await;
    assert_eq!((text(&placed.0["number"]), placed.total(), placed.parts().len()), (number, 5_000, 2));
    assert_eq!(placed.0["email"], "ann@example.com");
    shopper.pay(placed.id(), "pm_ok").await;
    shopper.until(placed.id(), "processing").await;

    let again = import(&souk, "", &[order("their-1", "First", "IMPORT-1", 1)]).await;
    let rows = outcome(&admin, OPERATING, again, "failed", 1).await;
    failed(&rows, 0, number);
    let seen = admin.list(&format!("/api/v1/admin/orders?number={}", text(&orders[0]["number"]))).await;
    assert_eq!(seen.len(), 1);
    souk.audit().await;
}

#[tokio::test]
async fn an_order_that_costs_nothing_is_confirmed_at_once() {
    let souk = Souk::start().await;
    let seller = souk.seller("Giver").await;
    seller.offer("GIFT-1", "0.00", 5).await;
    let methods = seller.client.list("/api/v1/seller/shipping-methods").await;
    let path = format!("/api/v1/seller/shipping-methods/{}", text(&methods[0]["id"]));
    seller.client.patch(&path, json!({"price": "0.00"})).await.expect(200);
    let admin = souk.admin().await.client.clone();
    let rows = [order("gift-1", "Giver", "GIFT-1", 1)];
    let rows = outcome(&admin, OPERATING, import(&souk, "", &rows).await, "completed", 0).await;
    let seen = admin.list(&format!("/api/v1/admin/orders?number={}", text(&rows[0]["result"]))).await;
    assert_eq!(seen[0]["status"], "processing");
    souk.audit().await;
}
