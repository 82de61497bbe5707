//! Deliveries: one per event and endpoint, tried until the endpoint takes it; and again when its
//! seller asks for it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, TryInsertResult,
};
use souk_entity::id::{EventId, OrderId, SellerId, WebhookDeliveryId, WebhookEndpointId};
use souk_entity::status::{WebhookDeliveryStatus, WebhookDisabledReason, WebhookEndpointStatus};
use souk_entity::{event, seller_order, webhook_attempt, webhook_delivery, webhook_endpoint};

use super::endpoint::give_up;
use super::payload;
use super::retry::{PATIENCE, wait_after};
use crate::card;
use crate::error::{Error, Result};
use crate::job::Lease;
use crate::port::WebhookAnswer;
use crate::store::Tx;

/// Rows of one statement; each is ten of the values that a statement can have.
const ROWS_AT_ONCE: usize = 2_000;

/// What is kept of the reason why there was no answer, in characters.
const ERROR_CHARS: usize = 500;

/// What is kept of an answer's body, in characters.
const BODY_CHARS: usize = 1_000;

/// Writes deliveries that are due now, by endpoint, event, its type, and how often it was asked
/// for again. One that is there already stays as it is; returns how many were new.
///
/// # Errors
/// The database's.
pub(super) async fn create(tx: &Tx, wanted: &[(WebhookEndpointId, EventId, &str, i32)]) -> Result<u64> {
    let mut made = 0;
    for wanted in wanted.chunks(ROWS_AT_ONCE) {
        let rows = wanted.iter().map(|(endpoint, event, event_type, redelivery)| webhook_delivery::ActiveModel {
            id: Set(WebhookDeliveryId::at(tx.now)),
            endpoint_id: Set(*endpoint),
            event_id: Set(*event),
            event_type: Set((*event_type).to_owned()),
            redelivery: Set(*redelivery),
            status: Set(WebhookDeliveryStatus::Pending),
            attempts: Set(0),
            next_attempt_at: Set(Some(tx.now)),
            created_at: Set(tx.now),
            ended_at: Set(None),
        });
        let inserted = webhook_delivery::Entity::insert_many(rows)
            .on_conflict_do_nothing_on([
                webhook_delivery::Column::EndpointId,
                webhook_delivery::Column::EventId,
                webhook_delivery::Column::Redelivery,
            ])
            .exec_without_returning(&**tx)
            .await?;
        if let TryInsertResult::Inserted(rows) = inserted {
            made += rows;
        }
    }
    Ok(made)
}

/// What is due to an endpoint.
#[derive(Debug)]
pub struct Due {
    /// The endpoint, active, as it is now.
    pub endpoint: webhook_endpoint::Model,
    /// Deliveries with what they say, the longest due first.
    pub deliveries: Vec<(webhook_delivery::Model, Vec<u8>)>,
}

/// Reads at most `limit` due deliveries of an endpoint for whoever holds the lease of its job;
/// `None`: there is nothing to do.
///
/// # Errors
/// [`Code::LeaseLost`](crate::Code::LeaseLost).
pub async fn due(tx: &Tx, lease: Lease, id: WebhookEndpointId, limit: u64) -> Result<Option<Due>> {
    lease.hold(tx).await?;
    let Some(endpoint) = active(tx, id).await? else { return Ok(None) };
    let deliveries = pending(id)
        .filter(webhook_delivery::Column::NextAttemptAt.lte(tx.now))
        .order_by_asc(webhook_delivery::Column::NextAttemptAt)
        .order_by_asc(webhook_delivery::Column::Id)
        .limit(limit)
        .all(&**tx)
        .await?;
    if deliveries.is_empty() {
        return Ok(None);
    }
    let events: HashMap<EventId, event::Model> = event::Entity::find()
        .filter(event::Column::Id.is_in(deliveries.iter().map(|delivery| delivery.event_id)))
        .all(&**tx)
        .await?
        .into_iter()
        .map(|event| (event.id, event))
        .collect();
    let parts = parts(&**tx, endpoint.seller_id, events.values().filter_map(|event| event.order_id)).await?;
    let deliveries = deliveries
        .into_iter()
        .map(|delivery| {
            let event =
                events.get(&delivery.event_id).ok_or_else(|| Error::internal("a delivery without its event"))?;
            let part = event.order_id.and_then(|order| parts.get(&order));
            Ok((delivery, payload::body(event, part)))
        })
        .collect::<Result<_>>()?;
    Ok(Some(Due { endpoint, deliveries }))
}

/// When the next delivery of an endpoint is due; `None`: there is none, or it is disabled.
///
/// # Errors
/// The database's.
pub async fn next_due(tx: &Tx, id: WebhookEndpointId) -> Result<Option<DateTime<Utc>>> {
    if active(tx, id).await?.is_none() {
        return Ok(None);
    }
    let next = pending(id)
        .select_only()
        .column(webhook_delivery::Column::NextAttemptAt)
        .order_by_asc(webhook_delivery::Column::NextAttemptAt)
        .limit(1)
        .into_tuple()
        .one(&**tx)
        .await?;
    Ok(next)
}

/// A try to deliver, as it went.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Of which delivery.
    pub delivery: WebhookDeliveryId,
    /// It is the first, the second, ... of the delivery.
    pub number: i32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// What was answered, or why nothing was.
    pub outcome: std::result::Result<WebhookAnswer, String>,
}

impl Attempt {
    fn status(&self) -> Option<u16> {
        self.outcome.as_ref().ok().map(|answer| answer.status)
    }

    fn succeeded(&self) -> bool {
        self.status().is_some_and(|status| (200..300).contains(&status))
    }

    fn row(&self) -> webhook_attempt::ActiveModel {
        let (body, error) = match &self.outcome {
            // Hidden before it is cut: what is cut off in the middle of a card is found no more.
            Ok(answer) => {
                let hidden = card::masked_body(answer.body.as_bytes());
                (Some(fitting(&String::from_utf8_lossy(&hidden), BODY_CHARS)), None)
            }
            Err(error) => (None, Some(fitting(error, ERROR_CHARS))),
        };
        webhook_attempt::ActiveModel {
            delivery_id: Set(self.delivery),
            number: Set(self.number),
            started_at: Set(self.started_at),
            duration_ms: Set(self.duration_ms),
            response_status: Set(self.status().map(Into::into)),
            response_body: Set(body),
            error: Set(error),
        }
    }
}

/// Writes down what came of an attempt, and what follows for the delivery and the endpoint.
/// Returns whether more may be sent there.
///
/// # Errors
/// [`Code::LeaseLost`](crate::Code::LeaseLost).
pub async fn record(tx: &Tx, lease: Lease, attempt: &Attempt) -> Result<bool> {
    lease.hold(tx).await?;
    let delivery = webhook_delivery::Entity::find_by_id(attempt.delivery)
        .lock(LockType::NoKeyUpdate)
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::internal("an attempt of no delivery"))?;
    webhook_attempt::Entity::insert(attempt.row()).exec_without_returning(&**tx).await?;
    let next = if attempt.succeeded() { None } else { wait_after(attempt.number).map(|wait| tx.now + wait) };
    let status = match (attempt.succeeded(), next) {
        (true, _) => WebhookDeliveryStatus::Delivered,
        (false, Some(_)) => WebhookDeliveryStatus::Pending,
        (false, None) => WebhookDeliveryStatus::Failed,
    };
    let row = webhook_delivery::ActiveModel {
        id: Set(delivery.id),
        status: Set(status),
        attempts: Set(attempt.number),
        next_attempt_at: Set(next),
        ended_at: Set(if next.is_none() { Some(tx.now) } else { None }),
        ..Default::default()
    };
    webhook_delivery::Entity::update(row).exec_without_returning(&**tx).await?;
    judge(tx, delivery.endpoint_id, attempt).await
}

/// What an attempt tells of its endpoint.
async fn judge(tx: &Tx, id: WebhookEndpointId, attempt: &Attempt) -> Result<bool> {
    let endpoint = webhook_endpoint::Entity::find_by_id(id)
        .lock(LockType::NoKeyUpdate)
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::internal("a delivery to no endpoint"))?;
    let failing_since = if attempt.succeeded() { None } else { endpoint.failing_since.or(Some(tx.now)) };
    if failing_since != endpoint.failing_since {
        // Not a change of what the endpoint is, so neither version nor history count it.
        let row =
            webhook_endpoint::ActiveModel { id: Set(id), failing_since: Set(failing_since), ..Default::default() };
        webhook_endpoint::Entity::update(row).exec_without_returning(&**tx).await?;
    }
    if endpoint.status == WebhookEndpointStatus::Disabled {
        return Ok(false);
    }
    let (reason, why) = if attempt.status() == Some(410) {
        (WebhookDisabledReason::Gone, "It answered 410: it is gone.")
    } else if failing_since.is_some_and(|since| tx.now - since >= PATIENCE) {
        (WebhookDisabledReason::Failing, "It has taken nothing for five days.")
    } else {
        return Ok(true);
    };
    give_up(tx, webhook_endpoint::Model { failing_since, ..endpoint }, reason, why).await?;
    Ok(false)
}

async fn active(tx: &Tx, id: WebhookEndpointId) -> Result<Option<webhook_endpoint::Model>> {
    let endpoint = webhook_endpoint::Entity::find_by_id(id).one(&**tx).await?;
    Ok(endpoint.filter(|endpoint| endpoint.status == WebhookEndpointStatus::Active))
}

/// The word stands in the text and not as a parameter, because neither database uses a partial
/// index for a condition it does not see.
fn pending(id: WebhookEndpointId) -> sea_orm::Select<webhook_delivery::Entity> {
    webhook_delivery::Entity::find()
        .filter(webhook_delivery::Column::EndpointId.eq(id))
        .filter(Expr::cust("status = 'pending'"))
}

/// The seller's parts of orders.
async fn parts(
    db: &impl ConnectionTrait,
    seller: SellerId,
    orders: impl Iterator<Item = OrderId>,
) -> Result<HashMap<OrderId, seller_order::Model>> {
    Ok(seller_order::Entity::find()
        .filter(seller_order::Column::SellerId.eq(seller))
        .filter(seller_order::Column::OrderId.is_in(orders))
        .all(db)
        .await?
        .into_iter()
        .map(|part| (part.order_id, part))
        .collect())
}

/// `text` cut to what its column holds, without the one character that PostgreSQL refuses.
fn fitting(text: &str, chars: usize) -> String {
    text.chars().filter(|char| *char != '\0').take(chars).collect()
}
