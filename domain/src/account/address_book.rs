//! The addresses that a person keeps for their orders.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, Select,
};
use souk_entity::id::{UserAddressId, UserId};
use souk_entity::user_address as table;

use super::role;
use crate::error::{Error, Result};
use crate::order::placement::Address;
use crate::store::Tx;

/// A person keeps so many at most.
pub const MOST: u64 = 50;

/// An address as a person keeps it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The address.
    pub address: Address,
    /// Whether goods go there unless another is chosen; then no other of theirs is.
    pub is_default_shipping: bool,
    /// Whether bills go there unless another is chosen; then no other of theirs is.
    pub is_default_billing: bool,
}

/// The addresses of a person.
pub fn of(user: UserId) -> Select<table::Entity> {
    table::Entity::find().filter(table::Column::UserId.eq(user))
}

/// An address of a person.
///
/// # Errors
/// [`crate::Code::NotFound`], also for another's.
pub async fn find(db: &impl ConnectionTrait, user: UserId, id: UserAddressId) -> Result<table::Model> {
    let found = of(user).filter(table::Column::Id.eq(id)).one(db).await?;
    found.ok_or_else(|| Error::not_found("address"))
}

/// Where goods and bills go that no address was chosen for: bills go where goods go when there is
/// no default for them.
///
/// # Errors
/// [`crate::Code::InvalidValue`] when there is no default for goods.
pub async fn defaults(db: &impl ConnectionTrait, user: UserId) -> Result<(Address, Address)> {
    let is_default = table::Column::IsDefaultShipping.eq(true).or(table::Column::IsDefaultBilling.eq(true));
    let rows = of(user).filter(is_default).all(db).await?;
    let shipping = rows.iter().find(|row| row.is_default_shipping).map(read).ok_or_else(|| {
        Error::invalid("shipping_address is left out, and the account has no default shipping address; send one.")
    })?;
    let billing = rows.iter().find(|row| row.is_default_billing).map(read);
    Ok((shipping.clone(), billing.unwrap_or(shipping)))
}

/// Keeps an address.
///
/// # Errors
/// [`crate::Code::InvalidValue`] for more than [`MOST`].
pub async fn add(tx: &Tx, user: UserId, entry: Entry) -> Result<table::Model> {
    take_turns(tx, user).await?;
    if of(user).count(&**tx).await? >= MOST {
        return Err(Error::invalid(format!("An address book has at most {MOST} addresses; delete one first.")));
    }
    let row = row(UserAddressId::at(tx.now), user, entry, tx.now, tx.now);
    make_way(tx, &row).await?;
    table::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    Ok(row)
}

/// Puts an address in the place of another.
///
/// # Errors
/// [`crate::Code::NotFound`], also for another's.
pub async fn replace(tx: &Tx, user: UserId, id: UserAddressId, entry: Entry) -> Result<table::Model> {
    take_turns(tx, user).await?;
    let before = find(&**tx, user, id).await?;
    let row = row(id, user, entry, before.created_at, tx.now);
    make_way(tx, &row).await?;
    table::Entity::update(row.clone().into_active_model().reset_all()).exec_without_returning(&**tx).await?;
    Ok(row)
}

/// Deletes an address. Orders that went there keep their own copy.
///
/// # Errors
/// [`crate::Code::NotFound`], also for another's.
pub async fn delete(tx: &Tx, user: UserId, id: UserAddressId) -> Result<()> {
    take_turns(tx, user).await?;
    find(&**tx, user, id).await?;
    table::Entity::delete_by_id(id).exec(&**tx).await?;
    Ok(())
}

/// The address as orders have it.
pub fn read(row: &table::Model) -> Address {
    Address {
        name: row.name.clone(),
        line1: row.line1.clone(),
        line2: row.line2.clone(),
        city: row.city.clone(),
        region: row.region.clone(),
        postal_code: row.postal_code.clone(),
        country: row.country.clone(),
        phone: row.phone.clone(),
    }
}

fn row(
    id: UserAddressId,
    user: UserId,
    entry: Entry,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
) -> table::Model {
    let Entry { address, is_default_shipping, is_default_billing } = entry;
    table::Model {
        id,
        user_id: user,
        name: address.name,
        line1: address.line1,
        line2: address.line2,
        city: address.city,
        region: address.region,
        postal_code: address.postal_code,
        country: address.country,
        phone: address.phone,
        is_default_shipping,
        is_default_billing,
        created_at,
        updated_at,
    }
}

/// Changes of one person's book come one after the other, so that none finds two defaults.
async fn take_turns(tx: &Tx, user: UserId) -> Result<()> {
    role::lock(tx, user).await.map(drop)
}

/// Takes from the person's other addresses what this one is to be.
async fn make_way(tx: &Tx, row: &table::Model) -> Result<()> {
    let defaults = [
        (table::Column::IsDefaultShipping, row.is_default_shipping),
        (table::Column::IsDefaultBilling, row.is_default_billing),
    ];
    for (column, _) in defaults.into_iter().filter(|(_, is_default)| *is_default) {
        table::Entity::update_many()
            .col_expr(column, Expr::value(false))
            .col_expr(table::Column::UpdatedAt, Expr::value(tx.now))
            .filter(table::Column::UserId.eq(row.user_id))
            .filter(table::Column::Id.ne(row.id))
            .filter(column.eq(true))
            .exec(&**tx)
            .await?;
    }
    Ok(())
}
