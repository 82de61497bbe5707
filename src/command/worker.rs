//! `souk worker`.

use clap::Args;

use super::{Failure, stop_requested};
use crate::config::{DatabaseUrl, Settings, Switch};
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
        several(&settings)?;
        let url = settings.public_url.clone().unwrap_or_else(|| format!("http://{}", settings.bind));
        let platform = Platform::start(settings, url.trim_end_matches('/')).await?;
        let workers = platform.start_workers()?;
        println!("souk works on jobs");
        stop_requested().await;
        workers.shutdown().await;
        Ok(())
    }
}

/// Refuses to share the embedded database with a process that keeps answers for itself: it would not
/// hear of what another does.
///
/// # Errors
/// [`Failure::Usage`].
pub(super) fn several(settings: &Settings) -> Result<(), Failure> {
    match (settings.database()?, settings.redis()?, settings.cache) {
        (DatabaseUrl::Sqlite(_), None, Switch::On) => Err(Failure::Usage(
            "On the embedded database `souk serve` works on jobs itself. Several processes that share it take REDIS_URL \
             or SOUK_CACHE=off."
                .into(),
        )),
        _ => Ok(()),
    }
}
