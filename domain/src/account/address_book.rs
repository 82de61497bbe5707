//! The addresses that a person keeps for their orders.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QuerySelect, Select,
};
use souk_entity::id::{UserAddressId, UserId};
use souk_entity::user_address as table;

use super::role;
use crate::error::{Error, Result};
use crate::order::placement::Address;
use crate::store::Tx;

/// A person keeps so many at most.
pub const MOST: u64 = 50;

/// An address to be kept, or what is to be different of one; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct AddressChange {
    /// The address.
    pub address: Option<Address>,
    /// Whether goods go there unless another is chosen; then no other of theirs is.
    pub is_default_shipping: Option<bool>,
    /// Whether bills go there unless another is chosen; then no other of theirs is.
    pub is_default_billing: Option<bool>,
}

/// The addresses of a person.
pub fn of(user: UserId) -> Select<table::Entity> {
    table::Entity::find().filter(table::Column::UserId.eq(user))
}

/// Keeps an address.
///
/// # Errors
/// [`crate::Code::InvalidValue`] for more than [`MOST`].
pub async fn add(tx: &Tx, user: UserId, address: Address, change: &AddressChange) -> Result<table::Model> {
    take_turns(tx, user).await?;
    if of(user).count(&**tx).await? >= MOST {
        return Err(Error::invalid(format!("An address book has at most {MOST} addresses; delete one first.")));
    }
    let mut row = table::Model {
        id: UserAddressId::at(tx.now),
        user_id: user,
        name: String::new(),
        line1: String::new(),
        line2: None,
        city: String::new(),
        region: None,
        postal_code: String::new(),
        country: String::new(),
        phone: None,
        is_default_shipping: change.is_default_shipping.unwrap_or(false),
        is_default_billing: change.is_default_billing.unwrap_or(false),
        created_at: tx.now,
        updated_at: tx.now,
    };
    write(&mut row, address);
    make_way(tx, &row).await?;
    table::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    Ok(row)
}

/// Changes an address.
///
/// # Errors
/// [`crate::Code::NotFound`], also for another's.
pub async fn change(tx: &Tx, user: UserId, id: UserAddressId, change: AddressChange) -> Result<table::Model> {
    take_turns(tx, user).await?;
    let mut row = find(tx, user, id).await?;
    if let Some(address) = change.address {
        write(&mut row, address);
    }
    row.is_default_shipping = change.is_default_shipping.unwrap_or(row.is_default_shipping);
    row.is_default_billing = change.is_default_billing.unwrap_or(row.is_default_billing);
    row.updated_at = tx.now;
    make_way(tx, &row).await?;
    table::Entity::update(row.clone().into_active_model().reset_all()).exec_without_returning(&**tx).await?;
    Ok(row)
}

/// Deletes an address. Orders that went there keep their own copy.
///
/// # Errors
/// [`crate::Code::NotFound`], also for another's.
pub async fn delete(tx: &Tx, user: UserId, id: UserAddressId) -> Result<()> {
    find(tx, user, id).await?;
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

fn write(row: &mut table::Model, address: Address) {
    row.name = address.name;
    row.line1 = address.line1;
    row.line2 = address.line2;
    row.city = address.city;
    row.region = address.region;
    row.postal_code = address.postal_code;
    row.country = address.country;
    row.phone = address.phone;
}

/// Changes of one person's book come one after the other, so that none finds two defaults.
async fn take_turns(tx: &Tx, user: UserId) -> Result<()> {
    role::lock(tx, user).await.map(drop)
}

async fn find(tx: &Tx, user: UserId, id: UserAddressId) -> Result<table::Model> {
    let found = of(user).filter(table::Column::Id.eq(id)).lock_exclusive().one(&**tx).await?;
    found.ok_or_else(|| Error::not_found("address"))
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
