//! From cart to order: priced, split per seller, stock held, everything in one transaction.

use std::collections::HashMap;

use chrono::TimeDelta;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::json;
use souk_entity::id::{CartId, CouponId, OfferId, OrderId, OrderLineId, ReservationId, SellerOrderId};
use souk_entity::money::MinorUnits;
use souk_entity::status::{AddressKind, CartStatus, EntityKind, OrderStatus, ReservationStatus};
use souk_entity::{cart, coupon, order, order_address, order_line, reservation, seller_order};

use super::basket::{self, Basket};
use super::detail::{OrderDetail, Part};
use super::pricing::{self, CouponTerms, Priced};
use super::stock;
use crate::actor::Actor;
use crate::cart::{Owner, owned_by};
use crate::error::{Code, Error, Result};
use crate::history::{self, Change};
use crate::job::{self, Task};
use crate::money::Money;
use crate::payment;
use crate::store::Tx;

/// An address as the shopper gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Person or company.
    pub name: String,
    /// Street and number.
    pub line1: String,
    /// Flat, floor.
    pub line2: Option<String>,
    /// Town.
    pub city: String,
    /// State or province.
    pub region: Option<String>,
    /// ZIP or post code.
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// For the carrier.
    pub phone: Option<String>,
}

/// What is needed to place an order.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The cart.
    pub cart_id: CartId,
    /// Whose cart it is.
    pub owner: Owner,
    /// From [`super::number::OrderNumbers`].
    pub number: String,
    /// What the shopper saw; a different total is refused.
    pub expected_total: Option<Money>,
    /// Where news goes.
    pub email: String,
    /// Where the goods go.
    pub shipping_address: Address,
    /// Where the bill goes.
    pub billing_address: Address,
    /// A word of the shopper.
    pub notes: Option<String>,
    /// How long the stock is held for an unpaid order.
    pub payment_window: TimeDelta,
}

/// The outcome of placing an order.
#[derive(Clone, Debug)]
pub enum Placed {
    /// A new order.
    New(Box<OrderDetail>),
    /// The cart had become this order before.
    Before(OrderId),
}

/// Turns a cart into an order.
///
/// The statements are few and multi-row whatever the size of the cart, and the stock rows, which
/// other shoppers wait for, are locked last, just before the commit.
///
/// # Errors
/// [`Code::NotFound`], [`Code::CartExpired`], what [`Basket::check`] and [`pricing::price`] say,
/// [`Code::PriceChanged`], [`Code::CouponExhausted`], [`Code::InventoryUnavailable`]; and
/// [`Code::ConcurrentChange`] when others took the stock in between, for the caller to repeat.
pub async fn place(tx: &Tx, placement: &Placement) -> Result<Placed> {
    let Some(cart) = claim_cart(tx, placement).await? else {
        return replay(tx, placement).await;
    };
    let basket = basket::read(&**tx, cart.id, cart.currency).await?;
    basket.check(cart.currency)?;
    let coupon = match cart.coupon_id {
        Some(id) => Some(use_coupon(tx, id, &cart).await?),
        None => None,
    };
    let priced = pricing::price(&basket.items(), &basket.shipping, coupon.as_ref())?;
    check_total(placement, &cart, &priced)?;
    if let Some(shortage) = stock::shortage(&basket.lines) {
        return Err(shortage);
    }
    let (detail, reservations) = rows(tx, placement, &cart, &basket, &priced)?;
    write(tx, &detail, &reservations).await?;
    if detail.order.total == MinorUnits::ZERO {
        // Nothing to pay: a discount has covered all of it.
        payment::settle_free(tx, &detail.order).await?;
    }
    Ok(Placed::New(Box::new(detail)))
}

async fn claim_cart(tx: &Tx, placement: &Placement) -> Result<Option<cart::Model>> {
    let claimed = cart::Entity::update_many()
        .col_expr(cart::Column::Status, Expr::value(CartStatus::Completed))
        .col_expr(cart::Column::Version, Expr::col(cart::Column::Version).add(1_i64))
        .col_expr(cart::Column::UpdatedAt, Expr::value(tx.now))
        .filter(cart::Column::Id.eq(placement.cart_id))
        .filter(owned_by(&placement.owner))
        .filter(cart::Column::Status.eq(CartStatus::Open))
        .filter(cart::Column::ExpiresAt.gt(tx.now))
        .exec_with_returning(&**tx)
        .await?;
    Ok(claimed.into_iter().next())
}

/// Why the cart could not be claimed; an order made of it before is the answer to a retry.
async fn replay(tx: &Tx, placement: &Placement) -> Result<Placed> {
    let cart = cart::Entity::find_by_id(placement.cart_id).filter(owned_by(&placement.owner)).one(&**tx).await?;
    match cart.ok_or_else(|| Error::not_found("cart"))?.status {
        CartStatus::Completed => {
            let order = order::Entity::find().filter(order::Column::CartId.eq(placement.cart_id)).one(&**tx).await?;
            let order = order.ok_or_else(|| Error::internal("a completed cart without an order"))?;
            Ok(Placed::Before(order.id))
        }
        CartStatus::Open | CartStatus::Expired => {
            Err(Error::new(Code::CartExpired, "The cart's time is over; start a new one."))
        }
    }
}

/// Takes one use of the cart's coupon; its limit holds because the count is checked where it is raised.
async fn use_coupon(tx: &Tx, id: CouponId, cart: &cart::Model) -> Result<CouponTerms> {
    let used = coupon::Entity::update_many()
        .col_expr(coupon::Column::Used, Expr::col(coupon::Column::Used).add(1_i64))
        .filter(coupon::Column::Id.eq(id))
        .filter(
            Expr::col(coupon::Column::UsageLimit)
                .is_null()
                .or(Expr::col(coupon::Column::Used).lt(Expr::col(coupon::Column::UsageLimit))),
        )
        .exec_with_returning(&**tx)
        .await?;
    match used.into_iter().next() {
        Some(coupon) => crate::cart::terms(&coupon, cart.currency, tx.now),
        None => Err(Error::new(Code::CouponExhausted, "The coupon has no use left; remove it from the cart.")),
    }
}

fn check_total(placement: &Placement, cart: &cart::Model, priced: &Priced) -> Result<()> {
    let total = Money { amount: priced.total, currency: cart.currency };
    match placement.expected_total {
        Some(expected) if expected != total => Err(Error::new(
            Code::PriceChanged,
            format!("The total is {total} {} now; show it to the shopper and repeat with it.", total.currency),
        )
        .with_details(vec![json!({"total": total.to_string(), "currency": total.currency})])),
        _ => Ok(()),
    }
}

fn rows(
    tx: &Tx,
    placement: &Placement,
    cart: &cart::Model,
    basket: &Basket,
    priced: &Priced,
) -> Result<(OrderDetail, Vec<reservation::Model>)> {
    let order_id = OrderId::at(tx.now);
    let payment_due_at = tx.now + placement.payment_window;
    let (user_id, guest_token_hash) = placement.owner.columns();
    let order = order::Model {
        id: order_id,
        number: placement.number.clone(),
        cart_id: cart.id,
        user_id,
        guest_token_hash,
        email: placement.email.clone(),
        currency: cart.currency,
        status: OrderStatus::Pending,
        items_total: priced.items_total,
        discount_total: priced.discount_total,
        shipping_total: priced.shipping_total,
        tax_total: MinorUnits::ZERO,
        total: priced.total,
        coupon_id: cart.coupon_id,
        notes: placement.notes.clone(),
        payment_due_at,
        cancellation_reason: None,
        version: 1,
        placed_at: tx.now,
        updated_at: tx.now,
    };
    let by_offer: HashMap<OfferId, &basket::BasketLine> =
        basket.lines.iter().map(|line| (line.offer_id, line)).collect();
    let mut parts = Vec::with_capacity(priced.parts.len());
    let mut reservations = Vec::with_capacity(basket.lines.len());
    let mut position = 0;
    for (at, part) in priced.parts.iter().enumerate() {
        let seller_order_id = SellerOrderId::at(tx.now);
        let mut lines = Vec::with_capacity(part.lines.len());
        let mut return_window_days = 0;
        let mut seller_name = "";
        for line in &part.lines {
            let source = by_offer
                .get(&line.offer_id)
                .ok_or_else(|| Error::internal("a priced line that is not in the basket"))?;
            return_window_days = source.return_window_days;
            seller_name = &source.seller_name;
            position += 1;
            let line_id = OrderLineId::at(tx.now);
            let holds = stock::choose(source)
                .ok_or_else(|| Error::new(Code::ConcurrentChange, "The stock changed at the same moment."))?;
            reservations.extend(holds.into_iter().map(|(inventory_level_id, quantity)| reservation::Model {
                id: ReservationId::at(tx.now),
                order_line_id: line_id,
                inventory_level_id,
                quantity,
                open_quantity: quantity,
                status: ReservationStatus::Held,
                expires_at: Some(payment_due_at),
                created_at: tx.now,
                updated_at: tx.now,
            }));
            lines.push(order_line::Model {
                id: line_id,
                seller_order_id,
                seller_id: part.seller_id,
                offer_id: line.offer_id,
                position,
                product_name: source.product_name.clone(),
                variant_name: source.variant_name.clone(),
                sku: source.sku.clone(),
                weight_grams: source.weight_grams,
                quantity: line.quantity,
                unit_price: line.unit_price,
                discount: line.discount,
                platform_discount: line.platform_discount,
                tax: MinorUnits::ZERO,
                total: line.total,
                commission_rate_ppm: line.commission_rate,
                commission: line.commission,
                cancelled_quantity: 0,
                shipped_quantity: 0,
                delivered_quantity: 0,
                returned_quantity: 0,
                refunded_quantity: 0,
            });
        }
        let seller_order = seller_order::Model {
            id: seller_order_id,
            order_id,
            seller_id: part.seller_id,
            number: format!("{}-{}", placement.number, at + 1),
            currency: cart.currency,
            status: OrderStatus::Pending,
            items_total: part.items_total,
            discount_total: part.discount_total,
            shipping_total: part.shipping_total,
            tax_total: MinorUnits::ZERO,
            total: part.total,
            platform_discount_total: part.platform_discount_total,
            commission_total: part.commission_total,
            shipping_method_id: part.shipping.as_ref().map(|method| method.method_id),
            shipping_method_name: part.shipping.as_ref().map(|method| method.name.clone()),
            accept_by: None,
            delivered_at: None,
            return_window_days,
            return_window_ends_at: None,
            cancellation_reason: None,
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
        };
        parts.push(Part { seller_order, seller_name: seller_name.to_owned(), lines });
    }
    let addresses = vec![
        address(order_id, AddressKind::Shipping, &placement.shipping_address),
        address(order_id, AddressKind::Billing, &placement.billing_address),
    ];
    Ok((OrderDetail { order, addresses, parts }, reservations))
}

fn address(order_id: OrderId, kind: AddressKind, given: &Address) -> order_address::Model {
    order_address::Model {
        order_id,
        kind,
        name: given.name.clone(),
        line1: given.line1.clone(),
        line2: given.line2.clone(),
        city: given.city.clone(),
        region: given.region.clone(),
        postal_code: given.postal_code.clone(),
        country: given.country.clone(),
        phone: given.phone.clone(),
    }
}

async fn write(tx: &Tx, detail: &OrderDetail, reservations: &[reservation::Model]) -> Result<()> {
    let order = &detail.order;
    let shopper = Actor::Shopper(order.user_id);
    order::Entity::insert(order.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let addresses = detail.addresses.iter().cloned().map(IntoActiveModel::into_active_model);
    order_address::Entity::insert_many(addresses).exec_without_returning(&**tx).await?;
    let parts = detail.parts.iter().map(|part| part.seller_order.clone().into_active_model());
    seller_order::Entity::insert_many(parts).exec_without_returning(&**tx).await?;
    let lines = detail.parts.iter().flat_map(|part| part.lines.iter().cloned()).map(IntoActiveModel::into_active_model);
    order_line::Entity::insert_many(lines).exec_without_returning(&**tx).await?;
    let holds: Vec<stock::Hold> = reservations.iter().map(|row| (row.inventory_level_id, row.quantity)).collect();
    let held = reservations.iter().cloned().map(IntoActiveModel::into_active_model);
    reservation::Entity::insert_many(held).exec_without_returning(&**tx).await?;
    let mut changes = vec![Change {
        entity: EntityKind::Order,
        id: order.id.into(),
        version: 1,
        from: None,
        to: order.status.to_string(),
        actor: shopper,
        note: None,
        event: "order.created",
        order_id: Some(order.id),
        seller_id: None,
        data: json!({"number": order.number, "total": order.total, "currency": order.currency}),
    }];
    changes.extend(detail.parts.iter().map(|part| Change {
        entity: EntityKind::SellerOrder,
        id: part.seller_order.id.into(),
        version: 1,
        from: None,
        to: part.seller_order.status.to_string(),
        actor: shopper,
        note: None,
        event: "seller_order.created",
        order_id: Some(order.id),
        seller_id: Some(part.seller_order.seller_id),
        data: json!({"number": part.seller_order.number, "total": part.seller_order.total, "currency": order.currency}),
    }));
    history::record(tx, changes).await?;
    job::enqueue(tx, &Task::ExpireOrder { order_id: order.id }, order.payment_due_at).await?;
    stock::reserve(tx, &holds).await
}
