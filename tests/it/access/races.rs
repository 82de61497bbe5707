//! What ends sign-ins, and what goes on at the same moment.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use super::credentials::claims_of;
use crate::souk::client::PASSWORD;
use crate::souk::{Answer, Client, Souk, text};

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
