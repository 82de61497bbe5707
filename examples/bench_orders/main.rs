//! Places orders as fast as a number of connections can: the load of `tests/bench`.
//!
//! Each connection sends its next order when the answer to its last one has come. Everything that
//! costs time, such as making carts, happens before. It shares the machine with what it measures,
//! so it is a bare HTTP client that does nothing with an answer but look at its status.

mod load;
mod wire;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use load::{Cart, Limit, Load, Outcome};
use wire::{Counts, Route, Wire};

/// Place the orders of prepared carts, and say how many and how fast.
#[derive(Parser)]
struct Options {
    /// Where souk listens: address and port
    #[arg(long)]
    souk: std::net::SocketAddr,
    /// The carts, one a line: id, total, currency and guest token, separated by tabs
    #[arg(long)]
    carts: PathBuf,
    /// Leave out the first carts, which were placed before
    #[arg(long, default_value_t = 0)]
    skip: usize,
    /// Connections that are kept open
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Stop after this time
    #[arg(long, required_unless_present = "orders")]
    seconds: Option<u64>,
    /// Stop after this many orders
    #[arg(long, conflicts_with = "seconds")]
    orders: Option<usize>,
    /// Place this many before, unmeasured, on the same connections of souk to its database
    #[arg(long, default_value_t = 0)]
    warm_up_orders: usize,
    /// Stand between souk and its PostgreSQL, `LISTEN=SERVER`, and count what goes through
    #[arg(long)]
    wire: Option<Route>,
    /// Keep the body of an answer in this file
    #[arg(long)]
    save_answer: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench_orders: {error}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn run(options: Options) -> Result<(), Failure> {
    let wire = match options.wire {
        Some(route) => Some(Wire::start(route).await?),
        None => None,
    };
    let carts = Cart::read(&options.carts, options.skip)?;
    let load = Load::connect(options.souk, options.connections, carts).await?;
    if options.warm_up_orders > 0 {
        check(&load.run(Limit::Orders(options.warm_up_orders)).await?)?;
    }
    let counts_before = wire.as_ref().map(Wire::counts);
    let limit = match (options.seconds, options.orders) {
        (_, Some(orders)) => Limit::Orders(orders),
        (seconds, None) => Limit::Time(Duration::from_secs(seconds.unwrap_or_default())),
    };
    let outcome = load.run(limit).await?;
    check(&outcome)?;
    if let Some(file) = options.save_answer {
        std::fs::write(file, &outcome.sample)?;
    }
    report(&outcome);
    if let (Some(before), Some(wire)) = (counts_before, wire) {
        let Counts { statements, round_trips } = wire.counts().since(before);
        println!("statements {statements}\nround_trips {round_trips}");
    }
    Ok(())
}

fn check(outcome: &Outcome) -> Result<(), Failure> {
    match &outcome.refused {
        None => Ok(()),
        Some(answer) => Err(format!("an order was not placed: {answer}").into()),
    }
}

/// One `name value` a line, for a script to read.
fn report(outcome: &Outcome) {
    let percentile = |percent: usize| {
        let at = (outcome.micros.len() * percent / 100).min(outcome.micros.len().saturating_sub(1));
        outcome.micros.get(at).copied().unwrap_or_default()
    };
    println!("orders {}", outcome.micros.len());
    println!("milliseconds {}", outcome.elapsed.as_millis());
    println!("p50_us {}\np99_us {}\nmax_us {}", percentile(50), percentile(99), percentile(100));
}
