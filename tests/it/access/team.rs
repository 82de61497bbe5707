//! Teams of sellers: invited, joined, trusted, and left.

use serde_json::{Value, json};

use super::api_keys::tells_nothing_of_money;
use crate::souk::{Answer, Client, Options, Seller, Souk, long_ago, text};

async fn start() -> Souk {
    let options = Options::default().mail().env("SOUK_STOREFRONT_URL", "https://shop.example");
    Souk::with(options).await
}

fn areas(catalogue: bool, orders: bool, money: bool) -> Value {
    json!({"catalogue": catalogue, "orders": orders, "money": money})
}

async fn invite(seller: &Seller, email: &str) -> Answer {
    let body = json!({"email": email, "areas": areas(true, false, false)});
    seller.client.post("/api/v1/seller/invitations", body).await
}

/// The token of the newest of `count` invitations to an address.
async fn token(souk: &Souk, to: &str, count: usize) -> String {
    let tokens = souk.letters("seller_invitation", to, count).await.into_iter().map(|letter| {
        assert!(letter.says("Lamps and More") && letter.says("/accept-invitation?token="), "{}", letter.body);
        letter.token()
    });
    let live = "SELECT count(*) FROM seller_invitation WHERE email_index IS NOT NULL AND token_hash = $1";
    for token in tokens {
        let hash = souk_domain::account::token_hash(&token);
        if souk.database().number(live, [hash.into()]).await == 1 {
            return token;
        }
    }
    panic!("none of the invitations of {to} is open")
}

async fn accept(client: &Client, token: &str) -> Answer {
    client.post("/api/v1/me/invitations/accept", json!({"token": token})).await
}

async fn confirm(souk: &Souk, count: usize) {
    let sql = "UPDATE app_user SET email_verified_at = created_at";
    souk.database().execute(sql, []).await;
    let confirmed = "SELECT count(*) FROM app_user WHERE email_verified_at IS NOT NULL";
    assert!(souk.database().number(confirmed, []).await >= i64::try_from(count).expect("few"));
}

/// Signed in anew, with tokens for the seller's API.
async fn again(souk: &Souk, email: &str) -> Client {
    souk.anyone().sign_in(email, crate::souk::client::PASSWORD).await
}

#[tokio::test]
async fn who_is_invited_joins_is_trusted_with_other_things_and_is_let_go_at_once() {
    let souk = start().await;
    let seller = souk.seller("Lamps and More").await;
    let other = souk.seller("Another").await;
    let bob = souk.anyone().register("bob@example.com").await;
    let invited = invite(&seller, " Bob@Example.com ").await.expect(201);
    assert_eq!((&invited["status"], &invited["email"]), (&json!("open"), &json!("bob@example.com")));
    let token = token(&souk, "bob@example.com", 1).await;

    // Only the account of the address, and only once it is confirmed.
    accept(&bob, &token).await.refused(403, "FORBIDDEN");
    confirm(&souk, 1).await;
    let stranger = souk.anyone().register("stranger@example.com").await;
    confirm(&souk, 2).await;
    accept(&stranger, &token).await.refused(403, "FORBIDDEN");
    accept(&bob, &"0".repeat(64)).await.refused(422, "TOKEN_NOT_GOOD");
    let joined = accept(&bob, &token).await.expect(200);
    assert_eq!((&joined["seller_id"], &joined["areas"]), (&json!(seller.id), &areas(true, false, false)));
    accept(&bob, &token).await.refused(422, "TOKEN_NOT_GOOD");
    invite(&seller, "bob@example.com").await.refused(409, "ALREADY_EXISTS");
    let own = seller.client.list("/api/v1/seller/invitations").await;
    assert_eq!((own.len(), &own[0]["status"], own[0].get("email")), (1, &json!("accepted"), None));
    let path = format!("/api/v1/seller/invitations/{}", text(&invited["id"]));
    seller.client.delete(&path).await.refused(409, "ILLEGAL_TRANSITION");

    let bob = again(&souk, "bob@example.com").await;
    bob.get("/api/v1/seller/offers").await.expect(200);
    bob.get("/api/v1/seller/payouts").await.refused(403, "FORBIDDEN");
    tells_nothing_of_money(&bob.get("/api/v1/seller").await.expect(200));
    // The team is the owner's.
    bob.get("/api/v1/seller/members").await.refused(403, "FORBIDDEN");
    let team = seller.client.get("/api/v1/seller/members").await.expect(200)["items"].take();
    let roles: Vec<&str> = team.as_array().expect("members").iter().map(|member| text(&member["role"])).collect();
    assert_eq!(roles, ["owner", "staff"]);
    assert_eq!(team[1]["email"], "bob@example.com");
    let (owner, member) = (text(&team[0]["user_id"]), text(&team[1]["user_id"]));
    let path = |user: &str| format!("/api/v1/seller/members/{user}");
    seller.client.put(&path(member), areas(false, false, true)).await.expect(200);
    bob.get("/api/v1/seller/offers").await.refused(403, "FORBIDDEN");
    bob.get("/api/v1/seller/payouts").await.expect(200);
    assert!(bob.get("/api/v1/seller").await.expect(200)["balances"].is_array());

    other.client.put(&path(member), areas(true, true, true)).await.refused(404, "NOT_FOUND");
    other.client.delete(&path(member)).await.refused(404, "NOT_FOUND");
    seller.client.put(&path(owner), areas(false, false, false)).await.refused(409, "ILLEGAL_TRANSITION");
    seller.client.delete(&path(owner)).await.refused(409, "ILLEGAL_TRANSITION");
    seller.client.delete(&path(member)).await.expect(200);
    bob.get("/api/v1/seller/payouts").await.refused(403, "FORBIDDEN");
    seller.client.delete(&path(member)).await.refused(404, "NOT_FOUND");

    // Who was let go can be invited again, and who acts for a seller joins no other.
    invite(&seller, "bob@example.com").await.expect(201);
    let body = json!({"email": "bob@example.com", "areas": areas(true, true, true)});
    other.client.post("/api/v1/seller/invitations", body).await.expect(201);
}

#[tokio::test]
async fn an_invitation_is_replaced_revoked_forgotten_and_over() {
    let souk = start().await;
    let seller = souk.seller("Lamps and More").await;
    let bob = souk.anyone().register("bob@example.com").await;
    confirm(&souk, 2).await;
    invite(&seller, "no address").await.refused(422, "INVALID_VALUE");
    invite(&seller, "bob@example.com").await.expect(201);
    let first = token(&souk, "bob@example.com", 1).await;
    let second = invite(&seller, "bob@example.com").await.expect(201);
    accept(&bob, &first).await.refused(422, "TOKEN_NOT_GOOD");
    let newest = token(&souk, "bob@example.com", 2).await;
    let path = format!("/api/v1/seller/invitations/{}", text(&second["id"]));
    assert_eq!(seller.client.delete(&path).await.expect(200)["status"], "revoked");
    assert_eq!(seller.client.delete(&path).await.expect(200)["status"], "revoked");
    accept(&bob, &newest).await.refused(422, "TOKEN_NOT_GOOD");

    invite(&seller, "bob@example.com").await.expect(201);
    let late = token(&souk, "bob@example.com", 3).await;
    souk.database().execute("UPDATE seller_invitation SET expires_at = $1", [long_ago().into()]).await;
    accept(&bob, &late).await.refused(422, "TOKEN_NOT_GOOD");
    let listed = seller.client.list("/api/v1/seller/invitations").await;
    assert_eq!(listed[0]["status"], "expired");

    // Whoever is erased is invited to nothing any more.
    invite(&seller, "bob@example.com").await.expect(201);
    token(&souk, "bob@example.com", 4).await;
    let erase = json!({"current_password": crate::souk::client::PASSWORD});
    bob.post("/api/v1/me/erase", erase).await.expect(200);
    let known = "SELECT count(*) FROM seller_invitation WHERE email IS NOT NULL";
    assert_eq!(souk.database().number(known, []).await, 0);
}

#[tokio::test]
async fn an_invitation_is_accepted_once_or_revoked_however_many_try() {
    let souk = start().await;
    let seller = souk.seller("Lamps and More").await;
    for round in 0..6 {
        let email = format!("racer{round}@example.com");
        let racer = souk.anyone().register(&email).await;
        confirm(&souk, round).await;
        let invited = invite(&seller, &email).await.expect(201);
        let token = token(&souk, &email, 1).await;
        let path = format!("/api/v1/seller/invitations/{}", text(&invited["id"]));
        let accepts = futures::future::join_all((0..4).map(|_| accept(&racer, &token)));
        let (accepted, revoked) = tokio::join!(accepts, seller.client.delete(&path));
        let joined = accepted.iter().filter(|answer| answer.status.as_u16() == 200).count();
        for answer in accepted.iter().filter(|answer| answer.status.as_u16() != 200) {
            answer.refused(422, "TOKEN_NOT_GOOD");
        }
        match revoked.status.as_u16() {
            200 => assert_eq!(joined, 0, "revoked, and accepted all the same"),
            409 => assert_eq!(joined, 1),
            other => panic!("{other}: {}", revoked.json()),
        }
    }
}
