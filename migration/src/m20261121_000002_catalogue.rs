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
    "promotion_shopper",
    "promotion_offer",
    "promotion",
    "shipping_weight_step",
    "shipping_method",
    "shipping_zone_place",
    "shipping_zone",
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
    -- which tax rates apply to it
    tax_class varchar(40) NOT NULL,
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

-- Where a seller ships at the prices of some methods.
CREATE TABLE shipping_zone (
    id {uuid} NOT NULL CONSTRAINT pk_shipping_zone PRIMARY KEY,
    seller_id {uuid} NOT NULL CONSTRAINT fk_shipping_zone_seller REFERENCES seller (id),
    name varchar(100) NOT NULL,
    created_at {timestamp} NOT NULL,
    CONSTRAINT uq_shipping_zone_seller_name UNIQUE (seller_id, name),
    CONSTRAINT uq_shipping_zone_id_seller UNIQUE (id, seller_id)
);

CREATE TABLE shipping_zone_place (
    shipping_zone_id {uuid} NOT NULL CONSTRAINT fk_shipping_zone_place_zone REFERENCES shipping_zone (id),
    country varchar(2) NOT NULL,
    -- '' for the whole country
    region varchar(100) NOT NULL,
    CONSTRAINT pk_shipping_zone_place PRIMARY KEY (shipping_zone_id, country, region)
);

CREATE TABLE shipping_method (
    id {uuid} NOT NULL CONSTRAINT pk_shipping_method PRIMARY KEY,
    seller_id {uuid} NOT NULL CONSTRAINT fk_shipping_method_seller REFERENCES seller (id),
    -- NULL: everywhere
    shipping_zone_id {uuid},
    name varchar(100) NOT NULL,
    pricing varchar(10) NOT NULL,
    -- of a flat method; 0 for one by weight, whose steps tell
    price bigint NOT NULL,
    currency varchar(3) NOT NULL,
    -- the discounted goods of the seller at or above which the method costs nothing
    free_over bigint,
    min_days integer NOT NULL,
    max_days integer NOT NULL,
    active boolean NOT NULL,
    created_at {timestamp} NOT NULL,
    CONSTRAINT fk_shipping_method_zone FOREIGN KEY (shipping_zone_id, seller_id) REFERENCES shipping_zone (id, seller_id),
    CONSTRAINT uq_shipping_method_seller_name UNIQUE (seller_id, name, currency),
    CONSTRAINT ck_shipping_method_pricing CHECK (pricing IN ('flat', 'weight')),
    CONSTRAINT ck_shipping_method_price CHECK (price >= 0),
    CONSTRAINT ck_shipping_method_days CHECK (min_days >= 0 AND max_days >= min_days)
);
CREATE INDEX ix_shipping_method_zone_id ON shipping_method (shipping_zone_id, seller_id);

CREATE TABLE shipping_weight_step (
    shipping_method_id {uuid} NOT NULL CONSTRAINT fk_shipping_weight_step_method REFERENCES shipping_method (id),
    -- parcels up to this weight, and above the step before
    up_to_grams bigint NOT NULL,
    price bigint NOT NULL,
    CONSTRAINT pk_shipping_weight_step PRIMARY KEY (shipping_method_id, up_to_grams),
    CONSTRAINT ck_shipping_weight_step CHECK (up_to_grams > 0 AND price >= 0)
);

CREATE TABLE promotion (
    id {uuid} NOT NULL CONSTRAINT pk_promotion PRIMARY KEY,
    -- whose it is; NULL: the platform's
    seller_id {uuid} CONSTRAINT fk_promotion_seller REFERENCES seller (id),
    name varchar(100) NOT NULL,
    -- what the shopper types, in upper case; NULL: it applies by itself
    code varchar(40) CONSTRAINT uq_promotion_code UNIQUE,
    kind varchar(20) NOT NULL,
    -- parts per million off, or minor units off
    value bigint NOT NULL,
    buy_quantity bigint,
    get_quantity bigint,
    -- NULL: any currency (where no amount is named)
    currency varchar(3),
    target varchar(10) NOT NULL,
    target_seller_id {uuid} CONSTRAINT fk_promotion_target_seller REFERENCES seller (id),
    target_category_id {uuid} CONSTRAINT fk_promotion_target_category REFERENCES category (id),
    borne_by varchar(10) NOT NULL,
    stacking varchar(10) NOT NULL,
    -- lower ones are applied first
    priority integer NOT NULL,
    minimum_spend bigint NOT NULL,
    maximum_discount bigint,
    usage_limit bigint,
    shopper_limit bigint,
    used bigint NOT NULL,
    starts_at {timestamp} NOT NULL,
    ends_at {timestamp},
    active boolean NOT NULL,
    version bigint NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT ck_promotion_kind CHECK (kind IN ('percentage', 'fixed', 'free_shipping', 'buy_x_get_y')),
    CONSTRAINT ck_promotion_target CHECK (target IN ('order', 'seller', 'category', 'offers')
        AND (target = 'seller') = (target_seller_id IS NOT NULL) AND (target = 'category') = (target_category_id IS NOT NULL)),
    CONSTRAINT ck_promotion_value CHECK (value > 0 AND (kind = 'fixed' OR value <= 1000000)),
    CONSTRAINT ck_promotion_quantities CHECK ((kind = 'buy_x_get_y') = (buy_quantity IS NOT NULL) AND (buy_quantity IS NULL) = (get_quantity IS NULL)
        AND (buy_quantity IS NULL OR (buy_quantity > 0 AND get_quantity > 0))),
    CONSTRAINT ck_promotion_currency CHECK (currency IS NOT NULL OR (kind <> 'fixed' AND minimum_spend = 0 AND maximum_discount IS NULL)),
    CONSTRAINT ck_promotion_amounts CHECK (minimum_spend >= 0 AND (maximum_discount IS NULL OR maximum_discount > 0)),
    CONSTRAINT ck_promotion_borne_by CHECK (borne_by IN ('platform', 'seller') AND (seller_id IS NULL OR borne_by = 'seller')),
    CONSTRAINT ck_promotion_stacking CHECK (stacking IN ('combinable', 'exclusive')),
    CONSTRAINT ck_promotion_used CHECK (used >= 0 AND (usage_limit IS NULL OR used <= usage_limit) AND (shopper_limit IS NULL OR shopper_limit > 0))
);
CREATE INDEX ix_promotion_seller_id ON promotion (seller_id, id);
CREATE INDEX ix_promotion_target_seller_id ON promotion (target_seller_id);
CREATE INDEX ix_promotion_target_category_id ON promotion (target_category_id);
CREATE INDEX ix_promotion_automatic ON promotion (seller_id, starts_at) WHERE code IS NULL AND active;

CREATE TABLE promotion_offer (
    promotion_id {uuid} NOT NULL CONSTRAINT fk_promotion_offer_promotion REFERENCES promotion (id),
    offer_id {uuid} NOT NULL CONSTRAINT fk_promotion_offer_offer REFERENCES offer (id),
    CONSTRAINT pk_promotion_offer PRIMARY KEY (promotion_id, offer_id)
);
CREATE INDEX ix_promotion_offer_offer_id ON promotion_offer (offer_id);

-- How often a shopper has used a promotion that limits it.
CREATE TABLE promotion_shopper (
    promotion_id {uuid} NOT NULL CONSTRAINT fk_promotion_shopper_promotion REFERENCES promotion (id),
    -- the user's id, or for guests a keyed hash of the e-mail address
    shopper varchar(64) NOT NULL,
    used bigint NOT NULL,
    CONSTRAINT pk_promotion_shopper PRIMARY KEY (promotion_id, shopper),
    CONSTRAINT ck_promotion_shopper_used CHECK (used >= 0)
);
"#;
