//! `souk audit`.

use clap::{Args, Subcommand};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::Error;
use souk_domain::audit::chain::{self, GENESIS};
use souk_entity::audit_entry;

use super::Failure;
use crate::config::Settings;
use crate::{database, platform};

/// Check the audit log, and tell where it ends.
///
/// Every privileged change is an entry whose hash is of what it says and of the entry before, so an
/// entry that was changed, put in or taken out shows. Whoever may write to the database could still
/// make the whole chain anew, or cut its end off: keep what `souk audit head` prints somewhere else,
/// day by day, and have `verify --anchor` compare it.
///
/// Exit code 0 when the chain is whole, 1 when it is not, 2 for wrong usage.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    souk audit head >> /mnt/elsewhere/audit-heads\n  \
    souk audit verify --anchor \"$(head -1 /mnt/elsewhere/audit-heads)\"")]
pub struct Audit {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Print the last entry's number and hash, as `NUMBER:HASH`
    Head,
    /// Work every hash out anew
    Verify {
        /// What `head` has printed before: that entry must still be there, and the same
        #[arg(long, value_parser = parse)]
        anchor: Option<(i64, String)>,
    },
}

/// Broken entries that are named.
const MOST_NAMED: usize = 20;

impl Audit {
    /// Does it.
    pub async fn run(self, settings: Settings) -> Result<(), Failure> {
        let pools = database::connect(&settings.database()?, 2).await?;
        platform::check_schema(&pools).await?;
        let head = chain::head(&pools.read).await?;
        let What::Verify { anchor } = self.what else {
            println!("{}:{}", head.sequence, head.hash);
            return Ok(());
        };
        let breaks = chain::breaks(&pools.read, MOST_NAMED).await?;
        for found in &breaks {
            println!("{} {}: {}", found.sequence, found.id, found.what);
        }
        let ends = [Some((head.sequence, head.hash.clone())), anchor].into_iter().flatten();
        let mut cut = false;
        for (sequence, hash) in ends {
            let entry = audit_entry::Entity::find().filter(audit_entry::Column::Sequence.eq(sequence));
            let there = match sequence {
                0 => Some(GENESIS.to_owned()),
                _ => entry.one(&pools.read).await.map_err(Error::from)?.map(|entry| entry.hash),
            };
            if there.as_ref() != Some(&hash) {
                println!("{sequence}: the entry is gone or another one");
                cut = true;
            }
        }
        if breaks.is_empty() && !cut {
            println!("{} entries, an unbroken chain", head.sequence);
            return Ok(());
        }
        Err(Failure::Failed("the audit's chain is broken".into()))
    }
}

fn parse(text: &str) -> Result<(i64, String), String> {
    let read = || {
        let (sequence, hash) = text.trim().split_once(':')?;
        let plain = hash.len() == GENESIS.len() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        Some((sequence.parse().ok().filter(|sequence| *sequence >= 0)?, hash.to_lowercase())).filter(|_| plain)
    };
    read().ok_or_else(|| "it is NUMBER:HASH, as `souk audit head` prints it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_read_as_it_is_printed() {
        assert_eq!(parse(&format!("0:{GENESIS}\n")), Ok((0, GENESIS.to_owned())));
        for wrong in ["", "1", "1:", "x:00", "1:00", &format!("-1:{GENESIS}"), &format!("1:{}g", &GENESIS[1..])] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
