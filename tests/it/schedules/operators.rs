//! Schedules as operators see them, over HTTP and on the command line.

use serde_json::json;

use super::{PATH, hour_ago, run, runs, schedule, without_ticks};
use crate::souk::{Souk, eventually, text};

#[tokio::test]
async fn operators_look_and_administrators_switch_and_run() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let admin = souk.admin().await.client.clone();
    let (operator, _) = souk.operator("read_only").await;
    assert_eq!(operator.get(PATH).await.expect(200)["items"].as_array().map(Vec::len), Some(9));
    operator.put(&format!("{PATH}/verify"), json!({"enabled": false})).await.refused(403, "FORBIDDEN");
    operator.post_empty(&format!("{PATH}/verify/run")).await.refused(403, "FORBIDDEN");
    assert_eq!(schedule(&souk, "verify").await["enabled"], true);

    let unknown = admin.post_empty(&format!("{PATH}/knit_socks/run")).await;
    assert!(unknown.status.is_client_error(), "{}", unknown.json());
    let unknown = admin.put(&format!("{PATH}/verify"), json!({"enabled": true, "often": true})).await;
    assert!(unknown.status.is_client_error(), "{}", unknown.json());
}

#[tokio::test]
async fn a_run_asked_for_twice_is_one() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let admin = souk.admin().await.client.clone();
    let path = format!("{PATH}/sync_shipments/run");
    let next = schedule(&souk, "sync_shipments").await["next_tick"].clone();
    let first = admin.post_once(&path, "once", json!({})).await.expect(200);
    let again = admin.post_once(&path, "once", json!({})).await.expect(200);
    assert_eq!(first, again);
    assert_eq!((runs(&souk, "sync_shipments").await, &first["next_tick"]), (1, &next));
    eventually("it has run", async || {
        schedule(&souk, "sync_shipments").await["last_finished_at"].is_string().then_some(())
    })
    .await;

    // A run that is still to come: its job waits for an hour that does not come.
    let later = "UPDATE job SET status = 'queued', run_at = $1 WHERE unique_key LIKE 'schedule:sync_shipments:%'";
    let tomorrow = souk_domain::Clock::System.now() + chrono::TimeDelta::days(1);
    assert_eq!(souk.database().execute(later, [tomorrow.into()]).await, 1);
    admin.post_empty(&path).await.refused(409, "ALREADY_EXISTS");
    admin.post_once(&path, "another", json!({})).await.refused(409, "ALREADY_EXISTS");
    assert_eq!(runs(&souk, "sync_shipments").await, 1);
    let due = "UPDATE job SET run_at = $1 WHERE unique_key LIKE 'schedule:sync_shipments:%'";
    souk.database().execute(due, [hour_ago()]).await;
    souk.settle().await;
    run(&souk, "sync_shipments").await;
}

#[tokio::test]
async fn many_who_run_it_at_once_run_it_once() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let admin = &souk.admin().await.client;
    let path = format!("{PATH}/close_returns/run");
    let answers = futures::future::join_all((0..12).map(|_| admin.post_empty(&path))).await;
    for answer in &answers {
        assert!([200, 409].contains(&answer.status.as_u16()), "{}", answer.json());
    }
    let accepted = answers.iter().filter(|answer| answer.status.is_success()).count();
    assert!(accepted >= 1);
    souk.settle().await;
    let schedule = schedule(&souk, "close_returns").await;
    assert_eq!(schedule["last_outcome"], "Nothing was left behind.");
    // Those who came after the first had ended are runs of their own.
    let claims = "SELECT sum(attempts) FROM job WHERE unique_key LIKE 'schedule:close_returns:%'";
    let claims = souk.database().number(&format!("SELECT CAST(({claims}) AS bigint)"), []).await;
    assert_eq!(usize::try_from(claims).expect("a count"), accepted);
}

#[tokio::test]
async fn a_failed_run_says_why_and_is_tried_again() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let admin = souk.admin().await.client.clone();
    // The run reads a table that is not there for a while; nobody sends a key.
    souk.database().execute("ALTER TABLE idempotency_key RENAME TO idempotency_key_away", []).await;
    admin.post_empty(&format!("{PATH}/clean_up/run")).await.expect(200);
    let failed = eventually("it has failed", async || {
        let found = schedule(&souk, "clean_up").await;
        found["last_error"].is_string().then_some(found)
    })
    .await;
    assert!(failed["last_started_at"].is_string() && failed["last_finished_at"].is_null(), "{failed}");
    souk.database().execute("ALTER TABLE idempotency_key_away RENAME TO idempotency_key", []).await;
    let key = format!("schedule:clean_up:{}", text(&failed["last_tick"]));
    let ended = eventually("it has ended", async || {
        let due = "UPDATE job SET run_at = $1 WHERE unique_key = $2 AND status = 'queued'";
        souk.database().execute(due, [hour_ago(), key.as_str().into()]).await;
        let found = schedule(&souk, "clean_up").await;
        found["last_finished_at"].is_string().then_some(found)
    })
    .await;
    assert!(ended["last_error"].is_null(), "{ended}");
    assert_eq!(ended["last_outcome"], "Nothing to remove.");
}

#[tokio::test]
async fn the_command_line_shows_runs_and_switches() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let told = souk.command(&["schedules", "run", "expire-carts"]);
    assert!(told.contains("expire_carts runs as soon as"), "{told}");
    eventually("it has run", async || {
        schedule(&souk, "expire_carts").await["last_finished_at"].is_string().then_some(())
    })
    .await;
    souk.command(&["schedules", "disable", "verify"]);
    assert_eq!(schedule(&souk, "verify").await["enabled"], false);
    let told = souk.command(&["schedules"]);
    assert!(told.contains("verify: daily at 04:00 UTC, OFF"), "{told}");
    assert!(told.contains("Nothing was left behind.") && told.contains("has not run"), "{told}");
    souk.command(&["schedules", "enable", "verify"]);
    assert_eq!(schedule(&souk, "verify").await["enabled"], true);
}
