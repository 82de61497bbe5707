//! Who changed what by a privilege, in a chain that shows when somebody has changed it.

use sea_orm_migration::prelude::*;

use crate::ddl;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, UP).await?;
        ddl::append_only(manager, "audit_entry").await?;
        ddl::append_only(manager, "audit_subject").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::drop_tables(manager, TABLES).await
    }
}

/// Dependants first, so that they can be dropped in this order.
const TABLES: &[&str] = &["audit_head", "audit_subject", "audit_entry"];

const UP: &str = r#"
CREATE TABLE audit_entry (
    id {uuid} NOT NULL CONSTRAINT pk_audit_entry PRIMARY KEY,
    -- 1 and on without a gap, in the order of commits
    sequence bigint NOT NULL CONSTRAINT uq_audit_entry_sequence UNIQUE,
    occurred_at {timestamp} NOT NULL,
    actor_kind varchar(20) NOT NULL,
    -- the person; no foreign key, because an entry outlives whatever it names
    actor_id {uuid},
    -- whom they acted for
    seller_id {uuid},
    credential_kind varchar(10),
    credential_id {uuid},
    -- the operation of the API, or cli:… for a command
    operation varchar(100) NOT NULL,
    -- method and path, which hold no personal data
    request varchar(300),
    request_id varchar(64),
    -- the first of its changes; all are in audit_subject
    subject_kind varchar(40),
    subject_id {uuid},
    -- JSON as text: the hash is of these very bytes, which a database's own JSON would not keep
    changes text NOT NULL,
    previous_hash varchar(64) NOT NULL,
    hash varchar(64) NOT NULL,
    CONSTRAINT ck_audit_entry_credential CHECK (
        (credential_kind IS NULL AND credential_id IS NULL)
        OR (credential_kind IN ('sign_in', 'api_key') AND credential_id IS NOT NULL)
    ),
    CONSTRAINT ck_audit_entry_subject CHECK ((subject_kind IS NULL) = (subject_id IS NULL))
);
CREATE INDEX ix_audit_entry_occurred_at ON audit_entry (occurred_at);
CREATE INDEX ix_audit_entry_actor_id ON audit_entry (actor_id, id);
CREATE INDEX ix_audit_entry_operation ON audit_entry (operation, id);
CREATE INDEX ix_audit_entry_request_id ON audit_entry (request_id);

-- What an entry is about, to be found by.
CREATE TABLE audit_subject (
    entry_id {uuid} NOT NULL CONSTRAINT fk_audit_subject_entry REFERENCES audit_entry (id),
    kind varchar(40) NOT NULL,
    subject_id {uuid} NOT NULL,
    CONSTRAINT pk_audit_subject PRIMARY KEY (entry_id, kind, subject_id)
);
CREATE INDEX ix_audit_subject_subject ON audit_subject (kind, subject_id, entry_id);

-- The end of the chain; its lock is the last that a transaction takes.
CREATE TABLE audit_head (
    id smallint NOT NULL CONSTRAINT pk_audit_head PRIMARY KEY,
    sequence bigint NOT NULL,
    hash varchar(64) NOT NULL,
    CONSTRAINT ck_audit_head_single CHECK (id = 1)
);
INSERT INTO audit_head (id, sequence, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');
"#;
