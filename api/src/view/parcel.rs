//! Parcels and their scans.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use souk_entity::{shipment, shipment_event, shipment_line};
use uuid::Uuid;

use super::amount;
use super::words::{ShipmentDirection, ShipmentStatus, TrackingStatus};

/// A parcel.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Shipment {
    /// Its id.
    pub id: Uuid,
    /// The seller order.
    pub seller_order_id: Uuid,
    /// The warehouse that it leaves, or comes back to.
    pub warehouse_id: Uuid,
    /// To the shopper, or back.
    pub direction: ShipmentDirection,
    /// The return that it brings back.
    pub return_id: Option<Uuid>,
    /// The carrier.
    pub carrier: String,
    /// The number it is followed by, once its label is bought.
    pub tracking_number: Option<String>,
    /// Its status.
    pub status: ShipmentStatus,
    /// What the carrier last said.
    pub tracking_status: TrackingStatus,
    /// When it should arrive.
    pub estimated_delivery: Option<DateTime<Utc>>,
    /// What is in it.
    pub lines: Vec<ShipmentLine>,
    /// The carrier's scans, oldest first.
    pub events: Vec<TrackingEvent>,
    /// Why no label could be bought.
    pub failure_message: Option<String>,
    /// What the label cost; shown to the seller.
    pub label_cost: Option<String>,
    /// ISO 4217.
    pub currency: String,
    /// When it was packed.
    pub created_at: DateTime<Utc>,
}

/// A quantity of one line in a parcel.
#[derive(Debug, Object)]
pub struct ShipmentLine {
    /// The line.
    pub line_id: Uuid,
    /// Units.
    pub quantity: i64,
}

/// A scan of the carrier.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct TrackingEvent {
    /// What it means.
    pub status: TrackingStatus,
    /// The carrier's sentence.
    pub description: String,
    /// Where.
    pub location: Option<String>,
    /// When, by the carrier's clock.
    pub occurred_at: DateTime<Utc>,
}

impl Shipment {
    /// Puts a parcel together; `for_seller` shows what the label cost.
    pub fn new(
        row: shipment::Model,
        lines: Vec<shipment_line::Model>,
        events: Vec<shipment_event::Model>,
        for_seller: bool,
    ) -> Self {
        Self {
            id: row.id.into(),
            seller_order_id: row.seller_order_id.into(),
            warehouse_id: row.warehouse_id.into(),
            direction: row.direction.into(),
            return_id: row.return_request_id.map(Into::into),
            status: row.status.into(),
            tracking_status: row.tracking_status.into(),
            estimated_delivery: row.estimated_delivery,
            lines: lines
                .into_iter()
                .map(|line| ShipmentLine { line_id: line.order_line_id.into(), quantity: line.quantity })
                .collect(),
            events: events
                .into_iter()
                .map(|event| TrackingEvent {
                    status: event.tracking_status.into(),
                    description: event.description,
                    location: event.location,
                    occurred_at: event.occurred_at,
                })
                .collect(),
            failure_message: row.failure_message,
            label_cost: row.label_cost.filter(|_| for_seller).map(|cost| amount(cost, row.currency)),
            currency: row.currency.to_string(),
            created_at: row.created_at,
            carrier: row.carrier,
            tracking_number: row.tracking_number,
        }
    }
}
