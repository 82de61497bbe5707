//! The simulated carrier's scans.

use sea_orm::entity::prelude::*;

use crate::status::TrackingStatus;

/// The simulated carrier's scans.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "simulated_scan")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub tracking_number: String,
    pub status: TrackingStatus,
    pub description: String,
    pub location: Option<String>,
    pub occurred_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
