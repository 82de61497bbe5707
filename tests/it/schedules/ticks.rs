//! When schedules run.

use chrono::TimeDelta;
use sea_orm::Iterable;
use serde_json::{Value, json};
use souk_domain::Clock;
use souk_domain::schedule::cadence::cadence;
use souk_entity::status::ScheduleName;

use super::{NAMES, PATH, ago, all, days_ago, instant, jobs, run, runs, schedule};
use crate::souk::{Options, Souk, eventually, text};

/// Waits where a tick is near: one of this very minute would be another run than the one that a test is about.
async fn between_ticks() {
    let now = Clock::System.now();
    let next = ScheduleName::iter().map(|name| cadence(name).next_after(now)).min().expect("schedules");
    if next - now < TimeDelta::seconds(45) {
        tokio::time::sleep(((next - now) + TimeDelta::seconds(1)).to_std().expect("a moment")).await;
    }
}

/// Makes the next ticks of all schedules due three days ago.
async fn miss_three_days(souk: &Souk) {
    assert_eq!(souk.database().execute("UPDATE schedule SET next_tick = $1", [days_ago(3)]).await, 9);
}

/// Each schedule of `names` has run, once, for the tick that was missed.
async fn ran_once(souk: &Souk, names: &[&str]) {
    eventually("every schedule has run", async || {
        let all = all(souk).await;
        let ran =
            |schedule: &Value| !names.contains(&text(&schedule["name"])) || schedule["last_finished_at"].is_string();
        all.iter().all(ran).then_some(())
    })
    .await;
    souk.settle().await;
    for name in names {
        let schedule = schedule(souk, name).await;
        let (last, next) = (instant(&schedule["last_tick"]), instant(&schedule["next_tick"]));
        assert!(last < ago(TimeDelta::days(2)), "{schedule}");
        assert!(next > Clock::System.now(), "{schedule}");
        assert!(schedule["last_outcome"].is_string() && schedule["last_error"].is_null(), "{schedule}");
        assert!(instant(&schedule["last_started_at"]) <= instant(&schedule["last_finished_at"]), "{schedule}");
        assert_eq!(runs(souk, name).await, 1, "{name}");
        let key = format!("schedule:{name}:{}", last.format("%Y-%m-%dT%H:%M:%SZ"));
        assert_eq!(jobs(souk, &key, "done").await, 1, "{key}");
        let claims = "SELECT CAST(attempts AS bigint) FROM job WHERE unique_key = $1";
        assert_eq!(souk.database().number(claims, [key.into()]).await, 1, "{name} was run once");
    }
}

#[tokio::test]
async fn schedules_ship_switched_on() {
    let souk = Souk::start().await;
    let all = all(&souk).await;
    let names: Vec<&str> = all.iter().map(|schedule| text(&schedule["name"])).collect();
    assert_eq!(names, NAMES);
    for schedule in &all {
        assert_eq!(schedule["enabled"], true, "{schedule}");
        let next = instant(&schedule["next_tick"]) - Clock::System.now();
        assert!(next > TimeDelta::minutes(-1) && next < TimeDelta::hours(25), "{schedule}");
        assert!(text(&schedule["purpose"]).ends_with('.') && schedule["cadence"].is_string(), "{schedule}");
    }
}

#[tokio::test]
async fn a_tick_runs_once_however_many_processes_work() {
    between_ticks().await;
    let souk = Souk::with(Options::default().workers(3)).await;
    all(&souk).await;
    miss_three_days(&souk).await;
    ran_once(&souk, &NAMES).await;
}

#[tokio::test]
async fn what_was_missed_while_nobody_worked_runs_once_and_not_once_per_tick() {
    between_ticks().await;
    let mut souk = Souk::with(Options::default().workers(3)).await;
    all(&souk).await;
    souk.stop();
    miss_three_days(&souk).await;
    souk.resume().await;
    ran_once(&souk, &NAMES).await;
}

#[tokio::test]
async fn what_is_switched_off_does_not_run() {
    between_ticks().await;
    let mut souk = Souk::start().await;
    all(&souk).await;
    let admin = souk.admin().await.client.clone();
    let off = format!("{PATH}/expire_carts");
    assert_eq!(admin.put(&off, json!({"enabled": false})).await.expect(200)["enabled"], false);
    souk.stop();
    miss_three_days(&souk).await;
    souk.resume().await;
    ran_once(&souk, &NAMES[1..]).await;
    let carts = schedule(&souk, "expire_carts").await;
    assert_eq!((&carts["enabled"], runs(&souk, "expire_carts").await), (&json!(false), 0), "{carts}");

    // A person may run it all the same, and it stays off.
    let ran = run(&souk, "expire_carts").await;
    assert_eq!((&ran["enabled"], &ran["last_outcome"]), (&json!(false), &json!("Nothing was left behind.")));

    // What was missed on purpose is not made up for.
    let carts = admin.put(&off, json!({"enabled": true})).await.expect(200);
    assert_eq!(carts["enabled"], true);
    assert!(instant(&carts["next_tick"]) > Clock::System.now(), "{carts}");
}

#[tokio::test]
async fn a_schedule_that_nobody_knows_any_more_disturbs_none() {
    between_ticks().await;
    let souk = Souk::start().await;
    all(&souk).await;
    let sql = "INSERT INTO schedule (name, enabled, next_tick, updated_at) VALUES ('knit_socks', $2, $1, $1)";
    souk.database().execute(sql, [days_ago(3), true.into()]).await;
    let sql = "UPDATE schedule SET next_tick = $1 WHERE name = 'sync_shipments'";
    souk.database().execute(sql, [days_ago(3)]).await;
    ran_once(&souk, &["sync_shipments"]).await;
    assert_eq!(all(&souk).await.len(), 9);
}
