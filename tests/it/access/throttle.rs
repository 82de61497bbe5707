//! Guessing is slowed down, per account and per network, and nobody is locked out.

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::souk::client::{PASSWORD, send};
use crate::souk::{Answer, Client, Options, Souk, long_ago, text};

const SIGN_IN: &str = "/api/v1/auth/sign-in";

/// With this first pause, addresses that a proxy tells, and room for a second process.
async fn start(delay_ms: u32) -> Souk {
    let options = Options::default()
        .env("SOUK_SIGN_IN_DELAY_MS", delay_ms)
        .env("SOUK_TRUSTED_PROXIES", "127.0.0.1,::1")
        .env("SOUK_CACHE", "off");
    Souk::with(options).await
}

async fn try_in(client: &Client, email: &str, password: &str) -> Answer {
    client.post(SIGN_IN, json!({"email": email, "password": password})).await
}

/// From another network.
async fn try_from(client: &Client, from: &str, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    send(client.request(Method::POST, SIGN_IN).header("X-Forwarded-For", from).json(&body)).await
}

async fn guess(client: &Client, email: &str, times: usize) {
    for _ in 0..times {
        try_in(client, email, "a wrong password").await.refused(401, "BAD_CREDENTIALS");
    }
}

/// The seconds after which a refused attempt is worth another.
fn later(answer: &Answer) -> u64 {
    answer.refused(429, "RATE_LIMITED");
    answer.header("retry-after").and_then(|seconds| seconds.parse().ok()).expect("Retry-After in seconds")
}

/// As if the pauses were over.
async fn let_time_pass(souk: &Souk) {
    souk.database().execute("UPDATE sign_in_throttle SET next_at = $1", [long_ago().into()]).await;
}

async fn count(souk: &Souk, what: &str) -> i64 {
    souk.database().number(&format!("SELECT count(*) FROM sign_in_throttle WHERE {what}"), []).await
}

#[tokio::test]
async fn failures_are_answered_later_and_later_and_the_right_password_is_let_in() {
    let souk = start(60).await;
    let anyone = souk.anyone();
    anyone.register("ann@example.com").await;
    guess(&anyone, "ann@example.com", 4).await;
    // Each turn is so long after the one before, however long hashing takes in between.
    let begin = Instant::now();
    for pauses in [0, 60, 60 + 120, 60 + 120 + 240] {
        guess(&anyone, " ANN@example.com ", 1).await;
        assert!(begin.elapsed() >= Duration::from_millis(pauses), "{pauses}: {:?}", begin.elapsed());
    }
    anyone.sign_in("ann@example.com", PASSWORD).await;
    assert!(begin.elapsed() >= Duration::from_millis(60 + 120 + 240 + 480), "{:?}", begin.elapsed());
    // The account's failures are forgotten, the network's are not; a letter to the address is counted, too.
    assert_eq!((count(&souk, "failures > 1").await, count(&souk, "failures = 8").await), (1, 1));
    guess(&anyone, "ann@example.com", 1).await;
    assert_eq!(count(&souk, "next_at > touched_at").await, 0, "it is free again");
    anyone.sign_in("ann@example.com", PASSWORD).await;
    let subjects = souk.database().words("SELECT subject FROM sign_in_throttle").await;
    let hashed = |subject: &String| subject.len() == 64 && subject.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(subjects.iter().all(hashed), "{subjects:?}");
}

#[tokio::test]
async fn an_account_that_there_is_not_is_answered_alike_and_in_equal_time() {
    let souk = start(1).await;
    let anyone = souk.anyone();
    anyone.register("ann@example.com").await;
    let mut told = [(Vec::new(), Duration::MAX), (Vec::new(), Duration::MAX)];
    for _ in 0..8 {
        // By turns, so that whatever else the machine does slows both down.
        for (email, (answers, quickest)) in ["ann@example.com", "nobody@example.com"].iter().zip(&mut told) {
            let begin = Instant::now();
            let answer = try_in(&anyone, email, "a wrong password").await;
            *quickest = begin.elapsed().min(*quickest);
            let mut error = answer.refused(401, "BAD_CREDENTIALS");
            error.as_object_mut().expect("an error").remove("request_id");
            answers.push(error);
        }
    }
    assert_eq!(told[0].0, told[1].0);
    // Without the work of a hash it would be a small part.
    let (known, unknown) = (told[0].1.as_secs_f64(), told[1].1.as_secs_f64());
    assert!(known < unknown * 3.0 && unknown < known * 3.0, "{known} and {unknown}");
    assert_eq!(count(&souk, "failures = 8").await, 2, "each is counted");
}

#[tokio::test]
async fn guesses_at_the_same_moment_are_all_counted_in_all_processes() {
    let souk = start(1).await;
    let (anyone, replica) = (souk.anyone(), souk.replica());
    anyone.register("ann@example.com").await;
    let answers = join_all((0..24).map(|n| {
        let client = if n % 2 == 0 { &anyone } else { &replica.client };
        try_in(client, "ann@example.com", "a wrong password")
    }));
    let refused = answers.await.iter().filter(|answer| answer.status.as_u16() == 401).count();
    assert_eq!(refused, 24);
    assert_eq!(count(&souk, "failures = 24").await, 2, "of the account and of the network");
}

#[tokio::test]
async fn who_would_wait_too_long_is_told_when_to_come_back_and_strangers_keep_nobody_out() {
    let souk = start(60_000).await;
    let anyone = souk.anyone();
    anyone.register("ann@example.com").await;
    guess(&anyone, "ann@example.com", 5).await;
    let seconds = later(&try_in(&anyone, "ann@example.com", PASSWORD).await);
    assert!((50..=60).contains(&seconds), "{seconds}");
    later(&try_in(&anyone, "ann@example.com", "a wrong password").await);
    assert_eq!(count(&souk, "failures = 5").await, 2, "what was refused is not counted");
    let_time_pass(&souk).await;
    anyone.sign_in("ann@example.com", PASSWORD).await;

    // From elsewhere the account is besieged; where she signed in from, she is let in.
    for _ in 0..5 {
        try_from(&anyone, "192.0.2.9", "ann@example.com", "a guess").await.refused(401, "BAD_CREDENTIALS");
    }
    later(&try_from(&anyone, "192.0.2.9", "ann@example.com", "a guess").await);
    later(&try_from(&anyone, "198.51.100.7", "ann@example.com", PASSWORD).await);
    anyone.sign_in("ann@example.com", PASSWORD).await;
}

#[tokio::test]
async fn a_network_that_guesses_at_many_accounts_is_slowed_down_and_others_are_not() {
    let souk = start(60_000).await;
    let anyone = souk.anyone();
    anyone.register("ann@example.com").await;
    let guesses = join_all((0..30).map(async |n: i32| {
        let address = format!("2001:db8:7:7::{n}");
        try_from(&anyone, &address, &format!("user-{n}@example.com"), "a guess").await.refused(401, "BAD_CREDENTIALS")
    }));
    guesses.await;
    later(&try_from(&anyone, "2001:db8:7:7:ffff::1", "ann@example.com", PASSWORD).await);
    try_from(&anyone, "2001:db8:7:8::1", "ann@example.com", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn the_current_password_is_not_guessed_faster_and_strangers_have_no_part_in_that() {
    let souk = start(60_000).await;
    let ann = souk.anyone().register("ann@example.com").await;
    let me = ann.get("/api/v1/me").await.expect(200);
    let change = |password: &str| json!({"current_password": password, "new_password": "another horse battery"});
    // What was right does not count, whatever became of the wish.
    for _ in 0..7 {
        let body = json!({"email": text(&me["email"]), "current_password": PASSWORD});
        ann.put("/api/v1/me/email", body).await.refused(409, "ALREADY_EXISTS");
    }
    for _ in 0..5 {
        ann.put("/api/v1/me/password", change("a wrong password")).await.refused(422, "WRONG_PASSWORD");
    }
    let body = json!({"email": "new@example.com", "current_password": PASSWORD});
    later(&ann.put("/api/v1/me/email", body).await);
    later(&ann.put("/api/v1/me/password", change(PASSWORD)).await);
    souk.anyone().sign_in("ann@example.com", PASSWORD).await;
    let_time_pass(&souk).await;
    ann.put("/api/v1/me/password", change(PASSWORD)).await.expect(200);
}
