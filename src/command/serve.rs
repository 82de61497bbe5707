//! `souk serve`.

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::worker::several;
use super::{Failure, stop_requested};
use crate::config::Settings;
use crate::platform::{Platform, listen};

/// Serve the API, with workers inside.
///
/// On the embedded database this is the whole platform in one process. With PostgreSQL and Redis,
/// run any number of `souk serve --no-workers` and `souk worker` behind a load balancer; run
/// `souk migrate` before the first start and after each update.
#[derive(Args)]
pub struct Serve {
    /// Leave jobs to `souk worker` processes; takes PostgreSQL, and Redis to wake them at once
    #[arg(long)]
    no_workers: bool,
}

impl Serve {
    /// Serves until it is asked to stop.
    pub async fn run(self, settings: Settings) -> Result<(), Failure> {
        if self.no_workers {
            several(&settings)?;
        }
        let (door, url) = listen(&settings, settings.bind).await?;
        let platform = Platform::start(settings, &url).await?;
        if platform.control().is_some() {
            tracing::warn!("the simulated payment provider and carrier are on: nobody pays real money here");
        }
        let workers = if self.no_workers { None } else { Some(platform.start_workers()?) };
        println!("souk listens on {url} (API docs: {url}/docs, health: {url}/readyz)");
        let stop = CancellationToken::new();
        let trigger = stop.clone();
        tokio::spawn(async move {
            stop_requested().await;
            trigger.cancel();
        });
        let served = platform.serve(door, stop).await;
        if let Some(workers) = workers {
            workers.shutdown().await;
        }
        served
    }
}
