//! Letters that anybody can have us send have an end, and the last one stays good.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::souk::client::PASSWORD;
use crate::souk::{Answer, Client, Options, Seller, Souk, eventually, long_ago};

async fn start() -> Souk {
    Souk::with(Options::default().mail().env("SOUK_STOREFRONT_URL", "https://shop.example")).await
}

/// How many tokens or invitations there are where this holds.
async fn count(souk: &Souk, of: &str) -> i64 {
    souk.database().number(&format!("SELECT count(*) FROM {of}"), []).await
}

/// As if the hour, or what stands for it, were over.
async fn let_time_pass(souk: &Souk) {
    souk.database().execute("UPDATE sign_in_throttle SET counted_since = $1", [long_ago().into()]).await;
}

#[track_caller]
fn later(answer: &Answer) {
    answer.refused(429, "RATE_LIMITED");
    let seconds: u64 = answer.header("retry-after").and_then(|seconds| seconds.parse().ok()).expect("seconds");
    assert!((1..=3600).contains(&seconds), "{seconds}");
}

/// How many of these were sent; the others were too many.
#[track_caller]
fn sent(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status.as_u16() != status).for_each(later);
    answers.iter().filter(|answer| answer.status.as_u16() == status).count()
}

async fn forgot(client: &Client, email: &str) -> Value {
    client.post("/api/v1/auth/forgot-password", json!({"email": email})).await.expect(200)
}

#[tokio::test]
async fn who_keeps_asking_in_anothers_name_leaves_them_a_good_token() {
    let souk = start().await;
    let anyone = souk.anyone();
    anyone.register("ann@example.com").await;
    let told = forgot(&anyone, "nobody@example.com").await;
    for again in join_all((0..12).map(|_| forgot(&anyone, " ANN@example.com"))).await {
        assert_eq!(again, told, "it is not told");
    }
    assert_eq!(count(&souk, "account_token WHERE purpose = 'reset_password'").await, 5);
    assert_eq!(forgot(&anyone, "ann@example.com").await, told);
    let live = "account_token WHERE purpose = 'reset_password' AND used_at IS NULL AND voided_at IS NULL";
    assert_eq!(count(&souk, live).await, 1, "the last one is good");

    // Those before were not sent, or are no good.
    eventually("the last one sets a password", async || {
        for letter in souk.mail().iter().filter(|letter| letter.kind() == "reset_password") {
            let body = json!({"token": letter.token(), "password": "another horse battery"});
            if anyone.post("/api/v1/auth/reset-password", body).await.status.is_success() {
                return Some(());
            }
        }
        None
    })
    .await;
    // It goes on once the time is over.
    let_time_pass(&souk).await;
    forgot(&anyone, "ann@example.com").await;
    assert_eq!(count(&souk, live).await, 1);
}

#[tokio::test]
async fn an_address_gets_few_letters_of_those_who_have_not_proven_it() {
    let souk = start().await;
    let ann = souk.anyone().register("ann@example.com").await;
    let bob = souk.anyone().register("bob@example.com").await;
    let mail = |client: &Client, email: &str| {
        let (client, body) = (client.clone(), json!({"email": email, "current_password": PASSWORD}));
        async move { client.put("/api/v1/me/email", body).await }
    };
    // Two at once, to one address.
    let answers = join_all((0..12).map(|n| mail(if n % 2 == 0 { &ann } else { &bob }, "victim@example.com"))).await;
    assert_eq!(sent(&answers, 200), 5);
    assert_eq!(count(&souk, "account_token WHERE purpose = 'change_email'").await, 5);
    later(&mail(&ann, " Victim@Example.com ").await);
    // One, to many addresses.
    let carol = souk.anyone().register("carol@example.com").await;
    let addresses: Vec<String> = (0..22).map(|n| format!("victim-{n}@example.com")).collect();
    let answers = join_all(addresses.iter().map(|address| mail(&carol, address))).await;
    assert_eq!(sent(&answers, 200), 20);
    // Registering has sent one.
    let verify = || bob.post_empty("/api/v1/me/verification");
    assert_eq!(sent(&join_all((0..8).map(|_| verify())).await, 200), 4);
    let live = "account_token WHERE purpose = 'verify_email' AND used_at IS NULL AND voided_at IS NULL";
    assert_eq!(count(&souk, live).await, 3, "one of each");

    let_time_pass(&souk).await;
    verify().await.expect(200);
    mail(&ann, "victim@example.com").await.expect(200);
}

async fn invite(seller: &Seller, email: &str) -> Answer {
    let areas = json!({"catalogue": true, "orders": false, "money": false});
    seller.client.post("/api/v1/seller/invitations", json!({"email": email, "areas": areas})).await
}

#[tokio::test]
async fn invitations_are_of_approved_sellers_and_have_an_end() {
    let souk = start().await;
    let applicant = Seller::apply(souk.shopper().await.client(), "Anything At All").await;
    let refused = invite(&applicant, "victim@example.com").await.refused(409, "ILLEGAL_TRANSITION");
    assert!(refused["message"].as_str().is_some_and(|message| message.contains("approved")), "{refused}");
    assert_eq!(count(&souk, "seller_invitation").await, 0);

    let (seller, other) = (souk.seller("Lamps and More").await, souk.seller("Another").await);
    let asking = (0..10).map(|n| invite(if n % 2 == 0 { &seller } else { &other }, "victim@example.com"));
    let answers = join_all(asking).await;
    assert_eq!(sent(&answers, 201), 5);
    let open = count(&souk, "seller_invitation WHERE email_index IS NOT NULL").await;
    later(&invite(&seller, "victim@example.com").await);
    assert_eq!(count(&souk, "seller_invitation WHERE email_index IS NOT NULL").await, open, "the last ones stay open");
    assert!((1..=2).contains(&open), "{open}");

    let addresses: Vec<String> = (0..22).map(|n| format!("victim-{n}@example.com")).collect();
    let third = souk.seller("A Third").await;
    let answers = join_all(addresses.iter().map(|address| invite(&third, address))).await;
    assert_eq!(sent(&answers, 201), 20);
    let_time_pass(&souk).await;
    invite(&seller, "victim@example.com").await.expect(201);
}
