//! Large refunds, which take two operators.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::payment::refund::approval::{self, Asked};
use souk_domain::{Error, Result};
use souk_entity::id::OrderId;
use souk_entity::refund_approval;
use souk_entity::status::RefundApprovalStatus as Status;
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::view::refund::Refund;
use crate::view::refund_approval::{RefundApproval, RefundAsked};
use crate::view::words::RefundApprovalStatus;

/// Why a refund is turned down.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct RejectRefund {
    /// Why; operators are shown it.
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: String,
}

impl Example for RejectRefund {
    fn example() -> Self {
        Self { reason: "The parcel was delivered; the signature is on file.".into() }
    }
}

/// Refunds that wait for a second operator, and those that have.
pub struct RefundApprovals;

#[OpenApi(prefix_path = "/api/v1/admin/refund-approvals", tag = "Tag::Operators")]
impl RefundApprovals {
    /// List refunds that took, or take, a second operator
    ///
    /// Newest first.
    #[oai(path = "/", method = "get", operation_id = "listRefundApprovals")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only those of this status.
        status: Query<Option<RefundApprovalStatus>>,
        /// Only those of this order.
        order_id: Query<Option<Uuid>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<RefundApproval>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(refund_approval::Entity::find(), refund_approval::Column::Id);
        if let Some(status) = status.0 {
            query = query.filter(refund_approval::Column::Status.eq(Status::from(status)));
        }
        if let Some(order) = order_id.0 {
            query = query.filter(refund_approval::Column::OrderId.eq(OrderId(order)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        let views = rows.into_iter().map(RefundApproval::new).collect::<Result<Vec<_>>>()?;
        Ok(Okay::new(&page.page(views, RefundApproval::id, |view| view)))
    }

    /// Show a refund that took, or takes, a second operator
    #[oai(path = "/:id", method = "get", operation_id = "getRefundApproval")]
    async fn get(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<RefundApproval>> {
        let row = approval::find(ctx.store.read(), id.0.into()).await?;
        Ok(Okay::new(&RefundApproval::new(row)?))
    }

    /// Approve a refund
    ///
    /// By another operator than the one who has asked for it, whatever they have signed in by. It is made at once,
    /// within what is left of the seller order now; what does not fit any more is refused and goes on waiting.
    #[oai(path = "/:id/approve", method = "post", operation_id = "approveRefund")]
    async fn approve(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Refund>> {
        let key = Key::read(who.key_space(), "approveRefund", idempotency_key.0.as_deref(), &id.0)?;
        let answer = once(&ctx.store, key, async |tx| {
            let (_, made) = approval::approve(&tx, id.0.into(), who.user()).await?;
            RefundAsked::answer(Asked::Made(made))
        })
        .await?;
        Ok(answer)
    }

    /// Turn a refund down
    ///
    /// By another operator than the one who has asked for it; no money moves.
    #[oai(path = "/:id/reject", method = "post", operation_id = "rejectRefund")]
    async fn reject(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        body: Json<RejectRefund>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<RefundApproval>> {
        let key = Key::read(who.key_space(), "rejectRefund", idempotency_key.0.as_deref(), &(id.0, &body.0))?;
        let answer = once(&ctx.store, key, async |tx| {
            let row = approval::reject(&tx, id.0.into(), who.user(), &body.0.reason).await?;
            Ok(Okay::new(&RefundApproval::new(row)?))
        })
        .await?;
        Ok(answer)
    }

    /// Withdraw a refund that waits
    ///
    /// By the operator who has asked for it.
    #[oai(path = "/:id/withdraw", method = "post", operation_id = "withdrawRefund")]
    async fn withdraw(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<RefundApproval>> {
        let key = Key::read(who.key_space(), "withdrawRefund", idempotency_key.0.as_deref(), &id.0)?;
        let answer = once(&ctx.store, key, async |tx| {
            let row = approval::withdraw(&tx, id.0.into(), who.user()).await?;
            Ok(Okay::new(&RefundApproval::new(row)?))
        })
        .await?;
        Ok(answer)
    }
}
