//! API keys of sellers and operators.

use serde_json::{Value, json};

use crate::souk::{Answer, Client, Souk, long_ago, text};

async fn make(client: &Client, path: &str, scopes: &[&str]) -> (String, Value) {
    let body = json!({"name": "A system", "scopes": scopes, "expires_in_days": 30});
    let mut made = client.post(path, body).await.expect(201);
    (text(&made["secret"]).to_owned(), made["key"].take())
}

const SELLER: &str = "/api/v1/seller/api-keys";
const ADMIN: &str = "/api/v1/admin/api-keys";

#[tokio::test]
async fn a_sellers_key_does_what_its_scopes_say() {
    let souk = Souk::start().await;
    let seller = souk.seller("A Seller").await;
    let (secret, key) = make(&seller.client, SELLER, &["catalogue:read", "orders:write"]).await;
    assert!(secret.starts_with("souk_sk_") && secret.starts_with(text(&key["prefix"])), "{key}");
    let system = souk.anyone().bearer(&secret);
    system.get("/api/v1/seller").await.expect(200);
    system.get("/api/v1/seller/offers").await.expect(200);
    let reject = "/api/v1/seller/orders/00000000-0000-7000-8000-000000000000/accept";
    system.post_empty(reject).await.refused(404, "NOT_FOUND");
    for path in ["orders", "payouts", "webhook-endpoints", "api-keys"] {
        system.get(&format!("/api/v1/seller/{path}")).await.refused(403, "FORBIDDEN");
    }
    system.post("/api/v1/seller/warehouses", json!({})).await.refused(403, "FORBIDDEN");
    // A key is for the seller's API alone, and makes no keys.
    system.get("/api/v1/me").await.refused(401, "UNAUTHENTICATED");
    system.get("/api/v1/orders").await.refused(401, "UNAUTHENTICATED");
    system.get("/api/v1/admin/orders").await.refused(403, "FORBIDDEN");
    let body = json!({"name": "Another", "scopes": ["money:read"], "expires_in_days": 1});
    system.post(SELLER, body).await.refused(403, "FORBIDDEN");

    let listed = seller.client.list(SELLER).await;
    assert_eq!(listed.len(), 1);
    assert!(listed[0]["last_used_at"].is_string() && listed[0].get("secret").is_none(), "{listed:?}");
    let stored =
        souk.database().number("SELECT count(*) FROM api_key WHERE key_hash = $1", [secret.clone().into()]).await;
    assert_eq!(stored, 0, "the key itself is nowhere");

    // Another seller neither sees nor revokes it.
    let other = souk.seller("Another Seller").await;
    assert!(other.client.list(SELLER).await.is_empty());
    let path = format!("{SELLER}/{}", text(&key["id"]));
    other.client.delete(&path).await.refused(404, "NOT_FOUND");
    seller.client.delete(&path).await.expect(200);
    seller.client.delete(&path).await.expect(200);
    system.get("/api/v1/seller/offers").await.refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn only_a_key_that_reads_money_sees_what_is_owed_and_where_it_goes() {
    let souk = Souk::start().await;
    let seller = souk.seller("A Seller").await;
    seller.client.put("/api/v1/seller/payout-account", json!({"account": "acct_1"})).await.expect(200);
    let (reading, _) = make(&seller.client, SELLER, &["money:read"]).await;
    let own = seller.client.get("/api/v1/seller").await.expect(200);
    assert_eq!(own["seller"]["payout_account"], "acct_1");
    assert!(own["balances"].is_array(), "{own}");
    assert_eq!(souk.anyone().bearer(&reading).get("/api/v1/seller").await.expect(200), own);
    let (other, _) = make(&seller.client, SELLER, &["catalogue:read", "orders:read", "money:write"]).await;
    let told = souk.anyone().bearer(&other).get("/api/v1/seller").await.expect(200);
    tells_nothing_of_money(&told);
    assert_eq!(told["seller"]["name"], "A Seller");
}

/// Fails when an answer of `getSeller` tells what is for who may read money.
pub fn tells_nothing_of_money(told: &Value) {
    assert!(told.get("balances").is_none(), "{told}");
    let seller = told["seller"].as_object().expect("a seller");
    let money = |name: &String| ["payout", "reserve", "commission"].iter().any(|word| name.starts_with(word));
    assert!(!seller.keys().any(money), "{told}");
}

#[tokio::test]
async fn a_key_that_is_over_or_unknown_counts_for_nothing() {
    let souk = Souk::start().await;
    let seller = souk.seller("A Seller").await;
    let (secret, _) = make(&seller.client, SELLER, &["catalogue:read"]).await;
    let past = long_ago();
    let sql = "UPDATE api_key SET created_at = $1, expires_at = $2";
    souk.database().execute(sql, [past.into(), (past + chrono::TimeDelta::days(1)).into()]).await;
    let unknown = format!("souk_sk_{}", "A".repeat(43));
    for wrong in [secret.as_str(), &unknown, "souk_sk_", &format!("{secret}A"), &secret[..secret.len() - 1]] {
        souk.anyone().bearer(wrong).get("/api/v1/seller/offers").await.refused(401, "UNAUTHENTICATED");
        souk.anyone().bearer(wrong).get("/api/v1/admin/orders").await.refused(401, "UNAUTHENTICATED");
    }
    for body in [
        json!({"name": "X", "scopes": [], "expires_in_days": 30}),
        json!({"name": "X", "scopes": ["catalogue:read"], "expires_in_days": 0}),
        json!({"name": "X", "scopes": ["catalogue:read"], "expires_in_days": 367}),
        json!({"name": "", "scopes": ["catalogue:read"], "expires_in_days": 30}),
    ] {
        seller.client.post(SELLER, body).await.refused(422, "INVALID_VALUE");
    }
    let body = json!({"name": "X", "scopes": ["settings:write"], "expires_in_days": 30});
    seller.client.post(SELLER, body).await.refused(400, "MALFORMED_REQUEST");
}

#[tokio::test]
async fn an_operators_key_does_no_more_than_its_operator() {
    let souk = Souk::start().await;
    let (admin, id) = souk.operator("admin").await;
    let (secret, _) = make(&admin, ADMIN, &["orders:read", "money:write", "operations:read"]).await;
    let system = souk.anyone().bearer(&secret);
    system.get("/api/v1/admin/orders").await.expect(200);
    system.get("/api/v1/admin/ledger/trial-balance").await.refused(403, "FORBIDDEN");
    let missing = "/api/v1/admin/sellers/00000000-0000-7000-8000-000000000000/payouts";
    system.post_empty(missing).await.refused(404, "NOT_FOUND");
    system.get("/api/v1/admin/users").await.refused(403, "FORBIDDEN");
    system.get(ADMIN).await.refused(403, "FORBIDDEN");
    system.get("/api/v1/seller").await.refused(403, "FORBIDDEN");
    souk.set_role(&id, "read_only").await;
    system.get("/api/v1/admin/orders").await.expect(200);
    system.post_empty(missing).await.refused(403, "FORBIDDEN");
    souk.set_role(&id, "customer").await;
    system.get("/api/v1/admin/orders").await.refused(403, "FORBIDDEN");
    souk.set_role(&id, "admin").await;
    let closed = json!({"is_active": false});
    souk.admin().await.client.put(&format!("/api/v1/admin/users/{id}/active"), closed).await.expect(200);
    system.get("/api/v1/admin/orders").await.refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn of_many_keys_made_at_once_no_more_than_the_limit_are() {
    let souk = Souk::start().await;
    let seller = souk.seller("A Seller").await;
    let body = json!({"name": "A system", "scopes": ["catalogue:read"], "expires_in_days": 30});
    let many = (0..25).map(|_| seller.client.post(SELLER, body.clone()));
    let answers: Vec<Answer> = futures::future::join_all(many).await;
    assert_eq!(answers.iter().filter(|answer| answer.status.as_u16() == 201).count(), 20);
    assert_eq!(seller.client.list(SELLER).await.len(), 20);
}
