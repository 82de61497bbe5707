//! `souk demo`.

use clap::Args;

use super::Failure;
use crate::config::Settings;

/// Drive one order of three sellers from cart to refund through the public API, then keep serving.
#[derive(Args)]
pub struct Demo {
    /// End when the story is told; exit code 0 only if every step held
    #[arg(long)]
    exit: bool,
}

impl Demo {
    /// Tells the story.
    pub async fn run(self, settings: Settings) -> Result<(), Failure> {
        Err(Failure::Failed(format!("{} {:?}", self.exit, settings.bind)))
    }
}
