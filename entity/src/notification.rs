//! Something that a person is told, once.

use sea_orm::entity::prelude::*;

use crate::id::{NotificationId, OrderId, SellerId};
use crate::status::{NotificationKind, NotificationStatus};

/// Something that a person is told, once.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notification")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NotificationId,
    pub kind: NotificationKind,
    /// Business key: told once, whoever asks for it and however often.
    pub unique_key: String,
    pub order_id: Option<OrderId>,
    pub seller_id: Option<SellerId>,
    /// Ids of what it is about; never a name or an address.
    #[sea_orm(column_type = "JsonBinary")]
    pub data: Json,
    pub status: NotificationStatus,
    pub reason: Option<String>,
    pub created_at: DateTimeUtc,
    pub sent_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
