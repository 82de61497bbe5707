//! What ends sign-ins, and what goes on at the same moment.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};

use super::credentials::claims_of;
use crate::souk::client::PASSWORD;
use crate::souk::{Answer, Client, Options, Souk, eventually, text};

const SESSIONS: &str = "/api/v1/me/sessions";

async fn sign_in(souk: &Souk, email: &str) -> Value {
    let body = json!({"email": email, "password": PASSWORD});
    souk.anyone().post("/api/v1/auth/sign-in", body).await.expect(200)
}

async fn refresh(anyone: &Client, token: &Value) -> Answer {
    anyone.post("/api/v1/auth/refresh", json!({"refresh_token": token})).await
}

/// Refreshes again and again, so often at most, until it is refused.
async fn go_on(anyone: &Client, session: &Value) {
    let mut token = session["refresh_token"].clone();
    for _ in 0..50 {
        let answer = refresh(anyone, &token).await;
        if !answer.status.is_success() {
            answer.refused(401, "UNAUTHENTICATED");
            return;
        }
        token = answer.json()["refresh_token"].take();
    }
}

/// How sign-ins are ended.
enum End {
    Everywhere,
    Session,
    SignOut,
    /// A token that was used is shown once more.
    Reuse,
}

#[tokio::test]
async fn no_refresh_under_way_survives_the_end_of_its_sign_in() {
    let souk = Souk::start().await;
    let anyone = souk.anyone();
    anyone.register("ann@example.com").await.delete(SESSIONS).await.expect(200);
    for (round, end) in (0_u64..).zip([End::Everywhere, End::Session, End::SignOut, End::Reuse].iter().cycle()).take(12)
    {
        let asking = sign_in(&souk, "ann@example.com").await;
        let asking = anyone.bearer(text(&asking["access_token"]));
        let raced = join_all((0..4).map(async |_| {
            let begun = sign_in(&souk, "ann@example.com").await;
            let next = refresh(&anyone, &begun["refresh_token"]).await.expect(200);
            (begun, next)
        }));
        let raced = raced.await;
        let ends = async {
            tokio::time::sleep(Duration::from_millis(25 + 3 * round)).await;
            if matches!(end, End::Everywhere) {
                asking.delete(SESSIONS).await.expect(200);
                return;
            }
            join_all(raced.iter().map(async |(begun, _)| {
                let sid = claims_of(text(&begun["access_token"]))["sid"].take();
                let used = json!({"refresh_token": begun["refresh_token"]});
                match end {
                    End::Everywhere => {}
                    End::Session => drop(asking.delete(&format!("{SESSIONS}/{}", text(&sid))).await.expect(200)),
                    End::SignOut => drop(anyone.post("/api/v1/auth/sign-out", used).await.expect(200)),
                    End::Reuse => drop(anyone.post("/api/v1/auth/refresh", used).await.refused(401, "UNAUTHENTICATED")),
                }
            }))
            .await;
        };
        tokio::join!(join_all(raced.iter().map(|(_, session)| go_on(&anyone, session))), ends);
        let live = "SELECT count(DISTINCT family_id) FROM refresh_token WHERE revoked_at IS NULL";
        let left = souk.database().number(live, []).await;
        assert_eq!(left, i64::from(!matches!(end, End::Everywhere)), "sign-ins go on in round {round}");
        // The one that has asked.
        asking.delete(SESSIONS).await;
    }
}

/// Keeps all workplaces busy at which passwords are hashed, for a while.
async fn crowd(anyone: &Client, taken: &str) {
    let body = json!({"email": taken, "password": PASSWORD, "name": "A Person"});
    let register = || anyone.post("/api/v1/auth/register", body.clone());
    for refused in join_all((0..80).map(|_| register())).await {
        refused.refused(409, "ALREADY_EXISTS");
    }
}

#[tokio::test]
async fn who_waits_with_the_password_while_the_sign_in_ends_does_nothing_any_more() {
    let souk = Souk::with(Options::default().mail()).await;
    let anyone = souk.anyone();
    let proof = || json!({"current_password": PASSWORD});
    let wishes = [
        ("PUT", "/api/v1/me/password", json!({"current_password": PASSWORD, "new_password": "another horse battery"})),
        ("PUT", "/api/v1/me/email", json!({"current_password": PASSWORD, "email": "thief@example.com"})),
        ("POST", "/api/v1/me/totp", proof()),
        ("POST", "/api/v1/me/totp/disable", json!({"current_password": PASSWORD, "code": "123456"})),
        ("POST", "/api/v1/me/erase", proof()),
    ];
    let mut people = Vec::new();
    for (which, (method, path, body)) in wishes.into_iter().enumerate() {
        let email = format!("victim-{which}@example.com");
        people.push((anyone.register(&email).await, email, method, path, body));
    }
    let waiting = "SELECT count(*) FROM sign_in_throttle";
    let before = souk.database().number(waiting, []).await;
    let asking = async {
        // Behind the crowd.
        tokio::time::sleep(Duration::from_millis(100)).await;
        join_all(people.iter().map(async |(client, _, method, path, body)| match *method {
            "PUT" => client.put(path, body.clone()).await,
            _ => client.post(path, body.clone()).await,
        }))
        .await
    };
    let ending = async {
        // Each has been let in, and has taken a turn: of the account, and all of one network.
        eventually("all wait", async || (souk.database().number(waiting, []).await == before + 6).then_some(())).await;
        for (client, ..) in &people {
            client.delete(SESSIONS).await.expect(200);
        }
    };
    let ((), answers, ()) = tokio::join!(crowd(&anyone, "victim-0@example.com"), asking, ending);
    for (answer, (_, email, _, path, _)) in answers.iter().zip(&people) {
        assert_eq!(answer.status.as_u16(), 401, "{path}: {}", answer.json());
        sign_in(&souk, email).await;
    }
    assert!(souk.mail().iter().all(|letter| letter.to != "thief@example.com"));
}

#[tokio::test]
async fn nothing_is_hashed_for_a_token_that_is_not_good() {
    let souk = Souk::start().await;
    let anyone = souk.anyone();
    anyone.register("ann@example.com").await;
    let begin = Instant::now();
    let reset = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let body = json!({"token": "0".repeat(64), "password": "another horse battery"});
        anyone.post("/api/v1/auth/reset-password", body).await.refused(422, "TOKEN_NOT_GOOD");
        begin.elapsed()
    };
    let crowd = async {
        crowd(&anyone, "ann@example.com").await;
        begin.elapsed()
    };
    let (reset, crowd) = tokio::join!(reset, crowd);
    assert!(reset < crowd / 2, "{reset:?} and {crowd:?}");
}

#[tokio::test]
async fn a_password_that_was_reset_stays_however_many_ask_with_the_one_before() {
    let souk = Souk::with(Options::default().mail().env("SOUK_STOREFRONT_URL", "https://shop.example")).await;
    let anyone = souk.anyone();
    let set = async |token: &str, password: &str| {
        anyone.post("/api/v1/auth/reset-password", json!({"token": token, "password": password})).await
    };
    for round in 0..8_u64 {
        let email = format!("ann-{round}@example.com");
        let thief = anyone.register(&email).await;
        anyone.post("/api/v1/auth/forgot-password", json!({"email": email})).await.expect(200);
        let token = souk.letters("reset_password", &email, 1).await[0].token();
        let change = json!({"current_password": PASSWORD, "new_password": "the thief's password"});
        let theirs = json!({"current_password": PASSWORD, "email": format!("thief-{round}@example.com")});
        let late = async {
            tokio::time::sleep(Duration::from_millis(round * 8)).await;
            tokio::join!(thief.put("/api/v1/me/password", change), thief.put("/api/v1/me/email", theirs))
        };
        let (reset, (changed, moved)) = tokio::join!(set(&token, "the owner's password"), late);
        if !reset.status.is_success() {
            // The thief was first, and the token is one of the password before.
            reset.refused(422, "TOKEN_NOT_GOOD");
            changed.expect(200);
            continue;
        }
        assert!(matches!(changed.status.as_u16(), 401 | 422), "round {round}: {}", changed.json());
        assert!(matches!(moved.status.as_u16(), 200 | 401 | 422), "round {round}: {}", moved.json());
        anyone.sign_in(&email, "the owner's password").await;
        let live = "SELECT count(*) FROM account_token \
            WHERE purpose = 'change_email' AND used_at IS NULL AND voided_at IS NULL";
        let left = souk.database().number(live, []).await;
        assert_eq!(left, 0, "round {round}: a letter to the thief is good");
    }
}
