//! Positions: each event once, dense, and late commits late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use chrono::TimeDelta;
use rand::Rng;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use serde_json::json;
use souk_domain::clock::Clock;
use souk_domain::event::numbering::{BATCH, head, number};
use souk_entity::event;
use souk_entity::id::EventId;
use souk_entity::status::EntityKind;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use uuid::Uuid;

use super::{Thing, assert_sound, log};
use crate::harness::{World, places};

const WRITERS: usize = 8;
const CHANGES: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pumps_that_race_with_slow_writers_number_each_event_once() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let mut things = Vec::new();
        for _ in 0..5 {
            things.push(Thing::make(&world.store).await);
        }
        let done = Arc::new(AtomicBool::new(false));
        let pumps: Vec<_> = (0..3)
            .map(|_| {
                let (store, done) = (world.store.clone(), done.clone());
                tokio::spawn(async move {
                    while !done.load(SeqCst) {
                        number(&store).await.unwrap();
                        let pause = rand::rng().random_range(0..5);
                        sleep(Duration::from_millis(pause)).await;
                    }
                })
            })
            .collect();
        let writers: Vec<_> = (0..WRITERS)
            .map(|_| {
                let (store, things) = (world.store.clone(), things.clone());
                tokio::spawn(async move {
                    for _ in 0..CHANGES {
                        let thing = things[rand::rng().random_range(0..things.len())];
                        let pause = Duration::from_millis(rand::rng().random_range(0..8));
                        let write = store.write(async |tx| {
                            thing.change(&tx).await?;
                            sleep(pause).await;
                            Ok(())
                        });
                        write.await.unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        done.store(true, SeqCst);
        for pump in pumps {
            pump.await.unwrap();
        }
        while number(&world.store).await.unwrap() > 0 {}
        assert_sound(&world.store, WRITERS * CHANGES).await;
        let end = head(world.store.read()).await.unwrap();
        assert_eq!((end.position, end.unnumbered), (i64::try_from(WRITERS * CHANGES).unwrap(), false));
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_commits_late_is_numbered_late_and_not_passed_over() {
    // SQLite has one writer, so nothing overtakes it.
    for place in places().into_iter().filter(|place| place.postgres) {
        let world = World::new(place, Clock::System).await;
        let (late, other) = (Thing::make(&world.store).await, Thing::make(&world.store).await);
        let (written, may_commit) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let slow = tokio::spawn({
            let (store, written, may_commit) = (world.store.clone(), written.clone(), may_commit.clone());
            async move {
                let write = store.write(async |tx| {
                    late.change(&tx).await?;
                    written.add_permits(1);
                    may_commit.acquire().await.unwrap().forget();
                    Ok(())
                });
                write.await.unwrap();
            }
        });
        written.acquire().await.unwrap().forget();
        for _ in 0..3 {
            other.changed(&world.store).await;
        }
        assert_eq!(number(&world.store).await.unwrap(), 3);
        may_commit.add_permits(1);
        slow.await.unwrap();
        assert!(head(world.store.read()).await.unwrap().unnumbered);
        assert_eq!(number(&world.store).await.unwrap(), 1);
        let last = log(&world.store).await.pop().unwrap();
        assert_eq!((last.entity_id, last.position), (late.0, Some(4)));
        world.end().await;
    }
}

/// Ids follow the clocks of processes, versions what happened: beyond a full batch, too.
#[tokio::test]
async fn an_earlier_change_beyond_the_batch_is_pulled_in() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let (thing, begin) = (Uuid::new_v4(), world.store.now());
        let event = |id: usize, entity_id: Uuid, version: i64| event::ActiveModel {
            id: Set(EventId::at(begin + TimeDelta::milliseconds(i64::try_from(id).unwrap()))),
            r#type: Set("batch.updated".into()),
            entity_kind: Set(EntityKind::Batch),
            entity_id: Set(entity_id),
            version: Set(version),
            order_id: Set(None),
            seller_id: Set(None),
            data: Set(json!({})),
            occurred_at: Set(begin),
            position: Set(None),
        };
        let total = BATCH + BATCH / 2;
        let mut rows = vec![event(0, thing, 3), event(1, thing, 2)];
        rows.extend((2..total - 1).map(|id| event(id, Uuid::new_v4(), 1)));
        rows.push(event(total - 1, thing, 1));
        for part in rows.chunks(500) {
            event::Entity::insert_many(part.to_vec()).exec_without_returning(world.store.read()).await.unwrap();
        }
        assert_eq!(number(&world.store).await.unwrap(), BATCH + 1);
        assert_eq!(number(&world.store).await.unwrap(), BATCH / 2 - 1);
        assert_eq!(number(&world.store).await.unwrap(), 0);
        assert_sound(&world.store, total).await;
        world.end().await;
    }
}

#[tokio::test]
async fn a_position_is_given_once_and_an_event_stays_what_it_is() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let thing = Thing::make(&world.store).await;
        thing.changed(&world.store).await;
        assert_eq!(number(&world.store).await.unwrap(), 1);
        for set in ["position = 2", "position = NULL", "type = 'batch.created'"] {
            let refused = world.store.read().execute_unprepared(&format!("UPDATE event SET {set}")).await;
            assert!(refused.unwrap_err().to_string().contains("append-only"), "{set}");
        }
        assert_sound(&world.store, 1).await;
        world.end().await;
    }
}
