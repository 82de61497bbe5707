//! Claiming, running, failing, freezing, draining.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures::FutureExt;
use souk_domain::clock::Clock;
use souk_domain::job::{Task, policy};
use souk_domain::store::Wake;
use souk_domain::{Code, Error};
use souk_entity::status::{JobKind, JobStatus};
use souk_jobs::WorkerConfig;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::harness::*;

/// Long enough for the first sweep of a new runtime to be over.
const SETTLED: Duration = Duration::from_millis(300);
const LIMIT: Duration = Duration::from_secs(10);

fn standing() -> Clock {
    Clock::manual(chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announced_job_runs_at_once_and_completes() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let runtime =
            world.start(deaf_to_rows(), |store, lease, _| async move { complete(&store, lease).await }.boxed());
        sleep(SETTLED).await;
        let mut slowest = Duration::ZERO;
        for task in [money(), bulk(), fulfilment(), money(), money()] {
            let begun = Instant::now();
            world.enqueue(vec![task.clone()]).await;
            let job = world.until(&task, JobStatus::Done).await;
            slowest = slowest.max(begun.elapsed());
            assert_eq!((job.attempts, job.last_error), (1, None));
        }
        println!("{place:?}: slowest of 5 from commit to done {slowest:?}");
        assert!(slowest < Duration::from_secs(1), "{place:?}: {slowest:?}");
        assert!(runtime.shutdown(LIMIT).await);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_job_is_tried_again_with_growing_waits_and_dies_at_its_last_claim() {
    for place in places() {
        let world = World::new(place, standing()).await;
        let runtime = world.start(quick(), |_, _, _| {
            async { Err(Error::internal(std::io::Error::other("the provider hung up"))) }.boxed()
        });
        let task = bulk();
        let allowed = policy(task.kind()).max_attempts;
        world.enqueue(vec![task.clone()]).await;
        for attempts in 1..allowed {
            let job = eventually("the next failure", async || {
                let job = world.job(&task).await;
                (job.attempts == attempts && job.status == JobStatus::Queued).then_some(job)
            })
            .await;
            assert!(job.last_error.unwrap().ends_with(": the provider hung up"));
            let wait = (job.run_at - world.clock.now()).num_milliseconds();
            let full = 1_000_i64 << (attempts - 1);
            assert!((full / 2..=full).contains(&wait), "after {attempts} claims: {wait} ms");
            world.clock.advance(TimeDelta::milliseconds(wait));
        }
        let job = world.until(&task, JobStatus::Dead).await;
        assert_eq!(job.attempts, allowed);
        assert!(job.last_error.unwrap().starts_with("INTERNAL: "));
        assert!(runtime.shutdown(LIMIT).await);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_a_failure_and_the_job_is_tried_again() {
    for place in places() {
        let world = World::new(place, standing()).await;
        let runtime = world.start(quick(), |store, lease, _| {
            if lease.attempts == 1 {
                panic!("lost my head");
            }
            async move {
                if lease.attempts == 2 {
                    tokio::task::yield_now().await;
                    panic!("again");
                }
                complete(&store, lease).await
            }
            .boxed()
        });
        let task = money();
        world.enqueue(vec![task.clone()]).await;
        for (attempts, words) in [(1, "PANIC: lost my head"), (2, "PANIC: again")] {
            let job = eventually("the panic is recorded", async || {
                let job = world.job(&task).await;
                (job.attempts == attempts && job.status == JobStatus::Queued).then_some(job)
            })
            .await;
            assert_eq!(job.last_error.as_deref(), Some(words));
            world.clock.advance(TimeDelta::seconds(2));
        }
        let job = world.until(&task, JobStatus::Done).await;
        assert_eq!((job.attempts, job.last_error), (3, None));
        assert!(runtime.shutdown(LIMIT).await);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_announced_is_found_by_the_sweep() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let runtime = world.start(quick(), |store, lease, _| async move { complete(&store, lease).await }.boxed());
        sleep(SETTLED).await;
        let tasks: Vec<_> = (0..50).map(|_| money()).collect();
        world.enqueue_silently(tasks).await;
        world.until_count(JobStatus::Done, 50).await;
        assert!(runtime.shutdown(LIMIT).await);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_worker_loses_its_lease_and_cannot_write_any_more() {
    for place in places() {
        let world = World::new(place, standing()).await;
        // Counts, where a `Notify` would forget what it tells a handler that does not listen yet.
        let thaw = Arc::new(Semaphore::new(0));
        let told = Arc::new(Mutex::new(Vec::new()));
        let begun = Arc::new(AtomicUsize::new(0));
        let (frozen, outcomes, beginning) = (Arc::clone(&thaw), Arc::clone(&told), Arc::clone(&begun));
        let first = world.start(quick(), move |store, lease, _| {
            let (frozen, outcomes) = (Arc::clone(&frozen), Arc::clone(&outcomes));
            beginning.fetch_add(1, SeqCst);
            async move {
                frozen.acquire().await.unwrap().forget();
                let ended = complete(&store, lease).await;
                outcomes.lock().unwrap().push(ended.as_ref().map_err(|error| error.code).err());
                ended
            }
            .boxed()
        });
        let task = money();
        world.enqueue(vec![task.clone()]).await;
        world.until(&task, JobStatus::Running).await;

        // Its slot is taken by nothing but this job: the queue of the first runtime is kept busy
        // with seven more that are as frozen, so that the second one gets the lease.
        let fillers: Vec<_> = (0..7).map(|_| money()).collect();
        world.enqueue(fillers.clone()).await;
        // A claim that has not begun when its lease ends is given back, not frozen.
        eventually("all eight have begun", async || (begun.load(SeqCst) == 8).then_some(())).await;
        let second = world.start_on(world.another_lane(), quick(), |store, lease, _| {
            async move { complete(&store, lease).await }.boxed()
        });
        world.clock.advance(TimeDelta::seconds(46));
        world.until_count(JobStatus::Done, 8).await;
        assert_eq!(world.job(&task).await.attempts, 2);

        thaw.add_permits(8);
        eventually("the first worker thaws", async || (told.lock().unwrap().len() == 8).then_some(())).await;
        assert!(told.lock().unwrap().iter().all(|code| *code == Some(Code::LeaseLost)));
        assert!(first.shutdown(LIMIT).await && second.shutdown(LIMIT).await);
        let job = world.job(&task).await;
        assert_eq!((job.status, job.attempts, job.last_error), (JobStatus::Done, 2, None));
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_workers_die_each_time_is_dead_in_the_end() {
    for place in places() {
        let world = World::new(place, standing()).await;
        let (task, last) = (money(), money());
        world.enqueue_silently(vec![task.clone(), last.clone()]).await;
        // As after a kill -9 in the last allowed claim, and in the one before.
        world
            .sql(&format!(
                "UPDATE job SET status = 'running', attempts = max_attempts WHERE unique_key = '{}'",
                task.key()
            ))
            .await;
        world
            .sql(&format!(
                "UPDATE job SET status = 'running', attempts = max_attempts - 1 WHERE unique_key = '{}'",
                last.key()
            ))
            .await;
        world.clock.advance(TimeDelta::seconds(1));
        let runtime = world.start(quick(), |store, lease, _| async move { complete(&store, lease).await }.boxed());
        let dead = world.until(&task, JobStatus::Dead).await;
        assert!(dead.last_error.unwrap().starts_with("LEASE_EXPIRED: "));
        world.until(&last, JobStatus::Done).await;
        assert!(runtime.shutdown(LIMIT).await);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_announced_to_two_processes_at_once_runs_once() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let runs: Arc<Mutex<HashMap<_, usize>>> = Arc::default();
        let (mine, theirs) = (world.another_lane(), world.another_lane());
        let runtimes: Vec<_> = [mine.clone(), theirs.clone()]
            .into_iter()
            .map(|lane| {
                let runs = Arc::clone(&runs);
                world.start_on(lane, deaf_to_rows(), move |store, lease, _| {
                    *runs.lock().unwrap().entry(lease.job_id).or_default() += 1;
                    async move { complete(&store, lease).await }.boxed()
                })
            })
            .collect();
        sleep(SETTLED).await;
        let tasks: Vec<_> = (0..200).map(|_| money()).collect();
        world.enqueue_silently(tasks.clone()).await;
        for task in &tasks {
            let job = [(task.kind(), world.id(task).await)];
            mine.wake(&job);
            theirs.wake(&job);
        }
        world.until_count(JobStatus::Done, 200).await;
        sleep(Duration::from_millis(100)).await;
        assert!(runs.lock().unwrap().values().all(|runs| *runs == 1));
        assert_eq!(runs.lock().unwrap().len(), 200);
        for runtime in runtimes {
            assert!(runtime.shutdown(LIMIT).await);
        }
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_hurts_no_neighbour() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let tasks: Vec<_> = (0..20).map(|_| money()).collect();
        world.enqueue_silently(tasks.clone()).await;
        let (unreadable, strange, newer) = (&tasks[3], &tasks[7], &tasks[11]);
        // PostgreSQL refuses what is not JSON by itself; SQLite keeps any text.
        let garbage = if place.postgres { r#"{"task":"no_such"}"# } else { "{not json" };
        world.sql(&format!("UPDATE job SET payload = '{garbage}' WHERE unique_key = '{}'", unreadable.key())).await;
        world.sql(&format!("UPDATE job SET payload = '[1]' WHERE unique_key = '{}'", strange.key())).await;
        world.sql(&format!("UPDATE job SET kind = 'knit_socks' WHERE unique_key = '{}'", newer.key())).await;
        let runtime = world.start(quick(), |store, lease, _| async move { complete(&store, lease).await }.boxed());
        world.until_count(JobStatus::Done, 17).await;
        world.until_count(JobStatus::Dead, 2).await;
        // The rows are read below, which an entity with a payload that is not JSON is not.
        world.sql("UPDATE job SET payload = '{}' WHERE status = 'dead'").await;
        for task in [unreadable, strange] {
            let job = world.until(task, JobStatus::Dead).await;
            assert_eq!(job.attempts, 1);
            assert!(job.last_error.unwrap().starts_with("UNREADABLE_PAYLOAD: "));
        }
        // A kind that only a newer version knows waits for one.
        world.sql("UPDATE job SET kind = 'capture_payment' WHERE kind = 'knit_socks'").await;
        let job = world.job(newer).await;
        assert_ne!(job.status, JobStatus::Dead);
        assert_eq!((job.attempts, job.last_error), (0, None));
        world.until(newer, JobStatus::Done).await;
        assert!(runtime.shutdown(LIMIT).await);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_jobs_drain() {
    for place in places() {
        for announced in [true, false] {
            let world = World::new(place, Clock::System).await;
            let runtime = world.start(quick(), |store, lease, _| async move { complete(&store, lease).await }.boxed());
            let tasks: Vec<_> = (0..2_000).map(|_| money()).collect();
            let begun = Instant::now();
            if announced {
                world.enqueue(tasks).await;
            } else {
                world.enqueue_silently(tasks).await;
            }
            world.until_count(JobStatus::Done, 2_000).await;
            println!("{place:?}, announced {announced}: 2000 jobs in {:?}", begun.elapsed());
            assert!(runtime.shutdown(LIMIT).await);
            world.end().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_runtime_leaves_nothing_running() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let runtime = world.start(quick(), |store, lease, _| {
            async move {
                sleep(Duration::from_millis(20)).await;
                complete(&store, lease).await
            }
            .boxed()
        });
        world.enqueue((0..500).map(|_| money()).collect()).await;
        eventually("some are done", async || (world.count(JobStatus::Done).await > 20).then_some(())).await;
        assert!(runtime.shutdown(LIMIT).await);
        assert_eq!(world.count(JobStatus::Running).await, 0);
        let done = world.count(JobStatus::Done).await;
        assert!(done < 500 && done + world.count(JobStatus::Queued).await == 500);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_that_outlast_the_limit_are_given_back_and_not_blamed() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        // A job that is claimed and has not begun yet is given back without having outlasted anything.
        let begun = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&begun);
        let runtime = world.start(quick(), move |_, _, _| {
            counted.fetch_add(1, SeqCst);
            std::future::pending().boxed()
        });
        let tasks: Vec<_> = (0..3).map(|_| money()).collect();
        world.enqueue(tasks.clone()).await;
        eventually("all have begun", async || (begun.load(SeqCst) == 3).then_some(())).await;
        assert!(!runtime.shutdown(Duration::from_millis(200)).await);
        for task in &tasks {
            let job = world.job(task).await;
            assert_eq!((job.status, job.attempts, job.last_error), (JobStatus::Queued, 1, None));
            assert_eq!(job.max_attempts, policy(task.kind()).max_attempts + 1);
        }
        let next = world.start(quick(), |store, lease, _| async move { complete(&store, lease).await }.boxed());
        world.until_count(JobStatus::Done, 3).await;
        assert!(next.shutdown(LIMIT).await);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bulk_work_does_not_delay_money() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let (now, peak) = (Arc::clone(&running), Arc::clone(&most));
        let runtime = world.start(quick(), move |store, lease, task| {
            let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
            async move {
                if matches!(task, Task::ExpireCart { .. }) {
                    peak.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                    sleep(Duration::from_millis(500)).await;
                    now.fetch_sub(1, SeqCst);
                }
                complete(&store, lease).await
            }
            .boxed()
        });
        world.enqueue((0..8).map(|_| bulk()).collect()).await;
        sleep(Duration::from_millis(100)).await;
        let begun = Instant::now();
        let tasks: Vec<_> = (0..20).map(|_| money()).collect();
        world.enqueue(tasks.clone()).await;
        for task in &tasks {
            world.until(task, JobStatus::Done).await;
        }
        assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
        world.until_count(JobStatus::Done, 28).await;
        assert_eq!(most.load(SeqCst), WorkerConfig::default().bulk);
        assert!(runtime.shutdown(LIMIT).await);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_success_without_the_end_of_the_lease_is_completed() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        let runtime = world.start(quick(), |_, _, _| async { Ok(()) }.boxed());
        let task = fulfilment();
        world.enqueue(vec![task.clone()]).await;
        assert_eq!(world.until(&task, JobStatus::Done).await.attempts, 1);
        assert!(runtime.shutdown(LIMIT).await);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_continued_job_runs_again_at_its_time() {
    for place in places() {
        let world = World::new(place, standing()).await;
        let runtime = world.start(quick(), |store, lease, _| {
            async move {
                if lease.attempts == 3 {
                    return complete(&store, lease).await;
                }
                store
                    .write(async |tx| lease.continue_at(&tx, JobKind::ExpireCart, tx.now + TimeDelta::hours(1)).await)
                    .await
            }
            .boxed()
        });
        let task = bulk();
        world.enqueue(vec![task.clone()]).await;
        for attempts in 1..3 {
            eventually("the part is done", async || {
                let job = world.job(&task).await;
                (job.attempts == attempts && job.status == JobStatus::Queued).then_some(())
            })
            .await;
            sleep(Duration::from_millis(150)).await;
            assert_eq!(world.job(&task).await.attempts, attempts, "not before its time");
            world.clock.advance(TimeDelta::hours(1));
        }
        world.until(&task, JobStatus::Done).await;
        assert!(runtime.shutdown(LIMIT).await);
        world.end().await;
    }
}
