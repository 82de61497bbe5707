//! All orders.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use souk_domain::actor::Actor;
use souk_domain::order::{contact, detail, lifecycle};
use souk_domain::payment::refund as refunds;
use souk_domain::vault::Vault;
use souk_domain::{Code, Error, Result, Tx, store};
use souk_entity::id::{OrderId, SellerOrderId};
use souk_entity::status::{EntityKind, OrderStatus as Status};
use souk_entity::{order, payment, refund};
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::http::version;
use crate::shopper::orders::Reason;
use crate::view::HistoryEntry;
use crate::view::order::{Order, OrderSummary, Payment};
use crate::view::refund::Refund;
use crate::view::words::OrderStatus;

/// An order with its money and its history.
#[derive(Debug, Object)]
pub struct AdminOrder {
    /// The order.
    order: Order,
    /// Every payment attempt, newest first.
    payments: Vec<Payment>,
    /// Every refund, newest first.
    refunds: Vec<Refund>,
    /// What happened to the order, oldest first.
    history: Vec<HistoryEntry>,
}

/// Where an order is to be moved.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct SetOrderStatus {
    /// `cancelled`, `processing` or `completed`; every other status follows from payments and parcels.
    status: OrderStatus,
    /// Why; shown to the shopper of a cancelled order.
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: Option<String>,
}

impl Example for SetOrderStatus {
    fn example() -> Self {
        Self { status: OrderStatus::Cancelled, reason: Some("The shopper called.".into()) }
    }
}

/// All orders.
pub struct AdminOrders;

#[OpenApi(prefix_path = "/api/v1/admin", tag = "Tag::Operators")]
impl AdminOrders {
    /// List all orders
    ///
    /// Newest first.
    #[oai(path = "/orders", method = "get", operation_id = "adminListOrders")]
    #[expect(clippy::too_many_arguments, reason = "one argument per query parameter is how the document knows them")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only those of this status.
        status: Query<Option<OrderStatus>>,
        /// Only the one of this number.
        #[oai(validator(max_length = 40))]
        number: Query<Option<String>>,
        /// Only those whose news go to this address.
        #[oai(validator(max_length = 254))]
        email: Query<Option<String>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<OrderSummary>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(order::Entity::find(), order::Column::Id);
        if let Some(status) = status.0 {
            query = query.filter(order::Column::Status.eq(Status::from(status)));
        }
        if let Some(number) = number.0 {
            query = query.filter(order::Column::Number.eq(number));
        }
        if let Some(email) = email.0 {
            query = query.filter(order::Column::EmailIndex.eq(contact::email_index(ctx.store.vault(), &email)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), OrderSummary::from)))
    }

    /// Show any order
    ///
    /// With payments, refunds and history.
    #[oai(path = "/orders/:id", method = "get", operation_id = "adminGetOrder")]
    async fn get(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<AdminOrder>> {
        Ok(read(ctx.store.read(), ctx.store.vault(), id.0.into()).await?)
    }

    /// Set the status of an order
    ///
    /// `cancelled` cancels it before anything has left, `processing` accepts every confirmed seller order, `completed`
    /// completes every delivered one before its return window closes. Every other status follows from payments and
    /// parcels and is refused with `ILLEGAL_TRANSITION`.
    #[oai(path = "/orders/:id/status", method = "put", operation_id = "adminSetOrderStatus")]
    async fn set_status(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        body: Json<SetOrderStatus>,
        /// The version that the change was decided on.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> ApiResult<Okay<AdminOrder>> {
        let if_version = version::required(if_match.0.as_deref())?;
        let (id, to) = (OrderId(id.0), Status::from(body.0.status));
        let reason = body.0.reason.as_deref();
        let answer = ctx
            .store
            .write(async |tx| {
                store::check_version(if_version, lifecycle::lock(&tx, id).await?.version)?;
                set(&tx, id, to, reason, who.actor()).await?;
                read(&**tx, tx.vault(), id).await
            })
            .await?;
        Ok(answer)
    }

    /// Cancel a seller order
    ///
    /// Before anything of it has left; what was paid for it is refunded, the rest of the order goes on.
    #[oai(path = "/seller-orders/:id/cancel", method = "post", operation_id = "adminCancelSellerOrder")]
    async fn cancel_seller_order(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        body: Json<Reason>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Order>> {
        let key = idempotency_key.0.as_deref();
        let key = Key::read(who.key_space(), "adminCancelSellerOrder", key, &(id.0, &body.0))?;
        let answer = once(&ctx.store, key, async |tx| {
            let id = SellerOrderId(id.0);
            lifecycle::cancel_part(&tx, id, who.actor(), &body.0.reason).await?;
            let (order, _) = lifecycle::lock_part(&tx, id).await?;
            Ok(Okay::new(&Order::from(detail::read(&**tx, tx.vault(), order.id, None).await?)))
        })
        .await?;
        Ok(answer)
    }
}

/// Moves an order where an admin may move it; its row is locked.
async fn set(tx: &Tx, id: OrderId, to: Status, reason: Option<&str>, actor: Actor) -> Result<()> {
    let refuse = |why: String| Err(Error::new(Code::IllegalTransition, why));
    match to {
        Status::Cancelled => lifecycle::cancel(tx, id, actor, reason.unwrap_or("cancelled by the marketplace")).await,
        Status::Processing => {
            let confirmed = parts(tx, id, Status::Confirmed).await?;
            if confirmed.is_empty() {
                return refuse("No seller order of it is confirmed and waits to be accepted.".into());
            }
            for part in confirmed {
                lifecycle::accept(tx, part, actor).await?;
            }
            Ok(())
        }
        Status::Completed => {
            let delivered = parts(tx, id, Status::Delivered).await?;
            if delivered.is_empty() {
                return refuse("No seller order of it is delivered and waits to be completed.".into());
            }
            for part in delivered {
                if !lifecycle::complete(tx, part, actor).await? {
                    return refuse("A return of it is open; it can be completed once the return is settled.".into());
                }
            }
            Ok(())
        }
        to => refuse(format!(
            "An order becomes {to} by its payments and parcels; cancelled, processing and completed can be set."
        )),
    }
}

/// The seller orders of an order that are in this state.
async fn parts(tx: &Tx, id: OrderId, status: Status) -> Result<Vec<SellerOrderId>> {
    let parts = lifecycle::parts(tx, id).await?;
    Ok(parts.into_iter().filter(|part| part.status == status).map(|part| part.id).collect())
}

async fn read(db: &impl ConnectionTrait, vault: &Vault, id: OrderId) -> Result<Okay<AdminOrder>> {
    let detail = detail::read(db, vault, id, None).await?;
    let version = detail.order.version;
    let payments = payment::Entity::find()
        .filter(payment::Column::OrderId.eq(id))
        .order_by_desc(payment::Column::Id)
        .all(db)
        .await?;
    let refunds =
        refund::Entity::find().filter(refund::Column::OrderId.eq(id)).order_by_desc(refund::Column::Id).all(db).await?;
    let history = detail::history(db, EntityKind::Order, id).await?;
    let order = AdminOrder {
        order: detail.into(),
        payments: payments.into_iter().map(Into::into).collect(),
        refunds: refunds::with_lines(db, refunds).await?.into_iter().map(Refund::of_business).collect(),
        history: history.into_iter().map(Into::into).collect(),
    };
    Ok(Okay::new(&order).with_version(version))
}
