//! The shopper's orders and payments.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_domain::account::address_book;
use souk_domain::cache::Subject;
use souk_domain::cart::Owner;
use souk_domain::money::{Money, currency};
use souk_domain::order::edit::{self, Edit};
use souk_domain::order::placement::{self, Placed, Placement};
use souk_domain::order::{contact, detail, lifecycle};
use souk_domain::payment::refund as refunds;
use souk_domain::port::PortError;
use souk_domain::{Code, Error, Result, Tx, account, failpoint, payment, shipment, store};
use souk_entity::id::OrderId;
use souk_entity::status::{EntityKind, OrderStatus as Status, PaymentStatus};
use souk_entity::{order, payment as payments, refund};
use uuid::Uuid;

use crate::auth::Shopper;
use crate::context::{Context, Ctx};
use crate::document::{EXAMPLE_ID, Tag};
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::kept::kept;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::http::version;
use crate::view::HistoryEntry;
use crate::view::address::Address;
use crate::view::order::{Order, OrderSummary, Payment};
use crate::view::parcel::Shipment;
use crate::view::refund::Refund;
use crate::view::words::OrderStatus;

/// What an order is placed with.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct PlaceOrder {
    /// The cart that becomes the order.
    cart_id: Uuid,
    /// The total the shopper saw; when it is another by now, nothing is ordered.
    #[oai(validator(max_length = 24))]
    expected_total: Option<String>,
    /// The currency of `expected_total`.
    #[oai(validator(max_length = 3))]
    currency: Option<String>,
    /// Where news goes.
    #[oai(validator(max_length = 254))]
    email: String,
    /// Where the goods go; of somebody signed in, their default shipping address when left out.
    shipping_address: Option<Address>,
    /// Where the bill goes. When left out, it is the shipping address; where that is left out, too, the default billing
    /// address if there is one.
    billing_address: Option<Address>,
    /// A word to the sellers.
    #[oai(validator(max_length = 2000))]
    notes: Option<String>,
}

impl Example for PlaceOrder {
    fn example() -> Self {
        Self {
            cart_id: EXAMPLE_ID,
            expected_total: Some("44.98".into()),
            currency: Some("USD".into()),
            email: "ann@example.org".into(),
            shipping_address: Some(Address::example()),
            billing_address: None,
            notes: Some("Please ring twice.".into()),
        }
    }
}

/// An item to put into an order.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct AddOrderItem {
    /// The offer.
    offer_id: Uuid,
    /// 1 to 9999 units.
    #[oai(validator(minimum(value = "1"), maximum(value = "9999")))]
    quantity: i64,
    /// The order's total after the change, as the shopper saw it; a different one is refused.
    #[oai(validator(max_length = 24))]
    expected_total: Option<String>,
}

impl Example for AddOrderItem {
    fn example() -> Self {
        Self { offer_id: EXAMPLE_ID, quantity: 1, expected_total: None }
    }
}

/// How many of an item.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct UpdateOrderItem {
    /// 1 to 9999 units.
    #[oai(validator(minimum(value = "1"), maximum(value = "9999")))]
    quantity: i64,
    /// The order's total after the change, as the shopper saw it; a different one is refused.
    #[oai(validator(max_length = 24))]
    expected_total: Option<String>,
}

impl Example for UpdateOrderItem {
    fn example() -> Self {
        Self { quantity: 2, expected_total: Some("44.98".into()) }
    }
}

/// Where the goods and the bill of an order go.
async fn addresses(
    tx: &Tx,
    owner: &Owner,
    shipping: Option<contact::Address>,
    billing: Option<contact::Address>,
) -> Result<(contact::Address, contact::Address)> {
    let (shipping, or_else) = match (shipping, owner) {
        (Some(shipping), _) => (shipping.clone(), shipping),
        (None, Owner::User(user)) => address_book::defaults(tx, *user).await?,
        (None, Owner::Guest(_)) => {
            return Err(Error::invalid("shipping_address is left out, and a guest has no address book; send one."));
        }
    };
    Ok((shipping, billing.unwrap_or(or_else)))
}

/// Why something is cancelled.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct Reason {
    /// In a sentence.
    #[oai(validator(min_length = 1, max_length = 500))]
    pub reason: String,
}

impl Example for Reason {
    fn example() -> Self {
        Self { reason: "Ordered by mistake.".into() }
    }
}

/// How the shopper wants to pay.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct StartPayment {
    /// The payment provider; the first configured one when left out.
    #[oai(validator(max_length = 20))]
    provider: Option<String>,
}

impl Example for StartPayment {
    fn example() -> Self {
        Self { provider: None }
    }
}

/// Where an order is.
#[derive(Debug, Object)]
pub struct Tracking {
    /// The order.
    order_id: Uuid,
    /// Its status.
    status: OrderStatus,
    /// Its parcels, return parcels included.
    shipments: Vec<Shipment>,
    /// What happened to the order.
    history: Vec<HistoryEntry>,
}

/// Orders of the shopper who asks.
pub struct Orders;

#[OpenApi(prefix_path = "/api/v1/orders", tag = "Tag::Orders")]
impl Orders {
    /// Place an order
    ///
    /// Turns a cart into one order, split per seller, and holds its stock until it is paid or due. A cart becomes
    /// one order: placing it again answers 200 with that order.
    #[oai(path = "/", method = "post", operation_id = "placeOrder")]
    async fn place(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        body: Json<PlaceOrder>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<Order>> {
        let key = Key::read(shopper.key_space(), "placeOrder", idempotency_key.0.as_deref(), &body.0)?;
        let body = body.0;
        let expected_total = match (&body.expected_total, &body.currency) {
            (Some(total), Some(code)) => Some(Money::parse(total, currency(code)?)?),
            (None, _) => None,
            (Some(_), None) => return Err(Error::invalid("Send the currency of expected_total beside it.").into()),
        };
        let owner = shopper.owner();
        let shipping: Option<contact::Address> = body.shipping_address.map(Into::into);
        let billing: Option<contact::Address> = body.billing_address.map(Into::into);
        let email = account::email(&body.email)?;
        let number = ctx.numbers.next(&ctx.store, ctx.store.now()).await?;
        let placement = |(shipping_address, billing_address)| Placement {
            cart_id: body.cart_id.into(),
            owner: owner.clone(),
            number: number.clone(),
            expected_total,
            email: email.clone(),
            billing_address,
            shipping_address,
            notes: body.notes.clone(),
            payment_window: ctx.config.payment_window,
        };
        let answer = once(&ctx.store, key, async |tx| {
            let addresses = addresses(&tx, &owner, shipping.clone(), billing.clone()).await?;
            match placement::place(&tx, &placement(addresses)).await? {
                Placed::New(detail) => {
                    metrics::counter!("orders_created_total").increment(1);
                    let detail = match detail.order.total.0 {
                        // It was confirmed in the same breath.
                        0 => detail::read(&**tx, tx.vault(), detail.order.id, None).await?,
                        _ => *detail,
                    };
                    let version = detail.order.version;
                    Ok(Created::new(&Order::from(detail)).with_version(version))
                }
                Placed::Before(id) => {
                    let detail = detail::read(&**tx, tx.vault(), id, Some(&owner)).await?;
                    let version = detail.order.version;
                    Ok(Created::new(&Order::from(detail)).with_version(version).with_status(200))
                }
            }
        })
        .await?;
        Ok(answer)
    }

    /// List orders
    ///
    /// The shopper's own, newest first.
    #[oai(path = "/", method = "get", operation_id = "listOrders")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        /// Only those of this status.
        status: Query<Option<OrderStatus>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<OrderSummary>>> {
        let (page, owner) = (PageRequest::read(limit.0, cursor.0.as_deref())?, shopper.owner());
        let status = status.0.map(Status::from);
        let name = format!("{status:?} {page:?}");
        let read = async {
            let mut query = page.newest(order::Entity::find().filter(detail::orders_of(&owner)), order::Column::Id);
            if let Some(status) = status {
                query = query.filter(order::Column::Status.eq(status));
            }
            let rows = query.all(ctx.store.read()).await?;
            Ok(Okay::new(&page.page(rows, |row| row.id.into(), OrderSummary::from)))
        };
        Ok(kept(&ctx, &owner, &Subject::OrdersOf(owner.clone()), &name, read).await?)
    }

    /// Show an order
    #[oai(path = "/:id", method = "get", operation_id = "getOrder")]
    async fn get(&self, ctx: Ctx<'_>, shopper: Shopper, id: Path<Uuid>) -> ApiResult<Okay<Order>> {
        Ok(shown(&ctx, id.0.into(), &shopper.owner()).await?)
    }

    /// Follow an order
    ///
    /// Its parcels with the carriers' scans, and its history.
    #[oai(path = "/:id/tracking", method = "get", operation_id = "getOrderTracking")]
    async fn tracking(&self, ctx: Ctx<'_>, shopper: Shopper, id: Path<Uuid>) -> ApiResult<Okay<Tracking>> {
        let (id, owner, db) = (OrderId(id.0), shopper.owner(), ctx.store.read());
        let read = async {
            let order = order::Entity::find_by_id(id).filter(detail::orders_of(&owner)).one(db).await?;
            let order = order.ok_or_else(|| Error::not_found("order"))?;
            let shipments = shipment::detail::of_order(db, order.id).await?;
            let history = detail::history(db, EntityKind::Order, order.id).await?;
            Ok(Okay::new(&Tracking {
                order_id: order.id.into(),
                status: order.status.into(),
                shipments: shipments
                    .into_iter()
                    .map(|(row, lines, events)| Shipment::new(row, lines, events, false))
                    .collect(),
                history: history.into_iter().map(Into::into).collect(),
            }))
        };
        Ok(kept(&ctx, &owner, &Subject::Order(id), "tracking", read).await?)
    }

    /// Cancel an order
    ///
    /// Possible until the first parcel has left. Stock is released, labels are voided, and what was paid is refunded.
    #[oai(path = "/:id/cancel", method = "post", operation_id = "cancelOrder")]
    async fn cancel(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
        body: Json<Reason>,
        /// Only if the order is at this version.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Order>> {
        let key = idempotency_key.0.as_deref();
        let key = Key::read(shopper.key_space(), "cancelOrder", key, &(id.0, &body.0))?;
        let if_version = version::read(if_match.0.as_deref())?;
        let answer = once(&ctx.store, key, async |tx| {
            let id = OrderId(id.0);
            let owned = order::Entity::find_by_id(id).filter(detail::orders_of(&shopper.owner())).one(&**tx).await?;
            owned.ok_or_else(|| Error::not_found("order"))?;
            store::check_version(if_version, lifecycle::lock(&tx, id).await?.version)?;
            lifecycle::cancel(&tx, id, shopper.actor(), &body.0.reason).await?;
            let detail = detail::read(&**tx, tx.vault(), id, None).await?;
            let version = detail.order.version;
            Ok(Okay::new(&Order::from(detail)).with_version(version))
        })
        .await?;
        metrics::counter!("orders_cancelled_total").increment(1);
        Ok(answer)
    }

    /// Put an item into an order
    ///
    /// Possible until the order is paid. The order is priced again as a whole; items that stay as they are, or
    /// get fewer, keep their price.
    /// A payment of the old total that is under way is given up first: the answer is 409 then, to be repeated.
    #[oai(path = "/:id/items", method = "post", operation_id = "addOrderItem")]
    async fn add_item(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
        body: Json<AddOrderItem>,
        /// Only if the order is at this version.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Order>> {
        let key = idempotency_key.0.as_deref();
        let key = Key::read(shopper.key_space(), "addOrderItem", key, &(id.0, &body.0))?;
        let edit = Edit::Add(body.0.offer_id.into(), body.0.quantity);
        edit_order(ctx, &shopper, id.0.into(), edit, body.0.expected_total, if_match, key).await
    }

    /// Change the quantity of an item
    ///
    /// By its offer; see addOrderItem.
    #[oai(path = "/:id/items/:offer_id", method = "put", operation_id = "updateOrderItem")]
    async fn update_item(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
        offer_id: Path<Uuid>,
        body: Json<UpdateOrderItem>,
        /// Only if the order is at this version.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> ApiResult<Okay<Order>> {
        let edit = Edit::Update(offer_id.0.into(), body.0.quantity);
        edit_order(ctx, &shopper, id.0.into(), edit, body.0.expected_total, if_match, None).await
    }

    /// Take an item out of an order
    ///
    /// By its offer; see addOrderItem. The last item cannot be taken out: cancel the order instead.
    #[oai(path = "/:id/items/:offer_id", method = "delete", operation_id = "removeOrderItem")]
    async fn remove_item(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
        offer_id: Path<Uuid>,
        /// The order's total after the change, as the shopper saw it; a different one is refused.
        #[oai(validator(max_length = 24))]
        expected_total: Query<Option<String>>,
        /// Only if the order is at this version.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> ApiResult<Okay<Order>> {
        let edit = Edit::Remove(offer_id.0.into());
        edit_order(ctx, &shopper, id.0.into(), edit, expected_total.0, if_match, None).await
    }

    /// Start a payment
    ///
    /// Opens a session at the payment provider; the shopper confirms it at `confirm_url`. While one is under way, the
    /// same one is answered. After a failed one, another may be started until the order is due.
    #[oai(path = "/:id/payments", method = "post", operation_id = "startPayment")]
    async fn start_payment(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
        body: Json<StartPayment>,
    ) -> ApiResult<Created<Payment>> {
        let gateway = ctx.ports.payment(body.0.provider.as_deref())?;
        let owner = shopper.owner();
        let payment = failpoint::within("startPayment", pay(&ctx, OrderId(id.0), &owner, gateway.name())).await?;
        Ok(Created::new(&Payment::from(payment)))
    }

    /// List the payments of an order
    ///
    /// Every attempt, newest first.
    #[oai(path = "/:id/payments", method = "get", operation_id = "listPayments")]
    async fn list_payments(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Payment>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let order = detail::read(ctx.store.read(), ctx.store.vault(), id.0.into(), Some(&shopper.owner())).await?.order;
        let query =
            page.newest(payments::Entity::find().filter(payments::Column::OrderId.eq(order.id)), payments::Column::Id);
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), Payment::from)))
    }

    /// List the refunds of an order
    ///
    /// Newest first.
    #[oai(path = "/:id/refunds", method = "get", operation_id = "listOrderRefunds")]
    async fn list_refunds(
        &self,
        ctx: Ctx<'_>,
        shopper: Shopper,
        id: Path<Uuid>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Refund>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let order = detail::read(ctx.store.read(), ctx.store.vault(), id.0.into(), Some(&shopper.owner())).await?.order;
        let query =
            page.newest(refund::Entity::find().filter(refund::Column::OrderId.eq(order.id)), refund::Column::Id);
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        let rows = refunds::with_lines(ctx.store.read(), rows).await?;
        Ok(Okay::new(&page.page(rows, |row| row.refund.id.into(), Refund::of_shopper)))
    }
}

/// An order as its owner is shown it.
async fn shown(ctx: &Context, id: OrderId, owner: &Owner) -> souk_domain::Result<Okay<Order>> {
    let read = async {
        let detail = detail::read(ctx.store.read(), ctx.store.vault(), id, Some(owner)).await?;
        let version = detail.order.version;
        Ok(Okay::new(&Order::from(detail)).with_version(version))
    };
    kept(ctx, owner, &Subject::Order(id), "order", read).await
}

/// Puts the newest open orders into the cache, `orders` of them at most, so that a start does not
/// meet the database with all readers at once. What cannot be read is left out.
pub async fn warm(context: &Context, orders: u64) {
    let open = order::Entity::find()
        .filter(order::Column::Status.is_not_in([Status::Completed, Status::Cancelled, Status::Refunded]))
        .order_by_desc(order::Column::Id)
        .limit(orders)
        .all(context.store.read())
        .await;
    let open = match open {
        Ok(open) => open,
        Err(error) => {
            tracing::warn!(%error, "the cache is not warmed");
            return;
        }
    };
    for order in &open {
        let Some(owner) = order.user_id.map(Owner::User).or(order.guest_token_hash.clone().map(Owner::Guest)) else {
            continue;
        };
        if let Err(error) = shown(context, order.id, &owner).await {
            tracing::debug!(%error, order = %order.id, "an order is not warmed");
        }
    }
    tracing::info!(orders = open.len(), "the cache is warm");
}

async fn edit_order(
    ctx: Ctx<'_>,
    shopper: &Shopper,
    id: OrderId,
    edit: Edit,
    expected_total: Option<String>,
    if_match: Header<Option<String>>,
    key: Option<Key>,
) -> ApiResult<Okay<Order>> {
    let if_version = version::read(if_match.0.as_deref())?;
    let owner = shopper.owner();
    let owned = async |tx: &Tx| {
        let order = order::Entity::find_by_id(id).filter(detail::orders_of(&owner)).one(&**tx).await?;
        order.ok_or_else(|| Error::not_found("order"))
    };
    let answer = once(&ctx.store, key, async |tx| {
        let currency = owned(&tx).await?.currency;
        let expected = expected_total.as_deref().map(|total| Money::parse(total, currency)).transpose()?;
        store::check_version(if_version, lifecycle::lock(&tx, id).await?.version)?;
        let detail = edit::edit(&tx, id, edit, expected, shopper.actor()).await?;
        let version = detail.order.version;
        Ok(Okay::new(&Order::from(detail)).with_version(version))
    })
    .await;
    // Only now, as a repetition of an edit that was done must not touch the payment that followed.
    if answer.as_ref().is_err_and(|error| error.code == Code::PaymentInProgress)
        && ctx.store.write(async |tx| edit::give_up_payment(&tx, id).await).await?
    {
        let message = "A payment of the present total is under way and is being given up; repeat in a moment.";
        return Err(Error::new(Code::PaymentInProgress, message).into());
    }
    Ok(answer?)
}

/// Begins a payment attempt here and at the provider, or finds the one that is under way.
async fn pay(ctx: &Ctx<'_>, order: OrderId, owner: &Owner, provider: &str) -> Result<payments::Model> {
    let opened = ctx.store.write(async |tx| payment::open(&tx, order, owner, provider).await).await?;
    if opened.provider_ref.is_some() || opened.status != PaymentStatus::Pending {
        return Ok(opened);
    }
    // The one call to the outside that a request makes: after the commit, and repeated safely,
    // because the provider deduplicates by the payment's id.
    let gateway = ctx.ports.payment(Some(&opened.provider))?;
    let amount = Money { amount: opened.amount, currency: opened.currency };
    let seen = gateway.create(&opened.id.to_string(), amount, &format!("payment:{}", opened.id)).await;
    if let Err(PortError::Refused { .. }) = &seen {
        // It never began there; another attempt may.
        ctx.store.write(async |tx| payment::void_unregistered(&tx, opened.id).await).await?;
    }
    let seen = seen.map_err(unavailable)?;
    let payment = ctx.store.write(async |tx| payment::register(&tx, opened.id, &seen).await).await?;
    if payment.status == PaymentStatus::Voided {
        let message = "The order was cancelled while the payment was being started.";
        return Err(Error::new(Code::IllegalTransition, message));
    }
    Ok(payment)
}

fn unavailable(error: PortError) -> Error {
    let told = match &error {
        PortError::Refused { message, .. } => {
            Error::new(Code::PaymentRefused, format!("The payment provider refuses to start a payment: {message}"))
        }
        PortError::Unavailable(_) | PortError::Unknown(_) => Error::new(
            Code::ProviderUnavailable,
            "The payment provider does not answer; repeat the request shortly, no second payment is made.",
        ),
    };
    Error { source: Some(Box::new(error)), ..told }
}
