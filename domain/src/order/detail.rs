//! An order with all its parts, as its shopper, its sellers and operators read it.

use std::collections::HashMap;

use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use souk_entity::id::{OrderId, SellerId, SellerOrderId};
use souk_entity::status::EntityKind;
use souk_entity::{order, order_address, order_line, seller, seller_order, status_history};
use uuid::Uuid;

use super::contact::Contact;
use crate::cart::Owner;
use crate::error::{Error, Result};
use crate::vault::Vault;

/// One seller's part of an order.
#[derive(Clone, Debug)]
pub struct Part {
    /// The part.
    pub seller_order: seller_order::Model,
    /// The seller's name.
    pub seller_name: String,
    /// Its lines, by position.
    pub lines: Vec<order_line::Model>,
}

/// An order with addresses, parts and lines.
#[derive(Clone, Debug)]
pub struct OrderDetail {
    /// The order.
    pub order: order::Model,
    /// What it tells of its shopper.
    pub contact: Contact,
    /// Shipping and billing.
    pub addresses: Vec<order_address::Model>,
    /// One per seller, by number.
    pub parts: Vec<Part>,
}

/// The rows of the orders that `owner` may see.
pub fn orders_of(owner: &Owner) -> Condition {
    let condition = match owner {
        Owner::User(user) => order::Column::UserId.eq(*user),
        Owner::Guest(hash) => order::Column::GuestTokenHash.eq(hash.clone()),
    };
    Condition::all().add(condition)
}

/// Reads an order; `owner` limits it to the shopper's own, `None` is for operators.
///
/// # Errors
/// [`crate::Code::NotFound`], also for somebody else's.
pub async fn read(db: &impl ConnectionTrait, vault: &Vault, id: OrderId, owner: Option<&Owner>) -> Result<OrderDetail> {
    let mut query = order::Entity::find_by_id(id);
    if let Some(owner) = owner {
        query = query.filter(orders_of(owner));
    }
    let order = query.one(db).await?.ok_or_else(|| Error::not_found("order"))?;
    let addresses = order_address::Entity::find().filter(order_address::Column::OrderId.eq(id)).all(db).await?;
    let contact = Contact::open(&vault.person(db, order.person()).await?, &order, &addresses)?;
    let parts = parts_of(db, id).await?;
    Ok(OrderDetail { order, contact, addresses, parts })
}

/// The parts of an order with their lines.
///
/// # Errors
/// The database's.
pub async fn parts_of(db: &impl ConnectionTrait, id: OrderId) -> Result<Vec<Part>> {
    let rows = seller_order::Entity::find().filter(seller_order::Column::OrderId.eq(id)).all(db).await?;
    parts(db, rows).await
}

/// Reads a seller order for its seller.
///
/// # Errors
/// [`crate::Code::NotFound`], also for another seller's.
pub async fn read_part(db: &impl ConnectionTrait, id: SellerOrderId, seller: SellerId) -> Result<Part> {
    let row = seller_order::Entity::find_by_id(id)
        .filter(seller_order::Column::SellerId.eq(seller))
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("seller order"))?;
    parts(db, vec![row]).await?.pop().ok_or_else(|| Error::not_found("seller order"))
}

/// Puts names and lines to seller orders, two statements however many there are.
///
/// # Errors
/// The database's.
pub async fn parts(db: &impl ConnectionTrait, mut rows: Vec<seller_order::Model>) -> Result<Vec<Part>> {
    rows.sort_by(|a, b| (a.order_id, a.number.len(), &a.number).cmp(&(b.order_id, b.number.len(), &b.number)));
    let names: HashMap<SellerId, String> = seller::Entity::find()
        .filter(seller::Column::Id.is_in(rows.iter().map(|row| row.seller_id)))
        .all(db)
        .await?
        .into_iter()
        .map(|seller| (seller.id, seller.name))
        .collect();
    let mut lines: HashMap<SellerOrderId, Vec<order_line::Model>> = HashMap::new();
    let all = order_line::Entity::find()
        .filter(order_line::Column::SellerOrderId.is_in(rows.iter().map(|row| row.id)))
        .order_by_asc(order_line::Column::Position)
        .all(db)
        .await?;
    for line in all {
        lines.entry(line.seller_order_id).or_default().push(line);
    }
    Ok(rows
        .into_iter()
        .map(|seller_order| Part {
            seller_name: names.get(&seller_order.seller_id).cloned().unwrap_or_default(),
            lines: lines.remove(&seller_order.id).unwrap_or_default(),
            seller_order,
        })
        .collect())
}

/// The history of one thing, oldest first.
///
/// # Errors
/// The database's.
pub async fn history(
    db: &impl ConnectionTrait,
    entity: EntityKind,
    id: impl Into<Uuid>,
) -> Result<Vec<status_history::Model>> {
    let id: Uuid = id.into();
    Ok(status_history::Entity::find()
        .filter(status_history::Column::EntityKind.eq(entity))
        .filter(Expr::col(status_history::Column::EntityId).eq(id))
        .order_by_asc(status_history::Column::Version)
        .all(db)
        .await?)
}
