//! Durable no-op jobs as fast as they go, and how soon one starts: the load of `tests/bench_jobs`.
//!
//! It is the runtime that souk's workers are, with a handler that does nothing but end its job.

mod handler;
mod load;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use sea_orm::{ConnectOptions, Database};
use souk_domain::vault::Vault;
use souk_domain::{Clock, Store};
use souk_jobs::{Lane, Runtime, WorkerConfig};
use souk_migration::{Migrator, MigratorTrait};
use uuid::Uuid;

use handler::{Ends, NoOp};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measure the job runtime on an empty PostgreSQL database and a Redis.
#[derive(Parser)]
struct Options {
    /// PostgreSQL; its schema is made, and its job table filled
    #[arg(long)]
    database: String,
    /// Redis, through which ids travel
    #[arg(long)]
    redis: String,
    /// Jobs that are drained
    #[arg(long, default_value_t = 50_000)]
    jobs: usize,
    /// Jobs that a transaction writes when many are added
    #[arg(long, default_value_t = 50)]
    together: usize,
    /// Jobs at once
    #[arg(long, default_value_t = 64)]
    concurrency: usize,
    /// Jobs added each second when their start is timed
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Seconds for which starts are timed
    #[arg(long, default_value_t = 15)]
    seconds: u32,
    /// Connections to the database
    #[arg(long, default_value_t = 16)]
    connections: u32,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench_jobs: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Failure> {
    let mut pool = ConnectOptions::new(options.database.as_str());
    pool.max_connections(options.connections).sqlx_logging(false).map_sqlx_postgres_opts(|options| {
        // As souk's own connections are.
        options.options([("plan_cache_mode", "force_generic_plan")]).statement_cache_capacity(500)
    });
    let database = Database::connect(pool).await?;
    Migrator::up(&database, None).await?;
    let lane = Lane::redis(redis::Client::open(options.redis.as_str())?, &Uuid::new_v4().simple().to_string())?;
    let vault = Vault::new(None, &"a bench of jobs seals nothing of anybody".into())?;
    let store = Store::new(database.clone(), database, Clock::System, Arc::new(lane.clone()), vault);

    for (name, ends) in [("each", Ends::Each), ("together", Ends::together(&store))] {
        let added = load::add(&store, options.jobs, options.together).await?;
        load::settle(&store).await?;
        let handler = Arc::new(NoOp::new(store.clone(), ends));
        let config = WorkerConfig { money: options.concurrency, ..WorkerConfig::default() };
        let begun = std::time::Instant::now();
        let runtime = Runtime::start(store.clone(), lane.clone(), handler.clone(), config);
        handler.until_done(options.jobs).await;
        let took = begun.elapsed();
        runtime.shutdown(Duration::from_secs(10)).await;
        load::check(&store, options.jobs).await?;
        println!("{name}_add_per_second {:.0}", per_second(options.jobs, added));
        println!("{name}_done_per_second {:.0}", per_second(options.jobs, took));
    }

    let handler = Arc::new(NoOp::new(store.clone(), Ends::Each));
    let config = WorkerConfig { money: options.concurrency, ..WorkerConfig::default() };
    let runtime = Runtime::start(store.clone(), lane, handler.clone(), config);
    let mut starts = load::time_starts(&store, &handler, options.rate, options.seconds).await?;
    runtime.shutdown(Duration::from_secs(10)).await;
    load::check(&store, starts.len()).await?;
    starts.sort_unstable();
    println!("start_p50_us {}", quantile(&starts, 50));
    println!("start_p99_us {}", quantile(&starts, 99));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "no count of jobs has so many digits")]
fn per_second(jobs: usize, took: Duration) -> f64 {
    jobs as f64 / took.as_secs_f64()
}

fn quantile(sorted: &[Duration], percent: usize) -> u128 {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).map_or(0, Duration::as_micros)
}
