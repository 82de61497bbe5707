//! Payouts: what is sent to sellers, and which ledger entries each settles.

use sea_orm_migration::prelude::*;

use crate::ddl;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, UP).await?;
        ddl::append_only(manager, "payout_item").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::drop_tables(manager, TABLES).await
    }
}

/// Dependants first, so that they can be dropped in this order.
const TABLES: &[&str] = &["payout_reserve", "payout_item", "payout"];

const UP: &str = r#"
CREATE TABLE payout (
    id {uuid} NOT NULL CONSTRAINT pk_payout PRIMARY KEY,
    seller_id {uuid} NOT NULL CONSTRAINT fk_payout_seller REFERENCES seller (id),
    currency varchar(3) NOT NULL,
    amount bigint NOT NULL,
    status varchar(20) NOT NULL,
    provider varchar(20) NOT NULL,
    provider_ref varchar(100),
    -- the seller's account at the provider, as it was then
    account varchar(100) NOT NULL,
    failure_message varchar(500),
    paid_at {timestamp},
    version bigint NOT NULL,
    created_at {timestamp} NOT NULL,
    updated_at {timestamp} NOT NULL,
    CONSTRAINT uq_payout_provider_ref UNIQUE (provider, provider_ref),
    CONSTRAINT ck_payout_amount CHECK (amount > 0),
    CONSTRAINT ck_payout_status CHECK (status IN ('pending', 'submitted', 'paid', 'failed', 'unresolved', 'returned'))
);
CREATE INDEX ix_payout_seller_id ON payout (seller_id, id);
CREATE INDEX ix_payout_status ON payout (status, id);

-- The entries that a payout settles: each once, for ever. A payout that fails or comes back is
-- entered anew and settled by a later one.
CREATE TABLE payout_item (
    payout_id {uuid} NOT NULL CONSTRAINT fk_payout_item_payout REFERENCES payout (id),
    ledger_entry_id {uuid} NOT NULL CONSTRAINT fk_payout_item_ledger_entry REFERENCES ledger_entry (id) CONSTRAINT uq_payout_item_ledger_entry UNIQUE,
    -- what the seller gets of it; negative for what they owe
    amount bigint NOT NULL,
    CONSTRAINT pk_payout_item PRIMARY KEY (payout_id, ledger_entry_id)
);

-- What was kept back of a payout.
CREATE TABLE payout_reserve (
    payout_id {uuid} NOT NULL CONSTRAINT pk_payout_reserve PRIMARY KEY CONSTRAINT fk_payout_reserve_payout REFERENCES payout (id),
    seller_id {uuid} NOT NULL CONSTRAINT fk_payout_reserve_seller REFERENCES seller (id),
    currency varchar(3) NOT NULL,
    amount bigint NOT NULL CONSTRAINT ck_payout_reserve_amount CHECK (amount > 0),
    release_at {timestamp} NOT NULL,
    released_at {timestamp}
);
CREATE INDEX ix_payout_reserve_seller_id ON payout_reserve (seller_id, release_at);
"#;
