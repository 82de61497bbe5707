//! `souk migrate`.

use clap::Args;
use souk_migration::{Migrator, MigratorTrait};

use super::Failure;
use crate::config::Settings;
use crate::database;

/// Bring the database's schema up to date.
///
/// Safe to run again: steps that have run are left alone. The embedded database is brought up to
/// date by `serve` itself.
#[derive(Args)]
pub struct Migrate {
    /// Show which steps have run, and change nothing
    #[arg(long, conflicts_with = "down")]
    status: bool,
    /// Undo this many of the last steps; their tables and all that is in them are gone
    #[arg(long, value_name = "STEPS")]
    down: Option<u32>,
}

impl Migrate {
    /// Migrates.
    pub async fn run(self, settings: Settings) -> Result<(), Failure> {
        let pools = database::connect(&settings.database()?, 2).await?;
        let failed = |error: sea_orm::DbErr| Failure::Failed(format!("migration: {error}"));
        let pending = async || Migrator::get_pending_migrations(&pools.write).await.map_err(failed);
        if self.status {
            let applied = Migrator::get_applied_migrations(&pools.write).await.map_err(failed)?;
            applied.iter().for_each(|step| println!("done     {}", step.name()));
            pending().await?.iter().for_each(|step| println!("pending  {}", step.name()));
            return Ok(());
        }
        if let Some(steps) = self.down {
            Migrator::down(&pools.write, Some(steps)).await.map_err(failed)?;
            println!("{steps} steps undone");
            return Ok(());
        }
        let steps = pending().await?.len();
        Migrator::up(&pools.write, None).await.map_err(failed)?;
        println!("{steps} steps done; the schema is up to date");
        Ok(())
    }
}
