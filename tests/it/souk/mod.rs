//! An installation of souk for one test: its database, its processes, and the people who use it.
//!
//! When a passing test drops its [`Souk`], every invariant is checked on the database with
//! `souk verify`; the test fails if one does not hold.

pub mod admin;
pub mod client;
mod contents;
mod database;
mod eventually;
pub mod mail;
mod options;
mod order;
mod process;
pub mod promotions;
mod seller;
mod setup;
mod shopper;
mod simulator;
pub mod terms;

use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tempfile::TempDir;
use tokio::sync::OnceCell;

pub use admin::Admin;
pub use client::{Answer, Client, text};
pub use contents::Contents;
pub use database::long_ago;
pub use eventually::eventually;
pub use options::Options;
pub use order::{Order, Part};
pub use seller::Seller;
pub use setup::Setup;
pub use shopper::Shopper;
pub use simulator::{Books, Simulator, cents};

pub use database::Database;
pub use process::souk;
use process::{Process, Signal};

/// A running installation.
pub struct Souk {
    options: Options,
    directory: TempDir,
    database: Arc<Database>,
    api: Option<Process>,
    workers: Vec<Process>,
    frozen: Vec<Process>,
    /// Where the API is; the same after a restart.
    url: String,
    http: reqwest::Client,
    admin: OnceCell<Admin>,
    people: AtomicU32,
}

impl Souk {
    /// Starts an installation as it usually is; on services with one worker process.
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// Starts an installation.
    pub async fn with(options: Options) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let database = Arc::new(Database::create(directory.path()).await);
        souk_integrations::tls::install();
        let http = options.http();
        let mut souk = Self {
            options,
            directory,
            database,
            api: None,
            workers: Vec::new(),
            frozen: Vec::new(),
            url: String::new(),
            http,
            admin: OnceCell::new(),
            people: AtomicU32::new(1),
        };
        souk.resume().await;
        souk
    }

    /// Starts the processes that do not run: all at first, later those that were stopped or killed.
    pub async fn resume(&mut self) {
        self.launch();
        eventually("/readyz answers 200", async || {
            let answer = self.http.get(format!("{}/readyz", self.url)).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// [`Souk::resume`] without waiting until the API is ready.
    pub fn launch(&mut self) {
        if self.api.is_none() {
            // A restarted installation is where it was: clients know its address.
            let bind = self.url.split_once("://").map_or("127.0.0.1:0", |(_, address)| address).to_owned();
            let inside = self.options.workers_inside();
            let mut command = self.souk(if inside { &["serve"] } else { &["serve", "--no-workers"] });
            command.env("SOUK_BIND", bind);
            let (process, line) = Process::start(command, "souk listens on ", self.directory.path());
            if let Some(url) = line.split_whitespace().next() {
                self.url = url.to_owned();
            }
            self.api = Some(process);
        }
        while self.workers.len() < self.options.worker_processes() {
            let mut command = self.souk(&["worker"]);
            command.env("SOUK_PUBLIC_URL", &self.url);
            let (process, _) = Process::start(command, "souk works on jobs", self.directory.path());
            self.workers.push(process);
        }
    }

    /// Starts processes with this variable of the environment from now on, or without it.
    pub fn set_env(&mut self, name: &str, value: Option<&str>) {
        self.options.set_env(name, value);
    }

    /// How a process ended that nobody has stopped or killed here, if there is one.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.workers.iter_mut().chain(&mut self.api).find_map(Process::ended)
    }

    /// Kills the API's process.
    pub fn kill_api(&mut self) {
        self.api = None;
    }

    /// Kills one of the worker processes.
    pub fn kill_worker(&mut self, which: usize) {
        self.workers.remove(which % self.workers.len());
    }

    /// Freezes one of the worker processes; see [`Souk::freeze_workers`].
    pub fn freeze_worker(&mut self, which: usize) {
        let worker = self.workers.remove(which % self.workers.len());
        worker.signal(Signal::Stop);
        self.frozen.push(worker);
    }

    /// Kills whatever works on jobs, in the middle of it. With workers inside of the API's
    /// process that is the whole installation; [`Souk::resume`] brings it back.
    pub fn kill_workers(&mut self) {
        if self.options.workers_inside() {
            self.kill();
        } else {
            self.workers.clear();
        }
    }

    /// Kills every process.
    pub fn kill(&mut self) {
        self.api = None;
        self.workers.clear();
    }

    /// Asks every process to stop, and expects each to end well.
    pub fn stop(&mut self) {
        for process in self.workers.drain(..).chain(self.api.take()) {
            process.stop();
        }
    }

    /// Freezes the worker processes, as a machine does that swaps: they know nothing of the time
    /// that passes. [`Souk::resume`] starts others.
    pub fn freeze_workers(&mut self) {
        assert!(!self.options.workers_inside(), "there are no worker processes");
        self.workers.iter().for_each(|worker| worker.signal(Signal::Stop));
        self.frozen.append(&mut self.workers);
    }

    /// Lets the frozen worker processes go on.
    pub fn thaw_workers(&mut self) {
        self.frozen.iter().for_each(|worker| worker.signal(Signal::Continue));
        self.workers.append(&mut self.frozen);
    }

    /// Waits until no job runs or is due soon and no webhook is under way, then checks what must
    /// hold when nothing is going on.
    pub async fn settle(&self) {
        eventually("all work is done", async || (self.database.pending().await == 0).then_some(())).await;
        self.verify(&["--quiet"]);
    }

    /// Waits until all work is done and finds our ledger and the companies' books to agree; returns
    /// those.
    pub async fn audit(&self) -> Books {
        self.settle().await;
        let (books, admin) = (self.simulator().books().await, self.admin().await);
        let provider = admin.account("provider_clearing").await;
        let moved = (books.captured + books.returned, books.refunded + books.sent);
        assert_eq!(provider, moved, "our ledger and the payment provider's books");
        let carrier = admin.account("carrier_payable").await;
        assert_eq!(carrier, (books.voided_cost, books.label_cost), "our ledger and the carrier's books");
        books
    }

    /// What all its processes have logged so far.
    pub fn log(&self) -> String {
        process::log(self.directory.path())
    }

    /// A file of the installation's own directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The database for a task of its own, which has to end before the installation does.
    pub fn shared_database(&self) -> Arc<Database> {
        Arc::clone(&self.database)
    }

    /// The database, for what only the passing of time would do.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// What the simulated companies can be made to do.
    pub fn simulator(&self) -> Simulator {
        Simulator::new(self.anyone())
    }

    /// A client without any credential.
    pub fn anyone(&self) -> Client {
        Client::new(self.http.clone(), &self.url)
    }

    /// Forgets the administrator's access token, which lasts ten minutes.
    pub fn forget_admin(&mut self) {
        self.admin = OnceCell::new();
    }

    /// The administrator.
    pub async fn admin(&self) -> &Admin {
        self.admin.get_or_init(|| Admin::sign_in(self.anyone())).await
    }

    /// A shopper with an account.
    pub async fn shopper(&self) -> Shopper {
        let (client, email) = self.register("shopper").await;
        Shopper::new(client, email)
    }

    /// A shopper without an account: much cheaper, as no password is hashed.
    pub fn guest(&self) -> Shopper {
        Shopper::new(self.anyone(), self.email("guest"))
    }

    /// An approved seller with a warehouse and a shipping method.
    pub async fn seller(&self, name: &str) -> Seller {
        let (client, _) = self.register("seller").await;
        let seller = Seller::apply(client, name).await;
        self.confirm_addresses().await;
        self.admin().await.approve(&seller.id).await;
        seller.settle_in().await
    }

    /// Somebody of the marketplace in this role, with their id.
    pub async fn operator(&self, role: &str) -> (Client, String) {
        let (client, email) = self.register("operator").await;
        let id = text(&client.get("/api/v1/me").await.expect(200)["id"]).to_owned();
        self.set_role(&id, role).await;
        self.confirm_addresses().await;
        // Their first token was a customer's.
        (self.anyone().sign_in(&email, client::PASSWORD).await, id)
    }

    /// Gives somebody another role.
    pub async fn set_role(&self, user: &str, role: &str) {
        let path = format!("/api/v1/admin/users/{user}/role");
        self.admin().await.client.put(&path, serde_json::json!({"role": role})).await.expect(200);
    }

    /// As if everybody who acts for a seller or the marketplace had confirmed their address.
    pub async fn confirm_addresses(&self) {
        let sql = "UPDATE app_user SET email_verified_at = created_at WHERE email_verified_at IS NULL \
            AND (role <> 'customer' OR id IN (SELECT user_id FROM seller_member))";
        self.database.execute(sql, []).await;
    }

    async fn register(&self, what: &str) -> (Client, String) {
        let email = self.email(what);
        let client = self.anyone().register(&email).await;
        (client, email)
    }

    fn email(&self, what: &str) -> String {
        format!("{what}-{}@example.com", self.people.fetch_add(1, Ordering::Relaxed))
    }

    /// The binary, set up for this installation.
    pub fn souk(&self, arguments: &[&str]) -> Command {
        let mut command = process::souk(arguments);
        command
            .env("SOUK_DATA_DIR", self.directory.path())
            .env("SOUK_ADMIN_EMAIL", admin::EMAIL)
            .env("SOUK_ADMIN_PASSWORD", admin::PASSWORD)
            .env("SOUK_DB_CONNECTIONS", "8")
            .env("SOUK_LOG", "warn")
            // From one address the tests do in a second what many people do in minutes.
            .env("SOUK_RATE_LIMITS", "off")
            .env("SOUK_SIGN_IN_DELAY_MS", "1");
        self.database.configure(&mut command);
        command.envs(self.options.environment());
        command
    }

    /// One more process of the API on this installation.
    pub fn replica(&self) -> Replica {
        let mut command = self.souk(&["serve", "--no-workers"]);
        command.env("SOUK_BIND", "127.0.0.1:0");
        let (process, line) = Process::start(command, "souk listens on ", self.directory.path());
        let url = line.split_whitespace().next().unwrap_or_default();
        Replica { _process: process, client: Client::new(self.http.clone(), url) }
    }

    /// Tells the API's process to read its certificate again.
    pub fn renew_certificate(&self) {
        self.api.as_ref().expect("the API runs").signal(Signal::Hangup);
    }

    /// Runs a subcommand on this installation and expects it to do well; returns what it told.
    pub fn command(&self, arguments: &[&str]) -> String {
        let output = self.souk(arguments).output().expect("souk runs");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "souk {arguments:?}:\n{told}\n{}", String::from_utf8_lossy(&output.stderr));
        told
    }

    fn verify(&self, arguments: &[&str]) {
        let output = self.souk(&[&["verify"], arguments].concat()).output().expect("souk verify runs");
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "souk verify {arguments:?}:\n{told}");
    }
}

/// A process of the API beside the first; killed when dropped.
pub struct Replica {
    _process: Process,
    /// A client of it, without any credential.
    pub client: Client,
}

impl Drop for Souk {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", process::log(self.directory.path()));
            return;
        }
        self.verify(&[]);
    }
}

#[tokio::test]
#[should_panic(expected = "souk verify")]
async fn a_broken_invariant_fails_its_test() {
    let souk = Souk::start().await;
    let seller = souk.seller("Cooked").await;
    seller.offer("COOKED-1", "1.00", 5).await;
    souk.database().execute("UPDATE inventory_level SET on_hand = on_hand + 1", []).await;
}
