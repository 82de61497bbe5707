//! Failed sign-ins, second factors, and address books.

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
        ddl::drop_tables(manager, &["user_address", "totp_reset", "recovery_code", "totp", "sign_in_throttle"]).await
    }
}

const UP: &str = r#"
-- Failed attempts at an account, from a network, and at an account from a network that knows it.
CREATE TABLE sign_in_throttle (
    -- a keyed hash: neither addresses nor networks can be read out of it
    subject varchar(64) NOT NULL CONSTRAINT pk_sign_in_throttle PRIMARY KEY,
    failures bigint NOT NULL,
    -- failures before it do not count
    counted_since {timestamp} NOT NULL,
    -- no attempt is looked at before it
    next_at {timestamp} NOT NULL,
    -- when somebody last signed in to the account from the network
    succeeded_at {timestamp},
    touched_at {timestamp} NOT NULL,
    CONSTRAINT ck_sign_in_throttle_failures CHECK (failures >= 0)
);
CREATE INDEX ix_sign_in_throttle_touched_at ON sign_in_throttle (touched_at);

-- A second factor (RFC 6238). Its secret is worked out of the master secret and the nonce.
CREATE TABLE totp (
    user_id {uuid} NOT NULL CONSTRAINT pk_totp PRIMARY KEY CONSTRAINT fk_totp_user REFERENCES app_user (id),
    nonce varchar(64) NOT NULL,
    -- since when signing in takes a code; NULL: not yet
    confirmed_at {timestamp},
    -- the time step of the last code that was used: a code is used once
    last_step bigint NOT NULL,
    created_at {timestamp} NOT NULL
);

-- What stands in for a code when the device is lost, once each.
CREATE TABLE recovery_code (
    user_id {uuid} NOT NULL CONSTRAINT fk_recovery_code_totp REFERENCES totp (user_id),
    code_hash varchar(64) NOT NULL,
    used_at {timestamp},
    CONSTRAINT pk_recovery_code PRIMARY KEY (user_id, code_hash)
);

-- Second factors that administrators have ended for somebody, with the reason, which no audit entry has.
CREATE TABLE totp_reset (
    id {uuid} NOT NULL CONSTRAINT pk_totp_reset PRIMARY KEY,
    user_id {uuid} NOT NULL CONSTRAINT fk_totp_reset_user REFERENCES app_user (id),
    reset_by {uuid} NOT NULL CONSTRAINT fk_totp_reset_reset_by REFERENCES app_user (id),
    reason varchar(500) NOT NULL,
    reset_at {timestamp} NOT NULL,
    CONSTRAINT ck_totp_reset_another CHECK (reset_by <> user_id)
);
CREATE INDEX ix_totp_reset_user_id ON totp_reset (user_id, id);
CREATE INDEX ix_totp_reset_reset_by ON totp_reset (reset_by);

-- One default of each kind at most.
CREATE TABLE user_address (
    id {uuid} NOT NULL CONSTRAINT pk_user_address PRIMARY KEY,
    user_id {uuid} NOT NULL CONSTRAINT fk_user_address_user REFERENCES app_user (id),
    -- sealed with the person's key
    address {bytes} NOT NULL,
    is_default_shipping boolean NOT NULL,
    is_default_billing boolean NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL
);
CREATE INDEX ix_user_address_user_id ON user_address (user_id, id);
CREATE UNIQUE INDEX uq_user_address_default_shipping ON user_address (user_id) WHERE is_default_shipping;
CREATE UNIQUE INDEX uq_user_address_default_billing ON user_address (user_id) WHERE is_default_billing;
"#;
