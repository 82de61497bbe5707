//! An event on its way to an endpoint.

use sea_orm::entity::prelude::*;

use crate::id::{EventId, WebhookDeliveryId, WebhookEndpointId};
use crate::status::WebhookDeliveryStatus;

/// An event on its way to an endpoint.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_delivery")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookDeliveryId,
    pub endpoint_id: WebhookEndpointId,
    pub event_id: EventId,
    pub event_type: String,
    /// 0: of the event; 1 and more: asked for again by the seller.
    pub redelivery: i32,
    pub status: WebhookDeliveryStatus,
    pub attempts: i32,
    /// Pending: when the next attempt is due.
    pub next_attempt_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
