//! `souk demo`: the main job, told step by step through the public API.

mod client;
mod market;
mod story;

use std::net::SocketAddr;
use std::time::Instant;

use clap::Args;
use souk_domain::Clock;
use souk_domain::verify::{self, Scope};
use tokio_util::sync::CancellationToken;

use super::{Failure, stop_requested};
use crate::config::Settings;
use crate::platform::{Platform, listen};

/// Drive one order of three sellers from cart to refund through the public API, then keep serving.
///
/// Needs no service and no configuration: an embedded database (made anew in the data directory),
/// jobs in process, and a simulated payment provider and carrier that send signed webhooks over
/// HTTP like real ones. Labels are left in the data directory to look at.
#[derive(Args)]
pub struct Demo {
    /// End when the story is told; exit code 0 only if every step held
    #[arg(long)]
    exit: bool,
}

/// The password of the three ready-made sign-ins.
const PASSWORD: &str = "demo-password";

impl Demo {
    /// Tells the story.
    pub async fn run(self, mut settings: Settings) -> Result<(), Failure> {
        let began = Instant::now();
        std::fs::create_dir_all(&settings.data_dir)?;
        let file = settings.data_dir.join("demo.db");
        for suffix in ["", "-wal", "-shm"] {
            let stale = settings.data_dir.join(format!("demo.db{suffix}"));
            match std::fs::remove_file(&stale) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        settings.use_sqlite(&file);
        settings.simulator = true;
        settings.edge.open_house();
        settings.admin_email = Some("admin@demo.example".into());
        settings.admin_password = Some(PASSWORD.to_owned().into());
        let (door, url) = match listen(&settings, settings.bind).await {
            Ok(bound) => bound,
            // The usual port is taken, perhaps by another demo: any free one does.
            Err(_) => listen(&settings, SocketAddr::new(settings.bind.ip(), 0)).await?,
        };
        println!("souk demo: one order of three sellers, from cart to refund, through the public API at {url}\n");
        let labels = settings.data_dir.join("labels");
        match std::fs::remove_dir_all(&labels) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        std::fs::create_dir_all(&labels)?;
        let platform = Platform::start(settings, &url).await?;
        let workers = platform.start_workers()?;
        let stop = CancellationToken::new();
        let serving = platform.serve(door, stop.clone());
        let telling = async {
            let outcome = tell(&url, &labels, &platform, began).await;
            match &outcome {
                Ok(()) if self.exit => {}
                Ok(()) => {
                    keep_serving(&url);
                    stop_requested().await;
                }
                // A story that breaks off ends the demo: what does not hold is not served.
                Err(_) => {}
            }
            stop.cancel();
            outcome
        };
        let (served, told) = tokio::join!(serving, telling);
        workers.shutdown().await;
        told.and(served)
    }
}

async fn tell(url: &str, labels: &std::path::Path, platform: &Platform, began: Instant) -> Result<(), Failure> {
    let market = market::open(url, PASSWORD).await?;
    story::tell(&market, labels).await?;
    let scope = Scope::Quiet(Clock::System.now());
    let violations = verify::verify_with(platform.store.read(), platform.store.vault(), scope).await?;
    if !violations.is_empty() {
        let broken: Vec<String> = violations.iter().map(ToString::to_string).collect();
        return Err(Failure::Failed(format!("verify: {}", broken.join("; "))));
    }
    println!("  verify: all {} invariants hold", verify::rules(scope));
    println!("\nEvery step held, in {:.1} s.", began.elapsed().as_secs_f32());
    Ok(())
}

fn keep_serving(url: &str) {
    println!(
        "\nStill serving; Ctrl-C ends it.\n  API docs   {url}/docs\n  document   {url}/openapi.json\n  health     {url}/readyz\n\
         \nSign in with POST {url}/api/v1/auth/sign-in and the password {PASSWORD}:\n  \
         shopper    ann@demo.example\n  seller     lisbon-tiles@demo.example\n  admin      admin@demo.example"
    );
}
