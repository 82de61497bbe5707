//! Webhook endpoints and deliveries as sellers and operators see them.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use souk_domain::webhook::filter::Filter;
use souk_entity::{status_history, webhook_attempt, webhook_delivery, webhook_endpoint};
use uuid::Uuid;

use crate::view::HistoryEntry;
use crate::view::words::{WebhookDeliveryStatus, WebhookDisabledReason, WebhookEndpointStatus};

/// Where a seller's own system is told of events.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct WebhookEndpoint {
    /// Its id.
    id: Uuid,
    /// Counts its changes, for If-Match.
    version: i64,
    /// The seller.
    seller_id: Uuid,
    /// Where webhooks are posted to.
    url: String,
    /// What it is for, in its owner's words.
    description: String,
    /// Types of events that it is told of, or their beginnings such as `seller_order.*`; empty: every type but
    /// `webhook_endpoint.*`.
    event_types: Vec<String>,
    /// Whether it is told of events.
    status: WebhookEndpointStatus,
    /// Why it is disabled.
    disabled_reason: Option<WebhookDisabledReason>,
    /// Since when it has taken nothing; absent when the last attempt succeeded. After five days it is disabled.
    failing_since: Option<DateTime<Utc>>,
    /// Until when webhooks are signed by the secret before, too.
    previous_secret_until: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
    /// Its changes, the first one first; only where one endpoint is shown.
    history: Option<Vec<HistoryEntry>>,
}

impl From<webhook_endpoint::Model> for WebhookEndpoint {
    fn from(row: webhook_endpoint::Model) -> Self {
        Self {
            id: row.id.into(),
            version: row.version,
            seller_id: row.seller_id.into(),
            event_types: Filter::of(&row.event_types).patterns().map(str::to_owned).collect(),
            url: row.url,
            description: row.description,
            status: row.status.into(),
            disabled_reason: row.disabled_reason.map(Into::into),
            failing_since: row.failing_since,
            previous_secret_until: row.previous_secret_until,
            created_at: row.created_at,
            updated_at: row.updated_at,
            history: None,
        }
    }
}

impl WebhookEndpoint {
    /// With its history.
    pub fn with_history(row: webhook_endpoint::Model, history: Vec<status_history::Model>) -> Self {
        Self { history: Some(history.into_iter().map(HistoryEntry::from).collect()), ..row.into() }
    }
}

/// An event on its way to an endpoint.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct WebhookDelivery {
    /// Its id.
    id: Uuid,
    /// The endpoint.
    endpoint_id: Uuid,
    /// The event, and the `webhook-id` of every attempt.
    event_id: Uuid,
    /// The event's type.
    event_type: String,
    /// 0 for the delivery of the event itself; 1 and more for those that were asked for again.
    redelivery: i32,
    /// Its status.
    status: WebhookDeliveryStatus,
    /// How often it was tried, at most 10 times.
    attempts: i32,
    /// When it is tried next; of a disabled endpoint, once that is enabled.
    next_attempt_at: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was delivered, or given up.
    ended_at: Option<DateTime<Utc>>,
}

impl From<webhook_delivery::Model> for WebhookDelivery {
    fn from(row: webhook_delivery::Model) -> Self {
        Self {
            id: row.id.into(),
            endpoint_id: row.endpoint_id.into(),
            event_id: row.event_id.into(),
            event_type: row.event_type,
            redelivery: row.redelivery,
            status: row.status.into(),
            attempts: row.attempts,
            next_attempt_at: row.next_attempt_at,
            created_at: row.created_at,
            ended_at: row.ended_at,
        }
    }
}

/// One try to deliver.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct WebhookAttempt {
    /// The first is 1.
    number: i32,
    /// When it began.
    started_at: DateTime<Utc>,
    /// How long it took, in milliseconds; at most about 15,000.
    duration_ms: i64,
    /// The status that was answered; 200 to 299 is a success, a redirect is not followed and none.
    response_status: Option<i32>,
    /// The first 1,000 characters of what was answered.
    response_body: Option<String>,
    /// Why nothing was answered.
    error: Option<String>,
}

impl From<webhook_attempt::Model> for WebhookAttempt {
    fn from(row: webhook_attempt::Model) -> Self {
        Self {
            number: row.number,
            started_at: row.started_at,
            duration_ms: row.duration_ms,
            response_status: row.response_status,
            response_body: row.response_body,
            error: row.error,
        }
    }
}

/// A delivery and how it went.
#[derive(Debug, Object)]
pub struct WebhookDeliveryDetail {
    /// The delivery.
    delivery: WebhookDelivery,
    /// Its attempts, the first one first.
    attempts: Vec<WebhookAttempt>,
}

impl WebhookDeliveryDetail {
    /// Puts them together.
    pub fn new(delivery: webhook_delivery::Model, attempts: Vec<webhook_attempt::Model>) -> Self {
        Self { delivery: delivery.into(), attempts: attempts.into_iter().map(WebhookAttempt::from).collect() }
    }
}
