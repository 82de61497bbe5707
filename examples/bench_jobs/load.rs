//! Adding jobs, and looking at what became of them.

use std::time::{Duration, Instant};

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter};
use souk_domain::Store;
use souk_domain::job::{Task, enqueue, enqueue_all};
use souk_entity::id::PaymentId;
use souk_entity::job;
use souk_entity::status::JobStatus;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::Failure;
use super::handler::NoOp;

/// Transactions that add jobs at once.
const WRITERS: usize = 8;

fn task(payment_id: PaymentId) -> Task {
    Task::CapturePayment { payment_id }
}

/// Adds `jobs`, `together` in a transaction; returns how long it took.
pub async fn add(store: &Store, jobs: usize, together: usize) -> Result<Duration, Failure> {
    let mut writers = JoinSet::new();
    let begun = Instant::now();
    for writer in 0..WRITERS {
        let store = store.clone();
        let mut left = jobs / WRITERS + usize::from(writer < jobs % WRITERS);
        writers.spawn(async move {
            while left > 0 {
                let some = left.min(together);
                let now = store.now();
                let tasks: Vec<_> = (0..some).map(|_| (task(PaymentId(Uuid::new_v4())), now)).collect();
                store.write(async |tx| enqueue_all(&tx, &tasks).await.map(drop)).await?;
                left -= some;
            }
            Ok::<_, souk_domain::Error>(())
        });
    }
    while let Some(written) = writers.join_next().await {
        written??;
    }
    Ok(begun.elapsed())
}

/// What the server does by itself after many new rows, done before anything is timed.
pub async fn settle(store: &Store) -> Result<(), Failure> {
    store.read().execute_unprepared("VACUUM ANALYZE job").await?;
    store.read().execute_unprepared("CHECKPOINT").await?;
    Ok(())
}

/// Every job must be done, each claimed once; they are deleted.
pub async fn check(store: &Store, jobs: usize) -> Result<(), Failure> {
    let done = job::Entity::find()
        .filter(job::Column::Status.eq(JobStatus::Done))
        .filter(job::Column::Attempts.eq(1))
        .count(store.read())
        .await?;
    let all = job::Entity::find().count(store.read()).await?;
    if usize::try_from(done)? != jobs || all != done {
        return Err(format!("of {jobs} jobs {done} were done at once, and {all} rows are there").into());
    }
    store.read().execute_unprepared("TRUNCATE job").await?;
    Ok(())
}

/// Adds a job `rate` times a second, each in a transaction and whether or not those before have
/// begun; returns how long each took from the instant at which it was to be added to its start.
pub async fn time_starts(store: &Store, handler: &NoOp, rate: u32, seconds: u32) -> Result<Vec<Duration>, Failure> {
    let pause = Duration::from_secs(1) / rate;
    // The first sweep and the first connections are not what is timed.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    let mut added = JoinSet::new();
    for number in 0..rate * seconds {
        let at = begun + pause * number;
        tokio::time::sleep_until(at.into()).await;
        let store = store.clone();
        added.spawn(async move {
            let payment = PaymentId(Uuid::new_v4());
            store.write(async |tx| enqueue(&tx, &task(payment), tx.now).await.map(drop)).await?;
            Ok::<_, souk_domain::Error>((payment, at))
        });
    }
    let mut payments = Vec::new();
    while let Some(added) = added.join_next().await {
        payments.push(added??);
    }
    handler.until_done(payments.len()).await;
    // Done is counted inside the handler; its last rows are seen by the check that follows.
    payments
        .into_iter()
        .map(|(payment, at)| {
            let start = handler.start_of(payment).ok_or("a job was done that had not begun")?;
            Ok(start.duration_since(at))
        })
        .collect()
}
