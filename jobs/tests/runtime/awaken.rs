//! Waking a job that does whatever work there is for its key, while it is about to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use chrono::TimeDelta;
use futures::FutureExt;
use sea_orm::{ConnectionTrait, Statement};
use souk_domain::clock::Clock;
use souk_domain::job::{Lease, Task, awaken, awaken_all, discard, enqueue, policy};
use souk_domain::{Code, Result, Store};
use souk_entity::status::JobStatus;
use tokio::time::sleep;

use crate::harness::*;

const LIMIT: Duration = Duration::from_secs(10);

/// Items of work under one key: what a queue of deliveries is to its endpoint.
const ITEMS: &str = "CREATE TABLE item (id integer PRIMARY KEY, done integer NOT NULL)";

async fn count(store: &Store, which: &str) -> i64 {
    let database = store.read();
    let sql = format!("SELECT count(*) AS number FROM item WHERE {which}");
    let statement = Statement::from_string(database.get_database_backend(), sql);
    database.query_one_raw(statement).await.unwrap().unwrap().try_get("", "number").unwrap()
}

/// Does what it finds until nothing is left, as one who is awakened must: the last look comes after
/// the hold.
async fn work_off(store: &Store, lease: Lease) -> Result<()> {
    loop {
        let more = store
            .write(async |tx| {
                lease.hold(&tx).await?;
                let done = tx.execute_unprepared("UPDATE item SET done = done + 1 WHERE done = 0").await?;
                if done.rows_affected() == 0 {
                    // The gap into which an item must not fall.
                    sleep(Duration::from_millis(5)).await;
                    lease.complete(&tx).await?;
                }
                Ok(done.rows_affected() > 0)
            })
            .await?;
        if !more {
            return Ok(());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_item_is_left_when_waking_races_with_completing() {
    const ROUNDS: i64 = 3;
    const WRITERS: i64 = 4;
    const EACH: i64 = 20;
    for place in places() {
        let world = World::new(place, Clock::System).await;
        world.sql(ITEMS).await;
        // Whatever is not woken stays: there is no sweep that could find it.
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let runtime = world.start(deaf_to_rows(), move |store, lease, _| {
            counted.fetch_add(1, SeqCst);
            async move { work_off(&store, lease).await }.boxed()
        });
        sleep(Duration::from_millis(300)).await;
        let task = bulk();
        // Each round starts on a job that has ended, however slow or quick the machine is.
        for round in 0..ROUNDS {
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let (store, task) = (world.store.clone(), task.clone());
                    tokio::spawn(async move {
                        for item in 0..EACH {
                            let id = (round * WRITERS + writer) * EACH + item;
                            let insert = format!("INSERT INTO item (id, done) VALUES ({id}, 0)");
                            store
                                .write(async |tx| {
                                    tx.execute_unprepared(&insert).await?;
                                    awaken(&tx, &task, tx.now).await.map(drop)
                                })
                                .await
                                .unwrap();
                            // Time for the job to come to its end now and then, as it must for a race.
                            if item % 3 == 0 {
                                sleep(Duration::from_millis(3)).await;
                            }
                        }
                    })
                })
                .collect();
            for writer in writers {
                writer.await.unwrap();
            }
            eventually("every item is done", async || {
                (count(&world.store, "done = 1").await == (round + 1) * WRITERS * EACH).then_some(())
            })
            .await;
            world.until(&task, JobStatus::Done).await;
        }
        let job = world.job(&task).await;
        let runs = runs.load(SeqCst);
        assert!(runs >= usize::try_from(ROUNDS).unwrap(), "{place:?}: {runs} runs, not one in each round");
        assert_eq!(usize::try_from(job.attempts).unwrap(), runs);
        assert!(job.max_attempts > job.attempts);
        assert!(runtime.shutdown(LIMIT).await);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waking_does_what_the_state_of_the_job_asks_for() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let wake = async |task: &Task, seconds: i64| {
            let at = world.store.now() + TimeDelta::seconds(seconds);
            world.store.write(async |tx| awaken(&tx, task, at).await).await.unwrap()
        };
        let set = async |task: &Task, set: &str| {
            world.sql(&format!("UPDATE job SET {set} WHERE unique_key = '{}'", task.key())).await;
        };

        let task = bulk();
        assert!(wake(&task, 3_600).await, "not there: written");
        let first = world.job(&task).await;
        assert!(!wake(&task, 7_200).await, "due earlier");
        assert_eq!(world.job(&task).await, first);
        assert!(wake(&task, 60).await, "due later: now earlier");
        assert!(world.job(&task).await.run_at < first.run_at);

        set(&task, "last_error = 'TIMEOUT', attempts = 1").await;
        assert!(!wake(&task, 0).await, "it waits after a failure and keeps its time");

        set(&task, "status = 'running'").await;
        assert!(!wake(&task, 0).await);
        set(&task, "status = 'dead'").await;
        assert!(!wake(&task, 0).await, "the operator's");
        world
            .store
            .write(async |tx| discard(&tx, world.id(&task).await, "The shop is closed.").await.map(drop))
            .await
            .unwrap();
        assert!(wake(&task, 0).await, "new work, and the old job is given up");
        let again = world.job(&task).await;
        assert_eq!((again.status, again.attempts, again.last_error), (JobStatus::Queued, 1, None));
        assert_eq!((again.max_attempts, again.discard_reason), (1 + policy(task.kind()).max_attempts, None));

        // Several at once, one of them twice and in a bad order: the earlier time counts.
        let (one, two) = (bulk(), money());
        let now = world.store.now();
        let later = now + TimeDelta::hours(1);
        let asked = [(two.clone(), later), (one.clone(), later), (one.clone(), now)];
        assert_eq!(world.store.write(async |tx| awaken_all(&tx, &asked).await).await.unwrap(), 2);
        assert!(world.job(&one).await.run_at < world.job(&two).await.run_at);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_is_lost_cannot_be_held() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let task = money();
        world.store.write(async |tx| enqueue(&tx, &task, tx.now).await.map(drop)).await.unwrap();
        let lease = Lease { job_id: world.id(&task).await, attempts: 1 };
        let hold = async || world.store.write(async |tx| lease.hold(&tx).await).await.map_err(|error| error.code);
        assert_eq!(hold().await, Err(Code::LeaseLost), "not running");
        world.sql("UPDATE job SET status = 'running', attempts = 1").await;
        assert_eq!(hold().await, Ok(()));
        world.sql("UPDATE job SET attempts = 2").await;
        assert_eq!(hold().await, Err(Code::LeaseLost), "claimed by another");
        world.end().await;
    }
}
