//! Work: durable jobs, outside events received, replayable answers, bulk batches and what they import.

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
const TABLES: &[&str] = &["order_import", "batch_row", "batch", "idempotency_key", "inbox", "job"];

const UP: &str = r#"
CREATE TABLE job (
    id {uuid} NOT NULL CONSTRAINT pk_job PRIMARY KEY,
    kind varchar(40) NOT NULL,
    queue varchar(20) NOT NULL,
    -- business key: one effect per key, whoever asks for it and however often
    unique_key varchar(120) NOT NULL CONSTRAINT uq_job_unique_key UNIQUE,
    payload {json} NOT NULL,
    status varchar(10) NOT NULL,
    -- times claimed; also the fencing token of the lease
    attempts integer NOT NULL,
    max_attempts integer NOT NULL,
    -- queued: due from then; running: the lease ends then
    run_at {timestamp} NOT NULL,
    last_error varchar(2000),
    -- why an operator gave it up
    discard_reason varchar(500),
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT ck_job_status CHECK (status IN ('queued', 'running', 'done', 'dead', 'discarded')),
    CONSTRAINT ck_job_discard_reason CHECK ((status = 'discarded') = (discard_reason IS NOT NULL)),
    CONSTRAINT ck_job_queue CHECK (queue IN ('money', 'fulfilment', 'events', 'webhooks', 'mail', 'bulk', 'maintenance'))
);
-- each kind is looked for by itself; partial, because most jobs are done and every change of a job
-- writes to each index that has it
CREATE INDEX ix_job_due ON job (kind, run_at) WHERE status IN ('queued', 'running');
CREATE INDEX ix_job_dead ON job (kind, id) WHERE status IN ('dead', 'discarded');
CREATE INDEX ix_job_kind ON job (kind, id);

CREATE TABLE inbox (
    id {uuid} NOT NULL CONSTRAINT pk_inbox PRIMARY KEY,
    source varchar(20) NOT NULL,
    provider varchar(20) NOT NULL,
    event_id varchar(120) NOT NULL,
    body {bytes} NOT NULL,
    received_at {timestamp} NOT NULL,
    processed_at {timestamp},
    CONSTRAINT uq_inbox_event UNIQUE (source, provider, event_id),
    CONSTRAINT ck_inbox_source CHECK (source IN ('payment', 'carrier', 'stream'))
);

CREATE TABLE idempotency_key (
    actor varchar(80) NOT NULL,
    route varchar(80) NOT NULL,
    key varchar(100) NOT NULL,
    fingerprint varchar(64) NOT NULL,
    status_code integer NOT NULL,
    -- sealed with a key of the installation; removed after a day
    body {bytes} NOT NULL,
    created_at {timestamp} NOT NULL,
    CONSTRAINT pk_idempotency_key PRIMARY KEY (actor, route, key)
);
CREATE INDEX ix_idempotency_key_created_at ON idempotency_key (created_at);

CREATE TABLE batch (
    id {uuid} NOT NULL CONSTRAINT pk_batch PRIMARY KEY,
    -- NULL: the marketplace's own
    seller_id {uuid} CONSTRAINT fk_batch_seller REFERENCES seller (id),
    -- who uploaded it; NULL: the command line
    user_id {uuid} CONSTRAINT fk_batch_user REFERENCES app_user (id),
    kind varchar(20) NOT NULL,
    format varchar(10) NOT NULL,
    -- CSV: the names of the columns, comma-separated, as the file's first line has them
    header varchar(2000),
    -- every row is tried and nothing is kept
    dry_run boolean NOT NULL,
    status varchar(24) NOT NULL,
    total_rows bigint NOT NULL,
    processed_rows bigint NOT NULL,
    failed_rows bigint NOT NULL,
    -- rows up to this line of the file are done or failed
    done_line bigint NOT NULL,
    version bigint NOT NULL,
    -- since when its rows, which are not kept for good, are being removed
    rows_removed_at {timestamp},
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT ck_batch_kind CHECK (kind IN ('inventory', 'prices', 'shipments', 'labels', 'seller_orders', 'orders')),
    CONSTRAINT ck_batch_format CHECK (format IN ('csv', 'ndjson')),
    CONSTRAINT ck_batch_status CHECK (status IN ('receiving', 'queued', 'running', 'completed', 'completed_with_errors', 'failed', 'cancelled')),
    CONSTRAINT ck_batch_rows CHECK (failed_rows <= processed_rows AND processed_rows <= total_rows),
    CONSTRAINT ck_batch_owner CHECK ((kind = 'orders') = (seller_id IS NULL)),
    CONSTRAINT ck_batch_header CHECK ((format = 'csv') = (header IS NOT NULL))
);
CREATE INDEX ix_batch_seller_id ON batch (seller_id, id);
CREATE INDEX ix_batch_user_id ON batch (user_id);

CREATE TABLE batch_row (
    batch_id {uuid} NOT NULL CONSTRAINT fk_batch_row_batch REFERENCES batch (id),
    line bigint NOT NULL,
    -- sealed with a key of the installation, because rows of orders hold addresses
    input {bytes} NOT NULL,
    status varchar(10) NOT NULL,
    -- done: what was made, such as an order's number
    result varchar(200),
    error varchar(500),
    CONSTRAINT pk_batch_row PRIMARY KEY (batch_id, line),
    CONSTRAINT ck_batch_row_status CHECK (status IN ('pending', 'done', 'failed'))
);

CREATE TABLE order_import (
    -- the order's name in the system that it comes from: imported once
    external_id varchar(100) NOT NULL CONSTRAINT pk_order_import PRIMARY KEY,
    order_id {uuid} NOT NULL CONSTRAINT uq_order_import_order UNIQUE CONSTRAINT fk_order_import_order REFERENCES orders (id),
    batch_id {uuid} NOT NULL CONSTRAINT fk_order_import_batch REFERENCES batch (id),
    imported_at {timestamp} NOT NULL
);
CREATE INDEX ix_order_import_batch_id ON order_import (batch_id);
"#;
