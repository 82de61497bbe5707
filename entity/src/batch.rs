//! A bulk upload.

use sea_orm::entity::prelude::*;

use crate::id::{BatchId, SellerId, UserId};
use crate::status::{BatchFormat, BatchKind, BatchStatus};

/// A bulk upload.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "batch")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: BatchId,
    /// None: the marketplace's own.
    pub seller_id: Option<SellerId>,
    /// Who uploaded it; none: the command line.
    pub user_id: Option<UserId>,
    pub kind: BatchKind,
    pub format: BatchFormat,
    /// CSV: the names of the columns, comma-separated, as the file's first line has them.
    pub header: Option<String>,
    /// Every row is tried and nothing is kept.
    pub dry_run: bool,
    pub status: BatchStatus,
    pub total_rows: i64,
    pub processed_rows: i64,
    pub failed_rows: i64,
    /// Rows up to this line of the file are done or failed.
    pub done_line: i64,
    pub version: i64,
    /// Since when its rows, which are not kept for good, are being removed.
    pub rows_removed_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
