//! Rows of files that tell of a person go with them, whatever became of the rows.

use serde_json::{Value, json};

use crate::souk::client::PASSWORD;
use crate::souk::{Admin, Client, Options, Souk, text};

const PATH: &str = "/api/v1/admin/batches";

fn row(id: &str, email: &str, seller: &str, sku: &str) -> Value {
    json!({"external_id": id, "email": email, "currency": "USD",
           "shipping_address": {"name": "Ann Zyxwvname", "line1": "7 Zyxwvstreet", "city": "Springfield", "region": "IL",
                                "postal_code": "62701", "country": "US"},
           "lines": [{"seller": seller, "sku": sku, "quantity": 1}]})
}

async fn import(admin: &Client, query: &str, rows: &[Value], status: &str, failed: i64) -> String {
    let uploaded = crate::batches::upload_json(admin, &format!("{PATH}/orders{query}"), rows).await;
    let id = text(&uploaded.json()["id"]).to_owned();
    crate::batches::outcome(admin, PATH, uploaded, status, failed).await;
    id
}

/// Which rows of a batch still have what was uploaded.
async fn left(admin: &Client, batch: &str) -> Vec<i64> {
    let rows = admin.list(&format!("{PATH}/{batch}/rows")).await;
    let left = rows.iter().filter(|row| row["input"].as_str().is_some_and(|input| !input.is_empty()));
    left.map(|row| row["line"].as_i64().expect("a line")).collect()
}

#[tokio::test]
async fn rows_of_files_that_tell_of_somebody_are_emptied_whatever_became_of_them() {
    let souk = Souk::start().await;
    let seller = souk.seller("Importing").await;
    let offer = seller.offer("IMPORTED-1", "5.00", 99).await;
    let admin = &souk.admin().await.client;
    let ann = souk.shopper().await;
    let me = ann.client().get("/api/v1/me").await.expect(200);
    let row = |id: &str, email: &str, sku: &str| row(id, email, &seller.id, sku);
    let by_id = |mut row: Value| {
        row["user_id"] = me["id"].clone();
        row
    };
    let mut numbered = row("6", ann.email(), "IMPORTED-1");
    numbered["shipping_address"]["phone"] = json!(15_550_199_887_i64);
    let rows = [
        by_id(row("1", "presents@zyxwv.example", "IMPORTED-1")),
        row("2", &ann.email().to_uppercase(), "NOT-THERE"),
        by_id(row("3", "other@zyxwv.example", "NOT-THERE")),
        row("4", "Guest@zyxwv.example", "IMPORTED-1"),
        row("5", "guest@zyxwv.example", "NOT-THERE"),
        numbered,
        row("7", "bob@zyxwv.example", "NOT-THERE"),
        // Nobody's account, and the address that the account's orders are for.
        row("8", "presents@zyxwv.example", "NOT-THERE"),
    ];
    let tried = import(admin, "?dry_run=true", &rows, "completed_with_errors", 6).await;
    let done = import(admin, "", &rows, "completed_with_errors", 6).await;
    let again = import(admin, "", &rows, "failed", 8).await;
    for batch in [&tried, &done, &again] {
        assert_eq!(left(admin, batch).await, [1, 2, 3, 4, 5, 6, 7, 8]);
    }
    let errors = "SELECT error FROM batch_row WHERE error IS NOT NULL";
    let errors = souk.database().words(errors).await.join("\n");
    assert!(errors.contains("shipping_address.phone is not a string"), "{errors}");
    assert!(!errors.to_lowercase().contains("zyxwv") && !errors.contains("15550199887"), "{errors}");

    let imported = ann.client().list("/api/v1/orders").await;
    ann.cancel(text(&imported[0]["id"])).await.expect(200);
    ann.client().post("/api/v1/me/erase", json!({"current_password": PASSWORD})).await.expect(200);
    for batch in [&tried, &done, &again] {
        assert_eq!(left(admin, batch).await, [4, 5, 7], "the rows of others stay");
    }
    let rows = admin.list(&format!("{PATH}/{done}/rows")).await;
    assert!(text(&rows[1]["error"]).contains("erased"), "{}", rows[1]);
    assert!(rows[0].get("error").is_none() && rows[0]["result"].is_string(), "{}", rows[0]);

    let guest = souk.guest();
    let mut body = guest.placement(&guest.cart(&[(&offer, 1)]).await);
    body["email"] = json!("guest@zyxwv.example");
    let order = guest.client().post("/api/v1/orders", body).await.expect(201);
    guest.cancel(text(&order["id"])).await.expect(200);
    let path = format!("/api/v1/admin/orders/{}/erase-shopper", text(&order["id"]));
    admin.post_empty(&path).await.expect(200);
    for batch in [&tried, &done, &again] {
        assert_eq!(left(admin, batch).await, [7]);
    }
    souk.audit().await;
}

/// A row whose turn comes only after its person is erased says so, and makes no order.
#[tokio::test]
async fn a_row_that_waits_while_its_person_is_erased_makes_no_order() {
    // More than one process at the embedded database takes no cache.
    let mut souk = Souk::with(Options::default().env("SOUK_CACHE", "off")).await;
    let seller = souk.seller("Waiting").await;
    seller.offer("IMPORTED-1", "5.00", 99).await;
    let ann = souk.shopper().await;
    souk.settle().await;
    souk.stop();
    // Nothing works on jobs here.
    let replica = souk.replica();
    let admin = Admin::sign_in(replica.client.clone()).await.client;
    let rows =
        [row("1", ann.email(), &seller.id, "IMPORTED-1"), row("2", "bob@zyxwv.example", &seller.id, "IMPORTED-1")];
    let uploaded = crate::batches::upload_json(&admin, &format!("{PATH}/orders"), &rows).await;
    let client = replica.client.sign_in(ann.email(), PASSWORD).await;
    client.post("/api/v1/me/erase", json!({"current_password": PASSWORD})).await.expect(200);
    drop(replica);
    souk.resume().await;
    let admin = &souk.admin().await.client;
    let rows = crate::batches::outcome(admin, PATH, uploaded, "completed_with_errors", 1).await;
    assert!(text(&rows[0]["error"]).contains("erased"), "{}", rows[0]);
    assert_eq!(souk.database().number("SELECT count(*) FROM orders", []).await, 1);
    souk.audit().await;
}
