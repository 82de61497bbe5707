//! The seller's bulk uploads.

use chrono::{DateTime, Utc};
use poem::{FromRequest, Request, RequestBody};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::MetaSchemaRef;
use poem_openapi::types::Type;
use poem_openapi::{ApiRequest, Object, OpenApi};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_domain::catalogue::batch as batches;
use souk_domain::{Code, Error, Result};
use souk_entity::id::{BatchId, SellerId};
use souk_entity::status::{BatchRowStatus as RowStatus, BatchStatus as Status};
use souk_entity::{batch, batch_row};
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::view::words::{BatchRowStatus, BatchStatus};

/// Where files are uploaded; bodies may be larger there.
pub const UPLOAD_PATH: &str = "/api/v1/seller/batches/inventory";

/// A CSV file in UTF-8; plain text is taken for one too, because many tools send it as that.
#[derive(Clone, Debug)]
pub struct Csv(String);

impl Payload for Csv {
    const CONTENT_TYPE: &'static str = "text/csv";

    fn check_content_type(content_type: &str) -> bool {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        [Self::CONTENT_TYPE, "text/plain"].iter().any(|taken| essence.eq_ignore_ascii_case(taken))
    }

    fn schema_ref() -> MetaSchemaRef {
        String::schema_ref()
    }
}

impl ParsePayload for Csv {
    const IS_REQUIRED: bool = true;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        Ok(Self(String::from_request(request, body).await?))
    }
}

/// Lines of `sku,warehouse,on_hand` below a header of these names, at most 100000. `warehouse` is a warehouse's name.
#[derive(Debug, ApiRequest)]
pub enum InventoryFile {
    /// Sent as `text/csv` or `text/plain`.
    Csv(Csv),
}

/// A bulk upload and how far it is.
#[derive(Debug, Object)]
pub struct Batch {
    /// Its id.
    id: Uuid,
    /// Its status.
    status: BatchStatus,
    /// Rows below the header.
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
    /// The line in the file; the header is line 1.
    line: i64,
    /// The line as it was uploaded.
    input: String,
    /// What became of it.
    status: BatchRowStatus,
    /// Why it failed.
    error: Option<String>,
}

impl From<batch_row::Model> for BatchRow {
    fn from(row: batch_row::Model) -> Self {
        Self { line: row.line, input: row.input, status: row.status.into(), error: row.error }
    }
}

/// Bulk uploads of the seller who asks.
pub struct Batches;

#[OpenApi(prefix_path = "/api/v1/seller/batches", tag = "Tag::SellerCatalogue")]
impl Batches {
    /// Upload inventory
    ///
    /// A CSV file with the header `sku,warehouse,on_hand`. Its rows are applied in the background, each for itself: a
    /// bad row does not stop the good ones.
    #[oai(path = "/inventory", method = "post", operation_id = "uploadInventory")]
    async fn upload(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        body: InventoryFile,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Batch>> {
        let InventoryFile::Csv(Csv(csv)) = body;
        let key = Key::read(who.key_space(), "uploadInventory", idempotency_key.0.as_deref(), &csv)?;
        let answer = once(&ctx.store, key, async |tx| {
            Ok(Created::new(&batches::create(&tx, who.seller(), who.0.user, &csv).await?.into()))
        })
        .await?;
        Ok(answer)
    }

    /// List bulk uploads
    ///
    /// Newest first.
    #[oai(path = "/", method = "get", operation_id = "listBatches")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// Only those of this status.
        status: Query<Option<BatchStatus>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Batch>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query =
            page.newest(batch::Entity::find().filter(batch::Column::SellerId.eq(who.seller())), batch::Column::Id);
        if let Some(status) = status.0 {
            query = query.filter(batch::Column::Status.eq(Status::from(status)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), Batch::from)))
    }

    /// Show a bulk upload
    ///
    /// How far it is.
    #[oai(path = "/:id", method = "get", operation_id = "getBatch")]
    async fn get(&self, ctx: Ctx<'_>, who: Selling, id: Path<Uuid>) -> ApiResult<Okay<Batch>> {
        Ok(Okay::new(&own(ctx.store.read(), id.0.into(), who.seller()).await?.into()))
    }

    /// List the rows of a bulk upload
    ///
    /// In the order of the file, with what is wrong with those that failed.
    #[oai(path = "/:id/rows", method = "get", operation_id = "listBatchRows")]
    async fn rows(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        /// Only those of this status.
        status: Query<Option<BatchRowStatus>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<BatchRow>>> {
        let limit = PageRequest::read(limit.0, None)?.limit;
        let after = cursor.0.as_deref().map(read_line).transpose()?;
        let batch = own(ctx.store.read(), id.0.into(), who.seller()).await?;
        let mut query = batch_row::Entity::find()
            .filter(batch_row::Column::BatchId.eq(batch.id))
            .order_by_asc(batch_row::Column::Line)
            .limit(limit + 1);
        if let Some(after) = after {
            query = query.filter(batch_row::Column::Line.gt(after));
        }
        if let Some(status) = status.0 {
            query = query.filter(batch_row::Column::Status.eq(RowStatus::from(status)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page_by_line(rows, usize::try_from(limit).unwrap_or(usize::MAX))))
    }

    /// Stop a bulk upload
    ///
    /// Rows that are done stay done.
    #[oai(path = "/:id/cancel", method = "post", operation_id = "cancelBatch")]
    async fn cancel(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Batch>> {
        let key = Key::read(who.key_space(), "cancelBatch", idempotency_key.0.as_deref(), &id.0)?;
        let answer = once(&ctx.store, key, async |tx| {
            Ok(Okay::new(&batches::cancel(&tx, who.seller(), id.0.into()).await?.into()))
        })
        .await?;
        Ok(answer)
    }
}

async fn own(db: &impl ConnectionTrait, id: BatchId, seller: SellerId) -> Result<batch::Model> {
    batch::Entity::find_by_id(id)
        .filter(batch::Column::SellerId.eq(seller))
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("batch"))
}

fn read_line(cursor: &str) -> Result<i64> {
    let malformed = || Error::new(Code::MalformedRequest, "cursor must be a next_cursor of the page before.");
    cursor.parse::<i64>().map_err(|_| malformed())
}

/// Rows have no id of their own: their line is the key that the next page begins after.
fn page_by_line(mut rows: Vec<batch_row::Model>, limit: usize) -> Page<BatchRow> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows.last().filter(|_| more).map(|row| row.line.to_string());
    Page { items: rows.into_iter().map(BatchRow::from).collect(), next_cursor }
}
