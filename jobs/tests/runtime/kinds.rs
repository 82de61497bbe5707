//! Kinds that share a queue, and queues that share a database.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use souk_domain::clock::Clock;
use souk_domain::job::{Task, policy};
use souk_entity::id::{BatchId, OrderId};
use souk_entity::status::{JobKind, JobStatus};
use souk_jobs::WorkerConfig;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use uuid::Uuid;

use crate::harness::*;

const LIMIT: Duration = Duration::from_secs(10);

fn expire() -> Task {
    Task::ExpireOrder { order_id: OrderId(Uuid::new_v4()) }
}

fn batch() -> Task {
    Task::ProcessBatch { batch_id: BatchId(Uuid::new_v4()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_that_never_ends_starves_no_other_of_its_queue() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        // Nothing is swept: what starts was announced, or freed a place.
        let runtime = world.start(deaf_to_rows(), |store, lease, task| {
            async move {
                if task.kind() == JobKind::CapturePayment {
                    std::future::pending::<()>().await;
                }
                complete(&store, lease).await
            }
            .boxed()
        });
        sleep(Duration::from_millis(300)).await;
        let most = u64::try_from(WorkerConfig::default().money).unwrap();
        world.enqueue((0..500).map(|_| money()).collect()).await;
        world.until_count(JobStatus::Running, most).await;
        let others: Vec<_> = (0..40).flat_map(|_| [void(), expire()]).collect();
        world.enqueue(others).await;
        world.until_count(JobStatus::Done, 80).await;
        assert_eq!(world.count(JobStatus::Running).await, most);
        assert!(!runtime.shutdown(Duration::from_millis(100)).await);
        world.end().await;
    }
}

/// How many of each kind run, and the most that ever did.
#[derive(Clone, Default)]
struct Watch(Arc<Mutex<BTreeMap<JobKind, (usize, usize)>>>);

impl Watch {
    fn begin(&self, kind: JobKind) {
        let mut kinds = self.0.lock().unwrap();
        let (now, most) = kinds.entry(kind).or_default();
        *now += 1;
        *most = (*most).max(*now);
    }

    fn end(&self, kind: JobKind) {
        self.0.lock().unwrap().entry(kind).and_modify(|(now, _)| *now -= 1);
    }

    fn most(&self, kind: JobKind) -> usize {
        self.0.lock().unwrap().get(&kind).map_or(0, |(_, most)| *most)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kind_runs_more_than_its_policy_allows_and_what_waited_starts_when_one_ends() {
    for place in places() {
        for announced in [true, false] {
            let world = World::new(place, Clock::System).await;
            let watch = Watch::default();
            let gate = Arc::new(Semaphore::new(0));
            let (seen, closed) = (watch.clone(), Arc::clone(&gate));
            let run = move |store, lease, task: Task| {
                let (seen, closed) = (seen.clone(), Arc::clone(&closed));
                async move {
                    seen.begin(task.kind());
                    closed.acquire().await.unwrap().forget();
                    seen.end(task.kind());
                    complete(&store, lease).await
                }
                .boxed()
            };
            let tasks: Vec<_> = (0..60).map(|_| expire()).collect();
            // Found by the one sweep at the start, or announced after it: no other sweep follows,
            // so what waits for a place starts because one was left.
            if !announced {
                world.enqueue_silently(tasks.clone()).await;
            }
            let runtime = world.start(deaf_to_rows(), run);
            sleep(Duration::from_millis(300)).await;
            if announced {
                world.enqueue(tasks).await;
            }
            let (most, allowed) = (WorkerConfig::default().money, policy(JobKind::ExpireOrder).concurrency);
            assert!(allowed < most);
            world.until_count(JobStatus::Running, u64::try_from(allowed).unwrap()).await;
            world.enqueue((0..60).map(|_| money()).collect()).await;
            // All places but the own ones of the kinds that have nothing to do.
            world.until_count(JobStatus::Running, u64::try_from(most + 1).unwrap()).await;
            // What is claimed has yet to begin; then it waits at the gate beside the others.
            let begun = || (watch.most(JobKind::ExpireOrder), watch.most(JobKind::CapturePayment));
            eventually("all that have a place have begun", async || {
                (begun() == (allowed, most + 1 - allowed)).then_some(())
            })
            .await;
            gate.add_permits(120);
            world.until_count(JobStatus::Done, 120).await;
            assert_eq!(watch.most(JobKind::ExpireOrder), allowed, "{place:?}, announced {announced}");
            assert!(watch.most(JobKind::CapturePayment) <= most, "{place:?}, announced {announced}");
            assert!(runtime.shutdown(LIMIT).await);
            world.end().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_starts_while_fifty_thousand_bulk_jobs_wait_and_run() {
    const BULK: u64 = 50_000;
    for place in places() {
        let world = World::new(place, Clock::System).await;
        world.plant(BULK / 2, &[bulk(), batch()]).await;
        let stop = Arc::new(AtomicBool::new(false));
        let ran = Arc::new(AtomicUsize::new(0));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&ran));
        // Bulk work that writes without a pause, as fast as its places allow.
        let runtime = world.start(quick(), move |store, lease, task| {
            let (stopped, counted) = (Arc::clone(&stopped), Arc::clone(&counted));
            async move {
                if matches!(task.kind(), JobKind::ExpireCart | JobKind::ProcessBatch) {
                    counted.fetch_add(1, SeqCst);
                    if stopped.load(SeqCst) {
                        sleep(Duration::from_secs(1)).await;
                    }
                }
                complete(&store, lease).await
            }
            .boxed()
        });
        eventually("bulk work is under way", async || (ran.load(SeqCst) > 20).then_some(())).await;
        for _ in 0..20 {
            let tasks = vec![money(), void(), expire()];
            let before = ran.load(SeqCst);
            world.enqueue(tasks.clone()).await;
            for task in &tasks {
                world.until(task, JobStatus::Done).await;
            }
            // Neither had to wait for the other: bulk went on, and money was done long before it.
            let meanwhile = ran.load(SeqCst) - before;
            assert!(meanwhile < 5_000, "{place:?}: money waited for {meanwhile} bulk jobs");
        }
        assert!(ran.load(SeqCst) < 40_000, "{place:?}: there was no backlog any more");
        stop.store(true, SeqCst);
        runtime.shutdown(LIMIT).await;
        world.end().await;
    }
}
