//! The seller's bulk uploads.

use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use souk_domain::Result;
use souk_domain::batch::{self as batches, NewBatch, Scope};
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::{Context, Ctx};
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::csv::CsvFile;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::http::upload::{RowsFile, Unread};
use crate::view::batch::{self as view, Batch, BatchRow, Filter, Progress, Upload};
use crate::view::words::{BatchKind, BatchRowStatus, BatchStatus};

/// Bulk uploads of the seller who asks.
pub struct Batches;

#[OpenApi(prefix_path = "/api/v1/seller/batches", tag = "Tag::SellerCatalogue")]
impl Batches {
    /// Upload inventory
    ///
    /// What is on hand: `sku`, `warehouse` (its name), `on_hand` (0 to 1000000000 units) and, optionally,
    /// `low_stock_threshold`.
    ///
    /// The file may be CSV, with a first line that names its columns in any order, or one JSON object a line. Its rows are
    /// applied in the background, each for itself and in their order: a bad row does not stop the good ones.
    #[oai(path = "/inventory", method = "post", operation_id = "uploadInventory")]
    async fn inventory(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        file: RowsFile,
        /// Try every row and keep nothing: the rows tell what would fail. A row does not count on the rows before it.
        dry_run: Query<Option<bool>>,
        /// Makes a repeated request safe: the same file sent again is one batch.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Batch>> {
        Ok(send(&ctx, &who, (BatchKind::Inventory, "uploadInventory"), file, dry_run.0, idempotency_key.0).await?)
    }

    /// Upload prices
    ///
    /// What is asked for: `sku`, `price` (a decimal string in the offer's currency) and, optionally, `active` (`true` or
    /// `false`: whether it can be bought).
    ///
    /// The file may be CSV, with a first line that names its columns in any order, or one JSON object a line. Its rows are
    /// applied in the background, each for itself and in their order: a bad row does not stop the good ones.
    #[oai(path = "/prices", method = "post", operation_id = "uploadPrices")]
    async fn prices(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        file: RowsFile,
        /// Try every row and keep nothing: the rows tell what would fail. A row does not count on the rows before it.
        dry_run: Query<Option<bool>>,
        /// Makes a repeated request safe: the same file sent again is one batch.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Batch>> {
        Ok(send(&ctx, &who, (BatchKind::Prices, "uploadPrices"), file, dry_run.0, idempotency_key.0).await?)
    }

    /// Upload parcels to pack
    ///
    /// A row is a parcel of an accepted seller order: `order_number` (the seller order's), `warehouse` (its name) and,
    /// optionally, `sku` with `quantity`. Without those, all that is allocated there and not packed yet goes in. Labels are
    /// bought of the default carrier, as for a single parcel. The result of a row is the parcel's id.
    ///
    /// The file may be CSV, with a first line that names its columns in any order, or one JSON object a line. Its rows are
    /// applied in the background, each for itself and in their order: a bad row does not stop the good ones.
    #[oai(path = "/shipments", method = "post", operation_id = "uploadShipments")]
    async fn shipments(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        file: RowsFile,
        /// Try every row and keep nothing: the rows tell what would fail. A row does not count on the rows before it.
        dry_run: Query<Option<bool>>,
        /// Makes a repeated request safe: the same file sent again is one batch.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Batch>> {
        Ok(send(&ctx, &who, (BatchKind::Shipments, "uploadShipments"), file, dry_run.0, idempotency_key.0).await?)
    }

    /// Upload parcels to label again
    ///
    /// Asks again for labels that are missing: `shipment_id`. A label that waits for its carrier is asked for at once; a
    /// parcel that the carrier refused is packed again as a new one, if what was in it can still be sent. The result of a
    /// row is the tracking number of a parcel that has its label, `queued`, or `queued as` the new parcel's id.
    ///
    /// The file may be CSV, with a first line that names its columns in any order, or one JSON object a line. Its rows are
    /// applied in the background, each for itself and in their order: a bad row does not stop the good ones.
    #[oai(path = "/labels", method = "post", operation_id = "uploadLabels")]
    async fn labels(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        file: RowsFile,
        /// Try every row and keep nothing: the rows tell what would fail. A row does not count on the rows before it.
        dry_run: Query<Option<bool>>,
        /// Makes a repeated request safe: the same file sent again is one batch.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Batch>> {
        Ok(send(&ctx, &who, (BatchKind::Labels, "uploadLabels"), file, dry_run.0, idempotency_key.0).await?)
    }

    /// Upload seller orders to accept or reject
    ///
    /// What is to happen to seller orders: `number`, `action` (`accept`, `reject` or `cancel`) and `reason`, which
    /// rejecting and cancelling takes. The result of a row is the seller order's status.
    ///
    /// The file may be CSV, with a first line that names its columns in any order, or one JSON object a line. Its rows are
    /// applied in the background, each for itself and in their order: a bad row does not stop the good ones.
    #[oai(path = "/seller-orders", method = "post", operation_id = "uploadSellerOrders")]
    async fn seller_orders(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        file: RowsFile,
        /// Try every row and keep nothing: the rows tell what would fail. A row does not count on the rows before it.
        dry_run: Query<Option<bool>>,
        /// Makes a repeated request safe: the same file sent again is one batch.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Batch>> {
        Ok(send(&ctx, &who, (BatchKind::SellerOrders, "uploadSellerOrders"), file, dry_run.0, idempotency_key.0)
            .await?)
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
        /// Only those of this kind.
        kind: Query<Option<BatchKind>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Batch>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let filter = Filter { status: status.0, kind: kind.0 };
        Ok(view::list(&ctx, scope(&who), filter, page).await?)
    }

    /// Show a bulk upload
    ///
    /// How far it is.
    #[oai(path = "/:id", method = "get", operation_id = "getBatch")]
    async fn get(&self, ctx: Ctx<'_>, who: Selling, id: Path<Uuid>) -> ApiResult<Okay<Batch>> {
        Ok(view::show(&ctx, scope(&who), id.0.into()).await?)
    }

    /// List the rows of a bulk upload
    ///
    /// In the order of the file, with what they made and what is wrong with those that failed. They are kept for 30 days
    /// after the batch has ended, its numbers for good.
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
        let batch = (scope(&who), id.0.into());
        Ok(view::rows(&ctx, batch, status.0, limit.0, cursor.0.as_deref()).await?)
    }

    /// Download the failed rows of a bulk upload
    ///
    /// As CSV with the columns `line`, `error` and `input`, the row as it was uploaded. A text that a spreadsheet would
    /// run as a formula has an apostrophe in front.
    #[oai(path = "/:id/errors", method = "get", operation_id = "downloadBatchErrors")]
    async fn errors(&self, ctx: Ctx<'_>, who: Selling, id: Path<Uuid>) -> ApiResult<CsvFile> {
        Ok(view::errors(ctx.0, scope(&who), id.0.into()).await?)
    }

    /// Follow a bulk upload
    ///
    /// Server-sent events of type `message`, each with the batch in JSON: at once, and whenever it has gone on, at most
    /// twice a second. A comment every 15 seconds shows that the stream is alive. It ends when the batch has ended, or
    /// after an hour; connect again then if the batch has not. A person follows at most 8 at once.
    #[oai(path = "/:id/progress", method = "get", operation_id = "followBatch")]
    async fn progress(&self, ctx: Ctx<'_>, who: Selling, id: Path<Uuid>) -> ApiResult<Progress> {
        Ok(view::progress(ctx.0, who.user(), scope(&who), id.0.into()).await?)
    }

    /// Stop a bulk upload
    ///
    /// Rows that are done stay done, the others stay pending.
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
            Ok(Okay::new(&batches::cancel(&tx, scope(&who), id.0.into(), who.actor()).await?.into()))
        })
        .await?;
        Ok(answer)
    }
}

fn scope(who: &Selling) -> Scope {
    Scope::Seller(who.seller())
}

async fn send(
    context: &Context,
    who: &Selling,
    (kind, operation): (BatchKind, &'static str),
    file: RowsFile,
    dry_run: Option<bool>,
    key: Option<String>,
) -> Result<Created<Batch>> {
    let file = Unread::from(file);
    let new = NewBatch {
        kind: kind.into(),
        format: file.format,
        seller: Some(who.seller()),
        user: Some(who.user()),
        dry_run: dry_run.unwrap_or(false),
    };
    let from = Upload { key_space: who.key_space(), operation, key: key.as_deref() };
    view::upload(context, from, new, file).await
}
