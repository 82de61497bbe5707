//! Carts: offers from any sellers, before they become one order.

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
const TABLES: &[&str] = &["cart_promotion", "cart_shipping", "cart_line", "cart"];

const UP: &str = r#"
CREATE TABLE cart (
    id {uuid} NOT NULL CONSTRAINT pk_cart PRIMARY KEY,
    user_id {uuid} CONSTRAINT fk_cart_user REFERENCES app_user (id),
    guest_token_hash varchar(64),
    currency varchar(3) NOT NULL,
    status varchar(20) NOT NULL,
    -- where it is to go, for quotes of shipping and tax; checkout names the address
    ship_to_country varchar(2),
    ship_to_region varchar(100),
    expires_at {timestamp} NOT NULL,
    version bigint NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT ck_cart_status CHECK (status IN ('open', 'completed', 'expired')),
    CONSTRAINT ck_cart_owner CHECK ((user_id IS NULL) <> (guest_token_hash IS NULL))
);
CREATE INDEX ix_cart_user_id ON cart (user_id, id);
CREATE INDEX ix_cart_expires_at ON cart (expires_at) WHERE status = 'open';

CREATE TABLE cart_line (
    cart_id {uuid} NOT NULL CONSTRAINT fk_cart_line_cart REFERENCES cart (id),
    offer_id {uuid} NOT NULL CONSTRAINT fk_cart_line_offer REFERENCES offer (id),
    quantity bigint NOT NULL,
    added_at {timestamp} NOT NULL,
    CONSTRAINT pk_cart_line PRIMARY KEY (cart_id, offer_id),
    CONSTRAINT ck_cart_line_quantity CHECK (quantity BETWEEN 1 AND 9999)
);
CREATE INDEX ix_cart_line_offer_id ON cart_line (offer_id);

CREATE TABLE cart_shipping (
    cart_id {uuid} NOT NULL CONSTRAINT fk_cart_shipping_cart REFERENCES cart (id),
    seller_id {uuid} NOT NULL CONSTRAINT fk_cart_shipping_seller REFERENCES seller (id),
    shipping_method_id {uuid} NOT NULL CONSTRAINT fk_cart_shipping_method REFERENCES shipping_method (id),
    CONSTRAINT pk_cart_shipping PRIMARY KEY (cart_id, seller_id)
);
CREATE INDEX ix_cart_shipping_seller_id ON cart_shipping (seller_id);
CREATE INDEX ix_cart_shipping_shipping_method_id ON cart_shipping (shipping_method_id);

-- The codes put into a cart.
CREATE TABLE cart_promotion (
    cart_id {uuid} NOT NULL CONSTRAINT fk_cart_promotion_cart REFERENCES cart (id),
    promotion_id {uuid} NOT NULL CONSTRAINT fk_cart_promotion_promotion REFERENCES promotion (id),
    CONSTRAINT pk_cart_promotion PRIMARY KEY (cart_id, promotion_id)
);
CREATE INDEX ix_cart_promotion_promotion_id ON cart_promotion (promotion_id);
"#;
