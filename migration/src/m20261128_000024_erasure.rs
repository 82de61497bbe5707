//! Erasure: how copies of a person that are not theirs alone are found, and whose secret finds them.

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
        ddl::run(manager, DOWN).await
    }
}

const UP: &str = r#"
-- Rows of orders: a keyed hash of the address that the row names, empty where it names none; NULL for other
-- kinds, and once the row is emptied.
ALTER TABLE batch_row ADD COLUMN email_index varchar(64);
-- The account that the row names, which need not be there.
ALTER TABLE batch_row ADD COLUMN user_id {uuid};
CREATE INDEX ix_batch_row_email_index ON batch_row (email_index) WHERE email_index IS NOT NULL;
CREATE INDEX ix_batch_row_user_id ON batch_row (user_id) WHERE user_id IS NOT NULL;

-- The order that the answer tells of, by which it is emptied when the shopper is erased, whoever got it.
ALTER TABLE idempotency_key ADD COLUMN order_id {uuid};
CREATE INDEX ix_idempotency_key_order_id ON idempotency_key (order_id) WHERE order_id IS NOT NULL;

-- What must be the same for all processes, ever: one row.
CREATE TABLE installation (
    id smallint NOT NULL CONSTRAINT pk_installation PRIMARY KEY CONSTRAINT ck_installation_one CHECK (id = 1),
    -- a keyed hash that tells which master secret it is, and nothing of it
    secret_fingerprint varchar(64) NOT NULL,
    created_at {timestamp} NOT NULL
);
"#;

const DOWN: &str = r#"
DROP TABLE installation;
DROP INDEX ix_idempotency_key_order_id;
ALTER TABLE idempotency_key DROP COLUMN order_id;
DROP INDEX ix_batch_row_user_id;
DROP INDEX ix_batch_row_email_index;
ALTER TABLE batch_row DROP COLUMN user_id;
ALTER TABLE batch_row DROP COLUMN email_index;
"#;
