//! From cart to order: priced, split per seller, stock held, everything in one transaction.

use chrono::TimeDelta;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, IntoActiveModel, Iterable, QueryFilter, QueryTrait,
};
use serde_json::json;
use souk_entity::id::{CartId, OrderId, UserId};
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::status::{AddressKind, CartStatus, EntityKind, OrderStatus};
use souk_entity::{cart, order, order_address, order_line, person_key, price_step, reservation, seller_order};

use super::basket::{self, Basket};
use super::contact::{self, Address, Contact};
use super::detail::OrderDetail;
use super::pricing::Priced;
use super::split::{self, Known, Whole};
use super::terms::{self, Buyer};
use super::{promotion_use, stock};
use crate::actor::Actor;
use crate::cart::{Owner, owned_by};
use crate::error::{Code, Error, Result};
use crate::history::{self, Change};
use crate::job::{self, Task};
use crate::money::Money;
use crate::payment;
use crate::place::Place;
use crate::store::Tx;
use crate::vault::{Person, Vault};

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

impl Placement {
    fn buyer(&self, vault: &Vault) -> Buyer {
        let user_id = self.owner.columns().0;
        Buyer { user_id, shopper: Some(shopper_key(vault, user_id, &self.email)) }
    }
}

/// Whose uses of limited promotions an order counts: the user's, or for guests those of their
/// e-mail address, as its keyed hash.
pub fn shopper_key(vault: &Vault, user: Option<UserId>, email: &str) -> String {
    match user {
        Some(user) => user.to_string(),
        None => vault.index("promotion_shopper.shopper", &email.trim().to_lowercase()),
    }
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
/// [`Code::NotFound`], [`Code::CartExpired`], what [`Basket::check`] and [`super::pricing::price`] say,
/// [`Code::PriceChanged`], [`Code::CouponExhausted`], [`Code::InventoryUnavailable`]; and
/// [`Code::ConcurrentChange`] when others took the stock in between, for the caller to repeat.
pub async fn place(tx: &Tx, placement: &Placement) -> Result<Placed> {
    let Some(Claimed { cart, wrapped_by, wrapped_key }) = claim_cart(tx, placement).await? else {
        return replay(tx, placement).await;
    };
    let to = Place::of_address(&placement.shipping_address.country, placement.shipping_address.region.as_deref());
    let basket = basket::read(&**tx, cart.id, cart.currency, Some(&to)).await?;
    basket.check(cart.currency)?;
    let buyer = placement.buyer(tx.vault());
    let when = (cart.currency, tx.now);
    let terms = terms::read(&**tx, cart.id, &basket, when, Some(&to), buyer.user_id).await?;
    terms.tax.check()?;
    let priced = terms.price(&basket, &terms.usable(&**tx, &buyer).await?)?;
    check_total(placement.expected_total, cart.currency, &priced)?;
    if let Some(shortage) = stock::shortage(&basket.lines) {
        return Err(shortage);
    }
    let order_id = OrderId::at(tx.now);
    let (person, person_key) = match cart.user_id {
        Some(user) => (tx.vault().unwrap(user.into(), wrapped_by.as_deref(), wrapped_key.as_deref())?, None),
        None => {
            let (row, person) = tx.vault().new_person(order_id.into(), tx.now)?;
            (person, Some(row))
        }
    };
    let mut draft = draft(tx, (order_id, &person), placement, &cart, &basket, &priced)?;
    draft.person_key = person_key;
    write(tx, &draft).await?;
    let shopper = buyer.shopper.unwrap_or_default();
    promotion_use::take(tx, draft.detail.order.id, &shopper, &priced.promotions, &terms.promotions).await?;
    stock::reserve(tx, &draft.holds()).await?;
    let detail = draft.detail;
    if detail.order.total == MinorUnits::ZERO {
        // Nothing to pay: a discount has covered all of it.
        payment::settle_free(tx, &detail.order).await?;
    }
    Ok(Placed::New(Box::new(detail)))
}

/// The cart that becomes the order, and the key of whoever has an account; a guest's is made with the order.
#[derive(FromQueryResult)]
struct Claimed {
    #[sea_orm(nested)]
    cart: cart::Model,
    wrapped_by: Option<String>,
    wrapped_key: Option<Vec<u8>>,
}

/// Of many placements of one cart, one gets it.
///
/// The person's key comes with it and costs no statement of its own. That the person is not erased in
/// the meantime is the cart's doing: an erasure ends the person's open carts before it looks for orders.
async fn claim_cart(tx: &Tx, placement: &Placement) -> Result<Option<Claimed>> {
    let key = |column: &'static str| {
        Expr::cust(format!("(SELECT {column} FROM person_key WHERE person_key.id = cart.user_id) AS {column}"))
    };
    let columns = cart::Column::iter().map(|column| Expr::col((cart::Entity, column)));
    let mut claim = cart::Entity::update_many()
        .col_expr(cart::Column::Status, Expr::value(CartStatus::Completed))
        .col_expr(cart::Column::Version, Expr::col(cart::Column::Version).add(1_i64))
        .col_expr(cart::Column::UpdatedAt, Expr::value(tx.now))
        .filter(cart::Column::Id.eq(placement.cart_id))
        .filter(owned_by(&placement.owner))
        .filter(cart::Column::Status.eq(CartStatus::Open))
        .filter(cart::Column::ExpiresAt.gt(tx.now))
        .into_query();
    claim.returning(Query::returning().exprs(columns.chain([key("wrapped_by"), key("wrapped_key")])));
    let claimed = Claimed::find_by_statement(tx.get_database_backend().build(&claim)).all(&**tx).await?;
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

/// Refuses a total that the shopper has not seen.
///
/// # Errors
/// [`Code::PriceChanged`], with the total now.
pub fn check_total(expected: Option<Money>, currency: CurrencyCode, priced: &Priced) -> Result<()> {
    let total = Money { amount: priced.total, currency };
    match expected {
        Some(expected) if expected != total => Err(Error::new(
            Code::PriceChanged,
            format!("The total is {total} {} now; show it to the shopper and repeat with it.", total.currency),
        )
        .with_details(vec![json!({"total": total.to_string(), "currency": total.currency})])),
        _ => Ok(()),
    }
}

/// All rows of an order that is about to be written.
struct Draft {
    detail: OrderDetail,
    /// Of a guest.
    person_key: Option<person_key::Model>,
    steps: Vec<price_step::Model>,
    reservations: Vec<reservation::Model>,
}

impl Draft {
    fn holds(&self) -> Vec<stock::Hold> {
        self.reservations.iter().map(|row| (row.inventory_level_id, row.quantity)).collect()
    }
}

fn draft(
    tx: &Tx,
    (id, person): (OrderId, &Person),
    placement: &Placement,
    cart: &cart::Model,
    basket: &Basket,
    priced: &Priced,
) -> Result<Draft> {
    let payment_due_at = tx.now + placement.payment_window;
    let (user_id, guest_token_hash) = placement.owner.columns();
    let order = order::Model {
        id,
        number: placement.number.clone(),
        cart_id: cart.id,
        user_id,
        guest_token_hash,
        email: contact::seal_email(person, id, &placement.email)?,
        email_index: Some(contact::email_index(tx.vault(), &placement.email)),
        currency: cart.currency,
        status: OrderStatus::Pending,
        items_total: priced.items_total,
        discount_total: priced.discount_total,
        shipping_total: priced.shipping_total,
        tax_added_total: priced.tax_added_total,
        tax_total: priced.tax_total,
        total: priced.total,
        notes: contact::seal_notes(person, id, placement.notes.as_deref())?,
        payment_due_at,
        cancellation_reason: None,
        version: 1,
        placed_at: tx.now,
        updated_at: tx.now,
    };
    let whole = Whole { id: order.id, number: &order.number, currency: order.currency, now: tx.now };
    let parts = split::parts(whole, basket, priced, &Known::default())?;
    let steps = split::steps(&parts, priced)?;
    let mut reservations = Vec::with_capacity(basket.lines.len());
    for line in parts.iter().flat_map(|part| &part.lines) {
        reservations.extend(split::holds(line, basket, payment_due_at, tx.now)?);
    }
    let addresses = vec![
        contact::seal_address(person, id, AddressKind::Shipping, &placement.shipping_address)?,
        contact::seal_address(person, id, AddressKind::Billing, &placement.billing_address)?,
    ];
    let contact = Contact {
        erased: false,
        email: Some(placement.email.clone()),
        notes: placement.notes.clone(),
        shipping_address: Some(placement.shipping_address.clone()),
        billing_address: Some(placement.billing_address.clone()),
    };
    let detail = OrderDetail { order, contact, addresses, parts };
    Ok(Draft { detail, person_key: None, steps, reservations })
}

async fn write(tx: &Tx, draft: &Draft) -> Result<()> {
    let detail = &draft.detail;
    let order = &detail.order;
    let shopper = Actor::Shopper(order.user_id);
    if let Some(key) = &draft.person_key {
        person_key::Entity::insert(key.clone().into_active_model()).exec_without_returning(&**tx).await?;
    }
    order::Entity::insert(order.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let addresses = detail.addresses.iter().cloned().map(IntoActiveModel::into_active_model);
    order_address::Entity::insert_many(addresses).exec_without_returning(&**tx).await?;
    let parts = detail.parts.iter().map(|part| part.seller_order.clone().into_active_model());
    seller_order::Entity::insert_many(parts).exec_without_returning(&**tx).await?;
    let lines = detail.parts.iter().flat_map(|part| part.lines.iter().cloned()).map(IntoActiveModel::into_active_model);
    order_line::Entity::insert_many(lines).exec_without_returning(&**tx).await?;
    split::write_steps(tx, &draft.steps).await?;
    for rows in draft.reservations.chunks(split::ROWS_AT_ONCE) {
        let held = rows.iter().cloned().map(IntoActiveModel::into_active_model);
        reservation::Entity::insert_many(held).exec_without_returning(&**tx).await?;
    }
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
    Ok(())
}
