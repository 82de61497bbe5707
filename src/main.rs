//! The one binary of souk. Every subcommand teaches itself with `--help`.

mod beside;
mod brokers;
mod command;
mod config;
mod database;
mod edge;
mod mail;
mod platform;
mod server;
mod stall;
mod telemetry;
mod tls;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Placing an order makes some thousand small allocations; glibc takes a fifth more of souk's CPU
/// time for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Multi-seller marketplace orders: one cart, one payment, one order per seller.
#[derive(Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = "Try `souk demo` first: it needs no service and no configuration.\n\
                  Exit codes: 0 done, 1 something does not hold or failed, 2 wrong usage or configuration."
)]
struct Cli {
    #[command(flatten)]
    settings: config::Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API, with workers inside
    Serve(command::serve::Serve),
    /// Work on jobs without serving the API; any number of workers may run
    Worker(command::worker::Worker),
    /// Bring the database's schema up to date, or show or undo steps
    Migrate(command::migrate::Migrate),
    /// Drive one order of three sellers from cart to refund, then keep serving
    Demo(command::demo::Demo),
    /// Show recurring work, run it, or switch it on and off
    Schedules(command::schedules::Schedules),
    /// Import a file of rows: inventory, prices, parcels, labels, seller orders or orders
    Import(command::import::Import),
    /// Check every invariant on the database; exit 1 when one does not hold
    Verify(command::verify::Verify),
    /// List, show, redrive and discard background jobs
    Jobs(command::jobs::Jobs),
    /// Check the audit log of privileged changes, and tell where it ends
    Audit(command::audit::Audit),
    /// See which keys the keys of persons are under, and go over to another
    Keys(command::keys::Keys),
    /// Read the log of events, and see and move its consumers
    Events(command::events::Events),
    /// Print the OpenAPI document
    Openapi,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    souk_integrations::tls::install();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("souk: the async runtime cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(async {
        if matches!(cli.command, Command::Openapi) {
            print!("{}", souk_api::document());
            return Ok(());
        }
        let filter = match cli.command {
            // Its story is told on standard output; only what is wrong belongs beside it.
            Command::Demo(_) | Command::Import(_) => "warn",
            _ => "warn,souk=info,souk::http=warn",
        };
        telemetry::init(&cli.settings, filter)?;
        match cli.command {
            Command::Serve(serve) => serve.run(cli.settings).await,
            Command::Worker(worker) => worker.run(cli.settings).await,
            Command::Migrate(migrate) => migrate.run(cli.settings).await,
            Command::Demo(demo) => demo.run(cli.settings).await,
            Command::Schedules(schedules) => schedules.run(cli.settings).await,
            Command::Import(import) => import.run(cli.settings).await,
            Command::Verify(verify) => verify.run(cli.settings).await,
            Command::Events(events) => events.run(cli.settings).await,
            Command::Audit(audit) => audit.run(cli.settings).await,
            Command::Keys(keys) => keys.run(cli.settings).await,
            Command::Jobs(jobs) => jobs.run(cli.settings).await,
            Command::Openapi => Ok(()),
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("souk: {error}");
            match error {
                command::Failure::Usage(_) => ExitCode::from(2),
                command::Failure::Failed(_) => ExitCode::FAILURE,
            }
        }
    }
}
