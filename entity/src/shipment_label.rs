//! The label of a parcel in one format.

use sea_orm::entity::prelude::*;

use crate::id::ShipmentId;
use crate::sealed::Sealed;
use crate::status::LabelFormat;

/// The label of a parcel in one format.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shipment_label")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub shipment_id: ShipmentId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub format: LabelFormat,
    /// Sealed: it shows an address.
    pub content: Sealed,
    pub created_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "shipment_id", to = "id")]
    pub shipment: BelongsTo<super::shipment::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
