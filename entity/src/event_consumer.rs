//! How far a consumer of the domain log is.

use sea_orm::entity::prelude::*;

/// How far a consumer of the domain log is.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "event_consumer")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The last event that it is done with; 0: none.
    pub position: i64,
    pub paused: bool,
    /// Counts the takings; the fencing token of the process that works for it.
    pub lease: i64,
    pub leased_until: Option<DateTimeUtc>,
    pub last_error: Option<String>,
    pub failing_since: Option<DateTimeUtc>,
    /// When a process last had this consumer.
    pub seen_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
