//! How sellers begin and go away: what is asked of them, what they take back and on what terms, and holidays.

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
        ddl::drop_tables(manager, TABLES).await?;
        for (table, column) in COLUMNS {
            ddl::run(manager, &format!("ALTER TABLE {table} DROP COLUMN {column}")).await?;
        }
        Ok(())
    }
}

/// Dependants first, so that they can be dropped in this order.
const TABLES: &[&str] = &["seller_check", "seller_requirement", "seller_return_exclusion"];

/// What earlier tables have more.
const COLUMNS: &[(&str, &str)] = &[
    ("seller", "return_label_payer"),
    ("seller", "restocking_ppm"),
    ("seller", "return_policy_set_at"),
    ("seller", "on_holiday"),
    ("seller", "holiday_starts_at"),
    ("seller", "holiday_ends_at"),
    ("seller", "holiday_message"),
    ("seller_order", "return_label_payer"),
    ("seller_order", "restocking_ppm"),
    ("order_line", "returnable"),
    ("refund", "restocking_fee"),
    ("refund", "return_label"),
    ("refund_line", "restocking_quantity"),
    ("refund_line", "restocking_fee"),
];

const UP: &str = r#"
-- who pays the label of a return that is not the seller's fault
ALTER TABLE seller ADD COLUMN return_label_payer varchar(10) NOT NULL DEFAULT 'seller'
    CONSTRAINT ck_seller_return_label_payer CHECK (return_label_payer IN ('seller', 'shopper'));
-- what is kept of the price of goods that come back without the seller's fault
ALTER TABLE seller ADD COLUMN restocking_ppm bigint NOT NULL DEFAULT 0
    CONSTRAINT ck_seller_restocking_ppm CHECK (restocking_ppm BETWEEN 0 AND 500000);
ALTER TABLE seller ADD COLUMN return_policy_set_at {timestamp};
-- between the two instants, or without them from now and for good
ALTER TABLE seller ADD COLUMN on_holiday boolean NOT NULL DEFAULT false;
ALTER TABLE seller ADD COLUMN holiday_starts_at {timestamp};
ALTER TABLE seller ADD COLUMN holiday_ends_at {timestamp};
ALTER TABLE seller ADD COLUMN holiday_message varchar(500);

-- What is not taken back without the seller's fault: these categories and all below them.
CREATE TABLE seller_return_exclusion (
    seller_id {uuid} NOT NULL CONSTRAINT fk_seller_return_exclusion_seller REFERENCES seller (id),
    category_id {uuid} NOT NULL CONSTRAINT fk_seller_return_exclusion_category REFERENCES category (id),
    CONSTRAINT pk_seller_return_exclusion PRIMARY KEY (seller_id, category_id)
);
CREATE INDEX ix_seller_return_exclusion_category_id ON seller_return_exclusion (category_id);

-- What the marketplace asks of those who want to sell.
CREATE TABLE seller_requirement (
    id {uuid} NOT NULL CONSTRAINT pk_seller_requirement PRIMARY KEY,
    kind varchar(20) NOT NULL,
    title varchar(100) NOT NULL,
    -- what the seller has to do, or the terms that they accept
    instructions varchar(10000),
    required boolean NOT NULL,
    created_at {timestamp} NOT NULL,
    retired_at {timestamp},
    CONSTRAINT ck_seller_requirement_kind CHECK (kind IN ('verified_email', 'payout_account', 'return_policy', 'warehouse',
        'shipping_method', 'terms', 'custom'))
);
-- What is seen in what a seller has set is asked for once.
CREATE UNIQUE INDEX uq_seller_requirement_seen ON seller_requirement (kind)
    WHERE retired_at IS NULL AND kind NOT IN ('terms', 'custom');

-- What an operator has said of a seller, or an owner accepted.
CREATE TABLE seller_check (
    seller_id {uuid} NOT NULL CONSTRAINT fk_seller_check_seller REFERENCES seller (id),
    requirement_id {uuid} NOT NULL CONSTRAINT fk_seller_check_requirement REFERENCES seller_requirement (id),
    met boolean NOT NULL,
    user_id {uuid} NOT NULL CONSTRAINT fk_seller_check_user REFERENCES app_user (id),
    reason varchar(500),
    checked_at {timestamp} NOT NULL,
    CONSTRAINT pk_seller_check PRIMARY KEY (seller_id, requirement_id)
);
CREATE INDEX ix_seller_check_requirement_id ON seller_check (requirement_id);
CREATE INDEX ix_seller_check_user_id ON seller_check (user_id);

-- As they were when the order was placed.
ALTER TABLE seller_order ADD COLUMN return_label_payer varchar(10) NOT NULL DEFAULT 'seller'
    CONSTRAINT ck_seller_order_return_label_payer CHECK (return_label_payer IN ('seller', 'shopper'));
ALTER TABLE seller_order ADD COLUMN restocking_ppm bigint NOT NULL DEFAULT 0
    CONSTRAINT ck_seller_order_restocking_ppm CHECK (restocking_ppm BETWEEN 0 AND 500000);
ALTER TABLE order_line ADD COLUMN returnable boolean NOT NULL DEFAULT true;

-- What of the lines' amounts the shopper does not get back: the sum of the lines' fees, and the label.
ALTER TABLE refund ADD COLUMN restocking_fee bigint NOT NULL DEFAULT 0
    CONSTRAINT ck_refund_restocking_fee CHECK (restocking_fee >= 0);
ALTER TABLE refund ADD COLUMN return_label bigint NOT NULL DEFAULT 0
    CONSTRAINT ck_refund_return_label CHECK (return_label >= 0);
-- the units that the fee is for
ALTER TABLE refund_line ADD COLUMN restocking_quantity bigint NOT NULL DEFAULT 0
    CONSTRAINT ck_refund_line_restocking_quantity CHECK (restocking_quantity >= 0);
ALTER TABLE refund_line ADD COLUMN restocking_fee bigint NOT NULL DEFAULT 0
    CONSTRAINT ck_refund_line_restocking_fee CHECK (restocking_fee >= 0);
"#;
