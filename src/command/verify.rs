//! `souk verify`.

use clap::Args;
use souk_domain::Clock;
use souk_domain::verify::{self, Scope};

use super::Failure;
use crate::config::Settings;
use crate::database;

/// Check every invariant on the database.
///
/// Each is a query that returns no rows on a sound database: stock, totals, money, ledger, states,
/// history. Exit code 0 when all hold, 1 with the names and the offending ids when one does not.
/// It reads only, and can run beside a live installation.
#[derive(Args)]
pub struct Verify {
    /// Check what holds only once no work is under way, too: nothing overdue, nothing unresolved
    #[arg(long)]
    quiet: bool,
    /// List the invariants and check nothing
    #[arg(long)]
    list: bool,
}

impl Verify {
    /// Verifies.
    pub async fn run(self, settings: Settings) -> Result<(), Failure> {
        if self.list {
            for invariant in verify::invariants() {
                let when = if invariant.is_quiet() { " (quiet)" } else { "" };
                println!("{}{when}: {}", invariant.name, invariant.sentence);
            }
            return Ok(());
        }
        let vault = settings.vault()?;
        let pools = database::connect(&settings.database()?, 2).await?;
        let scope = if self.quiet { Scope::Quiet(Clock::System.now()) } else { Scope::AtEveryCommit };
        let violations = verify::verify_with(&pools.read, &vault, scope).await?;
        let checked = verify::rules(scope);
        for violation in &violations {
            println!("{violation}");
        }
        match violations.len() {
            0 => {
                println!("{checked} invariants hold");
                Ok(())
            }
            broken => Err(Failure::Failed(format!("{broken} of {checked} invariants do not hold"))),
        }
    }
}
