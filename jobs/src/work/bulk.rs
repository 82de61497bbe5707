//! Bulk uploads.

use std::time::{Duration, Instant};

use souk_domain::batch::{self, Round, Scope, Supplies};
use souk_domain::error::Result;
use souk_domain::job::Lease;
use souk_entity::id::BatchId;
use souk_entity::status::{BatchKind, JobKind};

use super::Work;

/// A batch is worked on for this long at a time; then other jobs of the queue get their turn.
const TURN: Duration = Duration::from_secs(5);

/// What a round has left to do.
enum Next {
    Round,
    Later,
    Nothing,
}

impl Work {
    /// Applies the next rows of a batch and comes back for more. Each round commits for itself and
    /// only while the lease is held, so that a crash repeats nothing that is done.
    pub(super) async fn process_batch(&self, lease: Lease, id: BatchId) -> Result<()> {
        let batch = batch::find(self.store.read(), Scope::Everybody, id).await?;
        let (begun, mut supplies) = (Instant::now(), Supplies::default());
        if batch.kind == BatchKind::Shipments {
            supplies.carrier = self.ports.carrier(None).ok().map(|carrier| carrier.name());
        }
        loop {
            if batch.kind == BatchKind::Orders && supplies.number.is_none() {
                supplies.number = Some(self.numbers.next(&self.store, self.store.now()).await?);
            }
            let turn_is_over = begun.elapsed() > TURN;
            let (round, next) = self
                .store
                .write(async |tx| {
                    let round = batch::apply_next(&tx, id, &supplies).await?;
                    let next = match round {
                        Round { more: false, .. } => {
                            lease.complete(&tx).await?;
                            Next::Nothing
                        }
                        Round { more: true, .. } if turn_is_over => {
                            lease.continue_at(&tx, JobKind::ProcessBatch, tx.now).await?;
                            Next::Later
                        }
                        Round { more: true, .. } => {
                            lease.hold(&tx).await?;
                            Next::Round
                        }
                    };
                    Ok((round, next))
                })
                .await?;
            if round.used {
                supplies.number = None;
            }
            if !matches!(next, Next::Round) {
                return Ok(());
            }
        }
    }
}
