//! Many waiting jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use futures::FutureExt;
use souk_domain::clock::Clock;
use souk_entity::status::{JobKind, JobStatus};
use souk_jobs::WorkerConfig;

use crate::harness::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_waiting_jobs_drain_each_exactly_once() {
    const JOBS: u64 = 100_000;
    for place in places() {
        let world = World::new(place, Clock::System).await;
        world.plant(JOBS, &[money()]).await;
        let ran = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&ran);
        // The ends of many jobs share a transaction, as those of a no-op may: what is tried here is
        // the claiming, and a commit for each would take the most of the time.
        let ends = Ends::start(&world.store);
        let config = WorkerConfig { money: 512, ..quick() };
        let begun = Instant::now();
        let runtime = world.start(config, move |_, lease, task| {
            assert_eq!(task.kind(), JobKind::CapturePayment);
            counted.fetch_add(1, SeqCst);
            let ends = ends.clone();
            async move { ends.complete(lease).await }.boxed()
        });
        eventually_within(Duration::from_secs(240), "all are done", async || {
            (world.count(JobStatus::Done).await == JOBS).then_some(())
        })
        .await;
        println!("{place:?}: {JOBS} jobs in {:?}", begun.elapsed());
        assert_eq!(ran.load(SeqCst), JOBS);
        assert_eq!(world.most_attempts().await, 1);
        assert!(runtime.shutdown(Duration::from_secs(10)).await);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_of_a_full_kind_is_not_looked_at_for_the_others() {
    for place in places() {
        let world = World::new(place, Clock::System).await;
        world.plant(100_000, &[money()]).await;
        let runtime = world.start(quick(), |store, lease, task| {
            async move {
                if task.kind() == JobKind::CapturePayment {
                    std::future::pending::<()>().await;
                }
                complete(&store, lease).await
            }
            .boxed()
        });
        world.until_count(JobStatus::Running, u64::try_from(WorkerConfig::default().money).unwrap()).await;
        // Behind the backlog in the queue, and found by the sweep alone.
        world.enqueue_silently((0..200).map(|_| void()).collect()).await;
        world.until_count(JobStatus::Done, 200).await;
        assert!(!runtime.shutdown(Duration::from_millis(100)).await);
        world.end().await;
    }
}
