//! On what terms a seller takes goods back: set by them, frozen on each seller order at its placement.
//!
//! What is the seller's fault costs the shopper nothing and can always be given back within the window,
//! whatever the policy says: consumer law asks for no less.

use std::collections::BTreeSet;

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use souk_entity::id::{CategoryId, SellerId};
use souk_entity::money::RatePpm;
use souk_entity::status::{LabelPayer, ReturnReason};
use souk_entity::{category, seller, seller_return_exclusion};

use crate::account;
use crate::actor::Actor;
use crate::audit::{self, Fields};
use crate::error::{Error, Result};
use crate::store::Tx;

/// The longest window, in days.
pub const LONGEST_WINDOW: i32 = 365;

/// The most that is kept of a price: half of it.
pub const MOST_RESTOCKING: RatePpm = RatePpm(500_000);

/// The most categories that a seller excludes.
pub const MOST_EXCLUDED: usize = 200;

/// What a seller order is taken back by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnPolicy {
    /// Days after delivery in which a return may be asked for.
    pub window_days: i32,
    /// Who pays the label where it is not the seller's fault.
    pub label_paid_by: LabelPayer,
    /// What the seller keeps of what was paid for goods that come back without their fault.
    pub restocking: RatePpm,
}

impl From<&seller::Model> for ReturnPolicy {
    fn from(seller: &seller::Model) -> Self {
        Self {
            window_days: seller.return_window_days,
            label_paid_by: seller.return_label_payer,
            restocking: seller.restocking_ppm,
        }
    }
}

/// Whether goods come back for a reason that is the seller's to answer for.
pub fn is_sellers_fault(reason: ReturnReason) -> bool {
    match reason {
        ReturnReason::Damaged
        | ReturnReason::Defective
        | ReturnReason::WrongItem
        | ReturnReason::NotAsDescribed
        | ReturnReason::TooLate => true,
        ReturnReason::NoLongerWanted | ReturnReason::Other => false,
    }
}

/// Holds a window against what the marketplace asks for at least.
///
/// # Errors
/// [`crate::Code::InvalidValue`].
pub fn check_window(days: i32, least: i32) -> Result<()> {
    if (least..=LONGEST_WINDOW).contains(&days) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "A return window is {least} to {LONGEST_WINDOW} days in this marketplace; {days} is not."
    )))
}

/// Sets a seller's policy and the categories that they do not take back from; orders that are placed keep
/// what was set then. `least_window` is the marketplace's.
///
/// # Errors
/// [`crate::Code::NotFound`], also for a category that is not there; [`crate::Code::InvalidValue`].
pub async fn set(
    tx: &Tx,
    id: SellerId,
    policy: ReturnPolicy,
    excluded: &[CategoryId],
    least_window: i32,
    actor: Actor,
) -> Result<seller::Model> {
    check_window(policy.window_days, least_window)?;
    if !(0..=MOST_RESTOCKING.0).contains(&policy.restocking.0) {
        return Err(Error::invalid("A restocking fee is 0% to 50% of what was paid."));
    }
    let wanted: BTreeSet<CategoryId> = excluded.iter().copied().collect();
    if wanted.len() != excluded.len() || wanted.len() > MOST_EXCLUDED {
        return Err(Error::invalid(format!("Name each excluded category once, at most {MOST_EXCLUDED} of them.")));
    }
    let found =
        category::Entity::find().filter(category::Column::Id.is_in(wanted.iter().copied())).count(&**tx).await?;
    if usize::try_from(found).ok() != Some(wanted.len()) {
        return Err(Error::not_found("category"));
    }
    let seller = account::set_return_policy(tx, id, policy, actor).await?;
    let before: BTreeSet<CategoryId> = self::excluded(&**tx, id).await?.into_iter().collect();
    audit::note(tx, "seller", id, Fields::new().changed("return_excluded_category_ids", &before, &wanted));
    seller_return_exclusion::Entity::delete_many()
        .filter(seller_return_exclusion::Column::SellerId.eq(id))
        .filter(seller_return_exclusion::Column::CategoryId.is_not_in(wanted.iter().copied()))
        .exec(&**tx)
        .await?;
    let new: Vec<_> = wanted
        .difference(&before)
        .map(|category| seller_return_exclusion::ActiveModel { seller_id: Set(id), category_id: Set(*category) })
        .collect();
    if !new.is_empty() {
        seller_return_exclusion::Entity::insert_many(new).exec_without_returning(&**tx).await?;
    }
    Ok(seller)
}

/// The categories that a seller does not take back from, by id; what is below them neither.
///
/// # Errors
/// The database's.
pub async fn excluded(db: &impl ConnectionTrait, id: SellerId) -> Result<Vec<CategoryId>> {
    let rows = seller_return_exclusion::Entity::find()
        .filter(seller_return_exclusion::Column::SellerId.eq(id))
        .order_by_asc(seller_return_exclusion::Column::CategoryId)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| row.category_id).collect())
}
