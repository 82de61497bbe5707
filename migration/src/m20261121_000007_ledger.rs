//! The ledger: double entry, append-only.

use sea_orm_migration::prelude::*;

use crate::ddl;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::run(manager, UP).await?;
        ddl::append_only(manager, "ledger_transaction").await?;
        ddl::append_only(manager, "ledger_entry").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        ddl::drop_tables(manager, TABLES).await
    }
}

/// Dependants first, so that they can be dropped in this order.
const TABLES: &[&str] = &["ledger_entry", "ledger_transaction"];

const UP: &str = r#"
CREATE TABLE ledger_transaction (
    id {uuid} NOT NULL CONSTRAINT pk_ledger_transaction PRIMARY KEY,
    source_type varchar(30) NOT NULL,
    source_id {uuid} NOT NULL,
    order_id {uuid} CONSTRAINT fk_ledger_transaction_order REFERENCES orders (id),
    currency varchar(3) NOT NULL,
    -- the sum moved: that of its debits
    amount bigint NOT NULL,
    occurred_at {timestamp} NOT NULL,
    CONSTRAINT uq_ledger_transaction_source UNIQUE (source_type, source_id),
    CONSTRAINT ck_ledger_transaction_amount CHECK (amount > 0)
);
CREATE INDEX ix_ledger_transaction_order_id ON ledger_transaction (order_id);

CREATE TABLE ledger_entry (
    id {uuid} NOT NULL CONSTRAINT pk_ledger_entry PRIMARY KEY,
    transaction_id {uuid} NOT NULL CONSTRAINT fk_ledger_entry_transaction REFERENCES ledger_transaction (id),
    account varchar(30) NOT NULL,
    seller_id {uuid} CONSTRAINT fk_ledger_entry_seller REFERENCES seller (id),
    seller_order_id {uuid} CONSTRAINT fk_ledger_entry_seller_order REFERENCES seller_order (id),
    currency varchar(3) NOT NULL,
    -- debits positive, credits negative
    amount bigint NOT NULL,
    occurred_at {timestamp} NOT NULL,
    CONSTRAINT ck_ledger_entry_amount CHECK (amount <> 0),
    CONSTRAINT ck_ledger_entry_account CHECK (account IN ('provider_clearing', 'payout_clearing', 'seller_payable', 'seller_reserve', 'tax_payable', 'commission_revenue', 'commission_tax_payable', 'promotion_expense', 'goodwill_expense', 'carrier_payable')),
    CONSTRAINT ck_ledger_entry_seller CHECK ((account IN ('seller_payable', 'seller_reserve')) = (seller_id IS NOT NULL))
);
CREATE INDEX ix_ledger_entry_transaction_id ON ledger_entry (transaction_id);
CREATE INDEX ix_ledger_entry_seller_id ON ledger_entry (seller_id, occurred_at);
CREATE INDEX ix_ledger_entry_seller_order_id ON ledger_entry (seller_order_id);
CREATE INDEX ix_ledger_entry_account ON ledger_entry (account, currency);
"#;
