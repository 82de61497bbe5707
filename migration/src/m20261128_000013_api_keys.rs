//! Keys by which sellers' and operators' systems sign in.

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
        ddl::drop_tables(manager, &["api_key"]).await
    }
}

const UP: &str = r#"
CREATE TABLE api_key (
    id {uuid} NOT NULL CONSTRAINT pk_api_key PRIMARY KEY,
    -- the seller that it acts for; NULL: it acts as the operator who made it
    seller_id {uuid} CONSTRAINT fk_api_key_seller REFERENCES seller (id),
    -- who made it
    user_id {uuid} NOT NULL CONSTRAINT fk_api_key_user REFERENCES app_user (id),
    name varchar(100) NOT NULL,
    -- its first characters, by which people tell keys apart
    prefix varchar(20) NOT NULL,
    -- SHA-256 of it in hexadecimal; the key itself is shown once and kept nowhere
    key_hash varchar(64) NOT NULL CONSTRAINT uq_api_key_key_hash UNIQUE,
    -- such as `orders:read orders:write`, in order
    scopes varchar(400) NOT NULL,
    created_at {timestamp} NOT NULL,
    expires_at {timestamp} NOT NULL,
    -- to the minute
    last_used_at {timestamp},
    revoked_at {timestamp},
    CONSTRAINT ck_api_key_expires_at CHECK (expires_at > created_at)
);
CREATE INDEX ix_api_key_seller_id ON api_key (seller_id, id);
CREATE INDEX ix_api_key_user_id ON api_key (user_id, id);
"#;
