//! What people are told of the market: once each, of what is theirs, and not when it is old.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use secrecy::SecretString;
use souk_domain::account::token::AccountTokens;
use souk_domain::event::Projection;
use souk_domain::notification::letter::{Prepared, prepare};
use souk_domain::notification::projection::{Notifications, TOLD_WITHIN};
use souk_domain::verify::{Scope, verify};
use souk_domain::{Store, notification as telling};
use souk_entity::status::{JobKind, NotificationKind, NotificationStatus};
use souk_entity::{event, job, notification};

use crate::database::TestDatabase;
use crate::market::Market;

#[tokio::test]
async fn sqlite_the_log_tells_each_thing_once() {
    the_log_tells_each_thing_once(TestDatabase::sqlite().await).await;
}

#[tokio::test]
async fn postgres_the_log_tells_each_thing_once() {
    if let Some(database) = TestDatabase::postgres().await {
        the_log_tells_each_thing_once(database).await;
    }
}

#[tokio::test]
async fn sqlite_what_is_old_is_told_to_nobody() {
    what_is_old_is_told_to_nobody(TestDatabase::sqlite().await).await;
}

#[tokio::test]
async fn postgres_what_is_old_is_told_to_nobody() {
    if let Some(database) = TestDatabase::postgres().await {
        what_is_old_is_told_to_nobody(database).await;
    }
}

/// Reads the whole log, so many events at once.
async fn read_log(store: &Store, at_once: usize) {
    let events = event::Entity::find().order_by_asc(event::Column::Id).all(store.read()).await.unwrap();
    for events in events.chunks(at_once) {
        store.write(async |tx| Notifications.take(&tx, events).await).await.unwrap();
    }
}

async fn all(store: &Store) -> Vec<notification::Model> {
    notification::Entity::find().order_by_asc(notification::Column::UniqueKey).all(store.read()).await.unwrap()
}

async fn jobs(store: &Store) -> u64 {
    let sending = job::Entity::find().filter(job::Column::Kind.eq(JobKind::SendNotification));
    sending.count(store.read()).await.unwrap()
}

async fn the_log_tells_each_thing_once(database: TestDatabase) {
    Market::open(&database.store).await;
    read_log(&database.store, 7).await;
    let told = all(&database.store).await;
    let pending = told.iter().filter(|row| row.status == NotificationStatus::Pending).count();
    assert_eq!(jobs(&database.store).await, pending as u64);
    let kinds: BTreeSet<String> = told.iter().map(|row| row.kind.to_string()).collect();
    for kind in ["order_confirmed", "order_shipped", "order_cancelled", "order_refunded", "seller_new_order"] {
        assert!(kinds.contains(kind), "{kind} is not in {kinds:?}");
    }

    for at_once in [1, 7, 1_000] {
        read_log(&database.store, at_once).await;
    }
    assert_eq!(all(&database.store).await, told, "a log that is read again tells nothing new");
    assert_eq!(jobs(&database.store).await, pending as u64);

    let tokens = AccountTokens::new(&SecretString::from("a master secret of the tests"));
    for row in told.iter().filter(|row| row.status == NotificationStatus::Pending) {
        let (db, vault, now) = (database.store.read(), database.store.vault(), database.store.now());
        let Prepared::Ready(letter) = prepare(db, vault, &tokens, row.id, now).await.unwrap() else {
            panic!("{row:?} is not ready")
        };
        assert!(letter.to.contains('@') && letter.key == row.unique_key, "{letter:?}");
        let of_order = !matches!(
            row.kind,
            NotificationKind::SellerLowStock
                | NotificationKind::SellerWebhookDisabled
                | NotificationKind::SellerApproved
                | NotificationKind::SellerPayoutAccountChanged
        );
        assert_eq!(letter.facts.order.is_some(), of_order, "{letter:?}");
        database.store.write(async |tx| telling::sent(&tx, row.id).await).await.unwrap();
        assert_eq!(prepare(db, vault, &tokens, row.id, now).await.unwrap(), Prepared::Over);
    }
    assert_eq!(verify(database.store.read(), Scope::AtEveryCommit).await.unwrap(), []);
    database.end().await;
}

async fn what_is_old_is_told_to_nobody(database: TestDatabase) {
    Market::open(&database.store).await;
    database.store.clock().advance(TOLD_WITHIN + TimeDelta::seconds(1));
    read_log(&database.store, 100).await;
    let rows = all(&database.store).await;
    assert!(!rows.is_empty() && rows.iter().all(|row| row.status == NotificationStatus::Suppressed));
    assert!(rows.iter().all(|row| row.kind != NotificationKind::SellerLowStock), "of old orders it would say nothing");
    assert_eq!(jobs(&database.store).await, 0);
    database.end().await;
}
