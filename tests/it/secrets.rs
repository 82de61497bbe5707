//! What is secret is told to nobody but whose it is: not in logs, at whatever level, not on the
//! outputs of any process, not in answers that refuse.

use std::fs;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::souk::{Client, Options, Souk, admin, client, eventually, text};

const MASTER: &str = "master-secret-that-nobody-sees-0123456789";
const METRICS: &str = "token-of-measurements-that-nobody-sees";
const FIRST: &str = "first-password-of-ann";
const WRONG: &str = "wrong-password-of-ann";
const SECOND: &str = "second-password-of-ann";
const CARD: &str = "4111111111111111";
const BROKER: &str = "password-of-the-broker";
const CACHE: &str = "password-of-the-cache";

/// What must not be found, and what may hold it.
#[derive(Default)]
struct Search {
    secrets: Vec<(String, String)>,
    refusals: Vec<String>,
}

impl Search {
    fn hide(&mut self, what: &str, secret: &str) {
        assert!(secret.len() > 8, "{what} would be found everywhere");
        self.secrets.push((what.to_owned(), secret.to_owned()));
    }

    fn hide_session(&mut self, what: &str, session: &Value) -> String {
        self.hide(&format!("the refresh token of {what}"), text(&session["refresh_token"]));
        let access = text(&session["access_token"]);
        self.hide(&format!("the access token of {what}"), access);
        access.to_owned()
    }

    /// A request that must be refused.
    async fn refused(&mut self, client: &Client, method: reqwest::Method, path: &str, body: Value) {
        let answer = client::send(client.request(method, path).json(&body)).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        let headers: Vec<String> = answer.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        // Not with the path, in which a test may have put what it hides.
        self.refusals.push(format!("{} {}", headers.join("; "), String::from_utf8_lossy(&answer.body)));
    }

    fn look_into(&self, name: &str, text: &str) {
        for (what, secret) in &self.secrets {
            let Some(at) = text.find(secret.as_str()) else { continue };
            let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
            let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
            panic!("{what} is in {name}: {}", &text[line..end]);
        }
    }
}

#[tokio::test]
async fn nothing_secret_is_in_logs_outputs_or_refusals() {
    let keys = format!("marked:{}", BASE64_STANDARD.encode(b"a key of tokens that nobody sees"));
    let data_keys = format!("marked:{}", BASE64_STANDARD.encode(b"a key of persons that nobody saw"));
    let options = Options::default()
        .env("SOUK_SECRET", MASTER)
        .env("SOUK_TOKEN_KEYS", &keys)
        .env("SOUK_DATA_KEYS", &data_keys)
        .env("SOUK_METRICS_TOKEN", METRICS)
        .env("SOUK_LOG", "trace")
        .env("SOUK_MAIL", "file")
        .env("SOUK_STOREFRONT_URL", "https://shop.example.com")
        .env("SOUK_WEBHOOK_PRIVATE_TARGETS", "true");
    let options = if cfg!(feature = "rabbitmq") {
        options.env("SOUK_RABBITMQ_URL", format!("amqp://souk:{BROKER}@127.0.0.1:1/%2f"))
    } else {
        options
    };
    let souk = Souk::with(options).await;
    let mut search = Search::default();
    search.hide("the master secret", MASTER);
    search.hide("the token of measurements", METRICS);
    search.hide("the key of tokens", &keys["marked:".len()..]);
    search.hide("the key of persons' keys", &data_keys["marked:".len()..]);
    search.hide("the administrator's password", admin::PASSWORD);
    search.hide("the broker's password", BROKER);
    for (what, password) in [("the first", FIRST), ("the wrong", WRONG), ("the second", SECOND)] {
        search.hide(&format!("{what} password"), password);
    }
    search.hide("a card's number", CARD);
    search.hide("passwords' hashes", "$argon2id$");
    let (anyone, post) = (souk.anyone(), reqwest::Method::POST);

    // Signing up and in, with the wrong password too.
    let who = |password: &str| json!({"email": "ann@example.com", "password": password});
    let mut register = who(FIRST);
    register["name"] = json!("Ann");
    let session = anyone.post("/api/v1/auth/register", register.clone()).await.expect(201);
    let ann = anyone.bearer(&search.hide_session("the registration", &session));
    search.refused(&anyone, post.clone(), "/api/v1/auth/register", register).await;
    search.refused(&anyone, post.clone(), "/api/v1/auth/sign-in", who(WRONG)).await;
    let unknown = json!({"email": "ann@example.com", "password": WRONG, "passwort": WRONG});
    search.refused(&anyone, post.clone(), "/api/v1/auth/sign-in", unknown).await;
    search.refused(&anyone, post.clone(), "/api/v1/auth/sign-in", json!({"email": 1, "password": [WRONG]})).await;
    let session = anyone.post("/api/v1/auth/sign-in", who(FIRST)).await.expect(200);
    let first = text(&session["refresh_token"]).to_owned();
    search.hide_session("the sign-in", &session);
    let session = anyone.post("/api/v1/auth/refresh", json!({"refresh_token": first})).await.expect(200);
    search.hide_session("the refresh", &session);
    search.refused(&anyone, post.clone(), "/api/v1/auth/refresh", json!({"refresh_token": first})).await;
    let bad = text(&session["access_token"]).to_owned() + "x";
    search.refused(&anyone.bearer(&bad), reqwest::Method::GET, "/api/v1/me", json!({})).await;

    // A password that is forgotten.
    anyone.post("/api/v1/auth/forgot-password", json!({"email": "ann@example.com"})).await.expect(200);
    let letter = eventually("the letter is written", async || {
        souk.mail().into_iter().find(|letter| letter.kind() == "reset_password")
    })
    .await;
    let token: String = letter
        .body
        .split_once("reset-password?token=")
        .expect("a link")
        .1
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .collect();
    search.hide("the token by e-mail", &token);
    let wrong = json!({"token": token, "password": "short"});
    search.refused(&anyone, post.clone(), "/api/v1/auth/reset-password", wrong).await;
    let reset = json!({"token": token, "password": SECOND});
    anyone.post("/api/v1/auth/reset-password", reset.clone()).await.expect(200);
    search.refused(&anyone, post.clone(), "/api/v1/auth/reset-password", reset).await;
    search.refused(&ann, reqwest::Method::GET, "/api/v1/me", json!({})).await;
    anyone.post("/api/v1/auth/sign-in", who(SECOND)).await.expect(200);

    // What sellers' systems have.
    let seller = souk.seller("A Seller").await;
    let key = json!({"name": "A system", "scopes": ["orders:read"], "expires_in_days": 30});
    let key = seller.client.post("/api/v1/seller/api-keys", key).await.expect(201);
    let key = text(&key["secret"]).to_owned();
    search.hide("the API key", &key);
    anyone.bearer(&key).get("/api/v1/seller/orders").await.expect(200);
    search.refused(&anyone.bearer(&key), reqwest::Method::GET, "/api/v1/seller/payouts", json!({})).await;
    search.refused(&anyone.bearer(&(key + "0")), reqwest::Method::GET, "/api/v1/seller/orders", json!({})).await;
    let endpoint = json!({"url": "http://127.0.0.1:1/hooks", "event_types": ["seller_order.*"]});
    let endpoint = seller.client.post("/api/v1/seller/webhook-endpoints", endpoint).await.expect(201);
    let path = format!("/api/v1/seller/webhook-endpoints/{}", text(&endpoint["id"]));
    for _ in 0..2 {
        let shown = seller.client.get(&format!("{path}/secret")).await.expect(200);
        search.hide("the secret of webhooks", text(&shown["secret"]).trim_start_matches("whsec_"));
        seller.client.post(&format!("{path}/rotate-secret"), json!({})).await.expect(200);
    }
    let with_password = json!({"url": format!("https://souk:{WRONG}@example.com/hooks")});
    search.refused(&seller.client, post.clone(), "/api/v1/seller/webhook-endpoints", with_password).await;

    // An order, its payment, and a card where none belongs.
    let offer = seller.offer("LAMP", "10.00", 5).await;
    let guest = souk.guest();
    let cart = guest.cart(&[(&offer, 1)]).await;
    let shopping = guest.client();
    search.hide("the guest's token", shopping.guest_token().expect("a token"));
    let mut placement = guest.placement(&cart);
    placement["note"] = json!(CARD);
    search.refused(&shopping, post.clone(), "/api/v1/orders", placement).await;
    let mistyped = format!("/api/v1/carts/{cart}/coupons/{CARD}");
    search.refused(&shopping, reqwest::Method::PUT, &mistyped, json!({})).await;
    guest.buy(&[(&offer, 1)]).await;
    souk.settle().await;
    if cfg!(feature = "rabbitmq") {
        eventually("the broker has been tried", async || {
            let consumers = souk.admin().await.client.get("/api/v1/admin/event-consumers").await.expect(200);
            search.look_into("what is told of consumers", &consumers.to_string());
            let tried = &consumers["items"];
            let tried = tried.as_array().into_iter().flatten().find(|one| one["name"] == "rabbitmq");
            tried.is_some_and(|one| one["last_error"].is_string()).then_some(())
        })
        .await;
    }

    let log = souk.log();
    assert!(log.contains("TRACE") && log.contains("DEBUG"), "the log has its finest level");
    search.look_into("the log", &log);
    search.look_into("the output", &fs::read_to_string(souk.path("told")).unwrap_or_default());
    search.look_into("a refusal", &search.refusals.join("\n"));
    let metrics = client::send(anyone.request(reqwest::Method::GET, "/metrics").bearer_auth(METRICS)).await;
    assert!(metrics.status.is_success());
    search.look_into("the measurements", &String::from_utf8_lossy(&metrics.body));
    for arguments in [&["serve", "--help"][..], &["jobs", "summary"], &["events", "consumers"], &["verify", "--help"]] {
        let output = souk.souk(arguments).output().expect("souk runs");
        search.look_into("a command's output", &String::from_utf8_lossy(&output.stdout));
        search.look_into("a command's errors", &String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test]
async fn an_unreachable_redis_is_told_without_its_password() {
    let url = format!("redis://souk:{CACHE}@127.0.0.1:1/0");
    let options = Options::default().env("REDIS_URL", url).env("SOUK_LOG", "trace").inside();
    let souk = Souk::with(options).await;
    souk.shopper().await.client().get("/api/v1/me").await.expect(200);
    let ready = eventually("Redis is missed", async || {
        let ready = souk.anyone().get("/readyz").await.json().to_string();
        ready.contains("degraded").then_some(ready)
    })
    .await;
    assert!(!ready.contains(CACHE), "{ready}");
    let log = souk.log();
    assert!(!log.is_empty() && !log.contains(CACHE), "the password is in the log");
}

#[test]
fn a_wrong_address_is_refused_without_its_password() {
    let secret = "password-in-an-address";
    let wrong = [
        ("DATABASE_URL", format!("postgres://souk:{secret}@127.0.0.1:1/souk")),
        ("DATABASE_URL", format!("postgres://souk:{secret}@127.0.0.1:port/souk")),
        ("DATABASE_URL", format!("postgres://souk:{secret}/@127.0.0.1/souk?sslmode=never")),
        ("DATABASE_URL", format!("mysql://souk:{secret}@127.0.0.1/souk")),
        ("DATABASE_URL", format!("sqlite:///nowhere/{secret}/souk.db?mode={secret}")),
        ("REDIS_URL", format!("redis://souk:{secret}@127.0.0.1:port")),
        ("REDIS_URL", format!("http://souk:{secret}@127.0.0.1")),
        ("SOUK_MAIL", format!("smtp://souk:{secret}@host:port")),
        ("SOUK_MAIL", format!("imap://souk:{secret}@host")),
        ("SOUK_TOKEN_KEYS", format!("a:{secret}")),
        ("SOUK_TOKEN_KEYS", secret.to_owned()),
        ("SOUK_DATA_KEYS", format!("a:{secret}")),
        ("SOUK_DATA_KEYS", secret.to_owned()),
        ("SOUK_SECRET", secret.to_owned()),
    ];
    let directory = tempfile::tempdir().expect("a directory");
    for (name, value) in wrong {
        let mut command = crate::souk::souk(&["serve"]);
        command
            .env("SOUK_DATA_DIR", directory.path())
            .env("SOUK_BIND", "127.0.0.1:0")
            .env("SOUK_MAIL_FROM", "souk@example.com")
            .env("SOUK_LOG", "trace")
            .env("SOUK_SECRET", MASTER)
            .env(name, &value);
        let output = command.output().expect("souk runs");
        let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(matches!(output.status.code(), Some(1 | 2)), "{name}={value}: {told}{errors}");
        assert!(errors.contains(name), "{name} is named: {errors}");
        assert!(!told.contains(secret) && !errors.contains(secret), "{name}: {told}{errors}");
    }
}
