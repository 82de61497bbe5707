//! Shipments: parcels, their labels, and what the carrier says of them.

use sea_orm_migration::prelude::*;

use crate::ddl;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, UP).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::drop_tables(manager, TABLES).await
    }
}

/// Dependants first, so that they can be dropped in this order.
const TABLES: &[&str] = &["shipment_event", "shipment_label", "shipment_line", "shipment"];

const UP: &str = r#"
CREATE TABLE shipment (
    id {uuid} NOT NULL CONSTRAINT pk_shipment PRIMARY KEY,
    order_id {uuid} NOT NULL CONSTRAINT fk_shipment_order REFERENCES orders (id),
    seller_order_id {uuid} NOT NULL CONSTRAINT fk_shipment_seller_order REFERENCES seller_order (id),
    seller_id {uuid} NOT NULL CONSTRAINT fk_shipment_seller REFERENCES seller (id),
    warehouse_id {uuid} NOT NULL CONSTRAINT fk_shipment_warehouse REFERENCES warehouse (id),
    direction varchar(10) NOT NULL,
    return_request_id {uuid} CONSTRAINT fk_shipment_return_request REFERENCES return_request (id) CONSTRAINT uq_shipment_return_request UNIQUE,
    carrier varchar(20) NOT NULL,
    carrier_ref varchar(100),
    tracking_number varchar(100),
    status varchar(24) NOT NULL,
    tracking_status varchar(24) NOT NULL,
    weight_grams bigint NOT NULL,
    label_cost bigint,
    currency varchar(3) NOT NULL,
    estimated_delivery {timestamp},
    failure_message varchar(500),
    version bigint NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT uq_shipment_tracking_number UNIQUE (carrier, tracking_number),
    CONSTRAINT ck_shipment_direction CHECK (direction IN ('outbound', 'return') AND (direction = 'return') = (return_request_id IS NOT NULL)),
    CONSTRAINT ck_shipment_status CHECK (status IN ('pending', 'labelled', 'in_transit', 'out_for_delivery', 'available_for_pickup', 'delivery_attempted', 'exception', 'delivered', 'failure', 'return_to_sender', 'returned', 'cancelled'))
);
CREATE INDEX ix_shipment_order_id ON shipment (order_id);
CREATE INDEX ix_shipment_seller_order_id ON shipment (seller_order_id, id);
CREATE INDEX ix_shipment_seller_id ON shipment (seller_id, id);
CREATE INDEX ix_shipment_warehouse_id ON shipment (warehouse_id);
CREATE INDEX ix_shipment_moving ON shipment (updated_at, id) WHERE status IN ('labelled', 'in_transit', 'out_for_delivery', 'available_for_pickup', 'delivery_attempted', 'exception', 'failure', 'return_to_sender');

CREATE TABLE shipment_line (
    shipment_id {uuid} NOT NULL CONSTRAINT fk_shipment_line_shipment REFERENCES shipment (id),
    order_line_id {uuid} NOT NULL CONSTRAINT fk_shipment_line_order_line REFERENCES order_line (id),
    quantity bigint NOT NULL,
    CONSTRAINT pk_shipment_line PRIMARY KEY (shipment_id, order_line_id),
    CONSTRAINT ck_shipment_line_quantity CHECK (quantity > 0)
);
CREATE INDEX ix_shipment_line_order_line_id ON shipment_line (order_line_id);

-- One live label per parcel: the label row is keyed by the parcel and the format.
CREATE TABLE shipment_label (
    shipment_id {uuid} NOT NULL CONSTRAINT fk_shipment_label_shipment REFERENCES shipment (id),
    format varchar(5) NOT NULL,
    -- sealed with the key of the shopper, whose address it shows
    content {bytes} NOT NULL,
    created_at {timestamp} NOT NULL,
    CONSTRAINT pk_shipment_label PRIMARY KEY (shipment_id, format),
    CONSTRAINT ck_shipment_label_format CHECK (format IN ('pdf', 'png', 'zpl'))
);

CREATE TABLE shipment_event (
    id {uuid} NOT NULL CONSTRAINT pk_shipment_event PRIMARY KEY,
    shipment_id {uuid} NOT NULL CONSTRAINT fk_shipment_event_shipment REFERENCES shipment (id),
    -- the carrier tells the same scan more than once: kept once
    tracking_status varchar(24) NOT NULL,
    description varchar(255) NOT NULL,
    location varchar(255),
    occurred_at {timestamp} NOT NULL,
    received_at {timestamp} NOT NULL,
    CONSTRAINT uq_shipment_event_scan UNIQUE (shipment_id, occurred_at, tracking_status)
);
"#;
