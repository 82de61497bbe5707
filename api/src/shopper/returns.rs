//! The shopper's returns.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use souk_domain::order::detail;
use souk_domain::returns::{self, Wanted};
use souk_domain::vault::Vault;
use souk_domain::{Error, Result};
use souk_entity::id::ReturnRequestId;
use souk_entity::{order, return_request};
use uuid::Uuid;

use crate::auth::Shopper;
use crate::context::Ctx;
use crate::document::{EXAMPLE_ID, Tag};
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::seller::shipments::{Label, LabelFormat, label};
use crate::view::order::Return;
use crate::view::words::ReturnReason;

/// What is to be given back.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct RequestReturn {
    /// The seller's part of the order.
    seller_order_id: Uuid,
    /// Lines and quantities.
    #[oai(validator(min_items = 1, max_items = 200))]
    lines: Vec<RequestReturnLine>,
    /// A word to the seller.
    #[oai(validator(max_length = 1000))]
    note: Option<String>,
}

impl Example for RequestReturn {
    fn example() -> Self {
        Self {
            seller_order_id: EXAMPLE_ID,
            lines: vec![RequestReturnLine { line_id: EXAMPLE_ID, quantity: 1, reason: ReturnReason::Defective }],
            note: Some("It does not light up.".into()),
        }
    }
}

/// Units of a line to be given back.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct RequestReturnLine {
    /// The line.
    line_id: Uuid,
    /// Units, at most those delivered.
    #[oai(validator(minimum(value = "1"), maximum(value = "9999")))]
    quantity: i64,
    /// Why.
    reason: ReturnReason,
}

/// Returns of the shopper who asks.
pub struct Returns;

#[OpenApi(prefix_path = "/api/v1/returns", tag = "Tag::Returns")]
impl Returns {
    /// Ask to return goods
    ///
    /// Within the return window of a delivered seller order. The seller decides; an approval brings a return label.
    #[oai(path = "/", method = "post", operation_id = "requestReturn")]
    async fn request(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        body: Json<RequestReturn>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Return>> {
        let key = Key::read(shopper.key_space(), "requestReturn", idempotency_key.0.as_deref(), &body.0)?;
        let wanted: Vec<Wanted> = body
            .0
            .lines
            .iter()
            .map(|line| Wanted { line_id: line.line_id.into(), quantity: line.quantity, reason: line.reason.into() })
            .collect();
        let (owner, part) = (shopper.owner(), body.0.seller_order_id.into());
        let answer = once(&ctx.store, key, async |tx| {
            let request = returns::request(&tx, &owner, part, &wanted, body.0.note.clone()).await?;
            Ok(Created::new(&view(&**tx, tx.vault(), request).await?))
        })
        .await?;
        Ok(answer)
    }

    /// List returns
    ///
    /// The shopper's own, newest first.
    #[oai(path = "/", method = "get", operation_id = "listReturns")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        /// Only those of this order.
        order_id: Query<Option<Uuid>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Return>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(
            return_request::Entity::find().inner_join(order::Entity).filter(detail::orders_of(&shopper.owner())),
            return_request::Column::Id,
        );
        if let Some(order) = order_id.0 {
            query = query.filter(return_request::Column::OrderId.eq(souk_entity::id::OrderId(order)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        let rows = returns::detail::with_lines(ctx.store.read(), ctx.store.vault(), rows).await?;
        let page = page.page(rows, |row| row.request.id.into(), Return::new);
        Ok(Okay::new(&page))
    }

    /// Show a return
    #[oai(path = "/:id", method = "get", operation_id = "getReturn")]
    async fn get(&self, ctx: Ctx<'_>, shopper: Shopper, id: Path<Uuid>) -> ApiResult<Okay<Return>> {
        let row = own(ctx.store.read(), &shopper, id.0).await?;
        Ok(Okay::new(&view(ctx.store.read(), ctx.store.vault(), row).await?))
    }

    /// Take a return back
    ///
    /// Before it is sent.
    #[oai(path = "/:id/cancel", method = "post", operation_id = "cancelReturn")]
    async fn cancel(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Return>> {
        let key = Key::read(shopper.key_space(), "cancelReturn", idempotency_key.0.as_deref(), &id.0)?;
        let answer = once(&ctx.store, key, async |tx| {
            let request = returns::cancel(&tx, &shopper.owner(), id.0.into()).await?;
            Ok(Okay::new(&view(&**tx, tx.vault(), request).await?))
        })
        .await?;
        Ok(answer)
    }

    /// Download the return label
    #[oai(path = "/:id/label", method = "get", operation_id = "getReturnLabel")]
    async fn label(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
        /// PDF when left out.
        format: Query<Option<LabelFormat>>,
    ) -> ApiResult<Label> {
        let (db, vault) = (ctx.store.read(), ctx.store.vault());
        let row = own(db, &shopper, id.0).await?;
        let parcel = returns::detail::with_lines(db, vault, vec![row]).await?.pop().and_then(|detail| detail.parcel);
        let parcel = parcel.ok_or_else(|| Error::not_found("return label"))?;
        Ok(label(&ctx, parcel.id, format.0.unwrap_or(LabelFormat::Pdf)).await?)
    }
}

async fn own(db: &impl ConnectionTrait, shopper: &Shopper, id: Uuid) -> Result<return_request::Model> {
    return_request::Entity::find_by_id(ReturnRequestId(id))
        .inner_join(order::Entity)
        .filter(detail::orders_of(&shopper.owner()))
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("return"))
}

/// A return as it is shown.
pub async fn view(db: &impl ConnectionTrait, vault: &Vault, row: return_request::Model) -> Result<Return> {
    let detail = returns::detail::with_lines(db, vault, vec![row]).await?.pop();
    Ok(Return::new(detail.ok_or_else(|| Error::not_found("return"))?))
}
