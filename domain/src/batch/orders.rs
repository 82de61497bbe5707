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
use super::staged::{self, Staged};
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
#[serde(deny_unknown_fields, expecting = "an object")]
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
#[serde(deny_unknown_fields, expecting = "an object with the parts of an address")]
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
#[serde(deny_unknown_fields, expecting = "an object of seller, sku and quantity")]
struct ImportedLine {
    /// Id or name.
    seller: String,
    sku: String,
    quantity: i64,
}

/// Places the order of one row, as a shopper's would be: at the prices and taxes of now, with its
/// stock held; returns its number.
pub(super) async fn apply(tx: &Tx, batch: &batch::Model, row: &Staged, supplies: &Supplies) -> Result<Option<String>> {
    if row.input.is_empty() {
        return Err(Error::invalid(staged::ERASED));
    }
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
    let imported: Imported =
        serde_path_to_error::deserialize(Value::Object(of_json(input)?)).map_err(|error| not_an_order(&error))?;
    within("external_id", &imported.external_id, LONGEST_EXTERNAL_ID)?;
    if imported.notes.as_ref().is_some_and(|notes| notes.chars().count() > 2_000) {
        return Err(Error::invalid("The notes have at most 2000 characters."));
    }
    if imported.lines.is_empty() || imported.lines.len() > MOST_LINES {
        return Err(Error::invalid(format!("An order has 1 to {MOST_LINES} lines.")));
    }
    Ok(imported)
}

/// What is wrong with a row, and where. Its reader's own words quote what they complain of, and this
/// sentence is kept in plain text.
fn not_an_order(error: &serde_path_to_error::Error<serde_json::Error>) -> Error {
    let told = error.inner().to_string();
    // What is expected stands in this file and comes last; what was found may say anything before it.
    let (found, expected) = told.rsplit_once(", expected ").unwrap_or((&told, ""));
    let expected = expected.replace('`', "");
    let what = if let Some(name) = found.strip_prefix("unknown field `") {
        let name = name.trim_end_matches('`');
        let plain = name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        format!("{} is not {expected}", if plain { name } else { "a name in it" })
    } else {
        let path = error.path().to_string();
        let place = if path == "." { "the row" } else { &path };
        match found.strip_prefix("missing field `") {
            Some(name) => format!("{place} has no {}", name.trim_end_matches('`')),
            None if expected.is_empty() => format!("{place} cannot be read"),
            None if expected == "i64" => format!("{place} is not a whole number"),
            None => format!("{place} is not {expected}"),
        }
    };
    Error::invalid(format!("The row is not an order: {what}."))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn order() -> Value {
        json!({"external_id": "1", "email": "a@b.example", "currency": "USD",
               "shipping_address": {"name": "A", "line1": "1", "city": "S", "postal_code": "1", "country": "US"},
               "lines": [{"seller": "S", "sku": "K", "quantity": 1}]})
    }

    fn refused(row: &Value) -> String {
        read(&row.to_string()).unwrap_err().message
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        assert!(read(&order().to_string()).is_ok());
        for (place, value, told) in [
            ("/shipping_address", json!("Ann Miller, 7 Main St"), "shipping_address is not an object with the parts"),
            ("/shipping_address/name", json!(["Ann"]), "shipping_address.name is not a string"),
            ("/lines/0/quantity", json!("x, expected y"), "lines[0].quantity is not a whole number"),
            ("/lines/0", json!({"seller": "S", "quantity": 1}), "lines[0] has no sku"),
            ("/email", json!(null), "email is not a string"),
        ] {
            let mut row = order();
            *row.pointer_mut(place).unwrap() = value;
            let message = refused(&row);
            assert!(message.contains(told), "{message}");
        }
        for (name, value, told) in [
            ("user_id", json!("Ann"), "user_id cannot be read"),
            ("paid", json!(true), "paid is not one of external_id, email"),
            ("Ann Miller", json!(1), "a name in it is not one of external_id"),
        ] {
            let mut row = order();
            row[name] = value;
            let message = refused(&row);
            assert!(message.contains(told) && !message.contains("Ann"), "{message}");
        }
    }

    proptest! {
        /// Wherever a value is of another type, the sentence does not say what it is.
        #[test]
        fn no_refusal_repeats_what_it_found(
            at in any::<prop::sample::Index>(),
            number in 1_000_000_000_i64..9_999_999_999,
            kind in 0..4,
        ) {
            let places = ["/external_id", "/email", "/currency", "/user_id", "/shipping_address", "/notes", "/lines",
                          "/shipping_address/name", "/shipping_address/line1", "/shipping_address/phone",
                          "/shipping_address/postal_code", "/lines/0", "/lines/0/sku", "/lines/0/quantity"];
            let place = places[at.index(places.len())];
            let word = format!("Zyxwv, expected {number}");
            let value = match kind {
                0 => json!(number),
                1 => json!([word]),
                2 => json!({ "name": word }),
                _ => json!({ word: 1 }),
            };
            let mut row = order();
            for optional in ["user_id", "notes"] {
                row[optional] = Value::Null;
            }
            row["shipping_address"]["phone"] = Value::Null;
            *row.pointer_mut(place).unwrap() = value;
            if let Err(error) = read(&row.to_string()) {
                let told = error.message;
                prop_assert!(!told.contains("Zyxwv") && !told.contains(&number.to_string()), "{}", told);
            }
        }
    }
}
