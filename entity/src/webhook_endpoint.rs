//! Where a seller's own system is told of events.

use sea_orm::entity::prelude::*;

use crate::id::{SellerId, WebhookEndpointId};
use crate::status::{WebhookDisabledReason, WebhookEndpointStatus};

/// Where a seller's own system is told of events.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_endpoint")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WebhookEndpointId,
    pub seller_id: SellerId,
    pub url: String,
    pub description: String,
    /// Types of events, or their beginnings such as `order.*`; empty: all.
    #[sea_orm(column_type = "JsonBinary")]
    pub event_types: Json,
    pub status: WebhookEndpointStatus,
    pub disabled_reason: Option<WebhookDisabledReason>,
    /// Counts the secrets; the secret itself is derived and stored nowhere.
    pub secret_generation: i64,
    /// Until when the generation before signs too.
    pub previous_secret_until: Option<DateTimeUtc>,
    /// Since when it is active: it is told of events from then on.
    pub told_since: DateTimeUtc,
    /// Since when no delivery has succeeded.
    pub failing_since: Option<DateTimeUtc>,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
