//! Rows that accept and reject seller orders.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use souk_entity::id::SellerId;
use souk_entity::{batch, seller_order};

use super::goods;
use super::row::Row;
use super::staged::Staged;
use crate::actor::Actor;
use crate::error::{Code, Error, Result};
use crate::order::lifecycle;
use crate::store::Tx;

/// The longest reason, in characters.
const LONGEST_REASON: usize = 500;

/// Does what one row asks for; returns the seller order's state after it.
pub(super) async fn apply(tx: &Tx, batch: &batch::Model, row: &Staged, actor: Actor) -> Result<Option<String>> {
    let row = Row::read(batch, &row.input)?;
    let (action, reason) = (row.text("action")?, row.optional_text("reason")?);
    let part = find(&**tx, goods::seller(batch)?, row.text("number")?).await?;
    match action.to_lowercase().as_str() {
        "accept" => lifecycle::accept(tx, part.id, actor).await?,
        // One before it is accepted, the other after; what follows is the same.
        "reject" | "cancel" => {
            let reason = reason.filter(|reason| reason.chars().count() <= LONGEST_REASON).ok_or_else(|| {
                Error::invalid(format!("To {action} takes a reason of 1 to {LONGEST_REASON} characters."))
            })?;
            lifecycle::cancel_part(tx, part.id, actor, reason).await?;
        }
        _ => {
            let action: String = action.chars().take(50).collect();
            return Err(Error::invalid(format!("\"{action}\" is no action; there are accept, reject and cancel.")));
        }
    }
    let after = seller_order::Entity::find_by_id(part.id).one(&**tx).await?;
    Ok(after.map(|part| part.status.to_string()))
}

/// A seller order of the seller, by its number.
pub(super) async fn find(db: &impl ConnectionTrait, seller: SellerId, number: &str) -> Result<seller_order::Model> {
    seller_order::Entity::find()
        .filter(seller_order::Column::Number.eq(number))
        .filter(seller_order::Column::SellerId.eq(seller))
        .one(db)
        .await?
        .ok_or_else(|| Error::new(Code::NotFound, format!("You have no seller order \"{number}\".")))
}
