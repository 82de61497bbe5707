//! Rows that are orders of another system.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde::Deserialize;
use serde_json::Value;
use souk_entity::id::{OfferId, SellerId, UserId};
use souk_entity::{batch, order, order_import, seller, user};

use super::apply::Supplies;
use super::goods;
use super::row::of_json;
use super::staged::Staged;
use crate::account;
use crate::cart::{self, Owner};
use crate::error::{Code, Error, Result};
use crate::money;
use crate::order::contact::Address;
use crate::order::placement::{self, Placed, Placement};
use crate::order::pricing::MOST_LINES;
use crate::place;
use crate::store::Tx;

/// For this long an imported order holds its stock and can be paid.
pub const PAYMENT_WINDOW: TimeDelta = TimeDelta::hours(72);

/// The longest `external_id`, in characters.
pub const LONGEST_EXTERNAL_ID: usize = 100;

/// An order as a row of JSON has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Imported {
    external_id: String,
    email: String,
    currency: String,
    user_id: Option<UserId>,
    shipping_address: ImportedAddress,
    billing_address: Option<ImportedAddress>,
    notes: Option<String>,
    lines: Vec<ImportedLine>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportedAddress {
    name: String,
    line1: String,
    line2: Option<String>,
    city: String,
    region: Option<String>,
    postal_code: String,
    country: String,
    phone: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportedLine {
    /// Id or name.
    seller: String,
    sku: String,
    quantity: i64,
}

/// Places the order of one row, as a shopper's would be: at the prices and taxes of now, with its
/// stock held; returns its number.
pub(super) async fn apply(tx: &Tx, batch: &batch::Model, row: &Staged, supplies: &Supplies) -> Result<Option<String>> {
    let imported = read(&row.input)?;
    if let Some(before) = order_import::Entity::find_by_id(imported.external_id.clone()).one(&**tx).await? {
        let order = order::Entity::find_by_id(before.order_id).one(&**tx).await?;
        let number = order.map(|order| order.number).unwrap_or_default();
        return Err(Error::new(Code::AlreadyExists, format!("It is imported already, as {number}.")));
    }
    let currency = money::currency(&imported.currency)?;
    let owner = owner(tx, imported.user_id).await?;
    let offers = offers(tx, &imported.lines).await?;
    let cart = cart::create(tx, &owner, currency).await?;
    cart::put_lines(tx, &cart, &offers).await?;
    let number = supplies.number.clone().ok_or_else(|| Error::internal("a round of orders without a number"))?;
    let shipping_address = address(imported.shipping_address)?;
    let billing_address = imported.billing_address.map(address).transpose()?;
    let placement = Placement {
        cart_id: cart.id,
        owner,
        number,
        expected_total: None,
        email: account::email(&imported.email)?,
        billing_address: billing_address.unwrap_or_else(|| shipping_address.clone()),
        shipping_address,
        notes: imported.notes,
        payment_window: PAYMENT_WINDOW,
    };
    let Placed::New(detail) = placement::place(tx, &placement).await? else {
        return Err(Error::internal("a cart that was just made is an order already"));
    };
    let import = order_import::ActiveModel {
        external_id: Set(imported.external_id),
        order_id: Set(detail.order.id),
        batch_id: Set(batch.id),
        imported_at: Set(tx.now),
    };
    order_import::Entity::insert(import).exec_without_returning(&**tx).await?;
    Ok(Some(detail.order.number))
}

fn read(input: &str) -> Result<Imported> {
    let imported: Imported = serde_json::from_value(Value::Object(of_json(input)?))
        .map_err(|error| Error::invalid(format!("The row is not an order: {error}.")))?;
    within("external_id", &imported.external_id, LONGEST_EXTERNAL_ID)?;
    if imported.notes.as_ref().is_some_and(|notes| notes.chars().count() > 2_000) {
        return Err(Error::invalid("The notes have at most 2000 characters."));
    }
    if imported.lines.is_empty() || imported.lines.len() > MOST_LINES {
        return Err(Error::invalid(format!("An order has 1 to {MOST_LINES} lines.")));
    }
    Ok(imported)
}

fn within(name: &str, text: &str, most: usize) -> Result<()> {
    if text.trim().is_empty() || text.chars().count() > most {
        return Err(Error::invalid(format!("The value of {name} has 1 to {most} characters.")));
    }
    Ok(())
}

fn address(given: ImportedAddress) -> Result<Address> {
    let text = [
        ("name", Some(&given.name), 200),
        ("line1", Some(&given.line1), 255),
        ("line2", given.line2.as_ref(), 255),
        ("city", Some(&given.city), 100),
        ("region", given.region.as_ref(), 100),
        ("postal_code", Some(&given.postal_code), 20),
        ("phone", given.phone.as_ref(), 20),
    ];
    for (name, text, most) in text {
        text.map_or(Ok(()), |text| within(name, text, most))?;
    }
    Ok(Address {
        name: given.name,
        line1: given.line1,
        line2: given.line2,
        city: given.city,
        region: given.region,
        postal_code: given.postal_code,
        country: place::country(&given.country)?,
        phone: given.phone,
    })
}

/// The shopper with an account, or a guest whose token nobody has: the order can then be seen by
/// operators and its sellers only.
async fn owner(tx: &Tx, user: Option<UserId>) -> Result<Owner> {
    match user {
        Some(id) => match user::Entity::find_by_id(id).one(&**tx).await? {
            Some(_) => Ok(Owner::User(id)),
            None => Err(Error::new(Code::NotFound, format!("There is no account {id}."))),
        },
        None => Ok(Owner::Guest(account::new_token().1)),
    }
}

async fn offers(tx: &Tx, lines: &[ImportedLine]) -> Result<Vec<(OfferId, i64)>> {
    let mut by_seller: BTreeMap<&str, Vec<&ImportedLine>> = BTreeMap::new();
    for line in lines {
        by_seller.entry(line.seller.trim()).or_default().push(line);
    }
    let mut found = Vec::with_capacity(lines.len());
    for (name, lines) in by_seller {
        let mut query = seller::Entity::find();
        query = match uuid::Uuid::try_parse(name) {
            Ok(id) => query.filter(seller::Column::Id.eq(SellerId::from(id))),
            Err(_) => query.filter(seller::Column::Name.eq(name)),
        };
        let seller = query
            .one(&**tx)
            .await?
            .ok_or_else(|| Error::new(Code::NotFound, format!("There is no seller \"{name}\".")))?;
        let offers = goods::offers(tx, seller.id, lines.iter().map(|line| line.sku.trim())).await?;
        for line in lines {
            let offer = offers.get(line.sku.trim()).ok_or_else(|| {
                Error::new(Code::NotFound, format!("{} does not offer the SKU \"{}\".", seller.name, line.sku))
            })?;
            found.push((offer.id, line.quantity));
        }
    }
    Ok(found)
}
