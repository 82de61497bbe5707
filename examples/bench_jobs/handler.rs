//! Jobs that do nothing but end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use souk_domain::job::{Lease, Task};
use souk_domain::{Error, Result, Store};
use souk_entity::id::PaymentId;
use souk_jobs::Handler;
use tokio::sync::{Notify, mpsc, oneshot};

/// The most ends in one transaction.
const TOGETHER: usize = 128;

/// How jobs end.
#[derive(Clone)]
pub enum Ends {
    /// Each in a transaction of its own, as one that has an effect does.
    Each,
    /// Those that come to their end at the same time in one transaction.
    Together(mpsc::UnboundedSender<(Lease, oneshot::Sender<()>)>),
}

impl Ends {
    /// Starts the task that ends jobs together.
    pub fn together(store: &Store) -> Self {
        let (sender, ends) = mpsc::unbounded_channel();
        tokio::spawn(end_together(store.clone(), ends));
        Self::Together(sender)
    }
}

async fn end_together(store: Store, mut ends: mpsc::UnboundedReceiver<(Lease, oneshot::Sender<()>)>) {
    let mut some = Vec::new();
    while ends.recv_many(&mut some, TOGETHER).await > 0 {
        let leases: Vec<Lease> = some.iter().map(|(lease, _)| *lease).collect();
        let ended = store
            .write(async |tx| {
                for lease in &leases {
                    lease.complete(&tx).await?;
                }
                Ok(())
            })
            .await;
        for (_, told) in some.drain(..) {
            if ended.is_ok() {
                // A job that was stopped meanwhile does not listen any more.
                let _ = told.send(());
            }
        }
    }
}

/// Ends jobs, and notes when those began that somebody asks about.
pub struct NoOp {
    store: Store,
    ends: Ends,
    done: AtomicUsize,
    progress: Notify,
    starts: Mutex<HashMap<PaymentId, Instant>>,
}

impl NoOp {
    /// Jobs that end as `ends` says.
    pub fn new(store: Store, ends: Ends) -> Self {
        Self { store, ends, done: AtomicUsize::new(0), progress: Notify::new(), starts: Mutex::default() }
    }

    /// Waits until so many are done.
    pub async fn until_done(&self, jobs: usize) {
        while self.done.load(Ordering::Acquire) < jobs {
            // Asks again after a while, so that nothing hangs on one notice.
            let _ = tokio::time::timeout(Duration::from_millis(50), self.progress.notified()).await;
        }
    }

    /// When the job of a payment began.
    pub fn start_of(&self, payment: PaymentId) -> Option<Instant> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner).remove(&payment)
    }
}

#[async_trait]
impl Handler for NoOp {
    async fn run(&self, lease: Lease, task: Task) -> Result<()> {
        let begun = Instant::now();
        if let Task::CapturePayment { payment_id } = task {
            self.starts.lock().unwrap_or_else(PoisonError::into_inner).insert(payment_id, begun);
        }
        match &self.ends {
            Ends::Each => self.store.write(async |tx| lease.complete(&tx).await).await?,
            Ends::Together(ends) => {
                let (told, ended) = oneshot::channel();
                ends.send((lease, told)).map_err(Error::internal)?;
                ended.await.map_err(Error::internal)?;
            }
        }
        self.done.fetch_add(1, Ordering::Release);
        self.progress.notify_one();
        Ok(())
    }
}
