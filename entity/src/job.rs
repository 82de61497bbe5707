//! A durable piece of work.

use sea_orm::entity::prelude::*;

use crate::id::JobId;
use crate::status::{JobKind, JobQueue, JobStatus};

/// A durable piece of work.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "job")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    pub kind: JobKind,
    pub queue: JobQueue,
    /// Business key: one effect per key, whoever asks for it and however often.
    pub unique_key: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub payload: Json,
    pub status: JobStatus,
    /// Times claimed; also the fencing token of the lease.
    pub attempts: i32,
    pub max_attempts: i32,
    /// Queued: due from then; running: the lease ends then.
    pub run_at: DateTimeUtc,
    /// Why it last failed; also kept when it is discarded.
    pub last_error: Option<String>,
    /// Why an operator gave it up; present when it is discarded.
    pub discard_reason: Option<String>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
