//! Uses of promotions: those of limited ones are counted where the limit is checked, in the order's
//! transaction. Of those without a limit the rows of `order_promotion` are the only count, so that
//! everybody's orders do not queue for the row of a promotion that applies to all.

use sea_orm::sea_query::{Expr, ExprTrait, LockType, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_entity::id::{OrderId, PromotionId};
use souk_entity::{order_promotion, promotion, promotion_shopper};

use super::terms::{Candidate, exhausted};
use crate::error::{Code, Error, Result};
use crate::store::Tx;

/// Takes one use of each of `promotions` for an order of `shopper`.
///
/// # Errors
/// [`Code::CouponExhausted`] when one put in by its code has none left; [`Code::ConcurrentChange`]
/// when one that applies by itself lost its last use at the same moment: priced again, it is left out.
pub async fn take(
    tx: &Tx,
    order: OrderId,
    shopper: &str,
    promotions: &[PromotionId],
    candidates: &[Candidate],
) -> Result<()> {
    // In one order, so that two who take the same promotions do not wait in a circle.
    let mut sorted = promotions.to_vec();
    sorted.sort_unstable();
    for id in &sorted {
        let row = &candidates
            .iter()
            .find(|candidate| candidate.row.id == *id)
            .ok_or_else(|| Error::internal("a promotion that was applied without being read"))?
            .row;
        if row.usage_limit.is_some() {
            count(tx, row).await?;
        }
        if let Some(limit) = row.shopper_limit {
            count_shopper(tx, row, shopper, limit).await?;
        }
    }
    if sorted.is_empty() {
        return Ok(());
    }
    let rows = sorted.iter().map(|id| order_promotion::ActiveModel {
        order_id: Set(order),
        promotion_id: Set(*id),
        shopper: Set(shopper.to_owned()),
        counted: Set(true),
    });
    order_promotion::Entity::insert_many(rows)
        .on_conflict(
            OnConflict::columns([order_promotion::Column::OrderId, order_promotion::Column::PromotionId])
                .update_columns([order_promotion::Column::Shopper, order_promotion::Column::Counted])
                .to_owned(),
        )
        .exec_without_returning(&**tx)
        .await?;
    still_unlimited(tx, &sorted, candidates).await
}

/// Whether a promotion that had no limit when it was read has got one since: its uses are counted
/// from then on. The share of its key keeps such a change waiting until ours counts, and others'
/// orders not.
async fn still_unlimited(tx: &Tx, promotions: &[PromotionId], candidates: &[Candidate]) -> Result<()> {
    let unlimited = candidates.iter().map(|candidate| &candidate.row).filter(|row| row.usage_limit.is_none());
    let unlimited: Vec<PromotionId> = unlimited.map(|row| row.id).filter(|id| promotions.contains(id)).collect();
    if unlimited.is_empty() {
        return Ok(());
    }
    if limits(tx, unlimited).await?.iter().all(Option::is_none) {
        return Ok(());
    }
    Err(Error::new(Code::ConcurrentChange, "A promotion was limited at the same moment."))
}

/// The usage limits of promotions, which stay what they are until the end of the transaction.
async fn limits(tx: &Tx, promotions: Vec<PromotionId>) -> Result<Vec<Option<i64>>> {
    Ok(promotion::Entity::find()
        .select_only()
        .column(promotion::Column::UsageLimit)
        .filter(promotion::Column::Id.is_in(promotions))
        .order_by_asc(promotion::Column::Id)
        .lock(LockType::KeyShare)
        .into_tuple()
        .all(&**tx)
        .await?)
}

async fn count(tx: &Tx, row: &promotion::Model) -> Result<()> {
    let counted = promotion::Entity::update_many()
        .col_expr(promotion::Column::Used, Expr::col(promotion::Column::Used).add(1_i64))
        .filter(promotion::Column::Id.eq(row.id))
        .filter(Expr::col(promotion::Column::Used).lt(Expr::col(promotion::Column::UsageLimit)))
        .exec(&**tx)
        .await?;
    if counted.rows_affected == 1 { Ok(()) } else { Err(none_left(row, false)) }
}

/// The row of a shopper's uses is made, or raised below the limit, in one statement.
async fn count_shopper(tx: &Tx, row: &promotion::Model, shopper: &str, limit: i64) -> Result<()> {
    let used = Expr::col((promotion_shopper::Entity, promotion_shopper::Column::Used));
    let first =
        promotion_shopper::ActiveModel { promotion_id: Set(row.id), shopper: Set(shopper.to_owned()), used: Set(1) };
    let counted = promotion_shopper::Entity::insert(first)
        .on_conflict(
            OnConflict::columns([promotion_shopper::Column::PromotionId, promotion_shopper::Column::Shopper])
                .value(promotion_shopper::Column::Used, used.clone().add(1_i64))
                .action_and_where(used.lt(limit))
                .to_owned(),
        )
        .exec_without_returning(&**tx)
        .await?;
    if counted == 1 { Ok(()) } else { Err(none_left(row, true)) }
}

fn none_left(row: &promotion::Model, of_shopper: bool) -> Error {
    match &row.code {
        None => Error::new(Code::ConcurrentChange, "A promotion's last use was taken at the same moment."),
        Some(_) if of_shopper => exhausted(row),
        Some(code) => {
            Error::new(Code::CouponExhausted, format!("The code {code} has no use left; remove it from the cart."))
        }
    }
}

/// Gives back the uses that an order counts.
///
/// # Errors
/// The database's.
pub async fn give_back(tx: &Tx, order: OrderId) -> Result<()> {
    let mut rows = order_promotion::Entity::find()
        .filter(order_promotion::Column::OrderId.eq(order))
        .filter(order_promotion::Column::Counted.eq(true))
        .all(&**tx)
        .await?;
    rows.sort_by_key(|row| row.promotion_id);
    if !rows.is_empty() {
        // A limit that is set meanwhile would count the uses that are given back here.
        limits(tx, rows.iter().map(|row| row.promotion_id).collect()).await?;
    }
    for row in &rows {
        promotion::Entity::update_many()
            .col_expr(promotion::Column::Used, Expr::col(promotion::Column::Used).sub(1_i64))
            .filter(promotion::Column::Id.eq(row.promotion_id))
            .filter(promotion::Column::UsageLimit.is_not_null())
            .exec(&**tx)
            .await?;
        promotion_shopper::Entity::update_many()
            .col_expr(promotion_shopper::Column::Used, Expr::col(promotion_shopper::Column::Used).sub(1_i64))
            .filter(promotion_shopper::Column::PromotionId.eq(row.promotion_id))
            .filter(promotion_shopper::Column::Shopper.eq(&row.shopper))
            .exec(&**tx)
            .await?;
    }
    if !rows.is_empty() {
        order_promotion::Entity::update_many()
            .col_expr(order_promotion::Column::Counted, Expr::value(false))
            .filter(order_promotion::Column::OrderId.eq(order))
            .filter(order_promotion::Column::PromotionId.is_in(rows.iter().map(|row| row.promotion_id)))
            .exec(&**tx)
            .await?;
    }
    Ok(())
}

/// Gives the uses that a guest's order counts to nobody: they are looked up by a keyed hash of the guest's
/// address, which is to be gone. The counts stay what they are; a use of nobody limits nobody.
///
/// # Errors
/// The database's.
pub(crate) async fn forget(tx: &Tx, order: OrderId) -> Result<()> {
    let mut rows =
        order_promotion::Entity::find().filter(order_promotion::Column::OrderId.eq(order)).all(&**tx).await?;
    rows.sort_by_key(|row| row.promotion_id);
    if !rows.is_empty() {
        // A limit that is set meanwhile would count the uses by the shopper that is taken out here.
        limits(tx, rows.iter().map(|row| row.promotion_id).collect()).await?;
    }
    for row in rows {
        let nobody = hex::encode(rand::random::<[u8; 32]>());
        let of = |shopper: &str| {
            promotion_shopper::Column::PromotionId
                .eq(row.promotion_id)
                .and(promotion_shopper::Column::Shopper.eq(shopper))
        };
        if row.counted {
            let taken = promotion_shopper::Entity::update_many()
                .col_expr(promotion_shopper::Column::Used, Expr::col(promotion_shopper::Column::Used).sub(1_i64))
                .filter(of(&row.shopper))
                .exec(&**tx)
                .await?;
            // None is there where the promotion does not limit shoppers.
            if taken.rows_affected == 1 {
                let use_of_nobody = promotion_shopper::ActiveModel {
                    promotion_id: Set(row.promotion_id),
                    shopper: Set(nobody.clone()),
                    used: Set(1),
                };
                promotion_shopper::Entity::insert(use_of_nobody).exec_without_returning(&**tx).await?;
            }
        }
        // Other orders of the address, which are persons of their own, may still count with it.
        promotion_shopper::Entity::delete_many()
            .filter(of(&row.shopper))
            .filter(promotion_shopper::Column::Used.eq(0_i64))
            .exec(&**tx)
            .await?;
        order_promotion::Entity::update_many()
            .col_expr(order_promotion::Column::Shopper, Expr::value(nobody))
            .filter(order_promotion::Column::OrderId.eq(order))
            .filter(order_promotion::Column::PromotionId.eq(row.promotion_id))
            .exec(&**tx)
            .await?;
    }
    Ok(())
}
