//! What tax and commission are worked out by.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

use crate::ddl;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, UP).await?;
        let id = match manager.get_database_backend() {
            DatabaseBackend::Sqlite => "X'00000000000070008000000000000001'",
            _ => "'00000000-0000-7000-8000-000000000001'",
        };
        ddl::run(manager, &STANDARD_COMMISSION.replace("{id}", id)).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::drop_tables(manager, TABLES).await
    }
}

/// Dependants first, so that they can be dropped in this order.
const TABLES: &[&str] = &["commission_rule", "tax_exemption", "tax_rate", "tax_zone"];

const UP: &str = r#"
-- Where one set of tax rates applies.
CREATE TABLE tax_zone (
    id {uuid} NOT NULL CONSTRAINT pk_tax_zone PRIMARY KEY,
    name varchar(100) NOT NULL,
    country varchar(2) NOT NULL,
    -- '' for the whole country; a region's rate of a class goes before its country's
    region varchar(100) NOT NULL,
    -- whether offers' prices contain the tax
    prices_include_tax boolean NOT NULL,
    created_at {timestamp} NOT NULL,
    CONSTRAINT uq_tax_zone_place UNIQUE (country, region)
);

CREATE TABLE tax_rate (
    id {uuid} NOT NULL CONSTRAINT pk_tax_rate PRIMARY KEY,
    tax_zone_id {uuid} NOT NULL CONSTRAINT fk_tax_rate_zone REFERENCES tax_zone (id),
    -- of products, or 'shipping'
    tax_class varchar(40) NOT NULL,
    name varchar(100) NOT NULL,
    rate_ppm bigint NOT NULL,
    starts_at {timestamp} NOT NULL,
    ends_at {timestamp},
    created_at {timestamp} NOT NULL,
    -- the latest to start is the one that applies
    CONSTRAINT uq_tax_rate_start UNIQUE (tax_zone_id, tax_class, starts_at),
    CONSTRAINT ck_tax_rate_rate_ppm CHECK (rate_ppm BETWEEN 0 AND 1000000),
    CONSTRAINT ck_tax_rate_validity CHECK (ends_at IS NULL OR ends_at > starts_at)
);

-- Buyers who pay no tax.
CREATE TABLE tax_exemption (
    id {uuid} NOT NULL CONSTRAINT pk_tax_exemption PRIMARY KEY,
    user_id {uuid} NOT NULL CONSTRAINT fk_tax_exemption_user REFERENCES app_user (id),
    -- '' for everywhere
    country varchar(2) NOT NULL,
    certificate varchar(100) NOT NULL,
    starts_at {timestamp} NOT NULL,
    ends_at {timestamp},
    created_at {timestamp} NOT NULL,
    CONSTRAINT ck_tax_exemption_validity CHECK (ends_at IS NULL OR ends_at > starts_at)
);
CREATE INDEX ix_tax_exemption_user_id ON tax_exemption (user_id, id);

-- What the platform takes; the first that matches applies: of the seller and category, of the
-- seller, of the category (the nearest ancestor), of everything.
CREATE TABLE commission_rule (
    id {uuid} NOT NULL CONSTRAINT pk_commission_rule PRIMARY KEY,
    name varchar(100) NOT NULL,
    seller_id {uuid} CONSTRAINT fk_commission_rule_seller REFERENCES seller (id),
    category_id {uuid} CONSTRAINT fk_commission_rule_category REFERENCES category (id),
    rate_ppm bigint NOT NULL,
    -- per unit, in minor units of currency
    flat bigint NOT NULL,
    -- of a line
    minimum bigint,
    maximum bigint,
    -- NULL: any currency (where no amount is named)
    currency varchar(3),
    starts_at {timestamp} NOT NULL,
    ends_at {timestamp},
    created_at {timestamp} NOT NULL,
    CONSTRAINT ck_commission_rule_rate_ppm CHECK (rate_ppm BETWEEN 0 AND 1000000),
    CONSTRAINT ck_commission_rule_amounts CHECK (flat >= 0 AND (minimum IS NULL OR minimum >= 0) AND (maximum IS NULL OR maximum >= COALESCE(minimum, 0))),
    CONSTRAINT ck_commission_rule_currency CHECK (currency IS NOT NULL OR (flat = 0 AND minimum IS NULL AND maximum IS NULL)),
    CONSTRAINT ck_commission_rule_validity CHECK (ends_at IS NULL OR ends_at > starts_at)
);
CREATE INDEX ix_commission_rule_seller_id ON commission_rule (seller_id, id);
CREATE INDEX ix_commission_rule_category_id ON commission_rule (category_id);
"#;

/// A marketplace that has said nothing takes 10%.
const STANDARD_COMMISSION: &str = "INSERT INTO commission_rule (id, name, rate_ppm, flat, starts_at, created_at)
    VALUES ({id}, 'Standard commission', 100000, 0, '2020-01-01T00:00:00+00:00', '2020-01-01T00:00:00+00:00')";
