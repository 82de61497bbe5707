//! `souk events`.

use std::time::Duration;

use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use souk_domain::audit::{Acting, acting_as};
use souk_domain::event::{consumer, numbering};
use souk_domain::store::NoWake;
use souk_domain::{Clock, Store};
use souk_entity::event;

use super::Failure;
use crate::config::Settings;
use crate::database;
use crate::platform::check_schema;

/// Read the log of events, and see and move its consumers.
///
/// Every change is an event, numbered a moment after its commit. Consumers (seller webhooks,
/// notifications, brokers) read the log in that order, each from its own position.
#[derive(Args)]
pub struct Events {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// List the consumers, how far each is and what keeps it; exit 1 when one fails
    Consumers,
    /// Have a consumer go on with another event: back, or past one that it cannot take
    Replay {
        /// Its name, as `souk events consumers` lists it
        name: String,
        /// The position of the event that it takes next; 1 is the first of all
        #[arg(long)]
        from: i64,
    },
    /// Have a consumer take nothing until it is resumed
    Pause {
        /// Its name
        name: String,
    },
    /// Let a paused consumer go on
    Resume {
        /// Its name
        name: String,
    },
    /// Print events as they are numbered, one JSON object a line, until Ctrl-C
    Tail {
        /// Begin after this position; at the end of the log when left out
        #[arg(long)]
        after: Option<i64>,
        /// Stop at the end of the log
        #[arg(long)]
        once: bool,
    },
}

/// Events read at once.
const BATCH: u64 = 500;

/// Between two looks for new events.
const LOOK: Duration = Duration::from_millis(250);

impl Events {
    /// Reads or moves.
    pub async fn run(self, settings: Settings) -> Result<(), Failure> {
        let pools = database::connect(&settings.database()?, 2).await?;
        check_schema(&pools).await?;
        let store = Store::new(pools.write, pools.read, Clock::System, std::sync::Arc::new(NoWake), settings.vault()?);
        match self.what {
            What::Consumers => consumers(&store).await,
            What::Replay { name, from } => {
                let replay = store.write(async |tx| consumer::replay(&tx, &name, from).await);
                let row = acting_as(Acting::command("cli:events replay"), replay).await?;
                println!("{} goes on with event {}", row.name, row.position + 1);
                Ok(())
            }
            What::Pause { name } => {
                let pause = store.write(async |tx| consumer::pause(&tx, &name, true).await);
                let row = acting_as(Acting::command("cli:events pause"), pause).await?;
                println!("{} is paused after event {}", row.name, row.position);
                Ok(())
            }
            What::Resume { name } => {
                let resume = store.write(async |tx| consumer::pause(&tx, &name, false).await);
                let row = acting_as(Acting::command("cli:events resume"), resume).await?;
                println!("{} goes on with event {}", row.name, row.position + 1);
                Ok(())
            }
            What::Tail { after, once } => tail(&store, after, once).await,
        }
    }
}

async fn consumers(store: &Store) -> Result<(), Failure> {
    let rows = consumer::all(store.read()).await?;
    let head = numbering::head(store.read()).await?.position;
    println!("the log is at {head}");
    let mut failing = 0;
    for row in &rows {
        let state = match (&row.failing_since, row.paused) {
            (_, true) => "paused".to_owned(),
            (Some(since), false) => {
                failing += 1;
                let why = row.last_error.as_deref().unwrap_or_default();
                format!("failing since {}: {why}", since.to_rfc3339_opts(SecondsFormat::Secs, true))
            }
            (None, false) => "ok".to_owned(),
        };
        println!("{:<20} at {:>10}, {:>8} behind, {state}", row.name, row.position, (head - row.position).max(0));
    }
    match failing {
        0 => Ok(()),
        failing => Err(Failure::Failed(format!("{failing} of {} consumers do not get on", rows.len()))),
    }
}

async fn tail(store: &Store, after: Option<i64>, once: bool) -> Result<(), Failure> {
    let mut position = match after {
        Some(position) => position,
        None => numbering::head(store.read()).await?.position,
    };
    loop {
        let events = consumer::read(store.read(), position, BATCH).await?;
        if events.is_empty() {
            if once {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        for event in events {
            position = event.position.unwrap_or(position);
            println!("{}", line(&event));
        }
    }
}

fn line(event: &event::Model) -> serde_json::Value {
    serde_json::json!({
        "position": event.position,
        "id": event.id,
        "type": event.r#type,
        "entity": event.entity_kind,
        "entity_id": event.entity_id,
        "version": event.version,
        "order_id": event.order_id,
        "seller_id": event.seller_id,
        "data": event.data,
        "occurred_at": event.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true),
    })
}
