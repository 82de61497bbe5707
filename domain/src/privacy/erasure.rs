//! Erasing a person.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, SelectStatement, SimpleExpr};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};
use serde_json::{Value, json};
use souk_entity::id::{OrderId, PersonId, UserId};
use souk_entity::sealed::Sealed;
use souk_entity::status::{CartStatus, MemberRole, OrderStatus, RefundStatus, ReturnStatus, SellerStatus, UserRole};
use souk_entity::{
    cart, idempotency_key, order, person_key, refund, return_request, seller, seller_member, shipment, shipment_event,
    user, user_address,
};

use crate::account;
use crate::account::proof::Proof;
use crate::audit::{self, Fields};
use crate::batch;
use crate::error::{Code, Error, Result};
use crate::order::{contact, lifecycle, promotion_use};
use crate::store::Tx;

/// At most so many things of a kind are named that are in the way.
const MOST_NAMED: u64 = 20;

/// Erases a person with an account: their key is destroyed, their sign-ins end, and nobody finds them
/// by their address any more. Returns when; for somebody who is erased already, when that was.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::ErasureBlocked`] while something is under way that needs their data, with
/// each such thing in the details.
pub async fn erase_account(tx: &Tx, id: UserId) -> Result<DateTime<Utc>> {
    // Whoever makes a cart or an order for the person shares the row's key and waits for us, or we for them.
    let person = account::role::lock(tx, id).await?;
    let key = lock_key(tx, id.into()).await?;
    if let Some(at) = key.erased_at {
        audit::nothing(tx);
        return Ok(at);
    }
    let profile = account::open_profile(&tx.vault().person_of(&key)?, &person)?;
    let address = profile.email.map(|email| contact::email_index(tx.vault(), &email));
    // A placement claims its cart first: from here on none can begin, and one that has begun is waited
    // for here and seen below.
    cart::Entity::update_many()
        .col_expr(cart::Column::Status, Expr::value(CartStatus::Expired))
        .col_expr(cart::Column::Version, Expr::col(cart::Column::Version).add(1_i64))
        .col_expr(cart::Column::UpdatedAt, Expr::value(tx.now))
        .filter(cart::Column::UserId.eq(id))
        .filter(cart::Column::Status.eq(CartStatus::Open))
        .exec(&**tx)
        .await?;
    let own = || order::Column::UserId.eq(id);
    let mut obstacles = under_way(tx, own()).await?;
    obstacles.extend(duties(tx, &person).await?);
    check(obstacles)?;
    account::revoke_sessions(tx, id).await?;
    seller_member::Entity::delete_many()
        .filter(seller_member::Column::UserId.eq(id))
        .filter(seller_member::Column::Role.eq(MemberRole::Staff))
        .exec(&**tx)
        .await?;
    if let Some(index) = &person.email_index {
        account::team::forget(tx, index).await?;
    }
    let emptied = user::ActiveModel {
        id: Set(id),
        email: Set(Sealed(Vec::new())),
        email_index: Set(None),
        // Of no password: nothing hashes to it.
        password_hash: Set(String::new()),
        name: Set(Sealed(Vec::new())),
        phone: Set(None),
        is_active: Set(false),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    user::Entity::update(emptied).exec_without_returning(&**tx).await?;
    audit::note(tx, "user", id, Fields::new().changed("erased_at", None, Some(tx.now)));
    user_address::Entity::delete_many().filter(user_address::Column::UserId.eq(id)).exec(&**tx).await?;
    account::totp::forget(tx, id).await?;
    forget(tx, id.into(), own(), &format!("user:{id}"), address, Some(id)).await?;
    Ok(tx.now)
}

/// Erases the person who wishes it, as [`erase_account`] does.
///
/// # Errors
/// As [`Proof::hold`] and [`erase_account`].
pub async fn erase_own(tx: &Tx, proof: &Proof) -> Result<DateTime<Utc>> {
    let person = proof.hold(tx).await?;
    erase_account(tx, person.id).await
}

/// Erases the guest who placed an order: what it tells of them is gone, the order itself stays.
///
/// # Errors
/// As [`erase_account`]; [`Code::IllegalTransition`] for an order of somebody with an account, who is
/// erased as a whole.
pub async fn erase_guest(tx: &Tx, id: OrderId) -> Result<DateTime<Utc>> {
    let order = lifecycle::lock(tx, id).await?;
    let Some(token) = &order.guest_token_hash else {
        return Err(Error::new(
            Code::IllegalTransition,
            "The order is of somebody with an account; erase the account, and with it all their orders.",
        ));
    };
    if let Some(at) = lock_key(tx, id.into()).await?.erased_at {
        audit::nothing(tx);
        return Ok(at);
    }
    let own = || order::Column::Id.eq(id);
    check(under_way(tx, own()).await?)?;
    audit::note(tx, "order", id, Fields::new().changed("shopper_erased_at", None, Some(tx.now)));
    // An account's uses are known by its id, which names nobody any more.
    promotion_use::forget(tx, id).await?;
    forget(tx, id.into(), own(), &format!("guest:{token}"), None, None).await?;
    Ok(tx.now)
}

async fn lock_key(tx: &Tx, id: PersonId) -> Result<person_key::Model> {
    let row = person_key::Entity::find_by_id(id).lock_exclusive().one(&**tx).await?;
    row.ok_or_else(|| Error::internal(format!("person {id} has no key")))
}

fn check(obstacles: Vec<Value>) -> Result<()> {
    if obstacles.is_empty() {
        return Ok(());
    }
    let message = "The person's data is needed for what is under way; the details name it. Finish or cancel it first.";
    Err(Error::new(Code::ErasureBlocked, message).with_details(obstacles))
}

/// What of these orders goes on, and needs the shopper's address to end well.
async fn under_way(tx: &Tx, orders: SimpleExpr) -> Result<Vec<Value>> {
    let over = [OrderStatus::Completed, OrderStatus::Cancelled, OrderStatus::Refunded];
    let open = order::Entity::find()
        .filter(orders.clone())
        .filter(order::Column::Status.is_not_in(over))
        .order_by_desc(order::Column::Id)
        .limit(MOST_NAMED)
        .all(&**tx)
        .await?;
    let returns = return_request::Entity::find()
        .inner_join(order::Entity)
        .filter(orders.clone())
        .filter(return_request::Column::Status.is_in([
            ReturnStatus::Requested,
            ReturnStatus::Approved,
            ReturnStatus::InTransit,
            ReturnStatus::Received,
        ]))
        .limit(MOST_NAMED)
        .all(&**tx)
        .await?;
    let refunds = refund::Entity::find()
        .filter(refund::Column::OrderId.in_subquery(ids(orders)))
        .filter(refund::Column::Status.is_in([
            RefundStatus::Pending,
            RefundStatus::Submitted,
            RefundStatus::Unresolved,
        ]))
        .limit(MOST_NAMED)
        .all(&**tx)
        .await?;
    let mut found = Vec::new();
    for order in open {
        found.push(json!({"what": "order", "id": order.id, "number": order.number, "status": order.status}));
    }
    for row in returns {
        found.push(json!({"what": "return", "id": row.id, "order_id": row.order_id, "status": row.status}));
    }
    for row in refunds {
        found.push(json!({"what": "refund", "id": row.id, "order_id": row.order_id, "status": row.status}));
    }
    Ok(found)
}

/// What a person is in the marketplace that somebody else must take over first.
async fn duties(tx: &Tx, person: &user::Model) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    if person.role != UserRole::Customer {
        found.push(json!({"what": "role", "role": person.role}));
    }
    let own = seller_member::Entity::find()
        .select_only()
        .column(seller_member::Column::SellerId)
        .filter(seller_member::Column::UserId.eq(person.id))
        .filter(seller_member::Column::Role.eq(MemberRole::Owner))
        .into_query();
    let owned = seller::Entity::find()
        .filter(seller::Column::Id.in_subquery(own))
        .filter(seller::Column::Status.is_not_in([SellerStatus::Rejected, SellerStatus::Closed]))
        .all(&**tx)
        .await?;
    found.extend(owned.into_iter().map(|seller| json!({"what": "seller", "id": seller.id, "status": seller.status})));
    Ok(found)
}

fn ids(orders: SimpleExpr) -> SelectStatement {
    order::Entity::find().select_only().column(order::Column::Id).filter(orders).into_query()
}

/// Destroys a person's key, and what is found of them or kept beside it. `address` is what orders of the
/// account's own address are found by, and `user` the account.
async fn forget(
    tx: &Tx,
    id: PersonId,
    orders: SimpleExpr,
    key_space: &str,
    address: Option<String>,
    user: Option<UserId>,
) -> Result<()> {
    let destroyed = person_key::ActiveModel {
        id: Set(id),
        wrapped_by: Set(None),
        wrapped_key: Set(None),
        erased_at: Set(Some(tx.now)),
        ..Default::default()
    };
    person_key::Entity::update(destroyed).exec_without_returning(&**tx).await?;
    tx.destroy_after_commit();
    // Answers that the person got, answers that tell others of their orders, and rows of files that tell of
    // them, whatever became of the rows.
    idempotency_key::Entity::delete_many().filter(idempotency_key::Column::Actor.eq(key_space)).exec(&**tx).await?;
    // The keys of others stay: what they have asked for is not to be done again.
    idempotency_key::Entity::update_many()
        .col_expr(idempotency_key::Column::Body, Expr::value(Vec::<u8>::new()))
        .filter(idempotency_key::Column::OrderId.in_subquery(ids(orders.clone())))
        .exec(&**tx)
        .await?;
    let known: Vec<(OrderId, Option<String>)> = order::Entity::find()
        .select_only()
        .columns([order::Column::Id, order::Column::EmailIndex])
        .filter(orders.clone())
        .into_tuple()
        .all(&**tx)
        .await?;
    let mut indexes: Vec<String> = known.iter().filter_map(|(_, index)| index.clone()).chain(address).collect();
    indexes.sort_unstable();
    indexes.dedup();
    batch::forget(tx, indexes, user).await?;
    order::Entity::update_many()
        .col_expr(order::Column::EmailIndex, Expr::value(None::<String>))
        .filter(orders.clone())
        .exec(&**tx)
        .await?;
    // Where parcels were and who took them is told in a carrier's words.
    let parcels = shipment::Entity::find()
        .select_only()
        .column(shipment::Column::Id)
        .filter(shipment::Column::OrderId.in_subquery(ids(orders.clone())))
        .into_query();
    shipment_event::Entity::update_many()
        .col_expr(shipment_event::Column::Location, Expr::value(None::<String>))
        .col_expr(shipment_event::Column::Description, Expr::value(""))
        .filter(shipment_event::Column::ShipmentId.in_subquery(parcels))
        .exec(&**tx)
        .await?;
    // Kept answers about them are forgotten before this one is given.
    for (order, _) in known {
        tx.tell_after_commit(Some(order));
    }
    Ok(())
}
