//! Access tokens, refresh tokens, and the tokens of guests.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use souk_domain::Clock;

use crate::souk::{Answer, Client, Options, Souk, admin, text};

pub(super) const SECRET: &str = "the master secret of these tests";

/// The key that access tokens are signed with.
pub(super) fn key() -> Vec<u8> {
    Sha256::digest(format!("souk access token\0{SECRET}").as_bytes()).to_vec()
}

/// The id by which tokens name that key.
fn kid() -> String {
    Sha256::digest(key())[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn token(algorithm: Algorithm, key: &[u8], claims: &Value) -> String {
    let header = Header { kid: Some(kid()), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(key)).expect("a token")
}

/// The claims of a token that was given.
pub(super) fn claims_of(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("JSON")
}

/// Those claims with changes.
pub(super) fn changed(claims: &Value, changes: Value) -> Value {
    let mut claims = claims.clone();
    let fields = claims.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => drop(fields.remove(name)),
            value => drop(fields.insert(name.clone(), value.clone())),
        }
    }
    claims
}

#[tokio::test]
async fn a_token_that_is_not_ours_or_over_counts_for_nothing() {
    let souk = Souk::with(Options::default().env("SOUK_SECRET", SECRET)).await;
    let session = register(&souk.anyone(), "ann@example.com").await;
    let given = claims_of(text(&session["access_token"]));
    let claims = |changes: Value| changed(&given, changes);
    let admin = souk.admin().await.client.get("/api/v1/me").await.expect(200)["id"].take();
    let now = Clock::System.now().timestamp();
    let ours = token(Algorithm::HS256, &key(), &claims(json!({})));
    souk.anyone().bearer(&ours).get("/api/v1/me").await.expect(200);

    let payload = ours.split('.').nth(1).expect("a payload");
    let code = ours.split('.').nth(2).expect("a signature");
    // {"alg":"none","typ":"JWT"} and {"alg":"NONE"}
    let none = ["eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0", "eyJhbGciOiJOT05FIn0"];
    let of_admin = token(Algorithm::HS256, b"a guess", &claims(json!({"sub": admin})));
    let swapped = of_admin.split('.').nth(1).expect("a payload");
    let first = ours.split('.').next().expect("a header");
    let wrong = [
        ("expired", token(Algorithm::HS256, &key(), &claims(json!({"exp": now - 1})))),
        ("expired long ago", token(Algorithm::HS256, &key(), &claims(json!({"exp": 0})))),
        ("without an end", token(Algorithm::HS256, &key(), &claims(json!({"exp": null})))),
        ("with words for an end", token(Algorithm::HS256, &key(), &claims(json!({"exp": "never"})))),
        ("of another issuer", token(Algorithm::HS256, &key(), &claims(json!({"iss": "bazaar"})))),
        ("for another audience", token(Algorithm::HS256, &key(), &claims(json!({"aud": ["bazaar"]})))),
        ("for no audience", token(Algorithm::HS256, &key(), &claims(json!({"aud": null})))),
        ("without a sign-in", token(Algorithm::HS256, &key(), &claims(json!({"sid": null})))),
        ("of tomorrow", token(Algorithm::HS256, &key(), &claims(json!({"iat": now + 86_400, "exp": now + 90_000})))),
        ("of nobody", token(Algorithm::HS256, &key(), &claims(json!({"sub": null})))),
        ("of no id", token(Algorithm::HS256, &key(), &claims(json!({"sub": "admin"})))),
        ("under another key", token(Algorithm::HS256, b"another key", &claims(json!({})))),
        ("under the master secret", token(Algorithm::HS256, SECRET.as_bytes(), &claims(json!({})))),
        ("by HS384", token(Algorithm::HS384, &key(), &claims(json!({})))),
        ("by HS512", token(Algorithm::HS512, &key(), &claims(json!({})))),
        ("by none", format!("{}.{payload}.", none[0])),
        ("by none, with a signature", format!("{}.{payload}.{code}", none[0])),
        ("by NONE", format!("{}.{payload}.", none[1])),
        ("without its signature", format!("{first}.{payload}.")),
        ("with another payload", format!("{first}.{swapped}.{code}")),
        ("cut", ours[..ours.len() - 2].to_owned()),
        ("doubled", format!("{ours}{ours}")),
        ("garbage", "garbage".to_owned()),
        ("dots", "..".to_owned()),
        ("empty", String::new()),
    ];
    for (what, token) in &wrong {
        for path in ["/api/v1/me", "/api/v1/orders", "/api/v1/seller", "/api/v1/admin/orders"] {
            let answer = souk.anyone().bearer(token).get(path).await;
            assert_eq!(answer.status.as_u16(), 401, "{what}: {path}: {}", answer.json());
            answer.refused(401, "UNAUTHENTICATED");
        }
        // Also where a credential may be left out, a wrong one is not taken for none.
        let answer = souk.anyone().bearer(token).post("/api/v1/carts", json!({"currency": "USD"})).await;
        assert_ne!(answer.status.as_u16() / 100, 5, "{what}: {}", answer.json());
    }
    // A good token of an account that there is not.
    let nobody = token(Algorithm::HS256, &key(), &claims(json!({"sub": "00000000-0000-7000-8000-000000000000"})));
    let nobody = souk.anyone().bearer(&nobody);
    nobody.get("/api/v1/me").await.refused(401, "UNAUTHENTICATED");
    nobody.get("/api/v1/seller").await.refused(401, "UNAUTHENTICATED");
    // A token for other APIs of ours is good, and not for this.
    let ours = souk.anyone().bearer(&ours);
    ours.get("/api/v1/seller").await.refused(403, "FORBIDDEN");
    ours.get("/api/v1/admin/orders").await.refused(403, "FORBIDDEN");
}

/// A token of any header, claims as they are written, signed by HS256.
fn forged(header: &str, claims: &str, key: &[u8]) -> String {
    let signed = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(claims));
    let code = jsonwebtoken::crypto::sign(signed.as_bytes(), &EncodingKey::from_secret(key), Algorithm::HS256);
    format!("{signed}.{}", code.expect("a signature"))
}

#[tokio::test]
async fn no_header_of_a_token_chooses_how_it_is_checked() {
    let souk = Souk::with(Options::default().env("SOUK_SECRET", SECRET)).await;
    let session = register(&souk.anyone(), "ann@example.com").await;
    let claims = claims_of(text(&session["access_token"]));
    let now = Clock::System.now().timestamp();
    let (written, kid) = (claims.to_string(), kid());
    let header = |changes: Value| changed(&json!({"alg": "HS256", "typ": "JWT", "kid": kid}), changes).to_string();
    // The way of making them is right.
    let good = forged(&header(json!({})), &written, &key());
    souk.anyone().bearer(&good).get("/api/v1/me").await.expect(200);
    let from_now = changed(&claims, json!({"nbf": now - 10})).to_string();
    souk.anyone().bearer(&forged(&header(json!({})), &from_now, &key())).get("/api/v1/me").await.expect(200);

    let own = json!({"kty": "oct", "k": BASE64_URL_SAFE_NO_PAD.encode(b"a key of the forger's own, long enough")});
    let theirs = b"a key of the forger's own, long enough".as_slice();
    let derived = |purpose: &str| Sha256::digest(format!("{purpose}\0{SECRET}").as_bytes()).to_vec();
    let mut wrong: Vec<(String, String)> = Vec::new();
    let kids = [
        json!(null),
        json!(""),
        json!("unknown"),
        json!("../../../../dev/null"),
        json!("/dev/null"),
        json!("/proc/self/environ"),
        json!("' OR '1'='1"),
        json!("x' UNION SELECT 'a"),
        json!("https://example.com/key"),
        json!("| id"),
        json!(0),
        json!(true),
        json!([kid]),
        json!({"kid": kid}),
        json!(format!("{kid}\0")),
        json!(kid.to_uppercase() + " "),
    ];
    for name in kids {
        // Under our own key, and under what a look-up of such a name could come back with.
        for key in [key(), Vec::new(), vec![0], name.as_str().unwrap_or_default().as_bytes().to_vec()] {
            wrong.push((format!("kid {name}"), forged(&header(json!({"kid": name})), &written, &key)));
        }
    }
    let places = [
        ("jwk", own.clone()),
        ("jku", json!("https://example.com/keys")),
        ("jku", json!("http://127.0.0.1/keys")),
        ("x5u", json!("https://example.com/chain")),
        ("x5c", json!(["MIIB"])),
    ];
    for (name, value) in places {
        wrong.push((format!("{name} under their key"), forged(&header(json!({name: value})), &written, theirs)));
    }
    for value in [json!(["exp"]), json!(["b64"]), json!([]), json!("exp"), json!(["souk"])] {
        let asked = header(json!({"crit": value, "b64": false}));
        wrong.push((format!("crit {value}"), forged(&asked, &written, &key())));
    }
    for algorithm in
        ["none", "None", "nOnE", "NONE", "", "RS256", "HS512", "ES256", "hs256", "HS256 ", "PS256", "EdDSA"]
    {
        let header = header(json!({"alg": algorithm}));
        wrong.push((format!("alg {algorithm}, signed"), forged(&header, &written, &key())));
        let unsigned =
            format!("{}.{}.", BASE64_URL_SAFE_NO_PAD.encode(&header), BASE64_URL_SAFE_NO_PAD.encode(&written));
        wrong.push((format!("alg {algorithm}, unsigned"), unsigned));
    }
    for purpose in ["simulator webhooks", "account token", "webhook secret", "souk refresh token", ""] {
        let key = derived(purpose);
        wrong.push((format!("the key of {purpose:?}"), forged(&header(json!({})), &written, &key)));
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        wrong.push((format!("the text of that of {purpose:?}"), forged(&header(json!({})), &written, hex.as_bytes())));
    }
    for nbf in [json!(now + 3_600), json!(i64::MAX), json!("tomorrow")] {
        let claims = changed(&claims, json!({"nbf": nbf})).to_string();
        wrong.push((format!("nbf {nbf}"), forged(&header(json!({})), &claims, &key())));
    }
    // One reader may take the first of two claims and another the last.
    for doubled in ["sub", "exp", "sid", "aud", "iss"] {
        let claims = format!("{{\"{doubled}\":{},{}", claims[doubled], &written[1..]);
        wrong.push((format!("{doubled} twice"), forged(&header(json!({})), &claims, &key())));
    }
    for claims in ["", "null", "[]", "{}", "\"x\"", "{\"sub\":"] {
        wrong.push((format!("claims {claims}"), forged(&header(json!({})), claims, &key())));
    }
    for (what, token) in &wrong {
        for path in ["/api/v1/me", "/api/v1/orders", "/api/v1/seller", "/api/v1/admin/orders"] {
            let answer = souk.anyone().bearer(token).get(path).await;
            assert_eq!(answer.status.as_u16(), 401, "{what}: {path}: {}", answer.json());
            answer.refused(401, "UNAUTHENTICATED");
        }
    }
    // Too large for a header at all, or just not; either way nobody's.
    for size in [10_000, 60_000, 200_000] {
        let padded = changed(&claims, json!({"pad": "x".repeat(size)})).to_string();
        let answer = souk.anyone().bearer(&forged(&header(json!({})), &padded, b"a guess")).get("/api/v1/me").await;
        assert!(matches!(answer.status.as_u16(), 401 | 431), "{size}: {}", answer.status);
    }
}

#[tokio::test]
async fn a_key_that_has_been_taken_away_signs_nothing_any_more() {
    let entry = |id: &str, byte: u8| format!("{id}:{}", base64::prelude::BASE64_STANDARD.encode([byte; 32]));
    let souk = Souk::with(Options::default().env("SOUK_TOKEN_KEYS", entry("new", 2))).await;
    let session = register(&souk.anyone(), "ann@example.com").await;
    let claims = claims_of(text(&session["access_token"])).to_string();
    let ask = async |kid: &str, byte: u8| {
        let header = json!({"alg": "HS256", "typ": "JWT", "kid": kid}).to_string();
        souk.anyone().bearer(&forged(&header, &claims, &[byte; 32])).get("/api/v1/me").await
    };
    ask("new", 2).await.expect(200);
    ask("old", 1).await.refused(401, "UNAUTHENTICATED");
    ask("new", 1).await.refused(401, "UNAUTHENTICATED");
    ask("old", 2).await.refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_token_of_a_closed_account_opens_neither_it_nor_its_work() {
    let souk = Souk::start().await;
    let (operator, id) = souk.operator("manager").await;
    operator.get("/api/v1/admin/orders").await.expect(200);
    let path = format!("/api/v1/admin/users/{id}/active");
    souk.admin().await.client.put(&path, json!({"is_active": false})).await.expect(200);
    for path in ["/api/v1/me", "/api/v1/me/sessions", "/api/v1/admin/orders"] {
        operator.get(path).await.refused(401, "UNAUTHENTICATED");
    }
}

#[tokio::test]
async fn a_token_lasts_ten_minutes() {
    let souk = Souk::start().await;
    let before = Clock::System.now();
    let session = register(&souk.anyone(), "ann@example.com").await;
    let ends: chrono::DateTime<chrono::Utc> = text(&session["expires_at"]).parse().expect("a time");
    let lasts = ends - before;
    assert!(lasts > TimeDelta::minutes(9) && lasts < TimeDelta::minutes(11), "{lasts}");
}

async fn register(client: &Client, email: &str) -> Value {
    let body = json!({"email": email, "password": "correct horse battery", "name": "Ann"});
    client.post("/api/v1/auth/register", body).await.expect(201)
}

async fn refresh(client: &Client, session: &Value) -> Answer {
    client.post("/api/v1/auth/refresh", json!({"refresh_token": session["refresh_token"]})).await
}

#[tokio::test]
async fn a_refresh_token_works_once_and_its_theft_ends_the_sign_in() {
    let souk = Souk::start().await;
    let anyone = souk.anyone();
    let first = register(&anyone, "ann@example.com").await;
    let other_device = anyone
        .post("/api/v1/auth/sign-in", json!({"email": " ANN@example.com ", "password": "correct horse battery"}))
        .await
        .expect(200);
    let second = refresh(&anyone, &first).await.expect(200);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let third = refresh(&anyone, &second).await.expect(200);
    anyone.bearer(text(&third["access_token"])).get("/api/v1/me").await.expect(200);

    refresh(&anyone, &first).await.refused(401, "UNAUTHENTICATED");
    refresh(&anyone, &third).await.refused(401, "UNAUTHENTICATED");
    let other_device = refresh(&anyone, &other_device).await.expect(200);

    let tokens = [json!("x"), json!("0".repeat(64)), json!("")];
    for token in tokens {
        refresh(&anyone, &json!({"refresh_token": token})).await.refused(401, "UNAUTHENTICATED");
    }
    // It is no access token, and an access token is no refresh token.
    let access = json!({"refresh_token": other_device["access_token"]});
    assert!(refresh(&anyone, &access).await.status.is_client_error());
    let mixed_up = anyone.bearer(text(&other_device["refresh_token"]));
    mixed_up.get("/api/v1/me").await.refused(401, "UNAUTHENTICATED");

    let long_ago = "2001-01-01T00:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().expect("a time");
    souk.database().execute("UPDATE refresh_token SET expires_at = $1", [long_ago.into()]).await;
    refresh(&anyone, &other_device).await.refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_token_is_for_what_the_sign_in_asked_for() {
    let souk = Souk::start().await;
    let anyone = souk.anyone();
    souk.admin().await;
    let ask = async |audience: Value| {
        let body = json!({"email": admin::EMAIL, "password": admin::PASSWORD, "audience": audience});
        anyone.post("/api/v1/auth/sign-in", body).await
    };
    let session = ask(json!(["storefront"])).await.expect(200);
    let shopping = anyone.bearer(text(&session["access_token"]));
    shopping.get("/api/v1/me").await.expect(200);
    shopping.get("/api/v1/admin/orders").await.refused(403, "FORBIDDEN");
    // A refresh does not widen it.
    let next = refresh(&anyone, &session).await.expect(200);
    anyone.bearer(text(&next["access_token"])).get("/api/v1/admin/orders").await.refused(403, "FORBIDDEN");
    let operating = anyone.bearer(text(&ask(json!(["admin"])).await.expect(200)["access_token"]));
    operating.get("/api/v1/admin/orders").await.expect(200);
    operating.get("/api/v1/me").await.refused(403, "FORBIDDEN");
    ask(json!([])).await.refused(422, "INVALID_VALUE");
    ask(json!(["bazaar"])).await.refused(400, "MALFORMED_REQUEST");
}

#[tokio::test]
async fn of_many_who_refresh_at_once_one_at_most_goes_on() {
    let souk = Souk::start().await;
    let anyone = souk.anyone();
    let session = register(&anyone, "ann@example.com").await;
    let answers = futures::future::join_all((0..8).map(|_| refresh(&anyone, &session))).await;
    let next: Vec<Value> = answers.iter().filter(|answer| answer.status.is_success()).map(Answer::json).collect();
    assert_eq!(next.len(), 1, "one has exchanged it");
    for answer in answers.iter().filter(|answer| !answer.status.is_success()) {
        answer.refused(401, "UNAUTHENTICATED");
    }
    refresh(&anyone, &next[0]).await.refused(401, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_sign_out_ends_the_sign_in_and_no_other() {
    let souk = Souk::start().await;
    let anyone = souk.anyone();
    let here = register(&anyone, "ann@example.com").await;
    let body = json!({"email": "ann@example.com", "password": "correct horse battery"});
    let there = anyone.post("/api/v1/auth/sign-in", body).await.expect(200);
    let here = refresh(&anyone, &here).await.expect(200);
    for _ in 0..2 {
        let body = json!({"refresh_token": here["refresh_token"]});
        anyone.post("/api/v1/auth/sign-out", body).await.expect(200);
    }
    refresh(&anyone, &here).await.refused(401, "UNAUTHENTICATED");
    refresh(&anyone, &there).await.expect(200);
    anyone.post("/api/v1/auth/sign-out", json!({"refresh_token": "unknown"})).await.expect(200);
}

#[tokio::test]
async fn a_sign_in_tells_nobody_who_has_an_account() {
    let souk = Souk::start().await;
    let anyone = souk.anyone();
    register(&anyone, "ann@example.com").await;
    let sign_in = async |email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        let mut error = anyone.post("/api/v1/auth/sign-in", body).await.refused(401, "BAD_CREDENTIALS");
        error["request_id"].take();
        error
    };
    let wrong = sign_in("ann@example.com", "a wrong password").await;
    assert_eq!(sign_in("bob@example.com", "a wrong password").await, wrong);
    assert_eq!(sign_in("ann@example.com", "").await, wrong);
    assert_eq!(sign_in("' OR '1'='1", "x").await, wrong);
    let body = json!({"email": "Ann@Example.com", "password": "correct horse battery", "name": "Ann"});
    anyone.post("/api/v1/auth/register", body).await.refused(409, "ALREADY_EXISTS");
    let body = json!({"email": "bob@example.com", "password": "too short", "name": "Bob"});
    anyone.post("/api/v1/auth/register", body).await.refused(422, "INVALID_VALUE");
}

#[tokio::test]
async fn a_guest_is_who_has_the_token() {
    let souk = Souk::start().await;
    let seller = souk.seller("A Seller").await;
    let offer = seller.offer("LAMP", "10.00", 5).await;
    let guest = souk.guest();
    let cart = guest.cart(&[(&offer, 1)]).await;
    let path = format!("/api/v1/carts/{cart}");
    guest.client().get(&path).await.expect(200);
    souk.anyone().get(&path).await.refused(401, "UNAUTHENTICATED");
    for token in ["", "x", &"x".repeat(31), &"x".repeat(129)] {
        souk.anyone().guest(token).get(&path).await.refused(401, "UNAUTHENTICATED");
    }
    for token in ["x".repeat(32), "0".repeat(64), "f".repeat(128)] {
        souk.anyone().guest(&token).get(&path).await.refused(404, "NOT_FOUND");
    }
    // What is stored is a hash, and the hash is no token.
    let stored = souk.database().number("SELECT count(*) FROM cart WHERE guest_token_hash IS NOT NULL", []).await;
    assert_eq!(stored, 1);
    let order = guest.place(&cart).await;
    guest.order(order.id()).await;
    souk.anyone().guest(&"0".repeat(64)).get(&format!("/api/v1/orders/{}", order.id())).await.refused(404, "NOT_FOUND");
    souk.shopper().await.client().get(&path).await.refused(404, "NOT_FOUND");
}
