//! Refunds that sellers make, and those of their seller orders.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::money::{self, Money};
use souk_domain::payment::refund::{self as refunds, Wanted};
use souk_domain::{Code, Error, Result};
use souk_entity::id::OrderLineId;
use souk_entity::money::MinorUnits;
use souk_entity::status::Bearer;
use souk_entity::{refund, seller_order};
use uuid::Uuid;

use super::orders::own;
use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::{EXAMPLE_ID, Tag};
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::view::refund::{Refund, Refundable};

/// What a seller pays back of a seller order; one thing at least.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct RefundOrder {
    /// Units of lines, for what they cost.
    #[oai(default, validator(max_items = 200))]
    lines: Vec<RefundUnits>,
    /// So much of what was paid for shipping, its tax included.
    #[oai(validator(max_length = 24))]
    shipping_amount: Option<String>,
    /// So much for nothing that was bought; the seller bears it, and no commission comes back.
    #[oai(validator(max_length = 24))]
    goodwill_amount: Option<String>,
    /// The currency of the amounts: that of the order, which it is when left out.
    #[oai(validator(max_length = 3))]
    currency: Option<String>,
    /// Why; the shopper is shown it.
    #[oai(validator(min_length = 1, max_length = 500))]
    note: Option<String>,
}

impl Example for RefundOrder {
    fn example() -> Self {
        Self {
            lines: vec![RefundUnits::example()],
            shipping_amount: Some("2.50".into()),
            goodwill_amount: None,
            currency: Some("USD".into()),
            note: Some("One came with a scratch.".into()),
        }
    }
}

/// Units of a line to be paid back.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct RefundUnits {
    /// The line.
    line_id: Uuid,
    /// Units, at most those not refunded yet.
    #[oai(validator(minimum(value = "0"), maximum(value = "9999")))]
    quantity: i64,
}

impl RefundUnits {
    /// One unit.
    pub fn example() -> Self {
        Self { line_id: EXAMPLE_ID, quantity: 1 }
    }

    /// As the domain counts them.
    pub fn read(&self) -> (OrderLineId, i64) {
        (self.line_id.into(), self.quantity)
    }
}

/// Reads an amount that may be left out, in the currency of the seller order.
///
/// # Errors
/// [`Code::InvalidMoney`], also for another currency.
pub fn read_amount(part: &seller_order::Model, amount: Option<&str>, currency: Option<&str>) -> Result<MinorUnits> {
    let currency = currency.map_or(Ok(part.currency), money::currency)?;
    if currency != part.currency {
        let message = format!("The order was paid in {}; refund it in {}.", part.currency, part.currency);
        return Err(Error::new(Code::InvalidMoney, message));
    }
    amount.map_or(Ok(MinorUnits::ZERO), |amount| Money::parse(amount, currency).map(|money| money.amount))
}

/// Refunds of the seller who asks.
pub struct SellerRefunds;

#[OpenApi(prefix_path = "/api/v1/seller/orders", tag = "Tag::SellerFulfilment")]
impl SellerRefunds {
    /// Show what can be refunded
    ///
    /// Per line, of shipping and in all, with the commission that would come back.
    #[oai(path = "/:id/refundable", method = "get", operation_id = "getRefundable")]
    async fn refundable(&self, ctx: Ctx<'_>, who: Selling, id: Path<Uuid>) -> ApiResult<Okay<Refundable>> {
        let part = own(ctx.store.read(), id.0.into(), who.seller()).await?;
        let left = refunds::refundable(ctx.store.read(), &part).await?;
        Ok(Okay::new(&Refundable::new(part.id, left)))
    }

    /// List the refunds of a seller order
    ///
    /// Newest first.
    #[oai(path = "/:id/refunds", method = "get", operation_id = "listSellerOrderRefunds")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Refund>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let part = own(ctx.store.read(), id.0.into(), who.seller()).await?;
        let query =
            page.newest(refund::Entity::find().filter(refund::Column::SellerOrderId.eq(part.id)), refund::Column::Id);
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        let rows = refunds::with_lines(ctx.store.read(), rows).await?;
        Ok(Okay::new(&page.page(rows, |row| row.refund.id.into(), Refund::of_business)))
    }

    /// Refund a part of a seller order
    ///
    /// Without anything coming back: units for what they cost, shipping, and goodwill, together in one refund. With
    /// units and shipping their tax is paid back, with units their commission comes back. Units are paid at most what
    /// goodwill that was paid before has left.
    #[oai(path = "/:id/refunds", method = "post", operation_id = "refundOrder")]
    async fn make(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        body: Json<RefundOrder>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Refund>> {
        let key = idempotency_key.0.as_deref();
        let key = Key::read(who.key_space(), "refundOrder", key, &(id.0, &body.0))?;
        let answer = once(&ctx.store, key, async |tx| {
            let part = own(&**tx, id.0.into(), who.seller()).await?;
            let (body, currency) = (&body.0, body.0.currency.as_deref());
            let wanted = Wanted {
                lines: body.lines.iter().map(RefundUnits::read).collect(),
                shipping: read_amount(&part, body.shipping_amount.as_deref(), currency)?,
                goodwill: read_amount(&part, body.goodwill_amount.as_deref(), currency)?,
                borne_by: Bearer::Seller,
                note: body.note.clone(),
            };
            let made = refunds::request(&tx, part.id, &wanted, who.actor()).await?;
            Ok(Created::new(&Refund::of_business(made)))
        })
        .await?;
        Ok(answer)
    }
}
