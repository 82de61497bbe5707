//! Recurring work, and when it was last done.

use sea_orm::entity::prelude::*;

/// Recurring work, and when it was last done.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "schedule")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub enabled: bool,
    pub next_tick: DateTimeUtc,
    /// The tick that was last asked for.
    pub last_tick: Option<DateTimeUtc>,
    pub last_started_at: Option<DateTimeUtc>,
    pub last_finished_at: Option<DateTimeUtc>,
    /// What it found and did, in a sentence.
    pub last_outcome: Option<String>,
    pub last_error: Option<String>,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
