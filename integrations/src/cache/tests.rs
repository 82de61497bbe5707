//! Changes that the shelf cannot hear of, and readers that race with writers.

use std::sync::atomic::AtomicU32;

use chrono::{DateTime, Utc};
use souk_domain::Clock;
use souk_domain::store::NoWake;
use souk_domain::vault::Vault;

use super::*;

/// A shelf that can be away.
struct Unsteady {
    inside: InProcess,
    away: AtomicBool,
    cleared: AtomicU32,
    forgotten: AtomicU32,
    /// Happens once, while it forgets.
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

#[async_trait]
impl Shelf for Arc<Unsteady> {
    async fn find(&self, subject: &Subject, name: &str) -> Lookup {
        self.inside.find(subject, name).await
    }

    async fn keep(&self, subject: &Subject, name: &str, ticket: Ticket, answer: &Kept) {
        self.inside.keep(subject, name, ticket, answer).await;
    }

    async fn forget(&self, subjects: &[Subject]) -> Result<(), PortError> {
        match self.away.load(Ordering::SeqCst) {
            true => Err(PortError::Unavailable("away".into())),
            false => {
                self.forgotten.fetch_add(1, Ordering::SeqCst);
                self.inside.forget(subjects).await?;
                if let Some(meanwhile) = self.meanwhile.lock().unwrap().take() {
                    meanwhile();
                }
                Ok(())
            }
        }
    }

    async fn clear(&self) -> Result<(), PortError> {
        match self.away.load(Ordering::SeqCst) {
            true => Err(PortError::Unavailable("away".into())),
            false => {
                self.cleared.fetch_add(1, Ordering::SeqCst);
                self.inside.clear().await
            }
        }
    }
}

/// A cache that knows `order` to be of `owner`, so that no database is asked.
async fn cache(order: OrderId, owner: &Owner) -> (OrderCache, Arc<Unsteady>) {
    let database = sea_orm::Database::connect("sqlite::memory:").await.unwrap();
    let clock = Clock::manual(DateTime::<Utc>::UNIX_EPOCH);
    let vault = Vault::new(None, &"a master secret of the tests".into()).unwrap();
    let store = Store::new(database.clone(), database, clock, Arc::new(NoWake), vault);
    let shelf = Arc::new(Unsteady {
        inside: InProcess::new(),
        away: AtomicBool::new(false),
        cleared: AtomicU32::new(0),
        forgotten: AtomicU32::new(0),
        meanwhile: Mutex::default(),
    });
    let cache = OrderCache::new(Box::new(Arc::clone(&shelf)), store);
    cache.0.owners.insert(order, owner.clone()).await;
    (cache, shelf)
}

fn changed(order: OrderId) -> Committed {
    Committed { orders: vec![order], events: true }
}

async fn ticket(cache: &OrderCache, subject: &Subject) -> Ticket {
    match cache.find(subject, "detail").await {
        Lookup::Missing(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

fn someone() -> (OrderId, Owner, Kept) {
    let owner = Owner::Guest("ab12".into());
    let kept = Kept { owner: owner.clone(), version: Some(1), body: b"{}".to_vec() };
    (OrderId(uuid::Uuid::from_u128(7)), owner, kept)
}

#[tokio::test]
async fn what_was_read_before_a_change_is_not_kept_after_it() {
    let (order, owner, kept) = someone();
    let (cache, _) = cache(order, &owner).await;
    for subject in [Subject::Order(order), Subject::OrdersOf(owner)] {
        let early = ticket(&cache, &subject).await;
        cache.committed(&changed(order)).await;
        cache.keep(&subject, "detail", early, &kept).await;
        let late = ticket(&cache, &subject).await;
        cache.keep(&subject, "detail", late, &kept).await;
        assert_eq!(cache.find(&subject, "detail").await, Lookup::Kept(kept.clone()));
        cache.committed(&changed(order)).await;
        ticket(&cache, &subject).await;
    }
}

#[tokio::test]
async fn a_cache_that_did_not_hear_of_a_change_is_not_asked_until_it_has() {
    let (order, owner, kept) = someone();
    let (cache, shelf) = cache(order, &owner).await;
    let subject = Subject::Order(order);
    let first = ticket(&cache, &subject).await;
    cache.keep(&subject, "detail", first, &kept).await;
    shelf.away.store(true, Ordering::SeqCst);
    cache.committed(&changed(order)).await;
    assert_eq!(cache.find(&subject, "detail").await, Lookup::Away);
    sleep(CATCH_UP * 2).await;
    assert_eq!(cache.find(&subject, "detail").await, Lookup::Away);
    shelf.away.store(false, Ordering::SeqCst);
    while cache.find(&subject, "detail").await == Lookup::Away {
        sleep(Duration::from_millis(10)).await;
    }
    ticket(&cache, &subject).await;
    assert_eq!(shelf.cleared.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn too_many_changes_to_remember_empty_the_cache() {
    let (order, owner, kept) = someone();
    let (cache, shelf) = cache(order, &owner).await;
    let subject = Subject::Order(order);
    let first = ticket(&cache, &subject).await;
    cache.keep(&subject, "detail", first, &kept).await;
    shelf.away.store(true, Ordering::SeqCst);
    let many: Vec<OrderId> = (0..=BACKLOG as u128).map(|id| OrderId(uuid::Uuid::from_u128(id))).collect();
    assert!(cache.0.fall_behind(&many));
    assert!(!cache.0.fall_behind(&[order]), "one catches up");
    shelf.away.store(false, Ordering::SeqCst);
    cache.0.catch_up().await;
    ticket(&cache, &subject).await;
    assert_eq!(shelf.cleared.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_changes_again_while_the_shelf_is_told_is_told_again() {
    let (order, owner, _) = someone();
    let (cache, shelf) = cache(order, &owner).await;
    assert!(cache.0.fall_behind(&[order]));
    let again = cache.clone();
    *shelf.meanwhile.lock().unwrap() = Some(Box::new(move || {
        assert!(!again.0.fall_behind(&[order]), "one catches up already");
    }));
    cache.0.catch_up().await;
    assert_eq!(shelf.forgotten.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn the_log_forgets_once_more() {
    let (order, owner, kept) = someone();
    let (cache, _) = cache(order, &owner).await;
    let subject = Subject::Order(order);
    let first = ticket(&cache, &subject).await;
    cache.keep(&subject, "detail", first, &kept).await;
    let event = event::Model {
        id: souk_entity::id::EventId::at(DateTime::<Utc>::UNIX_EPOCH),
        r#type: "order.updated".into(),
        entity_kind: souk_entity::status::EntityKind::Order,
        entity_id: order.into(),
        version: 2,
        order_id: Some(order),
        seller_id: None,
        data: serde_json::json!({}),
        occurred_at: DateTime::<Utc>::UNIX_EPOCH,
        position: Some(1),
    };
    cache.deliver(&[event]).await.unwrap();
    ticket(&cache, &subject).await;
}
