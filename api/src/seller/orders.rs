//! The seller's parts of orders.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use souk_domain::order::{contact, detail, lifecycle};
use souk_domain::vault::Vault;
use souk_domain::{Error, Result, Tx, store};
use souk_entity::id::{SellerId, SellerOrderId};
use souk_entity::status::{AddressKind, EntityKind, OrderStatus as Status};
use souk_entity::{order, order_address, seller_order};
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::http::version;
use crate::shopper::orders::Reason;
use crate::view::address::Address;
use crate::view::order::{SellerOrder, SellerOrderSummary};
use crate::view::words::OrderStatus;
use crate::view::{HistoryEntry, amount};

/// A seller order with what its seller needs to fulfil it.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct SellerOrderDetail {
    /// The seller order.
    order: SellerOrder,
    /// The marketplace's commission.
    commission_total: String,
    /// Where the goods go.
    shipping_address: Option<Address>,
    /// A word of the shopper.
    notes: Option<String>,
    /// What happened to it, oldest first.
    history: Vec<HistoryEntry>,
}

/// Seller orders of the seller who asks.
pub struct SellerOrders;

#[OpenApi(prefix_path = "/api/v1/seller/orders", tag = "Tag::SellerFulfilment")]
impl SellerOrders {
    /// List seller orders
    ///
    /// Newest first.
    #[oai(path = "/", method = "get", operation_id = "listSellerOrders")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// Only those of this status.
        status: Query<Option<OrderStatus>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<SellerOrderSummary>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(
            seller_order::Entity::find().filter(seller_order::Column::SellerId.eq(who.seller())),
            seller_order::Column::Id,
        );
        if let Some(status) = status.0 {
            query = query.filter(seller_order::Column::Status.eq(Status::from(status)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), SellerOrderSummary::from)))
    }

    /// Show a seller order
    #[oai(path = "/:id", method = "get", operation_id = "getSellerOrder")]
    async fn get(&self, ctx: Ctx<'_>, who: Selling, id: Path<Uuid>) -> ApiResult<Okay<SellerOrderDetail>> {
        Ok(read(ctx.store.read(), ctx.store.vault(), id.0.into(), who.seller()).await?)
    }

    /// Accept a seller order
    ///
    /// One that is paid; parcels can be packed from then on.
    #[oai(path = "/:id/accept", method = "post", operation_id = "acceptSellerOrder")]
    async fn accept(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        /// Only if the seller order is at this version.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<SellerOrderDetail>> {
        let key = Key::read(who.key_space(), "acceptSellerOrder", idempotency_key.0.as_deref(), &id.0)?;
        let if_version = version::read(if_match.0.as_deref())?;
        let answer = once(&ctx.store, key, async |tx| {
            let id = lock(&tx, id.0.into(), who.seller(), if_version).await?;
            lifecycle::accept(&tx, id, who.actor()).await?;
            read(&**tx, tx.vault(), id, who.seller()).await
        })
        .await?;
        Ok(answer)
    }

    /// Reject a seller order
    ///
    /// Or cancel it before anything of it has left: its stock is released, its labels are voided, and what was paid
    /// for it is refunded.
    #[oai(path = "/:id/reject", method = "post", operation_id = "rejectSellerOrder")]
    async fn reject(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        body: Json<Reason>,
        /// Only if the seller order is at this version.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<SellerOrderDetail>> {
        let key = idempotency_key.0.as_deref();
        let key = Key::read(who.key_space(), "rejectSellerOrder", key, &(id.0, &body.0))?;
        let if_version = version::read(if_match.0.as_deref())?;
        let answer = once(&ctx.store, key, async |tx| {
            let id = lock(&tx, id.0.into(), who.seller(), if_version).await?;
            lifecycle::cancel_part(&tx, id, who.actor(), &body.0.reason).await?;
            read(&**tx, tx.vault(), id, who.seller()).await
        })
        .await?;
        Ok(answer)
    }
}

/// A seller order of the seller.
///
/// # Errors
/// [`souk_domain::Code::NotFound`], also for another seller's.
pub async fn own(db: &impl ConnectionTrait, id: SellerOrderId, seller: SellerId) -> Result<seller_order::Model> {
    seller_order::Entity::find_by_id(id)
        .filter(seller_order::Column::SellerId.eq(seller))
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("seller order"))
}

/// Locks the order of a seller order of the seller, at the version asked for.
async fn lock(tx: &Tx, id: SellerOrderId, seller: SellerId, if_version: Option<i64>) -> Result<SellerOrderId> {
    // Before the lock: another seller's request must not hold up the order.
    own(&**tx, id, seller).await?;
    let (_, part) = lifecycle::lock_part(tx, id).await?;
    store::check_version(if_version, part.version)?;
    Ok(id)
}

async fn read(
    db: &impl ConnectionTrait,
    vault: &Vault,
    id: SellerOrderId,
    seller: SellerId,
) -> Result<Okay<SellerOrderDetail>> {
    let part = detail::read_part(db, id, seller).await?;
    let row = &part.seller_order;
    let (order_id, version) = (row.order_id, row.version);
    let commission_total = amount(row.commission_total, row.currency);
    let address = order_address::Entity::find()
        .filter(order_address::Column::OrderId.eq(order_id))
        .filter(order_address::Column::Kind.eq(AddressKind::Shipping))
        .one(db)
        .await?;
    let order = order::Entity::find_by_id(order_id).one(db).await?.ok_or_else(|| Error::not_found("order"))?;
    let person = vault.person(db, order.person()).await?;
    let address = address.map_or(Ok(None), |row| contact::open_address(&person, &row))?;
    let history = detail::history(db, EntityKind::SellerOrder, id).await?;
    let detail = SellerOrderDetail {
        order: part.into(),
        commission_total,
        shipping_address: address.map(Into::into),
        notes: contact::open_notes(&person, &order)?,
        history: history.into_iter().map(Into::into).collect(),
    };
    Ok(Okay::new(&detail).with_version(version))
}
