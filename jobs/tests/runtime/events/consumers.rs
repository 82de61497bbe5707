//! Consumers: each event has its effect once where that is in our rows, and reaches the outside in
//! order; one that fails delays no other.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rand::Rng;
use sea_orm::{ActiveValue::Set, EntityTrait, PaginatorTrait};
use souk_domain::clock::Clock;
use souk_domain::event::{Projection, Sink, consumer, numbering};
use souk_domain::port::PortError;
use souk_domain::{Code, Error, Result, Store, Tx};
use souk_entity::{event, event_consumer, number_sequence};
use souk_jobs::{Bell, EventRuntime};
use tokio_util::sync::CancellationToken;

use super::Thing;
use crate::harness::{World, eventually, places};

/// Writes a row per event, whose name is unique; fails as it is told.
struct Rows {
    name: &'static str,
    /// The position that it cannot take; 0: none.
    poison: AtomicI64,
    /// Fails now and then.
    moody: bool,
    panics: bool,
}

impl Rows {
    fn new(name: &'static str) -> Self {
        Self { name, poison: AtomicI64::new(0), moody: false, panics: false }
    }

    fn row(&self, position: i64) -> String {
        format!("{} {position}", self.name)
    }
}

#[async_trait]
impl Projection for Rows {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn take(&self, tx: &Tx, events: &[event::Model]) -> Result<()> {
        for event in events {
            let position = event.position.unwrap();
            let row = number_sequence::ActiveModel { name: Set(self.row(position)), next_value: Set(position) };
            number_sequence::Entity::insert(row).exec_without_returning(&**tx).await?;
            assert!(!(self.panics && position == 2), "the second event is too much");
            if position == self.poison.load(SeqCst) {
                return Err(Error::internal("cannot take this one"));
            }
        }
        if self.moody && rand::rng().random_bool(0.15) {
            return Err(Error::internal("not in the mood"));
        }
        Ok(())
    }
}

/// Keeps the positions that it got.
#[derive(Default)]
struct Heard {
    away: AtomicBool,
    got: Mutex<Vec<i64>>,
}

impl Heard {
    fn got(&self) -> Vec<i64> {
        self.got.lock().unwrap().clone()
    }
}

#[async_trait]
impl Sink for Heard {
    fn name(&self) -> &'static str {
        "heard"
    }

    async fn deliver(&self, events: &[event::Model]) -> Result<(), PortError> {
        if self.away.load(SeqCst) {
            return Err(PortError::Unavailable("the broker is away".into()));
        }
        self.got.lock().unwrap().extend(events.iter().map(|event| event.position.unwrap()));
        Ok(())
    }
}

fn start(store: &Store, projections: &[Arc<Rows>], sinks: &[Arc<Heard>]) -> EventRuntime {
    let bell = Arc::new(Bell::default());
    let store = store.with_after_commit(bell.clone());
    EventRuntime::start(
        store,
        bell,
        projections.iter().map(|projection| projection.clone() as Arc<dyn Projection>).collect(),
        sinks.iter().map(|sink| sink.clone() as Arc<dyn Sink>).collect(),
        CancellationToken::new(),
    )
}

async fn row(store: &Store, name: &str) -> event_consumer::Model {
    consumer::find(store.read(), name).await.unwrap()
}

async fn until_at(store: &Store, name: &str, position: i64) -> event_consumer::Model {
    eventually(&format!("{name} is at {position}"), async || {
        let row = consumer::find(store.read(), name).await.ok()?;
        (row.position == position).then_some(row)
    })
    .await
}

async fn effects(store: &Store, projection: &Rows) -> Vec<i64> {
    let rows = number_sequence::Entity::find().all(store.read()).await.unwrap();
    let prefix = format!("{} ", projection.name);
    let of: BTreeSet<i64> =
        rows.into_iter().filter(|row| row.name.starts_with(&prefix)).map(|row| row.next_value).collect();
    of.into_iter().collect()
}

async fn change(store: &Store, times: usize) {
    let thing = Thing::make(store).await;
    for _ in 0..times {
        thing.changed(store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runtimes_that_share_consumers_take_each_event_once_and_in_order() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let projection = Arc::new(Rows { moody: true, ..Rows::new("moody") });
        let sink = Arc::new(Heard::default());
        let runtimes: Vec<_> = (0..3)
            .map(|_| start(&world.store, std::slice::from_ref(&projection), std::slice::from_ref(&sink)))
            .collect();
        let writers = (0..4).map(|_| change(&world.store, 15));
        futures::future::join_all(writers).await;
        let all: Vec<i64> = (1..=60).collect();
        until_at(&world.store, "heard", 60).await;
        let moved = until_at(&world.store, "moody", 60).await;
        assert_eq!((moved.last_error, moved.failing_since), (None, None));
        assert_eq!(effects(&world.store, &projection).await, all);
        // What it got again after another took over would be at the place it had.
        let mut got = sink.got();
        assert!(got.is_sorted(), "{got:?}");
        got.dedup();
        assert_eq!(got, all);
        for runtime in runtimes {
            runtime.shutdown().await;
        }
        assert_eq!(row(&world.store, "heard").await.leased_until, None, "leases are given back");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_event_stops_its_consumer_alone_until_an_operator_passes_over_it() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let (sick, well) = (Arc::new(Rows::new("sick")), Arc::new(Rows::new("well")));
        sick.poison.store(7, SeqCst);
        let sink = Arc::new(Heard::default());
        let runtime = start(&world.store, &[sick.clone(), well.clone()], std::slice::from_ref(&sink));
        change(&world.store, 20).await;
        until_at(&world.store, "well", 20).await;
        until_at(&world.store, "heard", 20).await;
        let failing = eventually("it stands before the poison and says why", async || {
            let row = row(&world.store, "sick").await;
            (row.position == 6 && row.last_error.as_ref().is_some_and(|why| why.contains("event 7 "))).then_some(row)
        })
        .await;
        assert!(failing.last_error.unwrap().contains("cannot take this one"));
        assert!(failing.failing_since.is_some());
        assert_eq!(effects(&world.store, &sick).await, [1, 2, 3, 4, 5, 6]);

        let passed = world.store.write(async |tx| consumer::replay(&tx, "sick", 8).await).await.unwrap();
        assert_eq!((passed.position, passed.last_error), (7, None));
        until_at(&world.store, "sick", 20).await;
        assert!(!effects(&world.store, &sick).await.contains(&7));
        runtime.shutdown().await;
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_a_failure_like_any_other() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let projection = Arc::new(Rows { panics: true, ..Rows::new("panics") });
        let runtime = start(&world.store, std::slice::from_ref(&projection), &[]);
        change(&world.store, 3).await;
        let row = eventually("it says why", async || {
            let row = row_if_any(&world.store, "panics").await?;
            row.last_error
                .as_ref()
                .is_some_and(|why| why.contains("PANIC: the second event is too much"))
                .then_some(row)
        })
        .await;
        assert!(row.position <= 1);
        runtime.shutdown().await;
        world.end().await;
    }
}

async fn row_if_any(store: &Store, name: &str) -> Option<event_consumer::Model> {
    event_consumer::Entity::find_by_id(name).one(store.read()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_was_away_gets_all_of_it_when_it_is_back() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let sink = Arc::new(Heard::default());
        sink.away.store(true, SeqCst);
        let runtime = start(&world.store, &[], std::slice::from_ref(&sink));
        change(&world.store, 5).await;
        let failing = eventually("it fails", async || {
            let row = row_if_any(&world.store, "heard").await?;
            row.failing_since.is_some().then_some(row)
        })
        .await;
        assert!(failing.last_error.unwrap().contains("the broker is away"));
        sink.away.store(false, SeqCst);
        let row = until_at(&world.store, "heard", 5).await;
        assert_eq!((row.last_error, row.failing_since), (None, None));
        assert_eq!(sink.got(), [1, 2, 3, 4, 5]);
        runtime.shutdown().await;
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_is_paused_resumed_and_has_the_log_again() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let sink = Arc::new(Heard::default());
        let other = Arc::new(Rows::new("other"));
        let runtime = start(&world.store, &[other], std::slice::from_ref(&sink));
        change(&world.store, 2).await;
        until_at(&world.store, "heard", 2).await;
        world.store.write(async |tx| consumer::pause(&tx, "heard", true).await).await.unwrap();
        change(&world.store, 2).await;
        until_at(&world.store, "other", 4).await;
        assert_eq!(row(&world.store, "heard").await.position, 2);
        world.store.write(async |tx| consumer::pause(&tx, "heard", false).await).await.unwrap();
        until_at(&world.store, "heard", 4).await;
        world.store.write(async |tx| consumer::replay(&tx, "heard", 2).await).await.unwrap();
        eventually("it has got them again", async || (sink.got() == [1, 2, 3, 4, 2, 3, 4]).then_some(())).await;
        for (from, name) in [(0, "heard"), (6, "heard")] {
            let refused = world.store.write(async |tx| consumer::replay(&tx, name, from).await).await;
            assert_eq!(refused.unwrap_err().code, Code::InvalidValue);
        }
        let unknown = world.store.write(async |tx| consumer::replay(&tx, "nobody", 1).await).await;
        assert_eq!(unknown.unwrap_err().code, Code::NotFound);
        runtime.shutdown().await;
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lost_the_lease_commits_nothing() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let store = &world.store;
        consumer::register(store, &["rows"]).await.unwrap();
        change(store, 3).await;
        numbering::number(store).await.unwrap();
        let frozen = consumer::take_lease(store, "rows").await.unwrap().unwrap();
        assert_eq!(consumer::take_lease(store, "rows").await.unwrap(), None, "it is taken");
        let rows = Arc::new(Rows::new("rows"));
        let runtime = start(store, std::slice::from_ref(&rows), &[]);
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(row(store, "rows").await.position, 0, "another has the lease");

        world.sql("UPDATE event_consumer SET leased_until = seen_at").await;
        until_at(store, "rows", 3).await;
        let events = consumer::read(store.read(), 0, 10).await.unwrap();
        let late = store.write(async |tx| {
            rows.take(&tx, &events[..0]).await?;
            consumer::advance(&tx, "rows", frozen, 3).await
        });
        assert_eq!(late.await.unwrap_err().code, Code::LeaseLost);
        assert!(!consumer::renew_lease(store, "rows", frozen).await.unwrap());
        assert!(!consumer::fail(store, "rows", frozen, "late").await.unwrap());
        consumer::release(store, "rows", frozen).await.unwrap();
        assert!(row(store, "rows").await.leased_until.is_some(), "it is not the frozen one's to give back");
        runtime.shutdown().await;
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_consumer_begins_at_the_end_and_the_first_ones_miss_nothing() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        // Committed before any process had a consumer.
        change(&world.store, 4).await;
        let first = Arc::new(Rows::new("first"));
        let runtime = start(&world.store, std::slice::from_ref(&first), &[]);
        until_at(&world.store, "first", 4).await;
        assert_eq!(effects(&world.store, &first).await, [1, 2, 3, 4]);
        runtime.shutdown().await;

        let sink = Arc::new(Heard::default());
        let runtime = start(&world.store, std::slice::from_ref(&first), std::slice::from_ref(&sink));
        eventually("it is there", async || row_if_any(&world.store, "heard").await).await;
        change(&world.store, 1).await;
        until_at(&world.store, "heard", 5).await;
        until_at(&world.store, "first", 5).await;
        assert_eq!(sink.got(), [5]);
        runtime.shutdown().await;
        assert_eq!(event_consumer::Entity::find().count(world.store.read()).await.unwrap(), 2);
        world.end().await;
    }
}

#[tokio::test]
async fn a_process_says_which_consumers_it_has() {
    for place in places() {
        let clock = Clock::manual(chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let world = World::new(place, clock).await;
        consumer::register(&world.store, &["mine", "gone"]).await.unwrap();
        let begin = world.store.now();
        world.clock.advance(consumer::SEEN_EVERY);
        consumer::seen(&world.store, &["mine"]).await.unwrap();
        assert_eq!(row(&world.store, "mine").await.seen_at, begin, "noted a short while ago");
        world.clock.advance(chrono::TimeDelta::seconds(1));
        consumer::seen(&world.store, &["mine"]).await.unwrap();
        assert_eq!(row(&world.store, "mine").await.seen_at, world.store.now());
        assert_eq!(row(&world.store, "gone").await.seen_at, begin);
        world.end().await;
    }
}
