//! Who asks too often is told when to come back, and nobody uses up another's budget.

use serde_json::json;

use super::{PRODUCTS, limited, number, refusal, statuses};
use crate::souk::client::PASSWORD;
use crate::souk::{Options, Souk, eventually, text};

const ORDERS: &str = "/api/v1/seller/orders";

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let souk = limited("browse=1:3").await;
    let anyone = souk.anyone();
    for left in [2, 1, 0] {
        let answer = anyone.get(PRODUCTS).await;
        answer.expect(200);
        assert_eq!(number(&answer, "ratelimit-limit"), 3);
        assert_eq!(number(&answer, "ratelimit-remaining"), left);
        assert!((1..=180).contains(&number(&answer, "ratelimit-reset")));
        assert_eq!(answer.header("ratelimit-policy"), Some("3;w=180"));
        assert_eq!(answer.header("retry-after"), None);
    }
    let refused = anyone.get(PRODUCTS).await;
    let error = refused.refused(429, "RATE_LIMITED");
    assert_eq!(refused.header("x-request-id"), error["request_id"].as_str());
    assert!((1..=60).contains(&number(&refused, "retry-after")));
    assert_eq!(number(&refused, "ratelimit-remaining"), 0);

    // What is not there is looked for at the same cost; what else is asked for has budgets of its own.
    assert_eq!(statuses(&anyone, "/wp-login.php").await, [429]);
    anyone.post("/api/v1/carts", json!({"currency": "USD"})).await.expect(201);
    for free in ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"] {
        let answer = anyone.get(free).await;
        assert_eq!(answer.status.as_u16(), 200, "{free}");
        assert_eq!(answer.header("ratelimit-limit"), None, "{free}");
    }
    let metrics = String::from_utf8(anyone.get("/metrics").await.body).expect("text");
    assert!(metrics.contains(r#"rate_limited_total{class="browse"} 2"#), "{metrics}");
}

#[tokio::test]
async fn a_budget_comes_back_with_time() {
    let souk = limited("browse=60:1").await;
    let anyone = souk.anyone();
    eventually("a request is refused", async || (anyone.get(PRODUCTS).await.status == 429).then_some(())).await;
    eventually("and a later one taken", async || (anyone.get(PRODUCTS).await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn a_valid_credential_has_a_budget_that_no_stranger_uses_up() {
    let souk = limited("browse=1:3,shopper_read=1:3,guests=1:4").await;
    let (one, other) = (souk.shopper().await, souk.shopper().await);
    let anyone = souk.anyone();

    // Tokens that are made up are no way around the budget, and use up nobody else's.
    for number in 0..3 {
        anyone.bearer(&format!("made.up.{number}")).get(PRODUCTS).await.expect(200);
    }
    assert_eq!(statuses(&anyone.bearer("made.up.again"), PRODUCTS).await, [429]);
    assert_eq!(statuses(&anyone.bearer("souk_sk_made_up"), PRODUCTS).await, [429]);
    assert_eq!(statuses(&anyone, PRODUCTS).await, [429]);

    assert_eq!(statuses(&one.client(), PRODUCTS).await, [200, 200, 200, 429]);
    assert_eq!(statuses(&other.client(), PRODUCTS).await, [200, 200, 200, 429]);

    // Guests, too, but all that come from one address have one budget together.
    let guest = |number: u32| anyone.guest(&format!("{number:0>40}"));
    assert_eq!(statuses(&guest(1), PRODUCTS).await, [200, 200, 200, 429]);
    assert_eq!(statuses(&guest(2), PRODUCTS).await, [429]);
}

#[tokio::test]
async fn an_api_key_has_its_own_budget_once_it_was_let_in() {
    let souk = limited("seller_read=1:4").await;
    let seller = souk.seller("Systematic").await;
    let key = json!({"name": "ERP", "scopes": ["orders:read"], "expires_in_days": 30});
    let made = seller.client.post("/api/v1/seller/api-keys", key).await.expect(201);
    let system = souk.anyone().bearer(text(&made["secret"]));
    let stranger = souk.anyone().bearer("souk_sk_made_up");

    // The first request is counted by address, as all those of strangers are.
    assert_eq!(statuses(&system, ORDERS).await, [200]);
    assert_eq!(statuses(&stranger, ORDERS).await, [401, 401, 401, 429]);
    assert_eq!(statuses(&system, ORDERS).await, [200, 200, 200, 200, 429]);
}

#[tokio::test]
async fn passwords_are_not_tried_out_by_the_thousand() {
    let souk = limited("credentials=1:3").await;
    let anyone = souk.anyone();
    let email = "known@example.com";
    anyone.register(email).await;
    for _ in 0..2 {
        let guess = json!({"email": email, "password": "not the password"});
        anyone.post("/api/v1/auth/sign-in", guess).await.refused(401, "BAD_CREDENTIALS");
    }
    // From here not even the right one is looked at.
    let right = json!({"email": email, "password": PASSWORD});
    anyone.post("/api/v1/auth/sign-in", right).await.refused(429, "RATE_LIMITED");
    // Whoever has signed in goes on.
    anyone.post("/api/v1/auth/refresh", json!({"refresh_token": "x".repeat(43)})).await.expect(401);
}

#[tokio::test]
async fn limits_that_cannot_be_read_are_refused_at_the_start() {
    let souk = Souk::with(Options::default()).await;
    for (limits, told) in [("browse=many", "class=per_minute:burst"), ("brows=60:5", "no class of requests")] {
        let said = refusal(&souk, &[("SOUK_RATE_LIMITS", limits)]);
        assert!(said.contains(told), "{said}");
    }
}
