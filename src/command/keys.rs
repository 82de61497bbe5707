//! `souk keys`.

use std::io::{IsTerminal, stderr};
use std::sync::Arc;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use souk_domain::audit::{Acting, acting_as};
use souk_domain::store::NoWake;
use souk_domain::vault::rotation;
use souk_domain::{Clock, Store};

use super::Failure;
use crate::config::Settings;
use crate::{database, platform};

/// See which keys the keys of persons are under, and go over to another.
///
/// What is stored of persons is sealed with a key per person; keys of the installation wrap those. To go over to a new
/// one: make it (`openssl rand -base64 32`), put it before the old one in SOUK_DATA_KEYS of all processes and restart
/// them, run `souk keys rotate`, and take the old one out when `souk keys status` shows nothing under it. Backups need
/// the keys that their rows were under.
#[derive(Args)]
pub struct Keys {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// How many persons are under which key
    Status,
    /// Wrap all that is under other keys with the first of SOUK_DATA_KEYS; goes on where an interrupted run ended
    Rotate,
}

impl Keys {
    /// Does it.
    pub async fn run(self, settings: Settings) -> Result<(), Failure> {
        let vault = settings.vault()?;
        let pools = database::connect(&settings.database()?, 2).await?;
        platform::check_schema(&pools).await?;
        let store = Store::new(pools.write, pools.read, Clock::System, Arc::new(NoWake), vault);
        match self.action {
            Action::Status => status(&store).await,
            Action::Rotate => {
                platform::check_keys(&store).await?;
                rotate(&store).await
            }
        }
    }
}

async fn status(store: &Store) -> Result<(), Failure> {
    let (standing, erased) = rotation::standing(store).await?;
    for key in &standing {
        let note = match (key.in_use, key.configured) {
            (true, _) => " (in use)",
            (_, true) => "",
            (_, false) => " (NOT CONFIGURED: these persons cannot be read)",
        };
        println!("{}: {} persons{note}", key.name, key.persons);
    }
    println!("erased: {erased} persons");
    Ok(())
}

async fn rotate(store: &Store) -> Result<(), Failure> {
    let total = rotation::left(store).await?;
    let bar = stderr().is_terminal().then(|| {
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} keys, {per_sec}, {eta} left");
        ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    });
    let (mut done, mut told) = (0, 0);
    loop {
        let rewrap = store.write(async |tx| rotation::rewrap_some(&tx).await);
        let some = acting_as(Acting::command("cli:keys rotate"), rewrap).await?;
        done += some;
        match &bar {
            Some(bar) => bar.set_position(done),
            None if done * 10 / Ord::max(total, 1) > told && some > 0 => eprintln!("{done} of {total} keys"),
            None => {}
        }
        told = done * 10 / Ord::max(total, 1);
        if some == 0 {
            break;
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    match rotation::left(store).await? {
        0 => {
            println!("{done} keys are wrapped anew; all are under the key in use");
            Ok(())
        }
        left => Err(Failure::Failed(format!("{left} keys are with another process; run it again"))),
    }
}
