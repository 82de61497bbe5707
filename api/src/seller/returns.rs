//! Returns as their seller decides them.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use souk_domain::returns::{self, Received};
use souk_domain::{Error, Result};
use souk_entity::id::{ReturnRequestId, SellerId};
use souk_entity::return_request;
use souk_entity::status::ReturnStatus as Status;
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::{EXAMPLE_ID, Tag};
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::shopper::orders::Reason;
use crate::shopper::returns::view;
use crate::view::order::Return;
use crate::view::words::{ReturnCondition, ReturnStatus};

/// What came back.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct ReceiveReturn {
    /// Lines and what came of them; a line that is left out did not come.
    #[oai(validator(min_items = 1, max_items = 200))]
    lines: Vec<ReceiveReturnLine>,
}

impl Example for ReceiveReturn {
    fn example() -> Self {
        Self {
            lines: vec![ReceiveReturnLine {
                line_id: EXAMPLE_ID,
                quantity: 1,
                condition: ReturnCondition::Opened,
                restock: true,
            }],
        }
    }
}

/// What came back of a line.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ReceiveReturnLine {
    /// The line.
    line_id: Uuid,
    /// Units that came, at most those asked for.
    #[oai(validator(minimum(value = "0"), maximum(value = "9999")))]
    quantity: i64,
    /// In what state.
    condition: ReturnCondition,
    /// Whether they go back on the shelf.
    restock: bool,
}

/// Returns to the seller who asks.
pub struct SellerReturns;

#[OpenApi(prefix_path = "/api/v1/seller/returns", tag = "Tag::SellerFulfilment")]
impl SellerReturns {
    /// List the returns to the seller
    ///
    /// Newest first.
    #[oai(path = "/", method = "get", operation_id = "listSellerReturns")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// Only those of this status.
        status: Query<Option<ReturnStatus>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Return>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(
            return_request::Entity::find().filter(return_request::Column::SellerId.eq(who.seller())),
            return_request::Column::Id,
        );
        if let Some(status) = status.0 {
            query = query.filter(return_request::Column::Status.eq(Status::from(status)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        let rows = returns::detail::with_lines(ctx.store.read(), ctx.store.vault(), rows).await?;
        let page = page.page(rows, |row| row.request.id.into(), Return::new);
        Ok(Okay::new(&page))
    }

    /// Show a return to the seller
    #[oai(path = "/:id", method = "get", operation_id = "getSellerReturn")]
    async fn get(&self, ctx: Ctx<'_>, who: Selling, id: Path<Uuid>) -> ApiResult<Okay<Return>> {
        let row = own(ctx.store.read(), id.0.into(), who.seller()).await?;
        Ok(Okay::new(&view(ctx.store.read(), ctx.store.vault(), row).await?))
    }

    /// Approve a return
    ///
    /// The return label is bought in the background.
    #[oai(path = "/:id/approve", method = "post", operation_id = "approveReturn")]
    async fn approve(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Return>> {
        let key = Key::read(who.key_space(), "approveReturn", idempotency_key.0.as_deref(), &id.0)?;
        let answer = once(&ctx.store, key, async |tx| {
            let id = own(&**tx, id.0.into(), who.seller()).await?.id;
            let row = returns::approve(&tx, who.seller(), id, who.actor()).await?;
            Ok(Okay::new(&view(&**tx, tx.vault(), row).await?))
        })
        .await?;
        Ok(answer)
    }

    /// Reject a return
    #[oai(path = "/:id/reject", method = "post", operation_id = "rejectReturn")]
    async fn reject(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        body: Json<Reason>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Return>> {
        let key = idempotency_key.0.as_deref();
        let key = Key::read(who.key_space(), "rejectReturn", key, &(id.0, &body.0))?;
        let answer = once(&ctx.store, key, async |tx| {
            let id = own(&**tx, id.0.into(), who.seller()).await?.id;
            let row = returns::reject(&tx, who.seller(), id, who.actor(), &body.0.reason).await?;
            Ok(Okay::new(&view(&**tx, tx.vault(), row).await?))
        })
        .await?;
        Ok(answer)
    }

    /// Receive a return
    ///
    /// Says what came back and in what state. Restocked units can be sold again; the refund of what came is worked out
    /// in the background.
    #[oai(path = "/:id/receive", method = "post", operation_id = "receiveReturn")]
    async fn receive(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        body: Json<ReceiveReturn>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Return>> {
        let key = idempotency_key.0.as_deref();
        let key = Key::read(who.key_space(), "receiveReturn", key, &(id.0, &body.0))?;
        let received: Vec<Received> = body
            .0
            .lines
            .iter()
            .map(|line| Received {
                line_id: line.line_id.into(),
                quantity: line.quantity,
                condition: line.condition.into(),
                restock: line.restock,
            })
            .collect();
        let answer = once(&ctx.store, key, async |tx| {
            let id = own(&**tx, id.0.into(), who.seller()).await?.id;
            let row = returns::receive(&tx, who.seller(), id, who.actor(), &received).await?;
            Ok(Okay::new(&view(&**tx, tx.vault(), row).await?))
        })
        .await?;
        Ok(answer)
    }
}

/// Read before any lock is taken, so that another seller's request does not hold up the order.
async fn own(db: &impl ConnectionTrait, id: ReturnRequestId, seller: SellerId) -> Result<return_request::Model> {
    return_request::Entity::find_by_id(id)
        .filter(return_request::Column::SellerId.eq(seller))
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("return"))
}
