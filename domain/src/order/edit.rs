//! Edits of an order that is not paid yet: an item is put in, its quantity changed, or taken out,
//! and the order is priced again as a whole.
//!
//! The completed cart is what the order was made of, so it is what is edited: its lines are changed
//! and priced by the terms of now, but an item of which no more is wanted keeps the price it was
//! ordered at. Rows
//! are never deleted: an item that is taken out keeps its line with quantity 0, and a seller order
//! that is left without items is cancelled.

use std::cmp::Reverse;
use std::collections::HashSet;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::json;
use souk_entity::id::{OfferId, OrderId, SellerOrderId};
use souk_entity::money::MinorUnits;
use souk_entity::status::{AddressKind, EntityKind, OrderStatus, PaymentStatus};
use souk_entity::{cart, cart_line, order, order_line, price_step, reservation, seller_order};

use super::basket::{self, Basket, BasketLine};
use super::detail::{self, OrderDetail};
use super::lifecycle;
use super::placement::{check_total, shopper_key};
use super::pricing::shipping::{Shipping, Tariff};
use super::pricing::{MOST_LINES, Priced};
use super::split::{self, Known, Whole};
use super::terms::{self, Buyer};
use super::transition::SellerOrderEvent;
use super::{promotion_use, stock};
use crate::actor::Actor;
use crate::cart::{put_lines, remove_line};
use crate::error::{Code, Error, Result};
use crate::history::{self, Change};
use crate::job::{self, Task};
use crate::money::Money;
use crate::payment;
use crate::place::Place;
use crate::store::Tx;

/// A change of an order's items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// This many of an offer that is not in the order.
    Add(OfferId, i64),
    /// This many of an offer that is.
    Update(OfferId, i64),
    /// None of an offer any more.
    Remove(OfferId),
}

impl Edit {
    fn offer(self) -> OfferId {
        match self {
            Self::Add(offer, _) | Self::Update(offer, _) | Self::Remove(offer) => offer,
        }
    }

    fn event(self) -> &'static str {
        match self {
            Self::Add(..) => "order.item_added",
            Self::Update(..) => "order.item_updated",
            Self::Remove(_) => "order.item_removed",
        }
    }
}

/// Gives up a payment of the present total that is under way; returns whether there is one. Once
/// it is given up, the order can be edited.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn give_up_payment(tx: &Tx, id: OrderId) -> Result<bool> {
    lifecycle::lock(tx, id).await?;
    let live = payment::live(tx, id).await?;
    let open = |status| matches!(status, PaymentStatus::Pending | PaymentStatus::RequiresAction);
    match live.filter(|live| open(live.status)) {
        Some(live) => {
            job::enqueue(tx, &Task::VoidPayment { payment_id: live.id }, tx.now).await?;
            Ok(true)
        }
        None => Ok(false),
    }
}

/// Edits a pending order, whose row is locked by this.
///
/// # Errors
/// [`Code::IllegalTransition`] when it is not pending; [`Code::PaymentInProgress`] when it is being
/// paid, see [`give_up_payment`]; [`Code::NotFound`] for an item that is not in it;
/// [`Code::AlreadyExists`] for one that is; [`Code::InvalidValue`] when nothing would be left;
/// [`Code::PriceChanged`] when the total is not `expected_total`; what a placement is refused with.
pub async fn edit(
    tx: &Tx,
    id: OrderId,
    edit: Edit,
    expected_total: Option<Money>,
    actor: Actor,
) -> Result<OrderDetail> {
    let order = lifecycle::lock(tx, id).await?;
    if order.status != OrderStatus::Pending || order.payment_due_at <= tx.now {
        let message = format!("The order is {}; items can be changed until it is paid or due.", order.status);
        return Err(Error::new(Code::IllegalTransition, message));
    }
    let before = detail::read(&**tx, tx.vault(), id, None).await?;
    // Before the payment, which is not to be given up for an edit that cannot be or changes nothing.
    let line = check(&before, edit)?;
    if matches!((edit, &line), (Edit::Update(_, quantity), Some(line)) if line.quantity == quantity) {
        return Ok(before);
    }
    if payment::live(tx, id).await?.is_some() {
        return Err(Error::new(Code::PaymentInProgress, "The order is being paid; its items are settled."));
    }
    change_cart(tx, &order, edit, line.as_ref()).await?;
    let held = stock::reservations_of_order(tx, id).await?;
    let own: Vec<reservation::Model> =
        held.iter().filter(|row| line.as_ref().is_some_and(|line| line.id == row.order_line_id)).cloned().collect();
    let (basket, priced) = price_again(tx, &order, &before, edit, &own).await?;
    check_total(expected_total, order.currency, &priced)?;
    // Stock comes last, as in a placement. What a failed payment let go of is held again, but not
    // for taking something out: that must be possible when another item is sold out, too.
    if !matches!(edit, Edit::Remove(_)) {
        stock::hold_again(tx, &still_wanted(&held, &before, edit), order.payment_due_at).await?;
    }
    stock::withdraw(tx, &own).await?;
    write(tx, &order, &before, &basket, &priced, edit).await?;
    record(tx, order, &before, &priced, edit, actor).await?;
    let after = detail::read(&**tx, tx.vault(), id, None).await?;
    if after.order.total == MinorUnits::ZERO {
        // Nothing is left to pay: a discount covers all of it. It is confirmed with its stock held.
        let held = stock::reservations_of_order(tx, id).await?;
        stock::hold_again(tx, &held, after.order.payment_due_at).await?;
        payment::settle_free(tx, &after.order).await?;
        return detail::read(&**tx, tx.vault(), id, None).await;
    }
    Ok(after)
}

/// The line that is edited, if there is one.
fn check(before: &OrderDetail, edit: Edit) -> Result<Option<order_line::Model>> {
    let lines = || before.parts.iter().flat_map(|part| &part.lines);
    let line = lines().find(|line| line.offer_id == edit.offer()).cloned();
    let there = line.as_ref().is_some_and(|line| line.quantity > 0);
    match edit {
        Edit::Add(..) if there => {
            Err(Error::new(Code::AlreadyExists, "The offer is in the order already; change its quantity."))
        }
        Edit::Update(..) | Edit::Remove(_) if !there => Err(Error::not_found("item of this order")),
        Edit::Remove(offer) if !lines().any(|line| line.offer_id != offer && line.quantity > 0) => {
            Err(Error::invalid("Nothing would be left of the order; cancel it instead."))
        }
        Edit::Add(..) if line.is_none() && lines().count() >= MOST_LINES => Err(Error::invalid(format!(
            "An order has at most {MOST_LINES} items, those that were taken out included; place another order."
        ))),
        Edit::Add(..) if line.as_ref().is_some_and(|line| withdrawn(before, line)) => Err(part_is_out()),
        _ => Ok(line),
    }
}

fn withdrawn(before: &OrderDetail, line: &order_line::Model) -> bool {
    let part = before.parts.iter().find(|part| part.seller_order.id == line.seller_order_id);
    part.is_some_and(|part| part.seller_order.status == OrderStatus::Cancelled)
}

fn part_is_out() -> Error {
    let message = "That seller's part was taken out of the order; place another order for their goods.";
    Error::new(Code::IllegalTransition, message)
}

async fn change_cart(tx: &Tx, order: &order::Model, edit: Edit, line: Option<&order_line::Model>) -> Result<()> {
    let cart = cart::Entity::find_by_id(order.cart_id)
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::internal("an order without a cart"))?;
    match edit {
        // Fewer can be had of what is not for sale any more, too.
        Edit::Update(offer, quantity) if quantity >= 1 && line.is_some_and(|line| quantity < line.quantity) => {
            cart_line::Entity::update_many()
                .col_expr(cart_line::Column::Quantity, Expr::value(quantity))
                .filter(cart_line::Column::CartId.eq(cart.id))
                .filter(cart_line::Column::OfferId.eq(offer))
                .exec(&**tx)
                .await?;
            Ok(())
        }
        Edit::Add(offer, quantity) | Edit::Update(offer, quantity) => put_lines(tx, &cart, &[(offer, quantity)]).await,
        Edit::Remove(offer) => remove_line(tx, &cart, offer).await,
    }
}

/// The reservations of the items that an edit leaves alone.
fn still_wanted(held: &[reservation::Model], before: &OrderDetail, edit: Edit) -> Vec<reservation::Model> {
    let kept: HashSet<_> = before
        .parts
        .iter()
        .flat_map(|part| &part.lines)
        .filter(|line| line.quantity > 0 && line.offer_id != edit.offer())
        .map(|line| line.id)
        .collect();
    held.iter().filter(|row| kept.contains(&row.order_line_id)).cloned().collect()
}

async fn price_again(
    tx: &Tx,
    order: &order::Model,
    before: &OrderDetail,
    edit: Edit,
    own: &[reservation::Model],
) -> Result<(Basket, Priced)> {
    let to = before
        .addresses
        .iter()
        .find(|address| address.kind == AddressKind::Shipping)
        .map(|address| Place::of_address(&address.country, address.region.as_deref()))
        .ok_or_else(|| Error::internal("an order without a shipping address"))?;
    let mut basket = basket::read(&**tx, order.cart_id, order.currency, Some(&to)).await?;
    for line in &mut basket.lines {
        let there = before.parts.iter().flat_map(|part| &part.lines).find(|there| there.offer_id == line.offer_id);
        // What is ordered stays ordered, at its price; more of it must be for sale, at the price of now.
        if let Some(there) = there.filter(|there| line.quantity <= there.quantity) {
            line.unit_price = there.unit_price;
            line.for_sale = true;
        }
    }
    keep_shipping(&mut basket, before);
    if let Some(line) = basket.lines.iter_mut().find(|line| line.offer_id == edit.offer()) {
        free(line, own);
    }
    basket.check(order.currency)?;
    let edited: Vec<_> = basket.lines.iter().filter(|line| line.offer_id == edit.offer()).cloned().collect();
    if let Some(shortage) = stock::shortage(&edited) {
        return Err(shortage);
    }
    let shopper = shopper_key(tx.vault(), order.user_id, before.contact.email.as_deref().unwrap_or_default());
    let buyer = Buyer { user_id: order.user_id, shopper: Some(shopper.clone()) };
    // Its own uses are given back first: they do not stand in the way of using them again.
    promotion_use::give_back(tx, order.id).await?;
    let when = (order.currency, tx.now);
    let terms = terms::read(&**tx, order.cart_id, &basket, when, Some(&to), order.user_id).await?;
    // A code whose terms the edited order does not meet any more is left out, not in the way.
    let (priced, _) = terms.price_with_what_applies(&**tx, &basket, &buyer).await?;
    promotion_use::take(tx, order.id, &shopper, &priced.promotions, &terms.promotions).await?;
    Ok((basket, priced))
}

/// A part whose method is withdrawn meanwhile keeps it, at the price that it was ordered at.
fn keep_shipping(basket: &mut Basket, before: &OrderDetail) {
    let live = before.parts.iter().map(|part| &part.seller_order).filter(|part| part.status == OrderStatus::Pending);
    for part in live {
        if let (Some(method_id), Some(name)) = (part.shipping_method_id, &part.shipping_method_name) {
            let there = basket.lines.iter().any(|line| line.seller_id == part.seller_id);
            let offered = basket.methods.get(&part.seller_id).into_iter().flatten();
            let withdrawn = !offered.into_iter().any(|method| method.method_id == method_id);
            if there && withdrawn {
                let tariff = Tariff::Flat(part.shipping_price);
                let kept = Shipping { method_id, name: name.clone(), tariff, free_over: None, days: (0, 0) };
                basket.shipping.insert(part.seller_id, kept);
            }
        }
    }
}

/// Counts what the edited item holds as available to it.
fn free(line: &mut BasketLine, own: &[reservation::Model]) {
    for held in own.iter().filter(|held| held.open_quantity > 0) {
        match line.stock.iter_mut().find(|(level, _)| *level == held.inventory_level_id) {
            Some((_, available)) => *available += held.open_quantity,
            None => line.stock.push((held.inventory_level_id, held.open_quantity)),
        }
    }
    line.stock.sort_by_key(|(level, available)| (Reverse(*available), *level));
}

async fn write(
    tx: &Tx,
    order: &order::Model,
    before: &OrderDetail,
    basket: &Basket,
    priced: &Priced,
    edit: Edit,
) -> Result<()> {
    let whole = Whole { id: order.id, number: &order.number, currency: order.currency, now: tx.now };
    let known = Known::new(&before.parts);
    let parts = split::parts(whole, basket, priced, &known)?;
    let old_parts = before.parts.iter().map(|part| part.seller_order.id);
    price_step::Entity::delete_many().filter(price_step::Column::SellerOrderId.is_in(old_parts)).exec(&**tx).await?;
    for part in &parts {
        if let Some(there) = known.parts.get(&part.seller_order.seller_id) {
            if there.status == OrderStatus::Cancelled {
                return Err(part_is_out());
            }
            let row = part.seller_order.clone().into_active_model().reset_all();
            seller_order::Entity::update(row).exec_without_returning(&**tx).await?;
        } else {
            let row = part.seller_order.clone().into_active_model();
            seller_order::Entity::insert(row).exec_without_returning(&**tx).await?;
        }
        for line in &part.lines {
            match known.lines.get(&line.offer_id) {
                Some(there) if there == line => {}
                Some(_) => {
                    let row = line.clone().into_active_model().reset_all();
                    order_line::Entity::update(row).exec_without_returning(&**tx).await?;
                }
                None => {
                    order_line::Entity::insert(line.clone().into_active_model()).exec_without_returning(&**tx).await?;
                }
            }
        }
    }
    if let Edit::Remove(offer) = edit
        && let Some(line) = known.lines.get(&offer)
    {
        order_line::Entity::update(emptied(line)).exec_without_returning(&**tx).await?;
    }
    split::write_steps(tx, &split::steps(&parts, priced)?).await?;
    let line = parts.iter().flat_map(|part| &part.lines).find(|line| line.offer_id == edit.offer());
    match line {
        Some(line) => hold(tx, line, basket, order).await,
        None => Ok(()),
    }
}

/// The line of an item that was taken out.
fn emptied(line: &order_line::Model) -> order_line::ActiveModel {
    let nothing = MinorUnits::ZERO;
    order_line::ActiveModel {
        id: Set(line.id),
        quantity: Set(0),
        discount: Set(nothing),
        platform_discount: Set(nothing),
        tax: Set(nothing),
        tax_added: Set(nothing),
        total: Set(nothing),
        commission: Set(nothing),
        commission_tax: Set(nothing),
        ..Default::default()
    }
}

/// Holds stock for the edited line: levels that it held before are held again by the same rows.
async fn hold(tx: &Tx, line: &order_line::Model, basket: &Basket, order: &order::Model) -> Result<()> {
    let rows = split::holds(line, basket, order.payment_due_at, tx.now)?;
    let there = reservation::Entity::find().filter(reservation::Column::OrderLineId.eq(line.id)).all(&**tx).await?;
    for row in &rows {
        match there.iter().find(|there| there.inventory_level_id == row.inventory_level_id) {
            Some(there) => {
                let row = reservation::Model { id: there.id, created_at: there.created_at, ..row.clone() };
                reservation::Entity::update(row.into_active_model().reset_all()).exec_without_returning(&**tx).await?;
            }
            None => {
                reservation::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
            }
        }
    }
    let holds: Vec<stock::Hold> = rows.iter().map(|row| (row.inventory_level_id, row.quantity)).collect();
    stock::reserve(tx, &holds).await
}

/// Raises the versions of the order and of the parts whose amounts changed, with their history.
async fn record(
    tx: &Tx,
    mut order: order::Model,
    before: &OrderDetail,
    priced: &Priced,
    edit: Edit,
    actor: Actor,
) -> Result<()> {
    let note = match edit {
        Edit::Add(offer, quantity) => format!("added {quantity} of offer {offer}"),
        Edit::Update(offer, quantity) => format!("changed offer {offer} to {quantity}"),
        Edit::Remove(offer) => format!("took out offer {offer}"),
    };
    order.version += 1;
    let row = order::ActiveModel {
        id: Set(order.id),
        items_total: Set(priced.items_total),
        discount_total: Set(priced.discount_total),
        shipping_total: Set(priced.shipping_total),
        tax_added_total: Set(priced.tax_added_total),
        tax_total: Set(priced.tax_total),
        total: Set(priced.total),
        version: Set(order.version),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    order::Entity::update(row).exec_without_returning(&**tx).await?;
    let mut changes = vec![Change {
        entity: EntityKind::Order,
        id: order.id.into(),
        version: order.version,
        from: Some(order.status.to_string()),
        to: order.status.to_string(),
        actor,
        note: Some(note.clone()),
        event: edit.event(),
        order_id: Some(order.id),
        seller_id: None,
        data: json!({"number": order.number, "total": priced.total, "currency": order.currency}),
    }];
    let now = lifecycle::parts(tx, order.id).await?;
    let known = Known::new(&before.parts);
    // Items that cost nothing change no amount, and are a change all the same.
    let touched: HashSet<SellerOrderId> = order_line::Entity::find()
        .inner_join(seller_order::Entity)
        .filter(seller_order::Column::OrderId.eq(order.id))
        .filter(order_line::Column::OfferId.eq(edit.offer()))
        .all(&**tx)
        .await?
        .into_iter()
        .map(|line| line.seller_order_id)
        .collect();
    let (mut edited, mut emptied) = (Vec::new(), Vec::new());
    for part in now {
        let left = priced.parts.iter().any(|priced| priced.seller_id == part.seller_id);
        match known.parts.get(&part.seller_id) {
            None => changes.push(created(&part, actor)),
            Some(_) if !left && part.status == OrderStatus::Pending => emptied.push(part),
            Some(there) if left && (part != *there || touched.contains(&part.id)) => edited.push(part),
            Some(_) => {}
        }
    }
    history::record(tx, changes).await?;
    for mut part in edited {
        lifecycle::advance(tx, &mut part, SellerOrderEvent::Edit, actor, Some(note.clone())).await?;
    }
    for mut part in emptied {
        clear(tx, &part).await?;
        lifecycle::advance(tx, &mut part, SellerOrderEvent::Cancel, actor, Some(note.clone())).await?;
    }
    Ok(())
}

fn created(part: &seller_order::Model, actor: Actor) -> Change {
    Change {
        entity: EntityKind::SellerOrder,
        id: part.id.into(),
        version: part.version,
        from: None,
        to: part.status.to_string(),
        actor,
        note: None,
        event: "seller_order.created",
        order_id: Some(part.order_id),
        seller_id: Some(part.seller_id),
        data: json!({"number": part.number, "total": part.total, "currency": part.currency}),
    }
}

/// Takes the amounts off a part that is left without items.
async fn clear(tx: &Tx, part: &seller_order::Model) -> Result<()> {
    use seller_order::Column;
    let amounts = [
        Column::ItemsTotal,
        Column::DiscountTotal,
        Column::ShippingPrice,
        Column::ShippingDiscount,
        Column::ShippingPlatformDiscount,
        Column::ShippingTotal,
        Column::ShippingTax,
        Column::ShippingTaxAdded,
        Column::TaxAddedTotal,
        Column::TaxTotal,
        Column::Total,
        Column::PlatformDiscountTotal,
        Column::CommissionTotal,
        Column::CommissionTaxTotal,
    ];
    let update = seller_order::Entity::update_many().filter(Column::Id.eq(part.id));
    amounts.into_iter().fold(update, |update, column| update.col_expr(column, Expr::value(0_i64))).exec(&**tx).await?;
    Ok(())
}
