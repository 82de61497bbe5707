//! What is sent by e-mail so that whoever reads it can prove it.

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
        ddl::drop_tables(manager, &["account_token"]).await
    }
}

const UP: &str = r#"
CREATE TABLE account_token (
    id {uuid} NOT NULL CONSTRAINT pk_account_token PRIMARY KEY,
    user_id {uuid} NOT NULL CONSTRAINT fk_account_token_user REFERENCES app_user (id),
    purpose varchar(20) NOT NULL,
    -- the address that it is sent to and that it proves; sealed with the person's key
    email {bytes} NOT NULL,
    -- the address before, which is told of a change; sealed
    previous_email {bytes},
    -- SHA-256 in hexadecimal; the token itself is worked out when it is sent
    token_hash varchar(64) NOT NULL CONSTRAINT uq_account_token_token_hash UNIQUE,
    created_at {timestamp} NOT NULL,
    expires_at {timestamp} NOT NULL,
    used_at {timestamp},
    -- a newer one was asked for, or it became pointless
    voided_at {timestamp},
    CONSTRAINT ck_account_token_purpose CHECK (purpose IN ('verify_email', 'change_email', 'reset_password')),
    CONSTRAINT ck_account_token_end CHECK (used_at IS NULL OR voided_at IS NULL)
);
-- Only the newest of a purpose is good.
CREATE UNIQUE INDEX uq_account_token_live ON account_token (user_id, purpose)
    WHERE used_at IS NULL AND voided_at IS NULL;
CREATE INDEX ix_account_token_user_id ON account_token (user_id, id);
CREATE INDEX ix_account_token_expires_at ON account_token (expires_at);
"#;
