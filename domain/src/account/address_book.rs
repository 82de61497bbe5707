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
use crate::order::contact::Address;
use crate::store::Tx;
use crate::vault::{Field, Person};

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
pub async fn defaults(tx: &Tx, user: UserId) -> Result<(Address, Address)> {
    let is_default = table::Column::IsDefaultShipping.eq(true).or(table::Column::IsDefaultBilling.eq(true));
    let rows = of(user).filter(is_default).all(&**tx).await?;
    let none =
        || Error::invalid("shipping_address is left out, and the account has no default shipping address; send one.");
    let shipping = rows.iter().find(|row| row.is_default_shipping).ok_or_else(none)?;
    let person = tx.vault().person(&**tx, user.into()).await?;
    let to = open(&person, shipping)?.ok_or_else(none)?;
    let billing = match rows.iter().find(|row| row.is_default_billing) {
        Some(row) => open(&person, row)?,
        None => None,
    };
    Ok((to.clone(), billing.unwrap_or(to)))
}

/// Keeps an address.
///
/// # Errors
/// [`crate::Code::InvalidValue`] for more than [`MOST`].
pub async fn add(tx: &Tx, user: UserId, entry: &Entry) -> Result<table::Model> {
    take_turns(tx, user).await?;
    if of(user).count(&**tx).await? >= MOST {
        return Err(Error::invalid(format!("An address book has at most {MOST} addresses; delete one first.")));
    }
    let row = row(tx, UserAddressId::at(tx.now), user, entry, tx.now).await?;
    make_way(tx, &row).await?;
    table::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    Ok(row)
}

/// Puts an address in the place of another.
///
/// # Errors
/// [`crate::Code::NotFound`], also for another's.
pub async fn replace(tx: &Tx, user: UserId, id: UserAddressId, entry: &Entry) -> Result<table::Model> {
    take_turns(tx, user).await?;
    let before = find(&**tx, user, id).await?;
    let row = row(tx, id, user, entry, before.created_at).await?;
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

/// The address of a row; `None` once the person is erased.
///
/// # Errors
/// [`crate::Code::Internal`] for what does not open.
pub fn open(person: &Person, row: &table::Model) -> Result<Option<Address>> {
    let Some(text) = person.open(field(row.id), &row.address)? else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(Error::internal)
}

fn field(id: UserAddressId) -> Field {
    Field::new("user_address.address", id)
}

async fn row(
    tx: &Tx,
    id: UserAddressId,
    user: UserId,
    entry: &Entry,
    created_at: DateTime<Utc>,
) -> Result<table::Model> {
    let person = tx.vault().person(&**tx, user.into()).await?;
    let text = serde_json::to_string(&entry.address).map_err(Error::internal)?;
    Ok(table::Model {
        id,
        user_id: user,
        address: person.seal(field(id), &text)?,
        is_default_shipping: entry.is_default_shipping,
        is_default_billing: entry.is_default_billing,
        created_at,
        updated_at: tx.now,
    })
}

/// Changes of one person's book come one after the other, so that none finds two defaults; an erasure
/// of the person waits for them, or they for it.
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
