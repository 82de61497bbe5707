//! What is sold: categories, products, variants, offers, warehouses and stock.

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
    "coupon",
    "shipping_method",
    "stock_movement",
    "inventory_level",
    "warehouse",
    "offer",
    "product_variant",
    "product",
    "category",
];

const UP: &str = r#"
CREATE TABLE category (
    id {uuid} NOT NULL CONSTRAINT pk_category PRIMARY KEY,
    parent_id {uuid} CONSTRAINT fk_category_parent REFERENCES category (id),
    name varchar(100) NOT NULL,
    slug varchar(100) NOT NULL CONSTRAINT uq_category_slug UNIQUE,
    created_at {timestamp} NOT NULL
);
CREATE INDEX ix_category_parent_id ON category (parent_id);

CREATE TABLE product (
    id {uuid} NOT NULL CONSTRAINT pk_product PRIMARY KEY,
    category_id {uuid} CONSTRAINT fk_product_category REFERENCES category (id),
    -- the seller who described the product and may change the description; others may offer it too
    created_by_seller_id {uuid} NOT NULL CONSTRAINT fk_product_seller REFERENCES seller (id),
    name varchar(255) NOT NULL,
    -- lower case, for search by name on both databases
    search_name varchar(255) NOT NULL,
    description varchar(10000) NOT NULL,
    active boolean NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL
);
CREATE INDEX ix_product_category_id ON product (category_id, id);
CREATE INDEX ix_product_created_by_seller_id ON product (created_by_seller_id, id);
CREATE INDEX ix_product_search_name ON product (search_name);

CREATE TABLE product_variant (
    id {uuid} NOT NULL CONSTRAINT pk_product_variant PRIMARY KEY,
    product_id {uuid} NOT NULL CONSTRAINT fk_product_variant_product REFERENCES product (id),
    sku varchar(100) NOT NULL CONSTRAINT uq_product_variant_sku UNIQUE,
    name varchar(255) NOT NULL,
    weight_grams integer NOT NULL,
    created_at {timestamp} NOT NULL,
    CONSTRAINT ck_product_variant_weight_grams CHECK (weight_grams BETWEEN 1 AND 1000000)
);
CREATE INDEX ix_product_variant_product_id ON product_variant (product_id, id);

CREATE TABLE offer (
    id {uuid} NOT NULL CONSTRAINT pk_offer PRIMARY KEY,
    variant_id {uuid} NOT NULL CONSTRAINT fk_offer_variant REFERENCES product_variant (id),
    seller_id {uuid} NOT NULL CONSTRAINT fk_offer_seller REFERENCES seller (id),
    price bigint NOT NULL,
    currency varchar(3) NOT NULL,
    active boolean NOT NULL,
    version bigint NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT uq_offer_variant_seller UNIQUE (variant_id, seller_id),
    CONSTRAINT uq_offer_id_seller UNIQUE (id, seller_id),
    CONSTRAINT ck_offer_price CHECK (price >= 0)
);
CREATE INDEX ix_offer_seller_id ON offer (seller_id, id);

CREATE TABLE warehouse (
    id {uuid} NOT NULL CONSTRAINT pk_warehouse PRIMARY KEY,
    seller_id {uuid} NOT NULL CONSTRAINT fk_warehouse_seller REFERENCES seller (id),
    name varchar(100) NOT NULL,
    line1 varchar(255) NOT NULL,
    line2 varchar(255),
    city varchar(100) NOT NULL,
    region varchar(100),
    postal_code varchar(20) NOT NULL,
    country varchar(2) NOT NULL,
    created_at {timestamp} NOT NULL,
    CONSTRAINT uq_warehouse_seller_name UNIQUE (seller_id, name)
);

CREATE TABLE inventory_level (
    id {uuid} NOT NULL CONSTRAINT pk_inventory_level PRIMARY KEY,
    offer_id {uuid} NOT NULL CONSTRAINT fk_inventory_level_offer REFERENCES offer (id),
    warehouse_id {uuid} NOT NULL CONSTRAINT fk_inventory_level_warehouse REFERENCES warehouse (id),
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    low_stock_threshold bigint NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT uq_inventory_level_offer_warehouse UNIQUE (offer_id, warehouse_id),
    CONSTRAINT ck_inventory_level_reserved CHECK (reserved >= 0 AND reserved <= on_hand)
);
CREATE INDEX ix_inventory_level_warehouse_id ON inventory_level (warehouse_id, id);

CREATE TABLE stock_movement (
    id {uuid} NOT NULL CONSTRAINT pk_stock_movement PRIMARY KEY,
    inventory_level_id {uuid} NOT NULL CONSTRAINT fk_stock_movement_inventory_level REFERENCES inventory_level (id),
    delta bigint NOT NULL,
    reason varchar(20) NOT NULL,
    -- what caused it; a cause moves one stock level once
    source_id {uuid} NOT NULL,
    occurred_at {timestamp} NOT NULL,
    CONSTRAINT uq_stock_movement_source UNIQUE (inventory_level_id, reason, source_id),
    CONSTRAINT ck_stock_movement_reason CHECK (reason IN ('adjustment', 'shipment', 'return')),
    CONSTRAINT ck_stock_movement_delta CHECK (delta <> 0)
);

CREATE TABLE shipping_method (
    id {uuid} NOT NULL CONSTRAINT pk_shipping_method PRIMARY KEY,
    seller_id {uuid} NOT NULL CONSTRAINT fk_shipping_method_seller REFERENCES seller (id),
    name varchar(100) NOT NULL,
    price bigint NOT NULL,
    currency varchar(3) NOT NULL,
    -- the discounted goods of the seller at or above which the method costs nothing
    free_over bigint,
    min_days integer NOT NULL,
    max_days integer NOT NULL,
    active boolean NOT NULL,
    created_at {timestamp} NOT NULL,
    CONSTRAINT uq_shipping_method_seller_name UNIQUE (seller_id, name, currency),
    CONSTRAINT ck_shipping_method_price CHECK (price >= 0),
    CONSTRAINT ck_shipping_method_days CHECK (min_days >= 0 AND max_days >= min_days)
);

CREATE TABLE coupon (
    id {uuid} NOT NULL CONSTRAINT pk_coupon PRIMARY KEY,
    code varchar(40) NOT NULL CONSTRAINT uq_coupon_code UNIQUE,
    kind varchar(20) NOT NULL,
    -- parts per million for a percentage, minor units for a fixed amount
    value bigint NOT NULL,
    -- NULL: any currency (percentages only)
    currency varchar(3),
    -- who bears it, and whose lines it touches; NULL: the platform, all lines
    seller_id {uuid} CONSTRAINT fk_coupon_seller REFERENCES seller (id),
    minimum_spend bigint NOT NULL,
    maximum_discount bigint,
    usage_limit bigint,
    used bigint NOT NULL,
    starts_at {timestamp} NOT NULL,
    ends_at {timestamp},
    active boolean NOT NULL,
    created_at {timestamp} NOT NULL,
    CONSTRAINT ck_coupon_kind CHECK (kind IN ('percentage', 'fixed')),
    CONSTRAINT ck_coupon_value CHECK (value > 0 AND (kind = 'fixed' OR value <= 1000000)),
    CONSTRAINT ck_coupon_currency CHECK (currency IS NOT NULL OR (kind = 'percentage' AND minimum_spend = 0 AND maximum_discount IS NULL)),
    CONSTRAINT ck_coupon_used CHECK (used >= 0 AND (usage_limit IS NULL OR used <= usage_limit))
);
CREATE INDEX ix_coupon_seller_id ON coupon (seller_id);
"#;
