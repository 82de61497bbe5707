//! What follows from events and from the clock: consumers of the log, webhooks to sellers,
//! notifications, schedules.

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
        ddl::run(manager, "DELETE FROM number_sequence WHERE name = 'event_position'").await?;
        ddl::drop_tables(manager, TABLES).await
    }
}

/// Dependants first, so that they can be dropped in this order.
const TABLES: &[&str] =
    &["schedule", "notification", "webhook_attempt", "webhook_delivery", "webhook_endpoint", "event_consumer"];

const UP: &str = r#"
INSERT INTO number_sequence (name, next_value) VALUES ('event_position', 1);

CREATE TABLE event_consumer (
    name varchar(40) NOT NULL CONSTRAINT pk_event_consumer PRIMARY KEY,
    -- the last event that it is done with; 0: none
    position bigint NOT NULL,
    paused boolean NOT NULL,
    -- counts the takings; the fencing token of the process that works for it
    lease bigint NOT NULL,
    leased_until {timestamp},
    last_error varchar(2000),
    failing_since {timestamp},
    -- when a process last had this consumer: one that is configured no more is behind for good
    seen_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT ck_event_consumer_lease CHECK (lease >= 0),
    CONSTRAINT ck_event_consumer_position CHECK (position >= 0)
);

CREATE TABLE webhook_endpoint (
    id {uuid} NOT NULL CONSTRAINT pk_webhook_endpoint PRIMARY KEY,
    seller_id {uuid} NOT NULL CONSTRAINT fk_webhook_endpoint_seller REFERENCES seller (id),
    url varchar(2000) NOT NULL,
    description varchar(200) NOT NULL,
    -- types of events, or their beginnings such as "order.*"; empty: all
    event_types {json} NOT NULL,
    status varchar(10) NOT NULL,
    -- disabled: why
    disabled_reason varchar(10),
    -- counts the secrets; the secret itself is derived and stored nowhere
    secret_generation bigint NOT NULL,
    -- until when the generation before signs too
    previous_secret_until {timestamp},
    -- since when it is active: it is told of events from then on
    told_since {timestamp} NOT NULL,
    -- since when no delivery has succeeded
    failing_since {timestamp},
    version bigint NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT ck_webhook_endpoint_status CHECK (status IN ('active', 'disabled')),
    CONSTRAINT ck_webhook_endpoint_reason CHECK (
        (status = 'active' AND disabled_reason IS NULL)
        OR (status = 'disabled' AND disabled_reason IN ('owner', 'gone', 'failing'))
    ),
    CONSTRAINT ck_webhook_endpoint_secret CHECK (secret_generation >= 1)
);
CREATE INDEX ix_webhook_endpoint_seller_id ON webhook_endpoint (seller_id, id);

CREATE TABLE webhook_delivery (
    id {uuid} NOT NULL CONSTRAINT pk_webhook_delivery PRIMARY KEY,
    endpoint_id {uuid} NOT NULL CONSTRAINT fk_webhook_delivery_endpoint REFERENCES webhook_endpoint (id),
    event_id {uuid} NOT NULL CONSTRAINT fk_webhook_delivery_event REFERENCES event (id),
    event_type varchar(60) NOT NULL,
    -- 0: of the event; 1 and more: asked for again by the seller
    redelivery integer NOT NULL,
    status varchar(10) NOT NULL,
    attempts integer NOT NULL,
    -- pending: when the next attempt is due
    next_attempt_at {timestamp},
    created_at {timestamp} NOT NULL,
    ended_at {timestamp},
    CONSTRAINT uq_webhook_delivery UNIQUE (endpoint_id, event_id, redelivery),
    CONSTRAINT ck_webhook_delivery_status CHECK (status IN ('pending', 'delivered', 'failed')),
    CONSTRAINT ck_webhook_delivery_due CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL)),
    CONSTRAINT ck_webhook_delivery_ended CHECK ((status = 'pending') = (ended_at IS NULL))
);
CREATE INDEX ix_webhook_delivery_due ON webhook_delivery (endpoint_id, next_attempt_at) WHERE status = 'pending';
CREATE INDEX ix_webhook_delivery_endpoint_id ON webhook_delivery (endpoint_id, id);
CREATE INDEX ix_webhook_delivery_event_id ON webhook_delivery (event_id);

CREATE TABLE webhook_attempt (
    delivery_id {uuid} NOT NULL CONSTRAINT fk_webhook_attempt_delivery REFERENCES webhook_delivery (id),
    number integer NOT NULL,
    started_at {timestamp} NOT NULL,
    duration_ms bigint NOT NULL,
    response_status integer,
    response_body varchar(1000),
    error varchar(500),
    CONSTRAINT pk_webhook_attempt PRIMARY KEY (delivery_id, number)
);

CREATE TABLE notification (
    id {uuid} NOT NULL CONSTRAINT pk_notification PRIMARY KEY,
    kind varchar(30) NOT NULL,
    -- business key: told once, whoever asks for it and however often
    unique_key varchar(160) NOT NULL CONSTRAINT uq_notification_unique_key UNIQUE,
    order_id {uuid} CONSTRAINT fk_notification_order REFERENCES orders (id),
    seller_id {uuid} CONSTRAINT fk_notification_seller REFERENCES seller (id),
    -- ids of what it is about; never a name or an address
    data {json} NOT NULL,
    status varchar(10) NOT NULL,
    -- suppressed or failed: why
    reason varchar(500),
    created_at {timestamp} NOT NULL,
    sent_at {timestamp},
    CONSTRAINT ck_notification_status CHECK (status IN ('pending', 'sent', 'suppressed', 'failed')),
    CONSTRAINT ck_notification_sent CHECK ((status = 'sent') = (sent_at IS NOT NULL))
);
CREATE INDEX ix_notification_order_id ON notification (order_id, id);
CREATE INDEX ix_notification_seller_id ON notification (seller_id, id);
CREATE INDEX ix_notification_status ON notification (status, id);

CREATE TABLE schedule (
    name varchar(40) NOT NULL CONSTRAINT pk_schedule PRIMARY KEY,
    enabled boolean NOT NULL,
    next_tick {timestamp} NOT NULL,
    -- the tick that was last asked for
    last_tick {timestamp},
    last_started_at {timestamp},
    last_finished_at {timestamp},
    -- what it found and did, in a sentence
    last_outcome varchar(2000),
    last_error varchar(2000),
    updated_at {timestamp} NOT NULL
);
"#;
