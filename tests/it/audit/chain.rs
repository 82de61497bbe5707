//! The chain, and the commands that look after it.

use futures::future::join_all;
use serde_json::{Value, json};

use super::{AUDIT, count, entries};
use crate::souk::{Souk, text};

#[tokio::test]
async fn fifty_changes_at_once_make_one_chain() {
    let souk = Souk::start().await;
    let admin = souk.admin().await.client.clone();
    let before = count(&souk).await;
    let made = (0..50).map(|number| {
        let category = json!({"name": "A category", "slug": format!("category-{number}")});
        admin.post("/api/v1/admin/categories", category)
    });
    // Some are refused in between: what is undone leaves no gap.
    let refused = (0..10).map(|_| admin.post("/api/v1/admin/categories", json!({"name": "A", "slug": "category-0"})));
    let (made, refused) = tokio::join!(join_all(made), join_all(refused));
    let done = made.iter().chain(&refused).filter(|answer| answer.status.as_u16() == 201).count();
    assert_eq!(done, 50);
    assert_eq!(count(&souk).await, before + 50);
    let mut sequences: Vec<i64> = entries(&admin, "operation=createCategory")
        .await
        .iter()
        .filter_map(|entry| entry["sequence"].as_i64())
        .collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (before + 1..=before + 50).collect::<Vec<_>>());
    assert_eq!(souk.command(&["audit", "verify"]), format!("{} entries, an unbroken chain\n", before + 50));
}

#[tokio::test]
async fn commands_that_change_something_are_entered_too() {
    let souk = Souk::start().await;
    let admin = souk.admin().await.client.clone();
    souk.command(&["schedules"]);
    let before = count(&souk).await;
    souk.command(&["schedules", "list"]);
    assert_eq!(count(&souk).await, before, "looking is not entered");
    souk.command(&["schedules", "disable", "pay-out"]);
    let [entry] = entries(&admin, "operation=cli:schedules%20disable").await.try_into().expect("one entry");
    assert_eq!((&entry["actor"], entry.get("actor_id")), (&json!("system"), None));
    let shown = admin.get(&format!("{AUDIT}/{}", text(&entry["id"]))).await.expect(200);
    let change = &shown["changes"][0];
    assert_eq!((&change["kind"], &change["name"]), (&json!("schedule"), &json!("pay_out")));
    assert_eq!(change["fields"], json!([{"name": "enabled", "before": true, "after": false}]));
    let [made] = entries(&admin, "operation=cli:administrator").await.try_into().expect("one entry");
    assert_eq!(made["subject_kind"], "user");
}

#[tokio::test]
async fn an_anchor_kept_elsewhere_shows_another_chain() {
    let souk = Souk::start().await;
    let admin = souk.admin().await.client.clone();
    let anchor = souk.command(&["audit", "head"]);
    admin.post("/api/v1/admin/categories", json!({"name": "Lamps", "slug": "lamps"})).await.expect(201);
    assert_ne!(souk.command(&["audit", "head"]), anchor);
    souk.command(&["audit", "verify", "--anchor", anchor.trim()]);

    let (sequence, _) = anchor.split_once(':').expect("NUMBER:HASH");
    for other in [format!("{sequence}:{}", "5".repeat(64)), format!("1000:{}", "5".repeat(64))] {
        let output = souk.souk(&["audit", "verify", "--anchor", &other]).output().expect("souk runs");
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told.contains("the entry is gone or another one"), "{told}");
    }
    let output = souk.souk(&["audit", "verify", "--anchor", "1"]).output().expect("souk runs");
    assert_eq!(output.status.code(), Some(2));

    // The database itself refuses to rewrite it.
    for sql in ["UPDATE audit_entry SET operation = 'x'", "DELETE FROM audit_entry", "DELETE FROM audit_subject"] {
        let error = souk.database().try_execute(sql, []).await.expect_err(sql).to_string();
        assert!(error.contains("is append-only"), "{sql}: {error}");
    }
    let first: Value = entries(&admin, "").await.pop().expect("an entry");
    assert_eq!((&first["sequence"], &first["previous_hash"]), (&json!(1), &json!("0".repeat(64))));
}
