//! What browsers and caches are told.

use reqwest::Method;

use super::{PRODUCTS, refusal};
use crate::souk::client::send;
use crate::souk::{Answer, Client, Options, Souk};

const SHOP: &str = "https://shop.example";

#[tokio::test]
async fn every_answer_tells_what_not_to_do_with_it() {
    let souk = Souk::with(Options::default().env("SOUK_TRUSTED_PROXIES", "127.0.0.1")).await;
    let anyone = souk.anyone();
    for (path, status) in [
        ("/healthz", 200),
        (PRODUCTS, 200),
        ("/metrics", 200),
        ("/docs", 200),
        ("/openapi.json", 200),
        ("/nowhere", 404),
        ("/api/v1/me", 401),
    ] {
        let answer = anyone.get(path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none';"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        for silent in ["server", "x-powered-by", "strict-transport-security", "access-control-allow-origin"] {
            assert_eq!(answer.header(silent), None, "{path}");
        }
    }
    let secure = send(anyone.request(Method::GET, "/healthz").header("x-forwarded-proto", "https")).await;
    assert_eq!(secure.header("strict-transport-security"), Some("max-age=31536000"));
}

#[tokio::test]
async fn the_documentation_runs_its_own_scripts_only() {
    let souk = Souk::start().await;
    let docs = souk.anyone().get("/docs").await;
    let policy = docs.header("content-security-policy").expect("a policy").to_owned();
    let page = String::from_utf8(docs.body).expect("text");
    // All that the page loads is in it, and each of its scripts has its hash in the policy.
    assert!(!page.contains("<script src") && !page.contains("<link"), "nothing is loaded");
    let scripts = page.matches("</script>").count();
    assert_eq!(policy.matches("'sha256-").count(), scripts);
    assert!(!policy.contains("script-src 'unsafe-inline'") && !policy.contains("unsafe-eval"), "{policy}");
}

#[tokio::test]
async fn what_is_somebodys_own_is_kept_by_nobody_else() {
    let souk = Souk::start().await;
    let seller = souk.seller("Private").await;
    let offer = seller.offer("PRIVATE-1", "10.00", 5).await;
    let shopper = souk.guest();
    let cart = shopper.cart(&[(&offer, 1)]).await;
    let cached = |answer: &Answer| answer.header("cache-control").map(str::to_owned);

    let answer = shopper.client().get(&format!("/api/v1/carts/{cart}")).await;
    answer.expect(200);
    let expected = if answer.header("etag").is_some() { "private, no-cache" } else { "no-store" };
    assert_eq!(cached(&answer).as_deref(), Some(expected));
    let orders = shopper.client().get("/api/v1/orders").await;
    orders.expect(200);
    assert_eq!(cached(&orders).as_deref(), Some("no-store"));
    let session = souk.anyone().post("/api/v1/auth/sign-in", serde_json::json!({})).await;
    assert_eq!(cached(&session).as_deref(), Some("no-store"), "also what gives out tokens, and refusals");
    assert_eq!(cached(&souk.anyone().get(PRODUCTS).await), None);
}

async fn from(client: &Client, origin: &str, method: Method, path: &str, preflight: bool) -> Answer {
    let mut request = client.request(method, path).header("origin", origin);
    if preflight {
        request = request
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,idempotency-key");
    }
    send(request).await
}

#[tokio::test]
async fn pages_of_the_named_sites_may_call_and_no_others() {
    let options = Options::default()
        .env("SOUK_CORS_ORIGINS", format!("{SHOP}, http://localhost:5173"))
        .env("SOUK_RATE_LIMITS", "browse=1:2,shopper_write=1:1");
    let souk = Souk::with(options).await;
    let anyone = souk.anyone();

    // A preflight has no credential, and costs nothing of any budget.
    for path in ["/api/v1/carts", "/api/v1/seller/orders", "/api/v1/admin/jobs", "/api/v1/carts"] {
        let answer = from(&anyone, SHOP, Method::OPTIONS, path, true).await;
        answer.expect(204);
        assert_eq!(answer.header("access-control-allow-origin"), Some(SHOP));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        assert_eq!(answer.header("ratelimit-limit"), None);
        assert_eq!(answer.header("vary"), Some("Origin"));
        let allowed = answer.header("access-control-allow-headers").expect("headers");
        for name in ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "X-Guest-Token"] {
            assert!(allowed.contains(name), "{allowed}");
        }
        assert!(answer.header("access-control-allow-methods").expect("methods").contains("PATCH"));
    }

    let answer = from(&anyone, SHOP, Method::GET, PRODUCTS, false).await;
    answer.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some(SHOP));
    let exposed = answer.header("access-control-expose-headers").expect("headers");
    for name in ["ETag", "Retry-After", "X-Request-Id", "RateLimit-Remaining"] {
        assert!(exposed.contains(name), "{exposed}");
    }
    // A refusal can be read as well.
    from(&anyone, SHOP, Method::GET, PRODUCTS, false).await.expect(200);
    let refused = from(&anyone, SHOP, Method::GET, PRODUCTS, false).await;
    refused.refused(429, "RATE_LIMITED");
    assert_eq!(refused.header("access-control-allow-origin"), Some(SHOP));

    for other in ["https://evil.example", "http://shop.example", "https://shop.example.evil.example", "null"] {
        for (method, preflight) in [(Method::OPTIONS, true), (Method::GET, false)] {
            let answer = from(&anyone, other, method, PRODUCTS, preflight).await;
            assert_eq!(answer.header("access-control-allow-origin"), None, "{other}");
            assert_eq!(answer.header("vary"), Some("Origin"), "{other}");
        }
    }
}

#[tokio::test]
async fn without_configuration_no_page_may_call() {
    let souk = Souk::start().await;
    let answer = from(&souk.anyone(), SHOP, Method::GET, PRODUCTS, false).await;
    answer.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let preflight = from(&souk.anyone(), SHOP, Method::OPTIONS, PRODUCTS, true).await;
    assert_eq!(preflight.status.as_u16(), 404);
    for wrong in ["https://shop.example/", "https://*.shop.example", "https://shop.example,*", "shop.example"] {
        let said = refusal(&souk, &[("SOUK_CORS_ORIGINS", wrong)]);
        assert!(said.contains("is no origin"), "{said}");
    }
}
