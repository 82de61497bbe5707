//! Webhooks the simulated companies owe us.

use sea_orm::entity::prelude::*;

use crate::status::InboxSource;

/// Webhooks the simulated companies owe us.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "simulated_webhook")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub source: InboxSource,
    pub body: Vec<u8>,
    pub attempts: i32,
    pub due_at: DateTimeUtc,
    pub delivered_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
