//! `souk schedules`.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, Subcommand};
use sea_orm::{ActiveEnum, Iterable};
use souk_domain::audit::{Acting, acting_as};
use souk_domain::schedule::{self, cadence};
use souk_domain::store::NoWake;
use souk_domain::{Clock, Store};
use souk_entity::schedule::Model;
use souk_entity::status::ScheduleName;

use super::Failure;
use crate::config::Settings;
use crate::database;
use crate::platform::check_schema;

/// Show recurring work, run it, or switch it on and off.
///
/// Writes to the database directly: workers that are up begin a run within a second, others when
/// they start.
#[derive(Args)]
pub struct Schedules {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Show each schedule, when it last ran and what that came to; this is done without a subcommand, too
    List,
    /// Have a schedule run now, also one that is switched off
    Run {
        #[arg(value_parser = parse)]
        name: ScheduleName,
    },
    /// Switch a schedule on, from its next tick
    Enable {
        #[arg(value_parser = parse)]
        name: ScheduleName,
    },
    /// Switch a schedule off
    Disable {
        #[arg(value_parser = parse)]
        name: ScheduleName,
    },
}

impl Schedules {
    /// Does it.
    pub async fn run(self, settings: Settings) -> Result<(), Failure> {
        let pools = database::connect(&settings.database()?, 2).await?;
        check_schema(&pools).await?;
        let store = Store::new(pools.write, pools.read, Clock::System, Arc::new(NoWake), settings.vault()?);
        store.write(async |tx| schedule::register(&tx).await).await?;
        match self.action.unwrap_or(Action::List) {
            Action::List => {
                for (name, row) in schedule::all(store.read()).await? {
                    show(name, &row);
                }
            }
            Action::Run { name } => {
                let run = store.write(async |tx| schedule::run_now(&tx, name).await);
                acting_as(Acting::command("cli:schedules run"), run).await?;
                println!("{name} runs as soon as a worker takes it");
            }
            Action::Enable { name } => {
                let enable = store.write(async |tx| schedule::set_enabled(&tx, name, true).await);
                let row = acting_as(Acting::command("cli:schedules enable"), enable).await?;
                println!("{name} is on, next at {}", instant(row.next_tick));
            }
            Action::Disable { name } => {
                let disable = store.write(async |tx| schedule::set_enabled(&tx, name, false).await);
                acting_as(Acting::command("cli:schedules disable"), disable).await?;
                println!("{name} is off");
            }
        }
        Ok(())
    }
}

fn parse(text: &str) -> Result<ScheduleName, String> {
    ScheduleName::try_from_value(&text.replace('-', "_")).map_err(|_| {
        let names: Vec<String> = ScheduleName::iter().map(|name| name.to_string()).collect();
        format!("it is one of {}", names.join(", "))
    })
}

fn show(name: ScheduleName, row: &Model) {
    let next = if row.enabled { format!("next at {}", instant(row.next_tick)) } else { "OFF".to_owned() };
    println!("{name}: {}, {next}", cadence::cadence(name));
    println!("  {}", cadence::purpose(name));
    match (row.last_started_at, row.last_finished_at, &row.last_outcome) {
        (_, Some(at), Some(outcome)) => println!("  last ended at {}: {outcome}", instant(at)),
        (Some(at), ..) => println!("  last began at {}, and has not ended", instant(at)),
        _ => println!("  has not run"),
    }
    if let Some(error) = &row.last_error {
        println!("  failed since, and tries again: {error}");
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_either_dash() {
        assert_eq!(parse("clean_up"), Ok(ScheduleName::CleanUp));
        assert_eq!(parse("clean-up"), Ok(ScheduleName::CleanUp));
        assert!(parse("tidy").unwrap_err().contains("complete_seller_orders"));
    }
}
