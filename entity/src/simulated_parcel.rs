//! The simulated carrier's book of parcels.

use sea_orm::entity::prelude::*;

use crate::money::{CurrencyCode, MinorUnits};
use crate::status::TrackingStatus;

/// The simulated carrier's book of parcels.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "simulated_parcel")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tracking_number: String,
    pub idempotency_key: String,
    pub status: TrackingStatus,
    /// The town it leaves from.
    pub origin: String,
    /// The town it goes to.
    pub destination: String,
    /// Sealed, as the other.
    pub label_pdf: Vec<u8>,
    pub label_zpl: Vec<u8>,
    pub cost: MinorUnits,
    pub currency: CurrencyCode,
    pub estimated_delivery: DateTimeUtc,
    /// When the carrier scans it next by itself; NULL: only when told to.
    pub next_scan_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
