//! The marketplace's own bulk uploads, and a look at everybody's.

use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use souk_domain::batch::{self as batches, NewBatch, Scope};
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::csv::CsvFile;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::http::upload::{OrdersFile, Unread};
use crate::view::batch::{self as view, Batch, BatchRow, Filter, Progress, Upload};
use crate::view::words::{BatchKind, BatchRowStatus, BatchStatus};

/// Bulk uploads of the marketplace and of all sellers.
pub struct AdminBatches;

#[OpenApi(prefix_path = "/api/v1/admin/batches", tag = "Tag::Operators")]
impl AdminBatches {
    /// Upload orders to import
    ///
    /// Orders of another system, one JSON object a line, placed as a shopper's would be: at the prices and taxes of now,
    /// with their stock held. They wait for their payment for 72 hours; one that costs nothing is confirmed at once. The
    /// keys of an order: `external_id` (its name there, 1 to 100 characters; imported once), `email`, `currency`,
    /// `shipping_address`, `lines` (each `seller` by id or name, `sku` and `quantity`) and, optionally, `user_id` (the
    /// account of the shopper, who can then see and pay the order; without it only operators and its sellers see it),
    /// `billing_address` and `notes`. The result of a row is the order's number.
    ///
    /// Rows are applied in the background, each for itself: a bad row does not stop the good ones. Money that was paid
    /// elsewhere is not imported.
    #[oai(path = "/orders", method = "post", operation_id = "adminUploadOrders")]
    async fn orders(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        file: OrdersFile,
        /// Try every row and keep nothing: the rows tell what would fail. A row does not count on the rows before it.
        dry_run: Query<Option<bool>>,
        /// Makes a repeated request safe: the same file sent again is one batch.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Batch>> {
        let file = Unread::from(file);
        let dry_run = dry_run.0.unwrap_or(false);
        let (kind, format, user) = (BatchKind::Orders.into(), file.format, Some(who.user()));
        let new = NewBatch { kind, format, seller: None, user, dry_run };
        let key = idempotency_key.0.as_deref();
        let from = Upload { key_space: who.key_space(), operation: "adminUploadOrders", key };
        Ok(view::upload(&ctx, from, new, file).await?)
    }

    /// List bulk uploads of everybody
    ///
    /// Newest first.
    #[oai(path = "/", method = "get", operation_id = "adminListBatches")]
    #[expect(clippy::too_many_arguments, reason = "one argument per query parameter is how the document knows them")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only those of this seller.
        seller_id: Query<Option<Uuid>>,
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
        let scope = seller_id.0.map_or(Scope::Everybody, |seller| Scope::Seller(seller.into()));
        let filter = Filter { status: status.0, kind: kind.0 };
        Ok(view::list(&ctx, scope, filter, page).await?)
    }

    /// Show any bulk upload
    ///
    /// How far it is.
    #[oai(path = "/:id", method = "get", operation_id = "adminGetBatch")]
    async fn get(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<Batch>> {
        Ok(view::show(&ctx, Scope::Everybody, id.0.into()).await?)
    }

    /// List the rows of any bulk upload
    ///
    /// In the order of the file, with what they made and what is wrong with those that failed. They are kept for 30 days
    /// after the batch has ended, its numbers for good.
    #[oai(path = "/:id/rows", method = "get", operation_id = "adminListBatchRows")]
    async fn rows(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        id: Path<Uuid>,
        /// Only those of this status.
        status: Query<Option<BatchRowStatus>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<BatchRow>>> {
        let batch = (Scope::Everybody, id.0.into());
        Ok(view::rows(&ctx, batch, status.0, limit.0, cursor.0.as_deref()).await?)
    }

    /// Download the failed rows of any bulk upload
    ///
    /// As CSV with the columns `line`, `error` and `input`, the row as it was uploaded. A text that a spreadsheet would
    /// run as a formula has an apostrophe in front.
    #[oai(path = "/:id/errors", method = "get", operation_id = "adminDownloadBatchErrors")]
    async fn errors(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<CsvFile> {
        Ok(view::errors(ctx.0, Scope::Everybody, id.0.into()).await?)
    }

    /// Follow any bulk upload
    ///
    /// Server-sent events of type `message`, each with the batch in JSON: at once, and whenever it has gone on, at most
    /// twice a second. A comment every 15 seconds shows that the stream is alive. It ends when the batch has ended, or
    /// after an hour; connect again then if the batch has not. A person follows at most 8 at once.
    #[oai(path = "/:id/progress", method = "get", operation_id = "adminFollowBatch")]
    async fn progress(&self, ctx: Ctx<'_>, who: Operating, id: Path<Uuid>) -> ApiResult<Progress> {
        Ok(view::progress(ctx.0, who.user(), Scope::Everybody, id.0.into()).await?)
    }

    /// Stop any bulk upload
    ///
    /// Rows that are done stay done, the others stay pending.
    #[oai(path = "/:id/cancel", method = "post", operation_id = "adminCancelBatch")]
    async fn cancel(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Batch>> {
        let key = Key::read(who.key_space(), "adminCancelBatch", idempotency_key.0.as_deref(), &id.0)?;
        let answer = once(&ctx.store, key, async |tx| {
            Ok(Okay::new(&batches::cancel(&tx, Scope::Everybody, id.0.into(), who.actor()).await?.into()))
        })
        .await?;
        Ok(answer)
    }
}
