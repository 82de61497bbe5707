//! What an order tells of its shopper: sealed where it is stored, with the key of the person or, for a
//! guest, of this order.

use sea_orm::{ConnectionTrait, EntityTrait};
use serde::{Deserialize, Serialize};
use souk_entity::id::OrderId;
use souk_entity::sealed::Sealed;
use souk_entity::status::AddressKind;
use souk_entity::{order, order_address};

use crate::error::{Error, Result};
use crate::vault::{Field, Person, Vault};

/// An address as the shopper gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// What an order tells of its shopper; of one who is erased nothing is left.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    /// Whether the shopper's data is erased.
    pub erased: bool,
    /// Where news goes.
    pub email: Option<String>,
    /// A word of the shopper.
    pub notes: Option<String>,
    /// Where the goods go.
    pub shipping_address: Option<Address>,
    /// Where the bill goes.
    pub billing_address: Option<Address>,
}

impl std::fmt::Debug for Contact {
    /// Nothing of it, so that it gets into no log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contact").field("erased", &self.erased).finish_non_exhaustive()
    }
}

/// What is sealed of an address.
#[derive(Serialize, Deserialize)]
struct Details {
    name: String,
    line1: String,
    line2: Option<String>,
    city: String,
    postal_code: String,
    phone: Option<String>,
}

impl Contact {
    /// Opens what `order` and its `addresses` tell of `person`.
    ///
    /// # Errors
    /// [`crate::Code::Internal`] for what does not open.
    pub fn open(person: &Person, order: &order::Model, addresses: &[order_address::Model]) -> Result<Self> {
        let address = |kind| {
            let row = addresses.iter().find(|row| row.kind == kind);
            row.map_or(Ok(None), |row| open_address(person, row))
        };
        Ok(Self {
            erased: person.is_erased(),
            email: open_email(person, order)?,
            notes: open_notes(person, order)?,
            shipping_address: address(AddressKind::Shipping)?,
            billing_address: address(AddressKind::Billing)?,
        })
    }
}

fn email_field(id: OrderId) -> Field {
    Field::new("orders.email", id)
}

fn notes_field(id: OrderId) -> Field {
    Field::new("orders.notes", id)
}

fn address_field(id: OrderId, kind: AddressKind) -> Field {
    let column = match kind {
        AddressKind::Shipping => "order_address.details.shipping",
        AddressKind::Billing => "order_address.details.billing",
    };
    Field::new(column, id)
}

/// Whoever has placed an order, to open what it tells of them.
///
/// # Errors
/// [`crate::Code::NotFound`] without such an order; the database's.
pub async fn shopper_of(db: &impl ConnectionTrait, vault: &Vault, id: OrderId) -> Result<Person> {
    let order = order::Entity::find_by_id(id).one(db).await?.ok_or_else(|| Error::not_found("order"))?;
    vault.person(db, order.person()).await
}

/// What the orders of an address are found by.
pub fn email_index(vault: &Vault, email: &str) -> String {
    vault.index("orders.email", &email.trim().to_lowercase())
}

pub(super) fn seal_email(person: &Person, id: OrderId, email: &str) -> Result<Sealed> {
    person.seal(email_field(id), email)
}

/// Where news of an order goes; `None` once the shopper is erased.
///
/// # Errors
/// [`crate::Code::Internal`] for what does not open.
pub fn open_email(person: &Person, order: &order::Model) -> Result<Option<String>> {
    person.open(email_field(order.id), &order.email)
}

pub(super) fn seal_notes(person: &Person, id: OrderId, notes: Option<&str>) -> Result<Option<Sealed>> {
    notes.map(|notes| person.seal(notes_field(id), notes)).transpose()
}

/// The shopper's word; `None` also once they are erased.
///
/// # Errors
/// [`crate::Code::Internal`] for what does not open.
pub fn open_notes(person: &Person, order: &order::Model) -> Result<Option<String>> {
    order.notes.as_ref().map_or(Ok(None), |notes| person.open(notes_field(order.id), notes))
}

pub(super) fn seal_address(
    person: &Person,
    order_id: OrderId,
    kind: AddressKind,
    given: &Address,
) -> Result<order_address::Model> {
    let details = Details {
        name: given.name.clone(),
        line1: given.line1.clone(),
        line2: given.line2.clone(),
        city: given.city.clone(),
        postal_code: given.postal_code.clone(),
        phone: given.phone.clone(),
    };
    let details = serde_json::to_string(&details).map_err(Error::internal)?;
    Ok(order_address::Model {
        order_id,
        kind,
        details: person.seal(address_field(order_id, kind), &details)?,
        region: given.region.clone(),
        country: given.country.clone(),
    })
}

/// An address of an order; `None` once the shopper is erased.
///
/// # Errors
/// [`crate::Code::Internal`] for what does not open.
pub fn open_address(person: &Person, row: &order_address::Model) -> Result<Option<Address>> {
    let Some(details) = person.open(address_field(row.order_id, row.kind), &row.details)? else { return Ok(None) };
    let details: Details = serde_json::from_str(&details).map_err(Error::internal)?;
    Ok(Some(Address {
        name: details.name,
        line1: details.line1,
        line2: details.line2,
        city: details.city,
        region: row.region.clone(),
        postal_code: details.postal_code,
        country: row.country.clone(),
        phone: details.phone,
    }))
}
