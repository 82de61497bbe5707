//! Failed attempts to sign in, counted by account or network; letters that were asked for, by address or sender.

use sea_orm::entity::prelude::*;

/// Failed attempts to sign in, counted by account or network; letters that were asked for, by address or sender.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in_throttle")]
pub struct Model {
    /// A keyed hash of what is counted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    /// Or letters.
    pub failures: i64,
    /// Failures before it do not count.
    pub counted_since: DateTimeUtc,
    /// No attempt is looked at before it.
    pub next_at: DateTimeUtc,
    /// When somebody last signed in to the account from the network.
    pub succeeded_at: Option<DateTimeUtc>,
    pub touched_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
