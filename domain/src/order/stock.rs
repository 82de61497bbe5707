//! Holding stock: all of it or nothing, in one conditional statement.

use sea_orm::sea_query::{Condition, Expr, ExprTrait, LockType, Query, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use serde_json::json;
use souk_entity::id::{InventoryLevelId, OrderId, OrderLineId, ReservationId, SellerOrderId};
use souk_entity::status::ReservationStatus;
use souk_entity::{inventory_level, offer, order_line, reservation, seller, seller_order};

use super::basket::BasketLine;
use crate::account::holiday::takes_orders;
use crate::bulk::by_id;
use crate::catalogue::shown::can_be_sold;
use crate::error::{Code, Error, Result};
use crate::store::Tx;

/// Units of one stock level.
pub type Hold = (InventoryLevelId, i64);

/// From which stock levels a line is taken: from one warehouse when one has enough, otherwise
/// from the fullest ones; `None` when all together have too little.
pub fn choose(line: &BasketLine) -> Option<Vec<Hold>> {
    let smallest_enough = line.stock.iter().rfind(|(_, available)| *available >= line.quantity);
    if let Some((level, _)) = smallest_enough {
        return Some(vec![(*level, line.quantity)]);
    }
    let mut left = line.quantity;
    let mut holds = Vec::new();
    for (level, available) in &line.stock {
        let take = Ord::min(left, *available);
        if take > 0 {
            holds.push((*level, take));
            left -= take;
        }
    }
    (left == 0).then_some(holds)
}

/// The answer when stock does not suffice, naming every line that cannot be had.
pub fn shortage(lines: &[BasketLine]) -> Option<Error> {
    let short: Vec<_> = lines
        .iter()
        .filter(|line| line.available() < line.quantity)
        .map(|line| {
            json!({
                "offer_id": line.offer_id,
                "sku": line.sku,
                "requested_quantity": line.quantity,
                "available_quantity": line.available(),
            })
        })
        .collect();
    (!short.is_empty()).then(|| {
        Error::new(
            Code::InventoryUnavailable,
            "Some items are not available in the quantity asked for; nothing was reserved.",
        )
        .with_details(short)
    })
}

/// Adds `holds` to `reserved` where that much is free; one statement for all of them.
///
/// # Errors
/// [`Code::ConcurrentChange`] when one of them is not free any more: the transaction must start
/// over and read the stock again.
pub async fn reserve(tx: &Tx, holds: &[Hold]) -> Result<()> {
    reserve_where(tx, holds, Condition::all()).await
}

/// [`reserve`] for a new order: only where the seller still takes orders and the product can be sold. Whoever suspends a seller or
/// begins a holiday locks the seller's row, which each seller order that is written holds a key share of;
/// so either they wait for this order, or this statement sees what they have done; and likewise whoever hides a
/// product its offers, of which each line holds one.
///
/// # Errors
/// As [`reserve`], also when a seller takes no orders any more.
pub async fn reserve_for_sale(tx: &Tx, holds: &[Hold]) -> Result<()> {
    let sellers = Query::select()
        .column((offer::Entity, offer::Column::Id))
        .from(offer::Entity)
        .inner_join(
            seller::Entity,
            Expr::col((seller::Entity, seller::Column::Id)).equals((offer::Entity, offer::Column::SellerId)),
        )
        .and_where(
            Expr::col((offer::Entity, offer::Column::Id))
                .equals((inventory_level::Entity, inventory_level::Column::OfferId)),
        )
        .cond_where(takes_orders(tx.now))
        .cond_where(can_be_sold())
        .to_owned();
    reserve_where(tx, holds, Condition::all().add(Expr::exists(sellers))).await
}

async fn reserve_where(tx: &Tx, holds: &[Hold], condition: Condition) -> Result<()> {
    let holds = merged(holds);
    let quantity = by_id(inventory_level::Column::Id, &holds);
    let updated = inventory_level::Entity::update_many()
        .col_expr(inventory_level::Column::Reserved, Expr::col(inventory_level::Column::Reserved).add(quantity.clone()))
        .col_expr(inventory_level::Column::UpdatedAt, Expr::value(tx.now))
        .filter(inventory_level::Column::Id.in_subquery(locked(&holds)))
        .filter(
            Expr::col(inventory_level::Column::OnHand).sub(Expr::col(inventory_level::Column::Reserved)).gte(quantity),
        )
        .filter(condition)
        .exec(&**tx)
        .await?;
    if usize::try_from(updated.rows_affected).ok() == Some(holds.len()) {
        Ok(())
    } else {
        Err(Error::new(Code::ConcurrentChange, "The stock was taken by others at the same moment."))
    }
}

/// Takes `holds` off `reserved`, and off `on_hand` too when the goods have `left` the warehouse.
///
/// # Errors
/// [`Code::Internal`] when a level is not there; the database's.
pub async fn unreserve(tx: &Tx, holds: &[Hold], left: bool) -> Result<()> {
    if holds.is_empty() {
        return Ok(());
    }
    let holds = merged(holds);
    let quantity = by_id(inventory_level::Column::Id, &holds);
    let mut update = inventory_level::Entity::update_many()
        .col_expr(inventory_level::Column::Reserved, Expr::col(inventory_level::Column::Reserved).sub(quantity.clone()))
        .col_expr(inventory_level::Column::UpdatedAt, Expr::value(tx.now))
        .filter(inventory_level::Column::Id.in_subquery(locked(&holds)));
    if left {
        update =
            update.col_expr(inventory_level::Column::OnHand, Expr::col(inventory_level::Column::OnHand).sub(quantity));
    }
    let updated = update.exec(&**tx).await?;
    if usize::try_from(updated.rows_affected).ok() == Some(holds.len()) {
        Ok(())
    } else {
        Err(Error::internal("a stock level of a reservation is gone"))
    }
}

/// The reservations of a seller order's lines.
///
/// # Errors
/// The database's.
pub async fn reservations(tx: &Tx, seller_order: SellerOrderId) -> Result<Vec<reservation::Model>> {
    let lines =
        order_line::Entity::find().filter(order_line::Column::SellerOrderId.eq(seller_order)).all(&**tx).await?;
    of_lines(tx, lines.into_iter().map(|line| line.id).collect()).await
}

/// The reservations of an order's lines.
///
/// # Errors
/// The database's.
pub async fn reservations_of_order(tx: &Tx, order: OrderId) -> Result<Vec<reservation::Model>> {
    let lines = order_line::Entity::find()
        .inner_join(seller_order::Entity)
        .filter(seller_order::Column::OrderId.eq(order))
        .all(&**tx)
        .await?;
    of_lines(tx, lines.into_iter().map(|line| line.id).collect()).await
}

async fn of_lines(tx: &Tx, lines: Vec<OrderLineId>) -> Result<Vec<reservation::Model>> {
    Ok(reservation::Entity::find().filter(reservation::Column::OrderLineId.is_in(lines)).all(&**tx).await?)
}

/// Lets go of what `rows` still hold.
///
/// # Errors
/// The database's.
pub async fn release(tx: &Tx, rows: &[reservation::Model]) -> Result<()> {
    let open: Vec<&reservation::Model> = rows.iter().filter(|row| row.open_quantity > 0).collect();
    let holds: Vec<Hold> = open.iter().map(|row| (row.inventory_level_id, row.open_quantity)).collect();
    unreserve(tx, &holds, false).await?;
    set_status(tx, &open, ReservationStatus::Released).await
}

/// Lets go of what `rows` hold for good: their item is taken out or held anew.
///
/// # Errors
/// The database's.
pub async fn withdraw(tx: &Tx, rows: &[reservation::Model]) -> Result<()> {
    release(tx, rows).await?;
    reservation::Entity::update_many()
        .col_expr(reservation::Column::Quantity, Expr::value(0_i64))
        .filter(reservation::Column::Id.is_in(rows.iter().map(|row| row.id)))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Turns what is held into an allocation without expiry: it is paid for.
///
/// # Errors
/// The database's.
pub async fn allocate(tx: &Tx, rows: &[reservation::Model]) -> Result<()> {
    let held: Vec<&reservation::Model> = rows.iter().filter(|row| row.status == ReservationStatus::Held).collect();
    set_status(tx, &held, ReservationStatus::Allocated).await
}

/// Holds again, all or nothing, what was let go of when an earlier payment failed.
///
/// # Errors
/// [`Code::InventoryUnavailable`] when it has been sold since.
pub async fn hold_again(tx: &Tx, rows: &[reservation::Model], until: chrono::DateTime<chrono::Utc>) -> Result<()> {
    let released: Vec<&reservation::Model> =
        rows.iter().filter(|row| row.status == ReservationStatus::Released && row.quantity > 0).collect();
    if released.is_empty() {
        return Ok(());
    }
    let holds: Vec<Hold> = released.iter().map(|row| (row.inventory_level_id, row.quantity)).collect();
    reserve(tx, &holds).await.map_err(|error| match error.code {
        Code::ConcurrentChange => Error::new(
            Code::InventoryUnavailable,
            "The goods were released when the last payment failed and have been sold since; order anew.",
        ),
        _ => error,
    })?;
    reservation::Entity::update_many()
        .col_expr(reservation::Column::Status, Expr::value(ReservationStatus::Held))
        .col_expr(reservation::Column::OpenQuantity, Expr::col(reservation::Column::Quantity))
        .col_expr(reservation::Column::ExpiresAt, Expr::value(Some(until)))
        .col_expr(reservation::Column::UpdatedAt, Expr::value(tx.now))
        .filter(reservation::Column::Id.is_in(released.iter().map(|row| row.id)))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Takes `quantity` off what a reservation holds, because that much has left the warehouse.
///
/// # Errors
/// [`Code::Internal`] when it holds less: a parcel held more than was packed.
pub async fn consume(tx: &Tx, id: ReservationId, quantity: i64) -> Result<()> {
    let rest = Expr::col(reservation::Column::OpenQuantity).sub(quantity);
    let status = Expr::case(
        Expr::col(reservation::Column::OpenQuantity).eq(quantity),
        Expr::value(ReservationStatus::Fulfilled),
    )
    .finally(Expr::col(reservation::Column::Status));
    let updated = reservation::Entity::update_many()
        .col_expr(reservation::Column::Status, status.into())
        .col_expr(reservation::Column::OpenQuantity, rest)
        .col_expr(reservation::Column::UpdatedAt, Expr::value(tx.now))
        .filter(reservation::Column::Id.eq(id))
        .filter(reservation::Column::OpenQuantity.gte(quantity))
        .exec(&**tx)
        .await?;
    if updated.rows_affected == 1 {
        Ok(())
    } else {
        Err(Error::internal(format!("reservation {id} holds less than {quantity}")))
    }
}

async fn set_status(tx: &Tx, rows: &[&reservation::Model], status: ReservationStatus) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut update = reservation::Entity::update_many()
        .col_expr(reservation::Column::Status, Expr::value(status))
        .col_expr(reservation::Column::ExpiresAt, Expr::value(Option::<chrono::DateTime<chrono::Utc>>::None))
        .col_expr(reservation::Column::UpdatedAt, Expr::value(tx.now))
        .filter(reservation::Column::Id.is_in(rows.iter().map(|row| row.id)));
    if status == ReservationStatus::Released {
        update = update.col_expr(reservation::Column::OpenQuantity, Expr::value(0_i64));
    }
    update.exec(&**tx).await?;
    Ok(())
}

/// The levels of `holds`, locked one after the other in the order of their ids: an `UPDATE` by
/// itself locks rows in whatever order it comes upon them, and two of those deadlock.
///
/// As strong a lock as an `UPDATE`'s and no stronger: each who writes a reservation holds a key
/// share of its level, and `FOR UPDATE` would wait for all of them.
pub fn locked(levels: &[Hold]) -> SelectStatement {
    inventory_level::Entity::find()
        .select_only()
        .column(inventory_level::Column::Id)
        .filter(inventory_level::Column::Id.is_in(levels.iter().map(|(level, _)| *level)))
        .order_by_asc(inventory_level::Column::Id)
        .lock(LockType::NoKeyUpdate)
        .into_query()
}

/// One entry per level, as a statement changes a row only once.
fn merged(holds: &[Hold]) -> Vec<Hold> {
    let mut sums = std::collections::BTreeMap::new();
    for (level, quantity) in holds {
        *sums.entry(*level).or_insert(0) += quantity;
    }
    sums.into_iter().collect()
}
