//! `souk worker`.

use clap::Args;

use super::{Failure, stop_requested};
use crate::config::Settings;
use crate::platform::Platform;

/// Work on jobs without serving the API.
///
/// Any number of workers may run. Each takes the next due job of each queue; a worker that dies
/// loses nothing, its jobs are taken by others when their leases end. Set SOUK_PUBLIC_URL to the
/// address of the API, for the simulated companies to send their webhooks to.
#[derive(Args)]
pub struct Worker {}

impl Worker {
    /// Works until it is asked to stop.
    pub async fn run(self, settings: Settings) -> Result<(), Failure> {
        let url = settings.public_url.clone().unwrap_or_else(|| format!("http://{}", settings.bind));
        let platform = Platform::start(settings, url.trim_end_matches('/')).await?;
        let workers = platform.start_workers()?;
        println!("souk works on jobs");
        stop_requested().await;
        workers.shutdown().await;
        Ok(())
    }
}
