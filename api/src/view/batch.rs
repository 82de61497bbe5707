//! Bulk uploads as they are shown: to the seller whose they are, and to operators.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt};
use poem_openapi::payload::EventStream;
use poem_openapi::{ApiResponse, Object};
use sea_orm::{ColumnTrait, QueryFilter};
use souk_domain::Result;
use souk_domain::batch::{self as batches, NewBatch, Receiving, Scope, Staged};
use souk_entity::batch;
use souk_entity::id::{BatchId, UserId};
use souk_entity::status::{BatchKind as Kind, BatchRowStatus as RowStatus, BatchStatus as Status};
use uuid::Uuid;

use crate::context::Context;
use crate::http::answer::{Created, Okay};
use crate::http::csv::{self, Cell, CsvFile};
use crate::http::page::{NumberedPageRequest, Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::http::upload::Unread;
use crate::view::words::{BatchFormat, BatchKind, BatchRowStatus, BatchStatus};

/// A bulk upload and how far it is.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Batch {
    /// Its id.
    id: Uuid,
    /// The seller whose it is; absent for the marketplace's own.
    seller_id: Option<Uuid>,
    /// What is done with its rows.
    kind: BatchKind,
    /// How its file was written.
    format: BatchFormat,
    /// Whether its rows are only tried: each counts as done when it could be done on what there is now, without the
    /// rows before it, and nothing is kept.
    dry_run: bool,
    /// Its status.
    status: BatchStatus,
    /// Rows of the file, without the header.
    total_rows: i64,
    /// Rows that are done or failed.
    processed_rows: i64,
    /// Rows that failed.
    failed_rows: i64,
    /// When it was uploaded.
    created_at: DateTime<Utc>,
    /// When it last went on.
    updated_at: DateTime<Utc>,
}

impl From<batch::Model> for Batch {
    fn from(row: batch::Model) -> Self {
        Self {
            id: row.id.into(),
            seller_id: row.seller_id.map(Into::into),
            kind: row.kind.into(),
            format: row.format.into(),
            dry_run: row.dry_run,
            status: row.status.into(),
            total_rows: row.total_rows,
            processed_rows: row.processed_rows,
            failed_rows: row.failed_rows,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A row of a bulk upload.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct BatchRow {
    /// The line of the file that it begins on; the first line is 1.
    line: i64,
    /// The row as it was uploaded.
    input: String,
    /// What became of it.
    status: BatchRowStatus,
    /// What it made, where that has a name: a parcel's id, an order's number, a state.
    result: Option<String>,
    /// Why it failed.
    error: Option<String>,
}

impl From<Staged> for BatchRow {
    fn from(row: Staged) -> Self {
        Self { line: row.line, input: row.input, status: row.status.into(), result: row.result, error: row.error }
    }
}

/// How far a bulk upload is, told again whenever it has gone on.
#[derive(ApiResponse)]
pub enum Progress {
    /// Server-sent events, each the batch as it is then; the stream ends with the batch, or after an hour.
    #[oai(status = 200)]
    Events(EventStream<BoxStream<'static, Batch>>),
}

/// Who uploads a file, and under which key.
pub struct Upload<'a> {
    /// Separates the idempotency keys of different callers.
    pub key_space: String,
    /// The operation id.
    pub operation: &'static str,
    /// The Idempotency-Key.
    pub key: Option<&'a str>,
}

/// Receives a file and queues its rows.
///
/// # Errors
/// What [`Unread::receive`] says; [`Code::InvalidValue`] and [`Code::IdempotencyKeyReused`] for the key;
/// [`Code::RateLimited`] for too many at once.
pub async fn upload(context: &Context, from: Upload<'_>, new: NewBatch, file: Unread) -> Result<Created<Batch>> {
    // Before a file of gigabytes is read for nothing.
    Key::read(from.key_space.clone(), from.operation, from.key, &())?;
    let _place = new.user.map(|user| context.upload_place(user)).transpose()?;
    let request = (new.format, new.dry_run);
    let mut receiving = Receiving::new(context.store.clone(), new);
    let (staged, digest) = file.receive(&mut receiving).await?;
    let key = Key::read(from.key_space, from.operation, from.key, &(digest, request))?;
    // The copy of a file that was sent before is thrown away with `receiving`.
    once(&context.store, key, async |tx| Ok(Created::new(&batches::queue(&tx, staged).await?.into()))).await
}

/// What a list of batches is asked for.
pub struct Filter {
    /// Only those of this status.
    pub status: Option<BatchStatus>,
    /// Only those of this kind.
    pub kind: Option<BatchKind>,
}

/// A page of batches, newest first.
///
/// # Errors
/// The database's.
pub async fn list(context: &Context, scope: Scope, filter: Filter, page: PageRequest) -> Result<Okay<Page<Batch>>> {
    let mut query = page.newest(batches::seen_by(scope), batch::Column::Id);
    if let Some(status) = filter.status {
        query = query.filter(batch::Column::Status.eq(Status::from(status)));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(batch::Column::Kind.eq(Kind::from(kind)));
    }
    let rows = query.all(context.store.read()).await?;
    Ok(Okay::new(&page.page(rows, |row| row.id.into(), Batch::from)))
}

/// One batch.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn show(context: &Context, scope: Scope, id: BatchId) -> Result<Okay<Batch>> {
    Ok(Okay::new(&batches::find(context.store.read(), scope, id).await?.into()))
}

/// A page of the rows of a batch, in the order of the file.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::InvalidValue`] and [`Code::MalformedRequest`] for the page.
pub async fn rows(
    context: &Context,
    (scope, id): (Scope, BatchId),
    status: Option<BatchRowStatus>,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Okay<Page<BatchRow>>> {
    let page = NumberedPageRequest::read(limit, cursor)?;
    let db = context.store.read();
    let batch = batches::find(db, scope, id).await?;
    let rows =
        batches::rows(db, context.store.vault(), batch.id, status.map(RowStatus::from), page.after, page.limit + 1)
            .await?;
    // Rows have no id of their own: their line is the key that the next page begins after.
    Ok(Okay::new(&page.page(rows, |row| row.line, BatchRow::from)))
}

/// Rows that are read at once for a file.
const ROWS_AT_ONCE: u64 = 500;

/// The failed rows of a batch as a file.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn errors(context: &Arc<Context>, scope: Scope, id: BatchId) -> Result<CsvFile> {
    let batch = batches::find(context.store.read(), scope, id).await?;
    let context = context.clone();
    let head = stream::once(async { csv::lines([["line", "error", "input"].map(Cell::plain)]) });
    let pages = stream::try_unfold(0, move |after| {
        let context = context.clone();
        async move {
            let failed = Some(RowStatus::Failed);
            let rows =
                batches::rows(context.store.read(), context.store.vault(), batch.id, failed, after, ROWS_AT_ONCE)
                    .await?;
            let Some(last) = rows.last().map(|row| row.line) else { return Ok(None) };
            let lines = csv::lines(rows.iter().map(|row| {
                let error = row.error.as_deref().unwrap_or_default();
                [Cell::plain(row.line.to_string()), Cell::text(error), Cell::text(&row.input)]
            }))?;
            Ok(Some((lines, last)))
        }
    });
    Ok(CsvFile::stream(&format!("batch-{}-errors.csv", batch.id), head.chain(pages)))
}

/// How often a batch that is watched is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A comment this often keeps a quiet stream from being taken for a dead one.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// After so many looks, an hour, a stream ends; its reader comes back if it is still there.
const MOST_LOOKS: u32 = 7_200;

/// How far a batch is, until it has ended, for this person.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::RateLimited`] for too many streams at once.
pub async fn progress(context: &Arc<Context>, user: UserId, scope: Scope, id: BatchId) -> Result<Progress> {
    let first = batches::find(context.store.read(), scope, id).await?;
    let place = context.stream_place(user)?;
    let (context, ended) = (context.clone(), batches::has_ended(first.status));
    let told = (first.status, first.processed_rows);
    let later = stream::unfold((told, ended, 0, place), move |(told, mut ended, mut looks, place)| {
        let context = context.clone();
        async move {
            while !ended && looks < MOST_LOOKS {
                tokio::time::sleep(LOOK_EVERY).await;
                looks += 1;
                // Its reader comes back and asks again, and is told then what is wrong.
                let batch = batches::find(context.store.read(), scope, id).await.ok()?;
                let now = (batch.status, batch.processed_rows);
                ended = batches::has_ended(batch.status);
                if now != told {
                    return Some((Batch::from(batch), (now, ended, looks, place)));
                }
            }
            None
        }
    });
    let events = stream::once(async { Batch::from(first) }).chain(later).boxed();
    Ok(Progress::Events(EventStream::new(events).keep_alive(HEARTBEAT)))
}
