//! Replays a sample of the public Olist data set, real orders of a real marketplace with many
//! sellers, through souk's public API, and compares each order to the cent.
//!
//! ```text
//! cargo build --release
//! cargo run --release --example replay_olist -- FOLDER
//! ```
//!
//! FOLDER holds `orders.csv`, `order_items.csv` and `customers.csv` in the data set's format. Without
//! `--url`, a souk is started on the embedded default and stopped at the end.

mod books;
mod cents;
mod check;
mod client;
mod goal;
mod market;
mod progress;
mod replay;
mod report;
mod server;
mod source;
mod state;
mod table;
mod turns;
mod view;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use futures::{StreamExt, TryStreamExt, stream};

use books::Bookkeeper;
use client::{Account, Call, Client, Error};
use goal::Goal;
use market::Market;
use progress::Progress;
use replay::Replay;
use report::Report;
use server::Server;
use source::{Order, Source};
use state::{Run, State};
use turns::Turns;
use view::{AdminOrder, OrderStatus};

/// Replay real orders through a running souk, or one of its own, and compare them to the cent.
///
/// Every bad row of the sample is reported and its order left out. A run that was stopped is gone on
/// with by the same command, from the progress file.
#[derive(Parser)]
#[command(after_help = "Exit codes: 0 all is equal, 1 there is a difference or it failed, 2 wrong usage.")]
struct Args {
    /// The folder of orders.csv, order_items.csv and customers.csv
    folder: PathBuf,
    /// A running souk with the simulated companies on; left out, one is started and stopped
    #[arg(long, requires = "admin_email", conflicts_with = "data_dir")]
    url: Option<String>,
    /// An administrator of the souk at --url, to approve sellers and read orders
    #[arg(long, env = "SOUK_ADMIN_EMAIL", requires = "admin_password")]
    admin_email: Option<String>,
    /// The administrator's password
    #[arg(long, env = "SOUK_ADMIN_PASSWORD", hide_env_values = true)]
    admin_password: Option<String>,
    /// Orders at once
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// Where the souk that is started keeps its data; left out, a temporary folder
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// The progress file [default: replay-olist.state in the data directory, or here with --url]
    #[arg(long)]
    state: Option<PathBuf>,
}

/// Why it ends without a comparison.
enum Failure {
    /// Nothing was begun.
    Usage(String),
    /// It was begun, and may be gone on with.
    Failed(String),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("the async runtime: {error}")))
        .and_then(|runtime| runtime.block_on(run(args)));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Failure::Usage(message)) => {
            eprintln!("replay_olist: {message}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(message)) => {
            eprintln!("replay_olist: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Where a souk of one's own keeps its data.
enum Home {
    Kept(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Home {
    fn open(data_dir: Option<PathBuf>) -> std::io::Result<Self> {
        match data_dir {
            Some(path) => std::fs::create_dir_all(&path).map(|()| Self::Kept(path)),
            None => tempfile::Builder::new().prefix("replay-olist-").tempdir().map(Self::Temporary),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }

    /// A temporary folder stays when there is something to look into.
    fn keep(self) {
        if let Self::Temporary(folder) = self {
            let path = folder.keep();
            eprintln!("the data is kept in {}; go on with --data-dir", path.display());
        }
    }
}

/// Reads, starts what is to be started, replays, compares, verifies.
async fn run(args: Args) -> Result<bool, Failure> {
    let source = Source::read(&args.folder).map_err(Failure::Usage)?;
    source.problems.iter().for_each(|problem| eprintln!("skipped: {problem}"));
    let random = || rand::random::<[u8; 24]>().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let run = Run { tag: random().chars().take(8).collect(), secret: random(), source: source.fingerprint() };

    if let Some(url) = &args.url {
        let path = args.state.clone().unwrap_or_else(|| PathBuf::from("replay-olist.state"));
        let state = State::open(&path, run).map_err(Failure::Usage)?;
        let (email, password) = (args.admin_email.as_deref(), args.admin_password.as_deref());
        let (email, password) = email
            .zip(password)
            .ok_or_else(|| Failure::Usage("--url needs --admin-email and --admin-password.".to_owned()))?;
        let admin = Account::new(email, password, "");
        let report = replay_all(&args, &source, &state, url, &admin).await?;
        print!("{report}");
        let verified = server::verify_environment().map_err(Failure::Failed)?;
        if verified.is_none() {
            println!("To check the invariants, run `souk verify` with the installation's DATABASE_URL.");
        }
        return Ok(report.is_equal() && verified.unwrap_or(true));
    }

    let home = Home::open(args.data_dir.clone()).map_err(|error| Failure::Usage(format!("--data-dir: {error}")))?;
    let path = args.state.clone().unwrap_or_else(|| home.path().join("replay-olist.state"));
    let state = State::open(&path, run).map_err(Failure::Usage)?;
    let email = format!("admin.{}@olist.example", state.run().tag);
    let password = format!("{}-admin", state.run().secret);
    server::binary().map_err(Failure::Usage)?;
    let server = Server::start(home.path(), &email, &password).map_err(Failure::Failed)?;
    let admin = Account::new(email, password, "");
    let outcome = replay_all(&args, &source, &state, &server.url, &admin).await;
    let outcome = outcome.and_then(|report| {
        print!("{report}");
        let verified = server.verify().map_err(Failure::Failed)?;
        Ok(report.is_equal() && verified)
    });
    let stopped = server.stop().map_err(Failure::Failed);
    let outcome = outcome.and_then(|equal| stopped.map(|()| equal));
    if !matches!(outcome, Ok(true)) {
        home.keep();
    }
    outcome
}

/// What every step of a run works with.
struct Session<'a> {
    source: &'a Source,
    client: &'a Client,
    state: &'a State,
    market: Market<'a>,
    admin: &'a Account,
    concurrency: usize,
    progress: Progress,
}

/// Sets up, brings each order to its end and compares it, unless it is asked to stop before.
async fn replay_all(
    args: &Args,
    source: &Source,
    state: &State,
    url: &str,
    admin: &Account,
) -> Result<Report, Failure> {
    let client = Client::new(url).map_err(Failure::Usage)?;
    let session = Session {
        source,
        client: &client,
        state,
        market: Market::new(source, &client, state, admin),
        admin,
        concurrency: usize::from(args.concurrency),
        progress: Progress::new(),
    };
    tokio::select! {
        report = session.run() => report.map_err(|error| Failure::Failed(error.to_string())),
        () = stop_requested() => Err(Failure::Failed(format!(
            "stopped; the same command goes on from {}",
            state.path().display()
        ))),
    }
}

/// Why each order that could not be brought to its end was not.
type Failures = HashMap<String, Error>;

impl Session<'_> {
    async fn run(&self) -> client::Result<Report> {
        let mut report = Report::new(self.source.orders.len(), self.source.skipped);
        let began = Instant::now();
        self.market.prepare(self.concurrency, &self.progress).await?;
        report.setup = began.elapsed();

        let open: Vec<&Order> = self.source.orders.iter().filter(|order| !self.state.is_finished(&order.id)).collect();
        report.worked_on = open.len();
        let failures = self.bring(&open, &mut report).await?;
        report.books = self.bookkeeper().compare(self.source).await?;

        self.compare(&failures, &mut report).await;
        (report.requests, report.repeats) = self.client.counts();
        Ok(report)
    }

    /// Brings orders to their ends, begun in the order of their purchase, which their turns rely on,
    /// and pays the sellers out at the end of each week of the source.
    async fn bring(&self, open: &[&Order], report: &mut Report) -> client::Result<Failures> {
        let turns = Turns::new(open, &turns::changing(&self.source.orders));
        let replay = Replay { client: self.client, state: self.state, market: &self.market, turns: &turns };
        let keeper = self.bookkeeper();
        let bar = self.progress.phase("orders", open.len());
        let mut failures = Failures::new();
        for week in books::weeks(open) {
            let began = Instant::now();
            let mut outcomes = stream::iter(&week)
                .map(async |order| {
                    let outcome = replay.bring(order).await;
                    bar.step();
                    (order, outcome)
                })
                .buffer_unordered(self.concurrency);
            while let Some((order, outcome)) = outcomes.next().await {
                if let Err(why) = outcome {
                    failures.insert(order.id.clone(), why);
                }
            }
            report.replay += began.elapsed();
            let delivered = week.iter().filter(|order| Goal::of(order).status == OrderStatus::Delivered);
            let placed = delivered.filter(|order| !failures.contains_key(&order.id));
            let ids = placed.filter_map(|order| self.state.placed(&order.id)).map(|order| order.id);
            stream::iter(ids.map(Ok))
                .try_for_each_concurrent(self.concurrency, async |id| keeper.completed(id).await)
                .await?;
            keeper.pay_out(&week).await?;
        }
        Ok(failures)
    }

    fn bookkeeper(&self) -> Bookkeeper<'_> {
        Bookkeeper { client: self.client, market: &self.market, admin: self.admin, concurrency: self.concurrency }
    }

    /// Reads every order as an operator and compares it.
    async fn compare(&self, failures: &Failures, report: &mut Report) {
        let bar = self.progress.phase("comparing", self.source.orders.len());
        let mut compared = stream::iter(&self.source.orders)
            .map(async |order| {
                let seen = self.read(order).await;
                bar.step();
                (order, seen)
            })
            .buffered(self.concurrency);
        while let Some((order, seen)) = compared.next().await {
            if let Some(why) = failures.get(&order.id) {
                report.add_failure(&order.id, &why.to_string());
            }
            match seen {
                Ok(Some(seen)) => report.add(&order.id, check::check(order, &seen, &self.market, self.state)),
                Ok(None) => report.add_failure(&order.id, "it was not placed"),
                Err(error) => report.add_failure(&order.id, &error.to_string()),
            }
        }
    }

    async fn read(&self, order: &Order) -> client::Result<Option<AdminOrder>> {
        let Some(placed) = self.state.placed(&order.id) else { return Ok(None) };
        let get = Call::get(format!("/api/v1/admin/orders/{}", placed.id)).by(self.admin);
        self.client.call(get).await.map(Some)
    }
}

/// Waits for Ctrl-C or a request to terminate.
async fn stop_requested() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = interrupt => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    #[cfg(not(unix))]
    let _ = interrupt.await;
    std::future::pending::<()>().await;
}
