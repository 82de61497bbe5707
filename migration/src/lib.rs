//! The schema, as forward and backward steps for PostgreSQL and SQLite.
//!
//! Each step is SQL text in one dialect-neutral form (see [`ddl`]): SQL shows constraint names,
//! partial indexes and triggers as they are, and a reader can paste it into either database.
//! This crate imports no entity: a migration must keep meaning what it meant when it ran.

mod ddl;
mod m20261121_000001_identity;
mod m20261121_000002_catalogue;
mod m20261121_000003_carts;
mod m20261121_000004_orders;
mod m20261121_000005_payments;
mod m20261121_000006_fulfilment;
mod m20261121_000007_ledger;
mod m20261121_000008_work;
mod m20261121_000009_simulator;
mod m20261121_000010_terms;
mod m20261121_000011_payouts;
mod m20261121_000012_events;
mod m20261128_000013_api_keys;
mod m20261128_000014_account_tokens;
mod m20261128_000015_privacy;
mod m20261128_000017_audit;
mod m20261128_000018_identity;
mod m20261128_000019_onboarding;
mod m20261128_000020_team;
mod m20261128_000022_catalogue;
mod m20261128_000023_truncate;
mod m20261128_000024_erasure;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

/// Runs every step in order; `souk migrate` is its command line.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_identity::Migration),
            Box::new(m20261121_000002_catalogue::Migration),
            Box::new(m20261121_000003_carts::Migration),
            Box::new(m20261121_000004_orders::Migration),
            Box::new(m20261121_000005_payments::Migration),
            Box::new(m20261121_000006_fulfilment::Migration),
            Box::new(m20261121_000007_ledger::Migration),
            Box::new(m20261121_000008_work::Migration),
            Box::new(m20261121_000009_simulator::Migration),
            Box::new(m20261121_000010_terms::Migration),
            Box::new(m20261121_000011_payouts::Migration),
            Box::new(m20261121_000012_events::Migration),
            Box::new(m20261128_000013_api_keys::Migration),
            Box::new(m20261128_000014_account_tokens::Migration),
            Box::new(m20261128_000015_privacy::Migration),
            Box::new(m20261128_000017_audit::Migration),
            Box::new(m20261128_000018_identity::Migration),
            Box::new(m20261128_000019_onboarding::Migration),
            Box::new(m20261128_000020_team::Migration),
            Box::new(m20261128_000022_catalogue::Migration),
            Box::new(m20261128_000023_truncate::Migration),
            Box::new(m20261128_000024_erasure::Migration),
        ]
    }
}
