//! A scan as the carrier told it.

use sea_orm::entity::prelude::*;

use crate::id::{ShipmentEventId, ShipmentId};
use crate::status::TrackingStatus;

/// A scan as the carrier told it.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shipment_event")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ShipmentEventId,
    pub shipment_id: ShipmentId,
    /// The carrier tells the same scan more than once: kept once.
    pub tracking_status: TrackingStatus,
    pub description: String,
    pub location: Option<String>,
    pub occurred_at: DateTimeUtc,
    pub received_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "shipment_id", to = "id")]
    pub shipment: BelongsTo<super::shipment::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
