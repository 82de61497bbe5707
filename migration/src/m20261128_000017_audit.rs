//! Who changed what by a privilege, in a chain that shows when somebody has changed it; and large
//! refunds, which take two people.

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
const TABLES: &[&str] = &["operator_refund", "refund_approval", "audit_head", "audit_subject", "audit_entry"];

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

-- A refund above what operators may make by themselves waits here for a second one.
CREATE TABLE refund_approval (
    id {uuid} NOT NULL CONSTRAINT pk_refund_approval PRIMARY KEY,
    order_id {uuid} NOT NULL CONSTRAINT fk_refund_approval_order REFERENCES orders (id),
    seller_order_id {uuid} NOT NULL CONSTRAINT fk_refund_approval_seller_order REFERENCES seller_order (id),
    status varchar(10) NOT NULL,
    requested_by {uuid} NOT NULL CONSTRAINT fk_refund_approval_requested_by REFERENCES app_user (id),
    wanted {json} NOT NULL,
    amount bigint NOT NULL,
    currency varchar(3) NOT NULL,
    -- what operators might refund of an order by themselves when it was asked for
    limit_amount bigint NOT NULL,
    decided_by {uuid} CONSTRAINT fk_refund_approval_decided_by REFERENCES app_user (id),
    decided_at {timestamp},
    reason varchar(500),
    refund_id {uuid} CONSTRAINT fk_refund_approval_refund REFERENCES refund (id),
    expires_at {timestamp} NOT NULL,
    version bigint NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT uq_refund_approval_refund UNIQUE (refund_id),
    CONSTRAINT ck_refund_approval_status CHECK (status IN ('pending', 'approved', 'rejected', 'withdrawn', 'expired')),
    CONSTRAINT ck_refund_approval_two_people CHECK (decided_by IS NULL OR decided_by <> requested_by),
    CONSTRAINT ck_refund_approval_decided CHECK ((status IN ('approved', 'rejected')) = (decided_by IS NOT NULL)),
    CONSTRAINT ck_refund_approval_refund CHECK ((status = 'approved') = (refund_id IS NOT NULL))
);
CREATE INDEX ix_refund_approval_order_id ON refund_approval (order_id, id);
CREATE INDEX ix_refund_approval_seller_order_id ON refund_approval (seller_order_id);
CREATE INDEX ix_refund_approval_requested_by ON refund_approval (requested_by);
CREATE INDEX ix_refund_approval_decided_by ON refund_approval (decided_by);
CREATE INDEX ix_refund_approval_status ON refund_approval (status, id);

-- Refunds that operators asked for, with what they might refund by themselves then.
CREATE TABLE operator_refund (
    refund_id {uuid} NOT NULL CONSTRAINT pk_operator_refund PRIMARY KEY
        CONSTRAINT fk_operator_refund_refund REFERENCES refund (id),
    order_id {uuid} NOT NULL CONSTRAINT fk_operator_refund_order REFERENCES orders (id),
    asked_by {uuid} NOT NULL CONSTRAINT fk_operator_refund_asked_by REFERENCES app_user (id),
    -- NULL: anything
    limit_amount bigint,
    approval_id {uuid} CONSTRAINT fk_operator_refund_approval REFERENCES refund_approval (id)
);
CREATE INDEX ix_operator_refund_order_id ON operator_refund (order_id);
CREATE INDEX ix_operator_refund_asked_by ON operator_refund (asked_by);
CREATE INDEX ix_operator_refund_approval_id ON operator_refund (approval_id);
"#;
