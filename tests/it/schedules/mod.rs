//! Recurring work: due once, whoever works, and what each does.

mod catch_up;
mod clean_up;
mod operators;
mod ticks;
mod verify;

use ::uuid::Uuid;
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::Value as Bound;
use serde_json::Value;
use souk_domain::Clock;

use crate::souk::{Souk, eventually, text};

const PATH: &str = "/api/v1/admin/schedules";

/// The names of all schedules.
const NAMES: [&str; 9] = [
    "expire_carts",
    "expire_orders",
    "release_reservations",
    "sync_shipments",
    "close_returns",
    "complete_seller_orders",
    "pay_out",
    "clean_up",
    "verify",
];

/// All schedules, once the first worker has made their rows.
async fn all(souk: &Souk) -> Vec<Value> {
    let admin = &souk.admin().await.client;
    eventually("the schedules are there", async || {
        let items = admin.get(PATH).await.expect(200)["items"].as_array().expect("items").clone();
        (!items.is_empty()).then_some(items)
    })
    .await
}

/// Moves all ticks out of the way, so that none comes in between when a test runs at its minute.
async fn without_ticks(souk: &Souk) {
    all(souk).await;
    let next_week = Clock::System.now() + TimeDelta::days(7);
    souk.database().execute("UPDATE schedule SET next_tick = $1", [next_week.into()]).await;
}

async fn schedule(souk: &Souk, name: &str) -> Value {
    all(souk).await.into_iter().find(|schedule| schedule["name"] == name).expect("a schedule of this name")
}

/// Runs a schedule now and waits until it has ended; returns it.
async fn run(souk: &Souk, name: &str) -> Value {
    let before = schedule(souk, name).await;
    souk.admin().await.client.post_empty(&format!("{PATH}/{name}/run")).await.expect(200);
    eventually(&format!("{name} has run"), async || {
        let after = schedule(souk, name).await;
        (after["last_finished_at"] != before["last_finished_at"]).then_some(after)
    })
    .await
}

/// Runs a schedule and expects its outcome.
async fn expect(souk: &Souk, name: &str, outcome: &str) {
    let ran = run(souk, name).await;
    assert_eq!(ran["last_outcome"], outcome, "{ran}");
}

fn ago(time: TimeDelta) -> DateTime<Utc> {
    Clock::System.now() - time
}

fn hour_ago() -> Bound {
    ago(TimeDelta::hours(1)).into()
}

fn days_ago(days: i64) -> Bound {
    ago(TimeDelta::days(days)).into()
}

/// An id as it is made at an instant. Those of this process only grow, so they cannot be made as of long ago.
fn id_of(at: DateTime<Utc>) -> Bound {
    let milliseconds = u64::try_from(at.timestamp_millis()).expect("after 1970");
    let random: [u8; 10] = Uuid::new_v4().as_bytes()[..10].try_into().expect("ten bytes");
    ::uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid().into()
}

fn uuid(text: &str) -> Bound {
    Uuid::parse_str(text).expect("an id").into()
}

/// Loses the job of a business key, as a restore of an older backup does.
async fn lose(souk: &Souk, key: &str) {
    assert_eq!(souk.database().execute("DELETE FROM job WHERE unique_key = $1", [key.into()]).await, 1, "{key}");
}

/// How many jobs of a key are in a status.
async fn jobs(souk: &Souk, key: &str, status: &str) -> i64 {
    let sql = "SELECT count(*) FROM job WHERE unique_key = $1 AND status = $2";
    souk.database().number(sql, [key.into(), status.into()]).await
}

/// The runs of a schedule so far, also those to come.
async fn runs(souk: &Souk, name: &str) -> i64 {
    let sql = "SELECT count(*) FROM job WHERE unique_key LIKE $1";
    souk.database().number(sql, [format!("schedule:{name}:%").into()]).await
}

fn instant(value: &Value) -> DateTime<Utc> {
    text(value).parse().expect("an instant")
}
