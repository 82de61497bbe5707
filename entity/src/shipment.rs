//! A parcel, to the shopper or back.

use sea_orm::entity::prelude::*;

use crate::id::{OrderId, ReturnRequestId, SellerId, SellerOrderId, ShipmentId, WarehouseId};
use crate::money::{CurrencyCode, MinorUnits};
use crate::status::{ShipmentDirection, ShipmentStatus, TrackingStatus};

/// A parcel, to the shopper or back.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shipment")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ShipmentId,
    pub order_id: OrderId,
    pub seller_order_id: SellerOrderId,
    pub seller_id: SellerId,
    pub warehouse_id: WarehouseId,
    pub direction: ShipmentDirection,
    pub return_request_id: Option<ReturnRequestId>,
    pub carrier: String,
    pub carrier_ref: Option<String>,
    pub tracking_number: Option<String>,
    pub status: ShipmentStatus,
    pub tracking_status: TrackingStatus,
    pub weight_grams: i64,
    pub label_cost: Option<MinorUnits>,
    pub currency: CurrencyCode,
    pub estimated_delivery: Option<DateTimeUtc>,
    pub failure_message: Option<String>,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    #[sea_orm(belongs_to, from = "order_id", to = "id")]
    pub order: BelongsTo<super::order::Entity>,
    #[sea_orm(belongs_to, from = "seller_order_id", to = "id")]
    pub seller_order: BelongsTo<super::seller_order::Entity>,
    #[sea_orm(belongs_to, from = "seller_id", to = "id")]
    pub seller: BelongsTo<super::seller::Entity>,
    #[sea_orm(belongs_to, from = "warehouse_id", to = "id")]
    pub warehouse: BelongsTo<super::warehouse::Entity>,
    #[sea_orm(belongs_to, from = "return_request_id", to = "id")]
    pub return_request: BelongsTo<Option<super::return_request::Entity>>,
    #[sea_orm(has_many)]
    pub lines: HasMany<super::shipment_line::Entity>,
    #[sea_orm(has_many)]
    pub events: HasMany<super::shipment_event::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
