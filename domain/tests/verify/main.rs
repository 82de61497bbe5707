//! Every invariant holds on what the domain writes, and every one notices a violation: each is
//! planted with raw SQL, with the guards of the schema taken away, and must be found by name and id.
//! On SQLite always, on PostgreSQL with `DATABASE_URL`, each time in a database of its own.

mod database;
mod hooked;
mod market;
mod planted;
mod shop;
mod told;

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, TransactionTrait};
use souk_domain::job::{Task, enqueue_all};
use souk_domain::verify::{GRACE, MOST_OFFENDERS, Scope, Violation, invariants, verify, verify_with};
use souk_entity::id::CartId;
use uuid::Uuid;

use database::TestDatabase;
use market::Market;

#[tokio::test]
async fn sqlite_every_planted_violation_is_found() {
    every_planted_violation_is_found(TestDatabase::sqlite().await).await;
}

#[tokio::test]
async fn postgres_every_planted_violation_is_found() {
    if let Some(database) = TestDatabase::postgres().await {
        every_planted_violation_is_found(database).await;
    }
}

#[tokio::test]
async fn sqlite_offenders_are_capped_and_found_beyond_the_first_batch() {
    offenders_are_capped_and_found_beyond_the_first_batch(TestDatabase::sqlite().await).await;
}

#[tokio::test]
async fn postgres_offenders_are_capped_and_found_beyond_the_first_batch() {
    if let Some(database) = TestDatabase::postgres().await {
        offenders_are_capped_and_found_beyond_the_first_batch(database).await;
    }
}

async fn every_planted_violation_is_found(database: TestDatabase) {
    let market = Market::open(&database.store).await;
    let quiet = Scope::Quiet(database.store.now());
    assert_eq!(verify(database.store.read(), quiet).await.unwrap(), [], "what the domain writes is sound");
    database.unguard().await;
    assert_eq!(verify(database.store.read(), quiet).await.unwrap(), [], "without its guards it is still sound");

    let (mut planted, mut missed) = (BTreeSet::new(), Vec::new());
    for planting in planted::all(&market, database.backend()) {
        let offender = match planting.offender.strip_prefix("SELECT ") {
            Some(_) => database.id(&planting.offender).await.to_string(),
            None => planting.offender,
        };
        let found = with(&database, &planting.sql, quiet).await;
        let seen = found.iter().any(|violation| {
            violation.invariant == planting.invariant
                && violation.offenders.iter().any(|found| found.contains(&offender))
        });
        if !seen {
            missed.push(format!("{} for {offender} is not in {found:#?}\nafter {}", planting.invariant, planting.sql));
        }
        planted.insert(planting.invariant);
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
    let all: BTreeSet<&str> = invariants().iter().map(|invariant| invariant.name).collect();
    assert_eq!(planted, all, "every invariant has a planting, and every planting an invariant");
    assert_eq!(verify(database.store.read(), quiet).await.unwrap(), [], "plantings are undone");
    what_does_not_open_is_found(&database).await;

    // What is overdue is nobody's business while work goes on.
    let late = Scope::Quiet(database.store.now() + chrono::TimeDelta::days(400) + GRACE);
    let overdue = verify(database.store.read(), late).await.unwrap();
    assert!(overdue.iter().any(|violation| violation.invariant == "due_job_is_run"), "{overdue:#?}");
    assert_eq!(verify(database.store.read(), Scope::AtEveryCommit).await.unwrap(), []);
    database.end().await;
}

/// What is sealed is moved to where it does not open, and loses its key.
async fn what_does_not_open_is_found(database: &TestDatabase) {
    let (scope, vault) = (Scope::AtEveryCommit, database.store.vault());
    assert_eq!(verify_with(database.store.read(), vault, scope).await.unwrap(), [], "all that is sealed opens");
    let first = |table: &str| format!("SELECT id FROM {table} ORDER BY id LIMIT 1");
    let moved = "email = (SELECT name FROM app_user ORDER BY id LIMIT 1)";
    for (what, table, change) in [
        ("account", "app_user", format!("UPDATE app_user SET {moved}")),
        ("order", "orders", format!("UPDATE orders SET {moved}")),
        ("account", "app_user", "DELETE FROM person_key".to_owned()),
    ] {
        let offender = format!("{what} {}", database.id(&first(table)).await);
        let sql = format!("{change} WHERE id = ({})", first(table));
        let tx = database.connection().begin().await.unwrap();
        tx.execute_unprepared(&sql).await.unwrap();
        let found = verify_with(&tx, vault, scope).await.unwrap();
        tx.rollback().await.unwrap();
        let seen =
            found.iter().any(|broken| broken.invariant == "sealed_data_opens" && broken.offenders.contains(&offender));
        assert!(seen, "{offender} is not in {found:#?}\nafter {sql}");
    }
}

/// What is found after `sql`, which is undone then.
async fn with(database: &TestDatabase, sql: &str, scope: Scope) -> Vec<Violation> {
    let tx = database.connection().begin().await.unwrap();
    tx.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{error} in {sql}"));
    let found = verify(&tx, scope).await.unwrap();
    tx.rollback().await.unwrap();
    found
}

async fn offenders_are_capped_and_found_beyond_the_first_batch(database: TestDatabase) {
    let carts = || Task::ExpireCart { cart_id: CartId(Uuid::now_v7()) };
    for _ in 0..7 {
        let due = database.store.now();
        let tasks: Vec<_> = (0..300).map(|_| (carts(), due)).collect();
        database.store.write(async |tx| enqueue_all(&tx, &tasks).await).await.unwrap();
    }
    assert_eq!(verify(database.store.read(), Scope::Quiet(database.store.now())).await.unwrap(), []);
    database.unguard().await;

    let all = with(&database, "UPDATE job SET unique_key = unique_key || 'x'", Scope::AtEveryCommit).await;
    let [violation] = all.as_slice() else { panic!("{all:#?}") };
    assert_eq!((violation.offenders.len(), violation.more), (MOST_OFFENDERS, true));

    let last = "UPDATE job SET unique_key = 'x' WHERE id = (SELECT id FROM job ORDER BY id DESC LIMIT 1)";
    let one = with(&database, last, Scope::AtEveryCommit).await;
    let [violation] = one.as_slice() else { panic!("{one:#?}") };
    assert_eq!((violation.offenders.len(), violation.more), (1, false));

    let dead =
        with(&database, "UPDATE job SET status = 'dead', last_error = 'TIMEOUT'", Scope::Quiet(database.store.now()))
            .await;
    let [violation] = dead.as_slice() else { panic!("{dead:#?}") };
    assert_eq!((violation.offenders.len(), violation.more), (MOST_OFFENDERS, true));
    assert!(violation.to_string().contains("and more"));
    database.end().await;
}
