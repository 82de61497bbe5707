//! Payments, each seller order's share of them, and refunds.

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
const TABLES: &[&str] = &["refund_line", "refund", "return_line", "return_request", "payment_share", "payment"];

const UP: &str = r#"
CREATE TABLE payment (
    id {uuid} NOT NULL CONSTRAINT pk_payment PRIMARY KEY,
    order_id {uuid} NOT NULL CONSTRAINT fk_payment_order REFERENCES orders (id),
    provider varchar(20) NOT NULL,
    provider_ref varchar(100),
    amount bigint NOT NULL,
    authorized_amount bigint NOT NULL,
    captured_amount bigint NOT NULL,
    currency varchar(3) NOT NULL,
    status varchar(20) NOT NULL,
    -- where the shopper confirms the payment at the provider
    confirm_url varchar(2000),
    failure_code varchar(60),
    failure_message varchar(500),
    version bigint NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT uq_payment_provider_ref UNIQUE (provider, provider_ref),
    CONSTRAINT ck_payment_status CHECK (status IN ('pending', 'requires_action', 'authorized', 'captured', 'failed', 'voided', 'unresolved')),
    CONSTRAINT ck_payment_amount CHECK (amount >= 0 AND authorized_amount >= 0 AND captured_amount >= 0 AND captured_amount <= authorized_amount)
);
CREATE INDEX ix_payment_order_id ON payment (order_id);
CREATE UNIQUE INDEX uq_payment_live ON payment (order_id) WHERE status NOT IN ('failed', 'voided');

CREATE TABLE payment_share (
    payment_id {uuid} NOT NULL CONSTRAINT fk_payment_share_payment REFERENCES payment (id),
    seller_order_id {uuid} NOT NULL CONSTRAINT fk_payment_share_seller_order REFERENCES seller_order (id),
    amount bigint NOT NULL,
    -- pending and succeeded refunds; moves inside the lock of this row
    refunded_amount bigint NOT NULL,
    CONSTRAINT pk_payment_share PRIMARY KEY (payment_id, seller_order_id),
    CONSTRAINT ck_payment_share_amount CHECK (amount >= 0 AND refunded_amount BETWEEN 0 AND amount)
);
CREATE INDEX ix_payment_share_seller_order_id ON payment_share (seller_order_id);

CREATE TABLE return_request (
    id {uuid} NOT NULL CONSTRAINT pk_return_request PRIMARY KEY,
    order_id {uuid} NOT NULL CONSTRAINT fk_return_request_order REFERENCES orders (id),
    seller_order_id {uuid} NOT NULL CONSTRAINT fk_return_request_seller_order REFERENCES seller_order (id),
    seller_id {uuid} NOT NULL CONSTRAINT fk_return_request_seller REFERENCES seller (id),
    status varchar(20) NOT NULL,
    -- the shopper's word, sealed
    note {bytes},
    decision_note varchar(500),
    version bigint NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT ck_return_request_status CHECK (status IN ('requested', 'approved', 'rejected', 'cancelled', 'in_transit', 'received', 'expired', 'processed'))
);
CREATE INDEX ix_return_request_order_id ON return_request (order_id, id);
CREATE INDEX ix_return_request_seller_order_id ON return_request (seller_order_id);
CREATE INDEX ix_return_request_seller_status ON return_request (seller_id, status, id);
CREATE INDEX ix_return_request_approved ON return_request (updated_at, id) WHERE status = 'approved';

CREATE TABLE return_line (
    return_request_id {uuid} NOT NULL CONSTRAINT fk_return_line_return_request REFERENCES return_request (id),
    order_line_id {uuid} NOT NULL CONSTRAINT fk_return_line_order_line REFERENCES order_line (id),
    quantity bigint NOT NULL,
    reason varchar(30) NOT NULL,
    received_quantity bigint NOT NULL,
    condition varchar(20),
    restocked_quantity bigint NOT NULL,
    CONSTRAINT pk_return_line PRIMARY KEY (return_request_id, order_line_id),
    CONSTRAINT ck_return_line_quantity CHECK (quantity > 0 AND received_quantity BETWEEN 0 AND quantity AND restocked_quantity BETWEEN 0 AND received_quantity)
);
CREATE INDEX ix_return_line_order_line_id ON return_line (order_line_id);

CREATE TABLE refund (
    id {uuid} NOT NULL CONSTRAINT pk_refund PRIMARY KEY,
    payment_id {uuid} NOT NULL CONSTRAINT fk_refund_payment REFERENCES payment (id),
    order_id {uuid} NOT NULL CONSTRAINT fk_refund_order REFERENCES orders (id),
    seller_order_id {uuid} NOT NULL CONSTRAINT fk_refund_seller_order REFERENCES seller_order (id),
    return_request_id {uuid} CONSTRAINT fk_refund_return_request REFERENCES return_request (id),
    -- the failed refund that this one makes again, which happens once
    retry_of {uuid} CONSTRAINT fk_refund_retry_of REFERENCES refund (id) CONSTRAINT uq_refund_retry_of UNIQUE,
    reason varchar(20) NOT NULL,
    provider_ref varchar(100),
    amount bigint NOT NULL,
    -- the tax in what is refunded; more than amount where goodwill had paid for it before
    tax bigint NOT NULL,
    -- the part of amount that the platform bears instead of the seller; less than nothing where it
    -- gets goodwill back that it had paid for goods that are refunded now
    platform_amount bigint NOT NULL,
    -- what is reversed with it
    commission bigint NOT NULL,
    commission_tax bigint NOT NULL,
    platform_discount bigint NOT NULL,
    currency varchar(3) NOT NULL,
    status varchar(20) NOT NULL,
    failure_message varchar(500),
    version bigint NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT ck_refund_reason CHECK (reason IN ('cancellation', 'return', 'adjustment', 'goodwill')),
    -- nothing, where only commission or the platform's discount is to be reversed
    CONSTRAINT ck_refund_amount CHECK (amount >= 0 AND tax >= 0 AND platform_amount <= amount
        AND commission >= 0 AND commission_tax >= 0 AND platform_discount >= 0),
    CONSTRAINT ck_refund_status CHECK (status IN ('pending', 'submitted', 'succeeded', 'failed', 'unresolved'))
);
CREATE INDEX ix_refund_return_request_id ON refund (return_request_id);
-- a return is paid for once; a refund that failed can be made again
CREATE UNIQUE INDEX uq_refund_return_request ON refund (return_request_id) WHERE status <> 'failed';
CREATE INDEX ix_refund_payment_id ON refund (payment_id);
CREATE INDEX ix_refund_order_id ON refund (order_id, id);
CREATE INDEX ix_refund_seller_order_id ON refund (seller_order_id);
CREATE INDEX ix_refund_status ON refund (status, id);

CREATE TABLE refund_line (
    id {uuid} NOT NULL CONSTRAINT pk_refund_line PRIMARY KEY,
    refund_id {uuid} NOT NULL CONSTRAINT fk_refund_line_refund REFERENCES refund (id),
    -- NULL for the shipping of the seller order
    order_line_id {uuid} CONSTRAINT fk_refund_line_order_line REFERENCES order_line (id),
    component varchar(10) NOT NULL,
    quantity bigint NOT NULL,
    amount bigint NOT NULL,
    -- the tax in what it is worth, which is more than amount where goodwill paid for it before; and
    -- what is reversed with it
    tax bigint NOT NULL,
    commission bigint NOT NULL,
    commission_tax bigint NOT NULL,
    platform_discount bigint NOT NULL,
    CONSTRAINT ck_refund_line_component CHECK (component IN ('item', 'shipping', 'goodwill')),
    CONSTRAINT ck_refund_line_amount CHECK (amount >= 0 AND quantity >= 0 AND tax >= 0
        AND commission >= 0 AND commission_tax >= 0 AND platform_discount >= 0)
);
CREATE INDEX ix_refund_line_refund_id ON refund_line (refund_id);
CREATE INDEX ix_refund_line_order_line_id ON refund_line (order_line_id);
"#;
