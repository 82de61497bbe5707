//! Posting to sellers' endpoints.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use souk_domain::job::Lease;
use souk_domain::port::WebhookSender;
use souk_domain::webhook::delivery::{self, Attempt, Due};
use souk_domain::webhook::secret::WebhookSecrets;
use souk_domain::webhook::signature::signed;
use souk_domain::{Error, Result, failpoint};
use souk_entity::id::WebhookEndpointId;
use souk_entity::status::JobKind;
use souk_entity::{webhook_delivery, webhook_endpoint};
use tokio::time::Instant;

use super::Work;

/// Deliveries that are read at once.
const BATCH: u64 = 20;

/// Posts to one endpoint at once.
const AT_ONCE: usize = 4;

/// No post begins later than this in a run, so that the last one, which takes 15 seconds at most,
/// ends before the run is stopped.
const BEGIN_WITHIN: Duration = Duration::from_secs(30);

/// What carries webhooks, and what signs them.
#[derive(Clone)]
pub struct Webhooks {
    /// What carries them.
    pub sender: Arc<dyn WebhookSender>,
    /// What signs them.
    pub secrets: WebhookSecrets,
}

impl Work {
    /// Posts what is due to an endpoint, and comes back when more will be.
    ///
    /// What came of each post is written by itself, so that a crash repeats only those that were
    /// under way.
    pub(super) async fn deliver_webhooks(&self, lease: Lease, id: WebhookEndpointId) -> Result<()> {
        let begun = Instant::now();
        let open = AtomicBool::new(true);
        while open.load(Ordering::Relaxed) && begun.elapsed() < BEGIN_WITHIN {
            let due = self.store.write(async |tx| delivery::due(&tx, lease, id, BATCH).await).await?;
            let Some(Due { endpoint, deliveries }) = due else { break };
            stream::iter(deliveries)
                .map(|(delivery, body)| async {
                    if open.load(Ordering::Relaxed) && begun.elapsed() < BEGIN_WITHIN {
                        let goes_on = self.post(lease, &endpoint, delivery, body).await?;
                        open.fetch_and(goes_on, Ordering::Relaxed);
                    }
                    Ok::<_, Error>(())
                })
                .buffer_unordered(AT_ONCE)
                .try_collect::<()>()
                .await?;
        }
        self.store
            .write(async |tx| {
                // Held before the last look: what is written from now on wakes the job again.
                lease.hold(&tx).await?;
                match delivery::next_due(&tx, id).await? {
                    Some(at) => lease.continue_at(&tx, JobKind::DeliverWebhooks, at.max(tx.now)).await,
                    None => lease.complete(&tx).await,
                }
            })
            .await
    }

    /// Posts once; returns whether more may be sent to the endpoint.
    async fn post(
        &self,
        lease: Lease,
        endpoint: &webhook_endpoint::Model,
        delivery: webhook_delivery::Model,
        body: Vec<u8>,
    ) -> Result<bool> {
        let started_at = self.store.now();
        let webhook = signed(&self.webhooks.secrets, endpoint, delivery.event_id, body, started_at);
        let begun = Instant::now();
        failpoint::reach("asking");
        let outcome = self.webhooks.sender.post(&webhook).await;
        failpoint::reach("asked");
        let attempt = Attempt {
            delivery: delivery.id,
            number: delivery.attempts + 1,
            started_at,
            duration_ms: i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX),
            outcome,
        };
        self.store.write(async |tx| delivery::record(&tx, lease, &attempt).await).await
    }
}
