//! What a person does about their own account: proving and changing the address, passwords, sign-ins.

use serde_json::{Value, json};

use crate::souk::mail::Message;
use crate::souk::{Client, Options, Souk, text};

const PASSWORD: &str = "correct horse battery";

/// With messages in files, on both set-ups, and pages that links lead to.
async fn start() -> Souk {
    let options = Options::default().mail().env("SOUK_STOREFRONT_URL", "https://shop.example");
    Souk::with(options).await
}

async fn register(souk: &Souk, email: &str) -> Value {
    let body = json!({"email": email, "password": PASSWORD, "name": "Ann"});
    souk.anyone().post("/api/v1/auth/register", body).await.expect(201)
}

async fn sign_in(souk: &Souk, email: &str, password: &str) -> crate::souk::Answer {
    souk.anyone().post("/api/v1/auth/sign-in", json!({"email": email, "password": password})).await
}

async fn confirm(souk: &Souk, token: &str) -> crate::souk::Answer {
    souk.anyone().post("/api/v1/auth/confirm-email", json!({"token": token})).await
}

async fn reset(souk: &Souk, token: &str, password: &str) -> crate::souk::Answer {
    souk.anyone().post("/api/v1/auth/reset-password", json!({"token": token, "password": password})).await
}

fn client(souk: &Souk, session: &Value) -> Client {
    souk.anyone().bearer(text(&session["access_token"]))
}

#[tokio::test]
async fn an_address_is_proven_by_what_is_sent_there_and_by_the_newest_only() {
    let souk = start().await;
    let session = register(&souk, "ann@example.com").await;
    assert_eq!(session["user"]["email_verified"], false);
    let ann = client(&souk, &session);
    let first = souk.letters("verify_email", "ann@example.com", 1).await[0].token();
    ann.post_empty("/api/v1/me/verification").await.expect(200);
    let both = souk.letters("verify_email", "ann@example.com", 2).await;
    let newest = both.iter().map(Message::token).find(|token| *token != first).expect("another token");
    confirm(&souk, &first).await.refused(422, "TOKEN_NOT_GOOD");
    // It proves an address and sets no password.
    reset(&souk, &newest, "a password of mine").await.refused(422, "TOKEN_NOT_GOOD");
    assert_eq!(confirm(&souk, &newest).await.expect(200)["email_verified"], true);
    confirm(&souk, &newest).await.refused(422, "TOKEN_NOT_GOOD");
    assert_eq!(ann.get("/api/v1/me").await.expect(200)["email_verified"], true);
    let stored = "SELECT count(*) FROM account_token WHERE token_hash = $1";
    assert_eq!(souk.database().number(stored, [newest.as_str().into()]).await, 0, "the token itself is nowhere");
    for wrong in [String::new(), "0".repeat(64), "0".repeat(128)] {
        confirm(&souk, &wrong).await.refused(422, "TOKEN_NOT_GOOD");
    }
}

#[tokio::test]
async fn a_forgotten_password_is_set_once_and_ends_every_sign_in() {
    let souk = start().await;
    let session = register(&souk, "ann@example.com").await;
    let forgot = async |email: &str| {
        souk.anyone().post("/api/v1/auth/forgot-password", json!({"email": email})).await.expect(200)
    };
    assert_eq!(forgot(" ANN@example.com").await, forgot("nobody@example.com").await);
    let good = souk.letters("reset_password", "ann@example.com", 1).await[0].token();
    reset(&souk, &good, "short").await.refused(422, "INVALID_VALUE");
    // Of many at once one sets it.
    let passwords: Vec<String> = (0..6).map(|n| format!("new password {n}")).collect();
    let answers = futures::future::join_all(passwords.iter().map(|password| reset(&souk, &good, password))).await;
    let won: Vec<usize> = (0..6).filter(|n| answers[*n].status.is_success()).collect();
    assert_eq!(won.len(), 1);
    sign_in(&souk, "ann@example.com", PASSWORD).await.refused(401, "BAD_CREDENTIALS");
    let anew = sign_in(&souk, "ann@example.com", &passwords[won[0]]).await.expect(200);
    assert_eq!(anew["user"]["email_verified"], true, "who read the token reads the address");
    client(&souk, &session).get("/api/v1/me").await.refused(401, "UNAUTHENTICATED");
    let body = json!({"refresh_token": session["refresh_token"]});
    souk.anyone().post("/api/v1/auth/refresh", body).await.refused(401, "UNAUTHENTICATED");
    souk.letters("password_changed", "ann@example.com", 1).await;
    assert!(souk.mail().iter().all(|message| message.to != "nobody@example.com"));

    // What is over is over.
    forgot("ann@example.com").await;
    let late = souk.letters("reset_password", "ann@example.com", 2).await;
    let late = late.iter().map(Message::token).find(|token| *token != good).expect("another token");
    let past = crate::souk::long_ago();
    souk.database().execute("UPDATE account_token SET expires_at = $1 WHERE used_at IS NULL", [past.into()]).await;
    reset(&souk, &late, "a late password").await.refused(422, "TOKEN_NOT_GOOD");
}

#[tokio::test]
async fn an_account_moves_to_an_address_that_answers_and_the_old_one_is_told() {
    let souk = start().await;
    let ann = client(&souk, &register(&souk, "ann@example.com").await);
    let bob = client(&souk, &register(&souk, "bob@example.com").await);
    let change = |email: &str, password: &str| json!({"email": email, "current_password": password});
    let path = "/api/v1/me/email";
    ann.put(path, change("new@example.com", "a wrong password")).await.refused(422, "WRONG_PASSWORD");
    ann.put(path, change("bob@example.com", PASSWORD)).await.refused(409, "ALREADY_EXISTS");
    ann.put(path, change("nonsense", PASSWORD)).await.refused(422, "INVALID_VALUE");
    ann.put(path, change("new@example.com", PASSWORD)).await.expect(200);
    bob.put(path, change("new@example.com", PASSWORD)).await.expect(200);
    let sent = souk.letters("change_email", "new@example.com", 2).await;
    assert_eq!(ann.get("/api/v1/me").await.expect(200)["email"], "ann@example.com", "it has not moved yet");
    // Two who move to one address: one does.
    let tokens: Vec<String> = sent.iter().map(Message::token).collect();
    let (one, other) = tokio::join!(confirm(&souk, &tokens[0]), confirm(&souk, &tokens[1]));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let (moved, before) = match ann.get("/api/v1/me").await.expect(200)["email"] == "new@example.com" {
        true => (&ann, "ann@example.com"),
        false => (&bob, "bob@example.com"),
    };
    assert_eq!(moved.get("/api/v1/me").await.expect(200)["email_verified"], true);
    souk.letters("email_changed", before, 1).await;
    sign_in(&souk, before, PASSWORD).await.refused(401, "BAD_CREDENTIALS");
    sign_in(&souk, "new@example.com", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_changed_password_leaves_the_sign_in_that_changed_it() {
    let souk = start().await;
    let here = register(&souk, "ann@example.com").await;
    let there = sign_in(&souk, "ann@example.com", PASSWORD).await.expect(200);
    let body = |current: &str| json!({"current_password": current, "new_password": "another horse battery"});
    let ann = client(&souk, &here);
    ann.put("/api/v1/me/password", body("a wrong password")).await.refused(422, "WRONG_PASSWORD");
    ann.put("/api/v1/me/password", body(PASSWORD)).await.expect(200);
    ann.get("/api/v1/me").await.expect(200);
    client(&souk, &there).get("/api/v1/me").await.refused(401, "UNAUTHENTICATED");
    sign_in(&souk, "ann@example.com", PASSWORD).await.refused(401, "BAD_CREDENTIALS");
    sign_in(&souk, "ann@example.com", "another horse battery").await.expect(200);
}

#[tokio::test]
async fn sign_ins_are_listed_and_ended_one_by_one_or_all() {
    let souk = start().await;
    let ann = client(&souk, &register(&souk, "ann@example.com").await);
    let other = client(&souk, &sign_in(&souk, "ann@example.com", PASSWORD).await.expect(200));
    let stranger = client(&souk, &register(&souk, "bob@example.com").await);
    let path = "/api/v1/me/sessions";
    let listed = ann.get(path).await.expect(200)["items"].take();
    let listed = listed.as_array().expect("items");
    assert_eq!(listed.iter().filter(|session| session["current"] == true).count(), 1);
    assert_eq!(listed.len(), 2);
    let there = listed.iter().find(|session| session["current"] == false).expect("the other");
    let there = format!("{path}/{}", text(&there["id"]));
    stranger.delete(&there).await.refused(404, "NOT_FOUND");
    ann.delete(&there).await.expect(200);
    ann.delete(&there).await.refused(404, "NOT_FOUND");
    other.get("/api/v1/me").await.refused(401, "UNAUTHENTICATED");
    ann.get("/api/v1/me").await.expect(200);
    // For a seller and the marketplace, too, a sign-out everywhere acts at once.
    let seller = souk.seller("A Seller").await;
    seller.client.delete(path).await.expect(200);
    seller.client.get("/api/v1/seller/payouts").await.refused(401, "UNAUTHENTICATED");
    let (operator, _) = souk.operator("manager").await;
    operator.delete(path).await.expect(200);
    operator.get("/api/v1/admin/orders").await.refused(401, "UNAUTHENTICATED");
    stranger.get("/api/v1/me").await.expect(200);
}

#[tokio::test]
async fn whoever_registers_anothers_address_does_not_keep_its_owner_out() {
    let souk = start().await;
    let squatter = register(&souk, "victim@example.com").await;
    let applied = client(&souk, &squatter).post("/api/v1/me/seller", json!({"name": "Squatters"})).await.expect(201);
    let proof = json!({"current_password": PASSWORD});
    let key = json!({"name": "A system", "scopes": ["orders:read"], "expires_in_days": 30});
    // With a token that is for sellers.
    let squatter = client(&souk, &sign_in(&souk, "victim@example.com", PASSWORD).await.expect(200));
    squatter.post("/api/v1/me/totp", proof.clone()).await.refused(403, "FORBIDDEN");
    let refused = squatter.post("/api/v1/seller/api-keys", key.clone()).await.refused(403, "FORBIDDEN");
    assert!(text(&refused["message"]).contains("Confirm your e-mail address"), "{refused}");
    assert_eq!(souk.database().number("SELECT count(*) FROM api_key", []).await, 0);

    // As it was before that was asked for.
    souk.confirm_addresses().await;
    let key = squatter.post("/api/v1/seller/api-keys", key).await.expect(201);
    let begun = squatter.post("/api/v1/me/totp", proof).await.expect(201);
    let code = super::totp::code(text(&begun["secret"]), 0);
    squatter.post("/api/v1/me/totp/confirm", json!({"code": code})).await.expect(200);
    souk.database().execute("UPDATE app_user SET email_verified_at = NULL WHERE role = 'customer'", []).await;
    sign_in(&souk, "victim@example.com", PASSWORD).await.refused(401, "TOTP_REQUIRED");
    let system = souk.anyone().bearer(text(&key["secret"]));
    system.get("/api/v1/seller").await.expect(200);

    souk.anyone().post("/api/v1/auth/forgot-password", json!({"email": "victim@example.com"})).await.expect(200);
    let token = souk.letters("reset_password", "victim@example.com", 1).await[0].token();
    reset(&souk, &token, "the owner's password").await.expect(200);
    let owner = sign_in(&souk, "victim@example.com", "the owner's password").await.expect(200);
    assert_eq!((&owner["user"]["seller_id"], &owner["user"]["email_verified"]), (&applied["id"], &json!(true)));
    system.get("/api/v1/seller").await.refused(401, "UNAUTHENTICATED");
    squatter.get("/api/v1/me").await.refused(401, "UNAUTHENTICATED");

    // Of an address that is proven already, a reset ends sign-ins alone.
    let seller = souk.seller("Confirmed").await.client;
    let email = text(&seller.get("/api/v1/me").await.expect(200)["email"]).to_owned();
    let key = json!({"name": "A system", "scopes": ["orders:read"], "expires_in_days": 30});
    let key = seller.post("/api/v1/seller/api-keys", key).await.expect(201);
    souk.anyone().post("/api/v1/auth/forgot-password", json!({"email": email})).await.expect(200);
    let token = souk.letters("reset_password", &email, 1).await[0].token();
    reset(&souk, &token, "another horse battery").await.expect(200);
    souk.anyone().bearer(text(&key["secret"])).get("/api/v1/seller").await.expect(200);
}
