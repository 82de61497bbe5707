//! When a seller takes no orders.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use souk_domain::account::holiday;

/// When a seller takes no orders.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Holiday {
    /// From then; left out: already.
    starts_at: Option<DateTime<Utc>>,
    /// Until then; left out: until they say otherwise.
    ends_at: Option<DateTime<Utc>>,
    /// What shoppers are told.
    message: Option<String>,
}

impl From<holiday::Holiday> for Holiday {
    fn from(set: holiday::Holiday) -> Self {
        Self { starts_at: set.starts_at, ends_at: set.ends_at, message: set.message }
    }
}
