//! One try to deliver, and what was answered.

use sea_orm::entity::prelude::*;

use crate::id::WebhookDeliveryId;

/// One try to deliver, and what was answered.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhook_attempt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub delivery_id: WebhookDeliveryId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    pub started_at: DateTimeUtc,
    pub duration_ms: i64,
    pub response_status: Option<i32>,
    pub response_body: Option<String>,
    pub error: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}
