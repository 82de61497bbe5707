//! The second factor of sellers' and operators' accounts.

use data_encoding::BASE32_NOPAD;
use futures::future::join_all;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use souk_domain::Clock;

use crate::souk::client::PASSWORD;
use crate::souk::{Answer, Client, Options, Souk, text};

const TOTP: &str = "/api/v1/me/totp";

async fn start(delay_ms: u32) -> Souk {
    Souk::with(Options::default().mail().env("SOUK_SIGN_IN_DELAY_MS", delay_ms)).await
}

/// What a device shows, so many steps of 30 seconds from now (RFC 6238).
pub(super) fn code(secret: &str, steps: i64) -> String {
    let key = BASE32_NOPAD.decode(secret.as_bytes()).expect("base32");
    let step = Clock::System.now().timestamp() / 30 + steps;
    let mut mac = Hmac::<Sha1>::new_from_slice(&key).expect("a key");
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let number = u32::from_be_bytes(digest[at..at + 4].try_into().expect("four bytes")) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// A code that is none of a device's.
fn wrong(secret: &str) -> String {
    let near: Vec<String> = (-2..=2).map(|steps| code(secret, steps)).collect();
    (0..10).map(|n| format!("{n}00000")).find(|code| !near.contains(code)).expect("one of ten")
}

async fn sign_in(souk: &Souk, email: &str, password: &str, code: Option<&str>) -> Answer {
    let mut body = json!({"email": email, "password": password});
    if let Some(code) = code {
        body["totp_code"] = json!(code);
    }
    souk.anyone().post("/api/v1/auth/sign-in", body).await
}

/// Somebody with a second factor.
struct Enrolled {
    client: Client,
    email: String,
    id: String,
    secret: String,
    recovery: Vec<String>,
}

async fn enrol(client: Client) -> Enrolled {
    let me = client.get("/api/v1/me").await.expect(200);
    let begun = client.post(TOTP, json!({"current_password": PASSWORD})).await.expect(201);
    let secret = text(&begun["secret"]).to_owned();
    let confirmed = client.post(&format!("{TOTP}/confirm"), json!({"code": code(&secret, 0)})).await.expect(200);
    let recovery = confirmed["recovery_codes"].as_array().expect("codes").iter().map(|code| text(code).to_owned());
    Enrolled {
        client,
        email: text(&me["email"]).to_owned(),
        id: text(&me["id"]).to_owned(),
        secret,
        recovery: recovery.collect(),
    }
}

#[tokio::test]
async fn a_seller_turns_it_on_signs_in_with_it_and_turns_it_off() {
    let souk = start(1).await;
    let seller = souk.seller("Careful").await.client;
    let me = seller.get("/api/v1/me").await.expect(200);
    assert_eq!(me["totp"], json!({"recovery_codes": 0}));
    let email = text(&me["email"]);
    let elsewhere = souk.anyone().sign_in(email, PASSWORD).await;

    seller.post(TOTP, json!({"current_password": "a wrong password"})).await.refused(422, "WRONG_PASSWORD");
    seller.post(&format!("{TOTP}/confirm"), json!({"code": "123456"})).await.refused(409, "ILLEGAL_TRANSITION");
    let first = seller.post(TOTP, json!({"current_password": PASSWORD})).await.expect(201);
    let begun = seller.post(TOTP, json!({"current_password": PASSWORD})).await.expect(201);
    let secret = text(&begun["secret"]);
    assert_ne!(text(&first["secret"]), secret, "begun again, it is another one");
    let uri = text(&begun["otpauth_uri"]);
    assert!(uri.starts_with("otpauth://totp/souk:") && uri.contains(secret) && uri.contains("issuer=souk"), "{uri}");
    sign_in(&souk, email, PASSWORD, None).await.expect(200);
    let confirm = async |code: &str| seller.post(&format!("{TOTP}/confirm"), json!({"code": code})).await;
    confirm(&code(text(&first["secret"]), 0)).await.refused(422, "WRONG_CODE");
    let codes = confirm(&code(secret, 0)).await.expect(200)["recovery_codes"].take();
    let codes: Vec<&str> = codes.as_array().expect("codes").iter().map(text).collect();
    assert_eq!(codes.len(), 10);
    seller.post(TOTP, json!({"current_password": PASSWORD})).await.refused(409, "ALREADY_EXISTS");
    let totp = seller.get("/api/v1/me").await.expect(200)["totp"].take();
    assert!(totp["enabled_at"].is_string() && totp["recovery_codes"] == 10, "{totp}");
    elsewhere.get("/api/v1/me").await.refused(401, "UNAUTHENTICATED");
    souk.letters("totp_enabled", email, 1).await;

    // Only whoever knows the password learns that there is a second factor.
    sign_in(&souk, email, "a wrong password", None).await.refused(401, "BAD_CREDENTIALS");
    sign_in(&souk, email, "a wrong password", Some(&code(secret, 1))).await.refused(401, "BAD_CREDENTIALS");
    sign_in(&souk, email, PASSWORD, None).await.refused(401, "TOTP_REQUIRED");
    sign_in(&souk, email, PASSWORD, Some(&wrong(secret))).await.refused(401, "BAD_CREDENTIALS");
    let next = code(secret, 1);
    sign_in(&souk, email, PASSWORD, Some(&next)).await.expect(200);
    sign_in(&souk, email, PASSWORD, Some(&next)).await.refused(401, "BAD_CREDENTIALS");
    let typed = codes[0].to_lowercase().replace('-', " ");
    sign_in(&souk, email, PASSWORD, Some(&typed)).await.expect(200);
    sign_in(&souk, email, PASSWORD, Some(codes[0])).await.refused(401, "BAD_CREDENTIALS");
    assert_eq!(seller.get("/api/v1/me").await.expect(200)["totp"]["recovery_codes"], 9);
    for code in &codes {
        let stored = "SELECT count(*) FROM recovery_code WHERE code_hash = $1";
        assert_eq!(souk.database().number(stored, [(*code).into()]).await, 0, "only hashes are kept");
    }

    let disable = async |password: &str, code: &str| {
        seller.post(&format!("{TOTP}/disable"), json!({"current_password": password, "code": code})).await
    };
    disable("a wrong password", codes[1]).await.refused(422, "WRONG_PASSWORD");
    disable(PASSWORD, codes[0]).await.refused(422, "WRONG_CODE");
    assert_eq!(disable(PASSWORD, codes[1]).await.expect(200), json!({"enabled": false}));
    disable(PASSWORD, codes[2]).await.refused(409, "ILLEGAL_TRANSITION");
    sign_in(&souk, email, PASSWORD, None).await.expect(200);
    souk.letters("totp_disabled", email, 1).await;
}

#[tokio::test]
async fn a_code_is_used_once_however_many_show_it_at_once() {
    let souk = start(1).await;
    let (operator, _) = souk.operator("manager").await;
    let enrolled = enrol(operator).await;
    for code in [code(&enrolled.secret, 1), enrolled.recovery[0].clone()] {
        let attempts = (0..8).map(|_| sign_in(&souk, &enrolled.email, PASSWORD, Some(&code)));
        let answers = join_all(attempts).await;
        assert_eq!(answers.iter().filter(|answer| answer.status.is_success()).count(), 1, "{code}");
        for answer in answers.iter().filter(|answer| !answer.status.is_success()) {
            answer.refused(401, "BAD_CREDENTIALS");
        }
    }
    let left = enrolled.client.get("/api/v1/me").await.expect(200)["totp"]["recovery_codes"].take();
    assert_eq!(left, 9);
    // Two who turn it off at once, by codes of their own.
    let disable = |code: &str| json!({"current_password": PASSWORD, "code": code});
    let path = format!("{TOTP}/disable");
    let (one, other) = tokio::join!(
        enrolled.client.post(&path, disable(&enrolled.recovery[1])),
        enrolled.client.post(&path, disable(&enrolled.recovery[2])),
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
}

#[tokio::test]
async fn codes_are_not_guessed_faster_than_passwords() {
    let souk = start(60_000).await;
    let enrolled = enrol(souk.seller("Guessed at").await.client).await;
    let wrong = wrong(&enrolled.secret);
    for _ in 0..5 {
        // Showing the right password alone gives no failure back.
        sign_in(&souk, &enrolled.email, PASSWORD, None).await.refused(401, "TOTP_REQUIRED");
        sign_in(&souk, &enrolled.email, PASSWORD, Some(&wrong)).await.refused(401, "BAD_CREDENTIALS");
    }
    let good = code(&enrolled.secret, 1);
    let answer = sign_in(&souk, &enrolled.email, PASSWORD, Some(&good)).await;
    answer.refused(429, "RATE_LIMITED");
    assert!(answer.header("retry-after").is_some());
    let disable = |code: &str| json!({"current_password": PASSWORD, "code": code});
    let path = format!("{TOTP}/disable");
    for _ in 0..5 {
        enrolled.client.post(&path, disable(&wrong)).await.refused(422, "WRONG_CODE");
    }
    enrolled.client.post(&path, disable(&good)).await.refused(429, "RATE_LIMITED");
}

#[tokio::test]
async fn an_administrator_ends_it_for_somebody_who_has_lost_it() {
    let souk = start(1).await;
    let shopper = souk.shopper().await.client();
    shopper.post(TOTP, json!({"current_password": PASSWORD})).await.refused(403, "FORBIDDEN");
    let (operator, _) = souk.operator("manager").await;
    let enrolled = enrol(operator).await;
    let admin = &souk.admin().await.client;
    let own = text(&admin.get("/api/v1/me").await.expect(200)["id"]).to_owned();
    let path = |user: &str, what: &str| format!("/api/v1/admin/users/{user}/totp/{what}");
    let reason = json!({"reason": "Lost her telephone; called back."});
    admin.post(&path(&own, "reset"), reason.clone()).await.refused(403, "FORBIDDEN");
    let of_shopper = text(&shopper.get("/api/v1/me").await.expect(200)["id"]).to_owned();
    admin.post(&path(&of_shopper, "reset"), reason.clone()).await.refused(409, "ILLEGAL_TRANSITION");
    admin.post(&path(&enrolled.id, "reset"), json!({"reason": ""})).await.refused(422, "INVALID_VALUE");
    enrolled.client.post(&path(&own, "reset"), reason.clone()).await.refused(403, "FORBIDDEN");

    // Of two at once one ends it.
    let at = path(&enrolled.id, "reset");
    let (one, other) = tokio::join!(admin.post(&at, reason.clone()), admin.post(&at, reason.clone()));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let listed = admin.get(&path(&enrolled.id, "resets")).await.expect(200)["items"].take();
    let [reset] = listed.as_array().expect("items").as_slice() else { panic!("{listed}") };
    assert_eq!((text(&reset["reset_by"]), text(&reset["reason"])), (own.as_str(), text(&reason["reason"])));
    souk.letters("totp_disabled", &enrolled.email, 1).await;
    sign_in(&souk, &enrolled.email, PASSWORD, None).await.expect(200);
    let entries = admin.list(&format!("/api/v1/admin/audit?subject_id={}", enrolled.id)).await;
    let of_reset: Vec<&Value> = entries.iter().filter(|entry| entry["operation"] == "resetTotp").collect();
    assert_eq!(of_reset.len(), 1, "{entries:?}");
    assert!(!of_reset[0].to_string().contains("telephone"), "an entry holds nobody's words");
}
