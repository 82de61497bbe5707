//! An event received from outside, as it came.

use sea_orm::entity::prelude::*;

use crate::id::InboxId;
use crate::status::InboxSource;

/// An event received from outside, as it came.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "inbox")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: InboxId,
    pub source: InboxSource,
    pub provider: String,
    pub event_id: String,
    pub body: Vec<u8>,
    pub received_at: DateTimeUtc,
    pub processed_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
