//! What is append-only is not emptied either: TRUNCATE deletes no row, so triggers of rows do not see it.
//!
//! SQLite has no such statement; its delete triggers see whatever is deleted, on connections with
//! `recursive_triggers` also what INSERT OR REPLACE deletes.

use sea_orm_migration::prelude::*;

use crate::ddl;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Every table that an earlier step has made append-only.
const TABLES: [&str; 7] =
    ["status_history", "event", "ledger_transaction", "ledger_entry", "payout_item", "audit_entry", "audit_subject"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            ddl::never_emptied(manager, table).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            ddl::may_be_emptied(manager, table).await?;
        }
        Ok(())
    }
}
