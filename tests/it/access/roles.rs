//! What each role may do, over every operation of the document.

use reqwest::Method;
use serde_json::json;

use crate::document::{document, operations};
use crate::souk::client::send;
use crate::souk::{Souk, text};

#[tokio::test]
async fn only_sellers_sell_and_only_operators_operate() {
    let souk = Souk::start().await;
    let document = document();
    let shopper = souk.shopper().await.client();
    let seller = souk.seller("A Seller").await;
    let mut asked = 0;
    for operation in operations(&document) {
        let refused = match operation.path.split('/').nth(3) {
            Some("admin") => vec![("a shopper", &shopper), ("a seller", &seller.client)],
            Some("seller") => vec![("a shopper", &shopper)],
            _ => continue,
        };
        for (who, client) in refused {
            let answer = send(operation.request(&document, client)).await;
            assert_eq!(answer.status.as_u16(), 403, "{who}: {}: {}", operation.id(), answer.json());
            answer.refused(403, "FORBIDDEN");
            asked += 1;
        }
    }
    assert!(asked > 70, "operations are found");
    // An administrator has no shop.
    souk.admin().await.client.get("/api/v1/seller").await.refused(403, "FORBIDDEN");
    // A guest is nobody's customer.
    let guest = souk.guest();
    guest.cart(&[]).await;
    for path in ["/api/v1/me", "/api/v1/seller", "/api/v1/admin/orders"] {
        guest.client().get(path).await.refused(401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn an_operator_reads_and_changes_nothing() {
    let souk = Souk::start().await;
    let document = document();
    let client = souk.shopper().await.client();
    let id = client.get("/api/v1/me").await.expect(200)["id"].take();
    let id: uuid::Uuid = text(&id).parse().expect("an id");
    client.get("/api/v1/admin/orders").await.refused(403, "FORBIDDEN");
    souk.database().execute("UPDATE app_user SET role = 'operator' WHERE id = $1", [id.into()]).await;
    assert_eq!(client.get("/api/v1/me").await.expect(200)["role"], "operator", "the role counts at once");
    for operation in operations(&document) {
        if !operation.path.starts_with("/api/v1/admin/") {
            continue;
        }
        let answer = send(operation.request(&document, &client)).await;
        let status = answer.status.as_u16();
        if operation.method == Method::GET {
            assert!([200, 404].contains(&status), "{}: {}", operation.id(), answer.json());
        } else {
            assert_eq!(status, 403, "{}: {}", operation.id(), answer.json());
            answer.refused(403, "FORBIDDEN");
        }
    }
    souk.database().execute("UPDATE app_user SET role = 'customer' WHERE id = $1", [id.into()]).await;
    client.get("/api/v1/admin/orders").await.refused(403, "FORBIDDEN");
}

#[tokio::test]
async fn staff_work_and_leave_the_settings_to_the_owner() {
    let souk = Souk::start().await;
    let seller = souk.seller("A Seller").await;
    seller.configure(json!({"return_window_days": 14})).await;
    souk.database().execute("UPDATE seller_member SET role = 'staff'", []).await;
    let refused = seller.client.patch("/api/v1/seller", json!({"return_window_days": 15})).await;
    refused.refused(403, "FORBIDDEN");
    seller.offer("LAMP", "10.00", 1).await;
    let shown = seller.client.get("/api/v1/seller").await.expect(200);
    assert_eq!(shown["seller"]["return_window_days"], 14);
}
