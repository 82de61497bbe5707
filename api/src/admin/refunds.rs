//! All refunds.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use souk_domain::payment::refund::{self as refunds, Wanted};
use souk_domain::{Error, Result};
use souk_entity::id::{RefundId, SellerOrderId};
use souk_entity::status::{Bearer as BorneBy, RefundStatus as Status};
use souk_entity::{refund, seller_order};
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::seller::refunds::{RefundUnits, read_amount};
use crate::view::refund::{Refund, Refundable};
use crate::view::words::{Bearer, RefundStatus};

/// What an operator pays back of a seller order; one thing at least.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct RefundSellerOrder {
    /// Units of lines, for what they cost.
    #[oai(default, validator(max_items = 200))]
    lines: Vec<RefundUnits>,
    /// So much of what was paid for shipping, its tax included.
    #[oai(validator(max_length = 24))]
    shipping_amount: Option<String>,
    /// So much for nothing that was bought; no commission comes back with it.
    #[oai(validator(max_length = 24))]
    goodwill_amount: Option<String>,
    /// Who pays the goodwill; the seller when left out.
    goodwill_borne_by: Option<Bearer>,
    /// The currency of the amounts: that of the order, which it is when left out.
    #[oai(validator(max_length = 3))]
    currency: Option<String>,
    /// Why; the shopper is shown it.
    #[oai(validator(min_length = 1, max_length = 500))]
    note: Option<String>,
}

impl Example for RefundSellerOrder {
    fn example() -> Self {
        Self {
            lines: vec![RefundUnits::example()],
            shipping_amount: Some("2.50".into()),
            goodwill_amount: Some("5.00".into()),
            goodwill_borne_by: Some(Bearer::Platform),
            currency: Some("USD".into()),
            note: Some("It came late, and one of them broken.".into()),
        }
    }
}

/// All refunds.
pub struct AdminRefunds;

#[OpenApi(prefix_path = "/api/v1/admin", tag = "Tag::Operators")]
impl AdminRefunds {
    /// Show what can be refunded of any seller order
    ///
    /// Per line, of shipping and in all, with the commission that would come back.
    #[oai(path = "/seller-orders/:id/refundable", method = "get", operation_id = "adminGetRefundable")]
    async fn refundable(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<Refundable>> {
        let part = part(ctx.store.read(), id.0.into()).await?;
        let left = refunds::refundable(ctx.store.read(), &part).await?;
        Ok(Okay::new(&Refundable::new(part.id, left)))
    }

    /// Refund a part of any seller order
    ///
    /// Without anything coming back: units for what they cost, shipping, and goodwill, together in one refund. With
    /// units and shipping their tax is paid back, with units their commission comes back. Units are paid at most what
    /// goodwill that was paid before has left. The seller bears it all, but for goodwill that the marketplace bears.
    #[oai(path = "/seller-orders/:id/refunds", method = "post", operation_id = "refundSellerOrder")]
    async fn make(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        body: Json<RefundSellerOrder>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Refund>> {
        let key = idempotency_key.0.as_deref();
        let key = Key::read(who.key_space(), "refundSellerOrder", key, &(id.0, &body.0))?;
        let answer = once(&ctx.store, key, async |tx| {
            let part = part(&**tx, id.0.into()).await?;
            let (body, currency) = (&body.0, body.0.currency.as_deref());
            let wanted = Wanted {
                lines: body.lines.iter().map(RefundUnits::read).collect(),
                shipping: read_amount(&part, body.shipping_amount.as_deref(), currency)?,
                goodwill: read_amount(&part, body.goodwill_amount.as_deref(), currency)?,
                borne_by: body.goodwill_borne_by.map_or(BorneBy::Seller, Into::into),
                note: body.note.clone(),
            };
            let made = refunds::request(&tx, part.id, &wanted, who.actor()).await?;
            Ok(Created::new(&Refund::of_business(made)))
        })
        .await?;
        Ok(answer)
    }

    /// List all refunds
    ///
    /// Newest first.
    #[oai(path = "/refunds", method = "get", operation_id = "adminListRefunds")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only those of this status.
        status: Query<Option<RefundStatus>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Refund>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(refund::Entity::find(), refund::Column::Id);
        if let Some(status) = status.0 {
            query = query.filter(refund::Column::Status.eq(Status::from(status)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        let rows = refunds::with_lines(ctx.store.read(), rows).await?;
        Ok(Okay::new(&page.page(rows, |row| row.refund.id.into(), Refund::of_business)))
    }

    /// Show any refund
    #[oai(path = "/refunds/:id", method = "get", operation_id = "adminGetRefund")]
    async fn get(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<Refund>> {
        let detail = refunds::read(ctx.store.read(), RefundId(id.0)).await?;
        Ok(Okay::new(&Refund::of_business(detail)))
    }

    /// Make a failed refund anew
    ///
    /// Once, with the same amounts and with those of its units that were not refunded otherwise since, when the reason
    /// for which the provider refused it is out of the world. Where nothing is left to be paid for a return, the return
    /// is settled and the failed refund is answered.
    #[oai(path = "/refunds/:id/retry", method = "post", operation_id = "retryRefund")]
    async fn retry(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Refund>> {
        let key = Key::read(who.key_space(), "retryRefund", idempotency_key.0.as_deref(), &id.0)?;
        let answer = once(&ctx.store, key, async |tx| {
            let made = refunds::retry(&tx, RefundId(id.0), who.actor()).await?;
            Ok(Created::new(&Refund::of_business(made)))
        })
        .await?;
        Ok(answer)
    }
}

async fn part(db: &impl ConnectionTrait, id: SellerOrderId) -> Result<seller_order::Model> {
    seller_order::Entity::find_by_id(id).one(db).await?.ok_or_else(|| Error::not_found("seller order"))
}
