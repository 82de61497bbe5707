//! Delivers the companies' webhooks over HTTP, and moves their parcels.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::header::CONTENT_TYPE;
use sea_orm::prelude::Expr;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use souk_domain::error::{Error, Result};
use souk_domain::failpoint;
use souk_entity::simulated_webhook::{Column, Entity, Model};
use souk_entity::status::InboxSource;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::fault::Passage;
use super::line::Shared;
use super::{NAME, movement, signature};

/// How often it looks for work that nobody rang for: another process', or a repetition.
const POLL: Duration = Duration::from_millis(500);
/// After failed deliveries it looks again this soon, which is when the first repetition is due.
const POLL_AFTER_FAILURE: Duration = Duration::from_millis(200);
/// So many webhooks are under way at once, and so many parcels move per round.
const BATCH: u64 = 32;
/// A receiver has this long to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A claimed webhook is nobody else's for this long: longer than [`TIMEOUT`], so that only a
/// courier that died is overtaken.
const LEASE: TimeDelta = TimeDelta::seconds(15);
/// After this many attempts a webhook is left undelivered.
const ATTEMPTS: i32 = 20;

/// Delivers webhooks, at least once each, and moves parcels whose time has come.
pub struct Courier {
    shared: Arc<Shared>,
    client: reqwest::Client,
}

/// What a round came to.
#[derive(Default)]
struct Round {
    /// More may be due right now.
    more: bool,
    failed: usize,
}

impl Courier {
    pub(super) fn new(shared: Arc<Shared>) -> reqwest::Result<Self> {
        crate::tls::install();
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            // The receiver is souk itself, whatever proxy the environment names for the outside.
            .no_proxy()
            .build()?;
        Ok(Self { shared, client })
    }

    /// Works until `stop` is cancelled, and then ends with the deliveries under way (a few
    /// seconds at most).
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let pause = match failpoint::within("courier", self.round()).await {
                Ok(Round { more: true, .. }) => continue,
                Ok(Round { failed: 0, .. }) => POLL,
                Ok(_) => POLL_AFTER_FAILURE,
                Err(error) => {
                    tracing::warn!(%error, source = ?error.source, "the courier cannot read or write the books");
                    POLL
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.shared.bell.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn round(&self) -> Result<Round> {
        let moved = movement::move_due(&self.shared, BATCH).await?;
        let claimed = self.claim().await?;
        let more = moved > 0 || u64::try_from(claimed.len()).is_ok_and(|claimed| claimed == BATCH);
        let failed = if claimed.is_empty() { 0 } else { self.deliver(claimed).await? };
        Ok(Round { more, failed })
    }

    /// Takes due webhooks for this courier alone, by moving them a lease into the future.
    async fn claim(&self) -> Result<Vec<Model>> {
        // Most rounds find nothing; a read tells without a place in the writers' queue.
        let now = self.shared.store.now();
        let due = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::DeliveredAt.is_null())
            .filter(Column::DueAt.lte(now))
            .filter(Column::Attempts.lt(ATTEMPTS))
            .order_by_asc(Column::DueAt);
        let first: Option<Uuid> = due.clone().into_tuple().one(self.shared.store.read()).await?;
        if first.is_none() {
            return Ok(Vec::new());
        }
        self.shared
            .store
            .write(async |tx| {
                // On PostgreSQL rows that another courier is claiming are passed over, or two of them
                // would wait for each other in a circle; SQLite has one writer and drops the
                // clause. The conditions are repeated outside of the list: a row of it that was
                // claimed in the meantime is looked at again and left alone.
                let list = due.clone().limit(BATCH).lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
                Ok(Entity::update_many()
                    .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
                    .col_expr(Column::DueAt, Expr::value(tx.now + LEASE))
                    .filter(Column::Id.in_subquery(list.into_query()))
                    .filter(Column::DeliveredAt.is_null())
                    .filter(Column::DueAt.lte(now))
                    .exec_with_returning(&**tx)
                    .await?)
            })
            .await
    }

    /// Sends all of `claimed` at once and writes down what became of each; returns how many failed.
    async fn deliver(&self, claimed: Vec<Model>) -> Result<usize> {
        let mut sending = JoinSet::new();
        let (mut delivered, mut failed) = (Vec::new(), Vec::new());
        for webhook in claimed {
            let request = self.request(&webhook);
            match self.shared.faults.passage() {
                Passage::Sent => {}
                Passage::Twice => drop(self.request(&webhook).send().await),
                Passage::Late => {
                    failed.push((webhook.id, webhook.attempts));
                    continue;
                }
                Passage::Lost => {
                    delivered.push(webhook.id);
                    continue;
                }
            }
            sending.spawn(async move {
                let accepted = match request.send().await {
                    Ok(response) if response.status().is_success() => true,
                    Ok(response) => {
                        tracing::debug!(webhook = %webhook.id, status = %response.status(), "webhook not accepted");
                        false
                    }
                    Err(error) => {
                        tracing::debug!(webhook = %webhook.id, %error, "webhook not delivered");
                        false
                    }
                };
                (webhook.id, webhook.attempts, accepted)
            });
        }
        for (id, attempts, accepted) in sending.join_all().await {
            if accepted { delivered.push(id) } else { failed.push((id, attempts)) }
        }
        self.settle(&delivered, &failed).await?;
        Ok(failed.len())
    }

    fn request(&self, webhook: &Model) -> reqwest::RequestBuilder {
        let route = match webhook.source {
            // The provider posts; nothing of its own comes through a stream, and its table refuses it.
            InboxSource::Payment | InboxSource::Stream => "payments",
            InboxSource::Carrier => "carriers",
        };
        let url = format!("{}/api/v1/webhooks/{route}/{NAME}", self.shared.public_url);
        // Signed for this attempt, so that a repetition is not stale.
        let signature = signature::sign(&self.shared.webhook_secret, self.shared.store.now(), &webhook.body);
        self.client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(signature::HEADER, signature)
            .body(webhook.body.clone())
    }

    async fn settle(&self, delivered: &[Uuid], failed: &[(Uuid, i32)]) -> Result<()> {
        self.shared
            .store
            .write(async |tx| {
                if !delivered.is_empty() {
                    Entity::update_many()
                        .col_expr(Column::DeliveredAt, Expr::value(tx.now))
                        .filter(Column::Id.is_in(delivered.iter().copied()))
                        .exec(&**tx)
                        .await?;
                }
                for (id, attempts) in failed {
                    let due_at = tx.now + TimeDelta::from_std(backoff(*attempts)).map_err(Error::internal)?;
                    // Unless the lease has passed to another courier.
                    Entity::update_many()
                        .col_expr(Column::DueAt, Expr::value(due_at))
                        .filter(Column::Id.eq(*id))
                        .filter(Column::Attempts.eq(*attempts))
                        .filter(Column::DeliveredAt.is_null())
                        .exec(&**tx)
                        .await?;
                }
                Ok(())
            })
            .await
    }
}

/// How long after failed attempt number `attempts` the next one is due: 0.2 s, 1 s, 5 s, 30 s,
/// then doubled up to ten minutes, so that the last comes after more than two hours.
fn backoff(attempts: i32) -> Duration {
    match u32::try_from(attempts).unwrap_or(0) {
        0 | 1 => Duration::from_millis(200),
        2 => Duration::from_secs(1),
        3 => Duration::from_secs(5),
        more => Duration::from_secs(30 << Ord::min(more - 4, 5)).min(Duration::from_secs(600)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_to_ten_minutes() {
        let seconds: Vec<f32> = (1..=20).map(|attempts| backoff(attempts).as_secs_f32()).collect();
        assert_eq!(seconds[..8], [0.2, 1.0, 5.0, 30.0, 60.0, 120.0, 240.0, 480.0]);
        assert!(seconds[8..].iter().all(|pause| *pause == 600.0));
    }
}
