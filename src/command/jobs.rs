//! `souk jobs`.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, Subcommand};
use sea_orm::{ActiveEnum, ColumnTrait, EntityTrait, Iterable, QueryFilter, QueryOrder, QuerySelect};
use souk_domain::audit::{Acting, acting_as};
use souk_domain::store::NoWake;
use souk_domain::{Clock, Error, Store, job as work};
use souk_entity::id::JobId;
use souk_entity::job;
use souk_entity::status::{JobKind, JobStatus};
use uuid::Uuid;

use super::Failure;
use crate::config::Settings;
use crate::{database, platform};

/// List, show, redrive and discard background jobs, on the database.
///
/// A job is a row; it is tried again with growing pauses, for days where money is at stake. When its
/// attempts are used up it is dead and waits for you: look why (`souk jobs show ID`), put it back in
/// the queue once the cause is gone (`redrive`), or give it up for good (`discard`). Running workers
/// take up within a second what is redriven here.
///
/// Exit code 0 when it is done, 1 when there is no such job or it is not dead, 2 for wrong usage.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    souk jobs summary\n  \
    souk jobs list --status dead --kind buy_label\n  \
    souk jobs redrive --kind buy_label --limit 500\n  \
    souk jobs discard 0193f0a4-... --reason \"labelled by hand\"")]
pub struct Jobs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// How many jobs of each kind wait, run and are dead, and since when the oldest is due
    Summary,
    /// List jobs, the newest first
    List {
        /// Only those of this status: queued, running, done, dead, discarded
        #[arg(long, value_parser = word::<JobStatus>)]
        status: Option<JobStatus>,
        /// Only those of this kind
        #[arg(long, value_parser = word::<JobKind>)]
        kind: Option<JobKind>,
        /// At most so many, 1 to 1000
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000))]
        limit: u64,
    },
    /// Show all that is known of a job
    Show {
        /// Its id, as `list` shows it
        id: Uuid,
    },
    /// Put dead jobs back in the queue, with their attempts counted anew: one, or those of a kind
    Redrive {
        /// The job's id
        #[arg(required_unless_present = "kind", conflicts_with = "kind")]
        id: Option<Uuid>,
        /// All dead jobs of this kind, the oldest first
        #[arg(long, value_parser = word::<JobKind>)]
        kind: Option<JobKind>,
        /// With --kind: at most so many, 1 to 1000; how many it were is told
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=work::REDRIVE_LIMIT), requires = "kind")]
        limit: u64,
    },
    /// Give a dead job up for good; what it was to do is not done
    Discard {
        /// The job's id
        id: Uuid,
        /// Why, for those who ask later: 1 to 500 characters
        #[arg(long)]
        reason: String,
    },
}

impl Jobs {
    /// Does it.
    pub async fn run(self, settings: Settings) -> Result<(), Failure> {
        let pools = database::connect(&settings.database()?, 2).await?;
        platform::check_schema(&pools).await?;
        let store = Store::new(pools.write, pools.read, Clock::System, Arc::new(NoWake), settings.vault()?);
        match self.what {
            What::Summary => summarize(&store).await,
            What::List { status, kind, limit } => list(&store, status, kind, limit).await,
            What::Show { id } => {
                let row = job::Entity::find_by_id(JobId(id)).one(store.read()).await.map_err(Error::from)?;
                show(&row.ok_or_else(|| Failure::Failed(format!("There is no job {id}.")))?);
                Ok(())
            }
            What::Redrive { kind: Some(kind), limit, .. } => {
                let redrive = store.write(async |tx| work::redrive_all(&tx, kind, limit).await);
                let redriven = acting_as(Acting::command("cli:jobs redrive"), redrive).await?;
                println!("{redriven} {kind} jobs are queued again");
                Ok(())
            }
            What::Redrive { id, .. } => {
                let id = JobId(id.ok_or_else(|| Failure::Usage("Name a job or a --kind.".into()))?);
                let redrive = store.write(async |tx| work::redrive(&tx, id).await);
                show(&acting_as(Acting::command("cli:jobs redrive"), redrive).await?);
                Ok(())
            }
            What::Discard { id, reason } => {
                let discard = store.write(async |tx| work::discard(&tx, JobId(id), &reason).await);
                show(&acting_as(Acting::command("cli:jobs discard"), discard).await?);
                Ok(())
            }
        }
    }
}

async fn summarize(store: &Store) -> Result<(), Failure> {
    let now = store.now();
    println!(
        "{:<24} {:<12} {:>8} {:>10} {:>8} {:>8}  OLDEST DUE",
        "KIND", "QUEUE", "WAITING", "SCHEDULED", "RUNNING", "DEAD"
    );
    let mut cut = false;
    for row in work::summary(store.read(), now).await? {
        let numbers = [row.waiting, row.scheduled, row.running, row.dead];
        cut |= numbers.contains(&work::COUNTED);
        let [waiting, scheduled, running, dead] = numbers.map(counted);
        let oldest = row.oldest_due.map_or_else(String::new, |due| format!("{} s", (now - due).num_seconds().max(0)));
        let line = format!(
            "{:<24} {:<12} {waiting:>8} {scheduled:>10} {running:>8} {dead:>8}  {oldest}",
            row.kind.to_string(),
            row.policy.queue.to_string()
        );
        println!("{}", line.trim_end());
    }
    if cut {
        println!("+: so many or more; nothing is counted further.");
    }
    Ok(())
}

fn counted(number: i64) -> String {
    if number >= work::COUNTED { format!("{number}+") } else { number.to_string() }
}

async fn list(store: &Store, status: Option<JobStatus>, kind: Option<JobKind>, limit: u64) -> Result<(), Failure> {
    let mut query = job::Entity::find().order_by_desc(job::Column::Id).limit(limit);
    if let Some(status) = status {
        query = query.filter(work::in_status(status));
    }
    if let Some(kind) = kind {
        query = query.filter(job::Column::Kind.eq(kind));
    }
    for row in query.all(store.read()).await.map_err(Error::from)? {
        let why = row.discard_reason.or(row.last_error).unwrap_or_default();
        let line = format!(
            "{}  {:<9}  {:<22}  {}/{}  {}  {why}",
            row.id,
            row.status.to_string(),
            row.kind.to_string(),
            row.attempts,
            row.max_attempts,
            instant(row.run_at),
        );
        println!("{}", line.trim_end());
    }
    Ok(())
}

fn show(row: &job::Model) {
    let pairs = [
        ("id", row.id.to_string()),
        ("kind", row.kind.to_string()),
        ("queue", row.queue.to_string()),
        ("key", row.unique_key.clone()),
        ("payload", row.payload.to_string()),
        ("status", row.status.to_string()),
        ("attempts", format!("{} of {}", row.attempts, row.max_attempts)),
        (if row.status == JobStatus::Running { "leased until" } else { "due" }, instant(row.run_at)),
        ("created", instant(row.created_at)),
        ("changed", instant(row.updated_at)),
        ("last error", row.last_error.clone().unwrap_or_default()),
        ("discarded", row.discard_reason.clone().unwrap_or_default()),
    ];
    for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        println!("{name:<13} {value}");
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn word<T: ActiveEnum<Value = String> + Iterable>(text: &str) -> Result<T, String> {
    T::try_from_value(&text.to_owned()).map_err(|_| {
        let words: Vec<String> = T::iter().map(|word| word.to_value()).collect();
        format!("it is one of {}", words.join(", "))
    })
}
