//! API keys of sellers and operators.

use futures::future::join;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::souk::{Answer, Client, Options, Seller, Souk, long_ago, text};

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

const OFFERS: &str = "/api/v1/seller/offers";

/// The account behind a client of the storefront's API.
async fn me(client: &Client) -> (String, String) {
    let me = client.get("/api/v1/me").await.expect(200);
    (text(&me["id"]).to_owned(), text(&me["email"]).to_owned())
}

async fn set_active(souk: &Souk, user: &str, active: bool) {
    let path = format!("/api/v1/admin/users/{user}/active");
    souk.admin().await.client.put(&path, json!({"is_active": active})).await.expect(200);
}

#[tokio::test]
async fn a_sellers_keys_end_with_the_account_of_whoever_made_them() {
    let souk = Souk::start().await;
    let seller = souk.seller("A Seller").await;
    let (owner, _) = me(&seller.client).await;
    let (secret, _) = make(&seller.client, SELLER, &["catalogue:read", "money:write"]).await;
    let system = souk.anyone().bearer(&secret);
    system.get(OFFERS).await.expect(200);
    set_active(&souk, &owner, false).await;
    system.get(OFFERS).await.refused(401, "UNAUTHENTICATED");
    let refund = "/api/v1/seller/orders/00000000-0000-7000-8000-000000000000/refunds";
    system.post(refund, json!({})).await.refused(401, "UNAUTHENTICATED");
    set_active(&souk, &owner, true).await;
    system.get(OFFERS).await.refused(401, "UNAUTHENTICATED");
    let admin = &souk.admin().await.client;
    let entries = admin.list("/api/v1/admin/audit?operation=setUserActive").await;
    let closing = format!("/api/v1/admin/audit/{}", text(&entries[1]["id"]));
    let closing = admin.get(&closing).await.expect(200);
    let key = closing["changes"].as_array().expect("changes").iter().find(|change| change["kind"] == "api_key");
    assert_eq!(key.map(|key| &key["fields"][0]["name"]), Some(&json!("revoked_at")), "{closing}");
}

#[tokio::test]
async fn a_sellers_keys_do_not_come_back_with_another_application() {
    let souk = Souk::start().await;
    let seller = Seller::apply(souk.shopper().await.client(), "Hasty").await;
    souk.confirm_addresses().await;
    let (secret, _) = make(&seller.client, SELLER, &["catalogue:read"]).await;
    let system = souk.anyone().bearer(&secret);
    system.get(OFFERS).await.expect(200);
    let path = format!("/api/v1/admin/sellers/{}/reject", seller.id);
    souk.admin().await.client.post(&path, json!({"reason": "No address was given."})).await.expect(200);
    system.get(OFFERS).await.refused(401, "UNAUTHENTICATED");
    seller.client.post("/api/v1/me/seller", json!({"name": "Patient"})).await.expect(201);
    seller.client.get(OFFERS).await.expect(200);
    system.get(OFFERS).await.refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn who_is_out_of_the_team_acts_by_no_key() {
    let souk = Souk::start().await;
    let seller = souk.seller("A Seller").await;
    let (owner, _) = me(&seller.client).await;
    let (member, _) = me(&souk.anyone().register("member@example.com").await).await;
    let join = "INSERT INTO seller_member (seller_id, user_id, role, catalogue, orders, money, created_at) \
                VALUES ($1, $2, 'staff', true, false, false, $3)";
    let id = |text: &str| -> sea_orm::Value { text.parse::<Uuid>().expect("an id").into() };
    souk.database().execute(join, [id(&seller.id), id(&member), long_ago().into()]).await;
    // As if they had been an owner when they made it: their key does what they still may.
    let (secret, _) = make(&seller.client, SELLER, &["catalogue:read", "orders:read"]).await;
    let give = "UPDATE api_key SET user_id = $1 WHERE user_id = $2";
    souk.database().execute(give, [id(&member), id(&owner)]).await;
    let system = souk.anyone().bearer(&secret);
    system.get(OFFERS).await.expect(200);
    system.get("/api/v1/seller/orders").await.refused(403, "FORBIDDEN");
    seller.client.delete(&format!("/api/v1/seller/members/{member}")).await.expect(200);
    system.get(OFFERS).await.refused(401, "UNAUTHENTICATED");
    souk.database().execute(join, [id(&seller.id), id(&member), long_ago().into()]).await;
    system.get(OFFERS).await.refused(401, "UNAUTHENTICATED");
    // The membership is looked at, too, and not only the revocation.
    let revive = "UPDATE api_key SET revoked_at = NULL";
    souk.database().execute(revive, []).await;
    system.get(OFFERS).await.expect(200);
    souk.database().execute("DELETE FROM seller_member WHERE user_id = $1", [id(&member)]).await;
    system.get(OFFERS).await.refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn administrators_see_and_revoke_the_keys_of_any_seller() {
    let souk = Souk::start().await;
    let (seller, other) = (souk.seller("A Seller").await, souk.seller("Another Seller").await);
    let (secret, key) = make(&seller.client, SELLER, &["catalogue:read"]).await;
    let admin = &souk.admin().await.client;
    let of = |seller: &Seller| format!("/api/v1/admin/sellers/{}/api-keys", seller.id);
    let listed = admin.list(&of(&seller)).await;
    assert_eq!((listed.len(), &listed[0]["id"], listed[0].get("secret")), (1, &key["id"], None));
    assert!(admin.list(&of(&other)).await.is_empty());
    let id = text(&key["id"]);
    admin.delete(&format!("{}/{id}", of(&other))).await.refused(404, "NOT_FOUND");
    souk.anyone().bearer(&secret).get(OFFERS).await.expect(200);
    let revoked = admin.delete(&format!("{}/{id}", of(&seller))).await.expect(200);
    assert!(revoked["revoked_at"].is_string(), "{revoked}");
    souk.anyone().bearer(&secret).get(OFFERS).await.refused(401, "UNAUTHENTICATED");
    let entries = admin.list("/api/v1/admin/audit?operation=adminRevokeSellerApiKey").await;
    assert!(entries.iter().any(|entry| entry.to_string().contains(id)), "{entries:?}");
    for role in ["read_only", "manager"] {
        souk.operator(role).await.0.get(&of(&seller)).await.refused(403, "FORBIDDEN");
    }
}

#[tokio::test]
async fn owners_are_told_of_a_new_key_and_of_another_payout_account() {
    let souk = Souk::with(Options::default().mail()).await;
    let seller = souk.seller("Lamps and More").await;
    let (_, email) = me(&seller.client).await;
    let (secret, key) = make(&seller.client, SELLER, &["money:write"]).await;
    let told = souk.letters("seller_api_key_created", &email, 1).await;
    for word in ["Lamps and More", "A system", "money:write", text(&key["prefix"])] {
        assert!(told[0].says(word), "{word}: {}", told[0].body);
    }
    assert!(!told[0].body.contains(&secret));
    let set = async |account: &str| {
        seller.client.put("/api/v1/seller/payout-account", json!({"account": account})).await.expect(200);
    };
    set("acct_first").await;
    set("acct_first").await;
    set("acct_second").await;
    let told = souk.letters("seller_payout_account_changed", &email, 2).await;
    assert!(told.iter().all(|letter| letter.says("Lamps and More") && !letter.body.contains("acct_")));
    souk.settle().await;
    assert_eq!(souk.letters("seller_payout_account_changed", &email, 2).await.len(), 2, "the same account is no news");
}

#[tokio::test]
async fn no_key_slips_past_the_closing_of_its_makers_account() {
    let souk = Souk::start().await;
    let admin = &souk.admin().await.client;
    for round in 0..6 {
        let seller = souk.seller(&format!("Racing {round}")).await;
        let (owner, _) = me(&seller.client).await;
        let body = json!({"name": "A system", "scopes": ["catalogue:read"], "expires_in_days": 30});
        let path = format!("/api/v1/admin/users/{owner}/active");
        let close = admin.put(&path, json!({"is_active": false}));
        let (made, closed) = join(seller.client.post(SELLER, body), close).await;
        closed.expect(200);
        assert!([201, 401].contains(&made.status.as_u16()), "{}", made.status);
    }
    let live = "SELECT count(*) FROM api_key WHERE revoked_at IS NULL";
    assert_eq!(souk.database().number(live, []).await, 0);
}
