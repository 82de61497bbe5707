//! Whether what is sealed can be opened. Beside the other invariants, because it takes the vault.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_entity::id::{OrderId, PersonId, UserId};
use souk_entity::{order, order_address, user, user_address};
use uuid::Uuid;

use super::{MOST_OFFENDERS, Violation};
use crate::account;
use crate::error::Result;
use crate::order::contact::Contact;
use crate::vault::Vault;

/// Rows that are read at once.
const BATCH: u64 = 1_000;

const NAME: &str = "sealed_data_opens";
const SENTENCE: &str = "What is sealed of accounts and orders opens with the key of its person, in its row.";

/// Opens all that is sealed of accounts and orders; `None` when it does.
///
/// # Errors
/// The database's.
pub(super) async fn sealed(db: &impl ConnectionTrait, vault: &Vault) -> Result<Option<Violation>> {
    let mut offenders = accounts(db, vault).await?;
    offenders.extend(orders(db, vault).await?);
    let more = offenders.len() > MOST_OFFENDERS;
    offenders.truncate(MOST_OFFENDERS);
    Ok((!offenders.is_empty()).then_some(Violation { invariant: NAME, sentence: SENTENCE, offenders, more }))
}

async fn accounts(db: &impl ConnectionTrait, vault: &Vault) -> Result<Vec<String>> {
    let (mut found, mut after) = (Vec::new(), UserId(Uuid::nil()));
    loop {
        let rows = user::Entity::find()
            .filter(user::Column::Id.gt(after))
            .order_by_asc(user::Column::Id)
            .limit(BATCH)
            .all(db)
            .await?;
        let Some(last) = rows.last() else { return Ok(found) };
        after = last.id;
        let persons = vault.persons(db, rows.iter().map(|row| PersonId::from(row.id))).await?;
        let ids = rows.iter().map(|row| row.id);
        let kept = user_address::Entity::find().filter(user_address::Column::UserId.is_in(ids)).all(db).await?;
        let sound = |row: &user::Model| {
            let mut own = kept.iter().filter(|kept| kept.user_id == row.id);
            persons.get(&row.id.into()).is_some_and(|person| {
                account::open_profile(person, row).is_ok()
                    && own.all(|kept| account::address_book::open(person, kept).is_ok())
            })
        };
        found.extend(rows.iter().filter(|row| !sound(row)).map(|row| format!("account {}", row.id)));
        if found.len() > MOST_OFFENDERS {
            return Ok(found);
        }
    }
}

async fn orders(db: &impl ConnectionTrait, vault: &Vault) -> Result<Vec<String>> {
    let (mut found, mut after) = (Vec::new(), OrderId(Uuid::nil()));
    loop {
        let rows = order::Entity::find()
            .filter(order::Column::Id.gt(after))
            .order_by_asc(order::Column::Id)
            .limit(BATCH)
            .all(db)
            .await?;
        let Some(last) = rows.last() else { return Ok(found) };
        let ids = rows.iter().map(|row| row.id);
        let addresses = order_address::Entity::find().filter(order_address::Column::OrderId.is_in(ids)).all(db).await?;
        after = last.id;
        let persons = vault.persons(db, rows.iter().map(order::Model::person)).await?;
        let sound = |row: &order::Model| {
            let own: Vec<_> = addresses.iter().filter(|address| address.order_id == row.id).cloned().collect();
            persons.get(&row.person()).is_some_and(|person| Contact::open(person, row, &own).is_ok())
        };
        found.extend(rows.iter().filter(|row| !sound(row)).map(|row| format!("order {}", row.id)));
        if found.len() > MOST_OFFENDERS {
            return Ok(found);
        }
    }
}
