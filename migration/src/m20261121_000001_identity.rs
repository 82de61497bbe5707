//! People and sellers: who signs in, and whose rows are whose.

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
const TABLES: &[&str] = &["seller_member", "seller", "refresh_token", "app_user"];

const UP: &str = r#"
CREATE TABLE app_user (
    id {uuid} NOT NULL CONSTRAINT pk_app_user PRIMARY KEY,
    -- sealed with the person's key
    email {bytes} NOT NULL,
    -- a keyed hash of the address, to find it by; NULL: the person is erased
    email_index varchar(64) CONSTRAINT uq_app_user_email_index UNIQUE,
    -- when the person proved that they read what is sent there
    email_verified_at {timestamp},
    password_hash varchar(255) NOT NULL,
    -- sealed with the person's key
    name {bytes} NOT NULL,
    -- sealed with the person's key
    phone {bytes},
    role varchar(20) NOT NULL,
    -- whether they may sign in; an operator decides it
    is_active boolean NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT ck_app_user_role CHECK (role IN ('customer', 'read_only', 'manager', 'admin'))
);

-- A refresh token is used once; using one again ends its whole family (RFC 9700, 4.14.2).
CREATE TABLE refresh_token (
    id {uuid} NOT NULL CONSTRAINT pk_refresh_token PRIMARY KEY,
    user_id {uuid} NOT NULL CONSTRAINT fk_refresh_token_user REFERENCES app_user (id),
    -- the sign-in that it continues
    family_id {uuid} NOT NULL,
    -- the APIs that the sign-in was asked for, separated by spaces; NULL: all that the account may use
    audience varchar(60),
    token_hash varchar(64) NOT NULL CONSTRAINT uq_refresh_token_token_hash UNIQUE,
    created_at {timestamp} NOT NULL,
    expires_at {timestamp} NOT NULL,
    used_at {timestamp},
    revoked_at {timestamp}
);
CREATE INDEX ix_refresh_token_user_id ON refresh_token (user_id);
CREATE INDEX ix_refresh_token_family_id ON refresh_token (family_id);
CREATE INDEX ix_refresh_token_expires_at ON refresh_token (expires_at);

CREATE TABLE seller (
    id {uuid} NOT NULL CONSTRAINT pk_seller PRIMARY KEY,
    name varchar(200) NOT NULL CONSTRAINT uq_seller_name UNIQUE,
    status varchar(20) NOT NULL,
    auto_accept boolean NOT NULL,
    accept_within_hours integer NOT NULL,
    return_window_days integer NOT NULL,
    -- value added tax on our commission, in parts per million of it
    commission_tax_ppm bigint NOT NULL,
    -- where payouts go: the seller's account at the payment provider; NULL: nothing can be paid out
    payout_account varchar(100),
    payout_interval varchar(10) NOT NULL,
    -- in minor units of the currency paid; less waits for the next payout
    payout_minimum bigint NOT NULL,
    -- days after completion before a seller order's money is paid out
    payout_hold_days integer NOT NULL,
    -- the part of each payout that is kept back, and for how long
    reserve_ppm bigint NOT NULL,
    reserve_days integer NOT NULL,
    version bigint NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT ck_seller_status CHECK (status IN ('applied', 'approved', 'rejected', 'suspended', 'closed')),
    CONSTRAINT ck_seller_accept_within_hours CHECK (accept_within_hours BETWEEN 1 AND 720),
    CONSTRAINT ck_seller_return_window_days CHECK (return_window_days BETWEEN 0 AND 365),
    CONSTRAINT ck_seller_commission_tax_ppm CHECK (commission_tax_ppm BETWEEN 0 AND 1000000),
    CONSTRAINT ck_seller_payout_interval CHECK (payout_interval IN ('manual', 'daily', 'weekly', 'monthly')),
    CONSTRAINT ck_seller_payout_terms CHECK (payout_minimum >= 0 AND payout_hold_days BETWEEN 0 AND 365),
    CONSTRAINT ck_seller_reserve CHECK (reserve_ppm BETWEEN 0 AND 1000000 AND reserve_days BETWEEN 0 AND 365)
);
CREATE INDEX ix_seller_status ON seller (status, id);

-- A person acts for one seller.
CREATE TABLE seller_member (
    seller_id {uuid} NOT NULL CONSTRAINT fk_seller_member_seller REFERENCES seller (id),
    user_id {uuid} NOT NULL CONSTRAINT fk_seller_member_user REFERENCES app_user (id),
    role varchar(20) NOT NULL,
    -- what staff may work on; an owner may everything
    catalogue boolean NOT NULL,
    orders boolean NOT NULL,
    money boolean NOT NULL,
    created_at {timestamp} NOT NULL,
    CONSTRAINT pk_seller_member PRIMARY KEY (seller_id, user_id),
    CONSTRAINT uq_seller_member_user UNIQUE (user_id),
    CONSTRAINT ck_seller_member_role CHECK (role IN ('owner', 'staff')),
    CONSTRAINT ck_seller_member_owner CHECK (role = 'staff' OR (catalogue AND orders AND money))
);
"#;
