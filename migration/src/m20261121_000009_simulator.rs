//! Books of the simulated payment provider and carrier. They stand in for other companies: nothing else in the schema refers to them.

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
const TABLES: &[&str] = &[
    "simulated_webhook",
    "simulated_transfer",
    "simulated_scan",
    "simulated_parcel",
    "simulated_refund",
    "simulated_payment",
];

const UP: &str = r#"
CREATE TABLE simulated_payment (
    id varchar(60) NOT NULL CONSTRAINT pk_simulated_payment PRIMARY KEY,
    idempotency_key varchar(120) NOT NULL CONSTRAINT uq_simulated_payment_idempotency_key UNIQUE,
    -- what its caller calls it, sent back in events
    reference varchar(60) NOT NULL,
    amount bigint NOT NULL,
    captured_amount bigint NOT NULL,
    refunded_amount bigint NOT NULL,
    currency varchar(3) NOT NULL,
    status varchar(24) NOT NULL,
    failure_code varchar(60),
    -- the key of the capture that was done: the same one again is a repetition, another one is refused
    capture_key varchar(120),
    created_at {timestamp} NOT NULL,
    CONSTRAINT ck_simulated_payment_amounts CHECK (captured_amount BETWEEN 0 AND amount AND refunded_amount BETWEEN 0 AND captured_amount),
    CONSTRAINT ck_simulated_payment_status CHECK (status IN ('requires_confirmation', 'requires_action', 'authorized', 'captured', 'failed', 'voided')),
    CONSTRAINT ck_simulated_payment_capture CHECK ((status = 'captured') = (capture_key IS NOT NULL))
);

CREATE TABLE simulated_refund (
    id varchar(60) NOT NULL CONSTRAINT pk_simulated_refund PRIMARY KEY,
    payment_id varchar(60) NOT NULL CONSTRAINT fk_simulated_refund_payment REFERENCES simulated_payment (id),
    idempotency_key varchar(120) NOT NULL CONSTRAINT uq_simulated_refund_idempotency_key UNIQUE,
    amount bigint NOT NULL CONSTRAINT ck_simulated_refund_amount CHECK (amount > 0),
    created_at {timestamp} NOT NULL
);
CREATE INDEX ix_simulated_refund_payment_id ON simulated_refund (payment_id);

-- Money sent on to an account of somebody else's.
CREATE TABLE simulated_transfer (
    id varchar(60) NOT NULL CONSTRAINT pk_simulated_transfer PRIMARY KEY,
    idempotency_key varchar(120) NOT NULL CONSTRAINT uq_simulated_transfer_idempotency_key UNIQUE,
    account varchar(100) NOT NULL,
    amount bigint NOT NULL CONSTRAINT ck_simulated_transfer_amount CHECK (amount > 0),
    currency varchar(3) NOT NULL,
    status varchar(10) NOT NULL,
    failure_code varchar(60),
    created_at {timestamp} NOT NULL,
    CONSTRAINT ck_simulated_transfer_status CHECK (status IN ('paid', 'failed', 'returned'))
);

CREATE TABLE simulated_parcel (
    tracking_number varchar(60) NOT NULL CONSTRAINT pk_simulated_parcel PRIMARY KEY,
    idempotency_key varchar(120) NOT NULL CONSTRAINT uq_simulated_parcel_idempotency_key UNIQUE,
    status varchar(24) NOT NULL,
    -- towns, for the locations of its scans
    origin varchar(120) NOT NULL,
    destination varchar(120) NOT NULL,
    label_pdf {bytes} NOT NULL,
    label_zpl {bytes} NOT NULL,
    cost bigint NOT NULL,
    currency varchar(3) NOT NULL,
    estimated_delivery {timestamp} NOT NULL,
    -- when the carrier scans it next by itself; NULL: only when told to
    next_scan_at {timestamp},
    created_at {timestamp} NOT NULL
);
CREATE INDEX ix_simulated_parcel_next_scan_at ON simulated_parcel (next_scan_at) WHERE next_scan_at IS NOT NULL;

CREATE TABLE simulated_scan (
    id {uuid} NOT NULL CONSTRAINT pk_simulated_scan PRIMARY KEY,
    tracking_number varchar(60) NOT NULL CONSTRAINT fk_simulated_scan_parcel REFERENCES simulated_parcel (tracking_number),
    status varchar(24) NOT NULL,
    description varchar(255) NOT NULL,
    location varchar(255),
    occurred_at {timestamp} NOT NULL
);
CREATE INDEX ix_simulated_scan_tracking_number ON simulated_scan (tracking_number, occurred_at);

-- Events the simulated companies owe us by webhook, until we have answered 2xx.
CREATE TABLE simulated_webhook (
    id {uuid} NOT NULL CONSTRAINT pk_simulated_webhook PRIMARY KEY,
    source varchar(20) NOT NULL,
    body {bytes} NOT NULL,
    attempts integer NOT NULL,
    due_at {timestamp} NOT NULL,
    delivered_at {timestamp}
);
CREATE INDEX ix_simulated_webhook_due_at ON simulated_webhook (due_at) WHERE delivered_at IS NULL;
"#;
