//! Promotions, as operators and sellers make them; [`crate::order::pricing::promotion`] applies them.
//!
//! What a promotion takes off is never changed, so that orders priced by it stay explained. How
//! long and how often it can be used is.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};
use serde_json::json;
use souk_entity::id::{OfferId, PromotionId, SellerId};
use souk_entity::money::{CurrencyCode, MinorUnits, RatePpm};
use souk_entity::status::{Bearer, PromotionKind, PromotionTarget, Stacking};
use souk_entity::{category, offer, order_promotion, promotion, promotion_offer, seller};

use crate::account;
use crate::audit::{self, Fields};
use crate::cart::MOST_UNITS;
use crate::error::{Code, Error, Result};
use crate::order::pricing::promotion::{Gift, Target};
use crate::store::{Tx, check_version};
use crate::validity::Validity;

/// The most offers that a promotion names.
pub const MOST_OFFERS: usize = 500;

/// The most promotions of one seller, and of the platform, that apply by themselves and are neither
/// switched off nor over: each of them is tried on every cart.
pub const MOST_AUTOMATIC: u64 = 50;

/// The priority of a promotion that is the last to be applied.
pub const LAST_PRIORITY: i32 = 1_000;

/// A promotion's terms.
#[derive(Clone, Debug)]
pub struct NewPromotion {
    /// Whose it is, and whose goods it is for; `None`: the platform's.
    pub seller: Option<SellerId>,
    /// As shoppers are told.
    pub name: String,
    /// What the shopper types, compared in upper case; without one it applies by itself.
    pub code: Option<String>,
    /// What it takes off.
    pub gift: Gift,
    /// Only orders in it; needed where an amount is named.
    pub currency: Option<CurrencyCode>,
    /// What it is for.
    pub target: Target,
    /// Who makes it good.
    pub borne_by: Bearer,
    /// Whether it shares lines with others.
    pub stacking: Stacking,
    /// 0 to [`LAST_PRIORITY`]; lower ones are applied first.
    pub priority: i32,
    /// The goods it is for must cost at least this, in minor units of `currency`.
    pub minimum_spend: MinorUnits,
    /// It takes off at most this, in minor units of `currency`.
    pub maximum_discount: Option<MinorUnits>,
    /// So many orders can use it.
    pub usage_limit: Option<i64>,
    /// So many orders of one shopper can use it.
    pub shopper_limit: Option<i64>,
    /// When it can be used.
    pub validity: Validity,
}

/// Makes a promotion.
///
/// # Errors
/// [`Code::AlreadyExists`] for a code that is taken; [`Code::InvalidValue`], [`Code::InvalidMoney`]
/// for terms that cannot be, or for more than [`MOST_AUTOMATIC`]; [`Code::NotFound`] for a seller, category or offers that are not
/// there, or for offers that are not the seller's.
pub async fn create(tx: &Tx, new: NewPromotion) -> Result<promotion::Model> {
    check(&new)?;
    let offers = target_is_there(tx, &new).await?;
    let (kind, value, quantities) = match new.gift {
        Gift::Percentage(rate) => (PromotionKind::Percentage, rate.0, None),
        Gift::Fixed(amount) => (PromotionKind::Fixed, amount.0, None),
        Gift::Shipping(rate) => (PromotionKind::FreeShipping, rate.0, None),
        Gift::BuyXGetY { buy, get, rate } => (PromotionKind::BuyXGetY, rate.0, Some((buy, get))),
    };
    let (target, target_seller_id, target_category_id) = match new.target {
        Target::Order => (PromotionTarget::Order, None, None),
        Target::Seller(seller) => (PromotionTarget::Seller, Some(seller), None),
        Target::Category(category) => (PromotionTarget::Category, None, Some(category)),
        Target::Offers(_) => (PromotionTarget::Offers, None, None),
    };
    let row = promotion::Model {
        id: PromotionId::at(tx.now),
        seller_id: new.seller,
        name: new.name,
        code: new.code.as_deref().map(code).transpose()?,
        kind,
        value,
        buy_quantity: quantities.map(|(buy, _)| buy),
        get_quantity: quantities.map(|(_, get)| get),
        currency: new.currency,
        target,
        target_seller_id,
        target_category_id,
        borne_by: new.borne_by,
        stacking: new.stacking,
        priority: new.priority,
        minimum_spend: new.minimum_spend,
        maximum_discount: new.maximum_discount,
        usage_limit: new.usage_limit,
        shopper_limit: new.shopper_limit,
        used: 0,
        starts_at: new.validity.starts_at,
        ends_at: new.validity.ends_at,
        active: true,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    if is_automatic(&row, tx.now) {
        one_more_automatic(tx, row.seller_id).await?;
    }
    promotion::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let fields = Fields::new()
        .made("kind", row.kind)
        .made("value", row.value)
        .made("target", row.target)
        .made("borne_by", row.borne_by)
        .made("starts_at", row.starts_at)
        .made("ends_at", row.ends_at);
    audit::note(tx, "promotion", row.id, fields);
    if !offers.is_empty() {
        let rows = offers
            .into_iter()
            .map(|offer| promotion_offer::ActiveModel { promotion_id: Set(row.id), offer_id: Set(offer) });
        promotion_offer::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    }
    Ok(row)
}

/// Whether it applies by itself, now or later.
fn is_automatic(row: &promotion::Model, now: DateTime<Utc>) -> bool {
    row.code.is_none() && row.active && row.ends_at.is_none_or(|ends| ends > now)
}

/// Whether a seller, or the platform, can have one more promotion that applies by itself.
async fn one_more_automatic(tx: &Tx, owner: Option<SellerId>) -> Result<()> {
    let own = match owner {
        Some(seller) => {
            account::take_turns(tx, seller).await?;
            promotion::Column::SellerId.eq(seller)
        }
        // There is no row to take turns by. Two that are made at the same moment may be one more
        // than the most, which harms nobody.
        None => promotion::Column::SellerId.is_null(),
    };
    let there = promotion::Entity::find()
        .filter(own)
        .filter(promotion::Column::Code.is_null())
        .filter(promotion::Column::Active.eq(true))
        .filter(Condition::any().add(promotion::Column::EndsAt.is_null()).add(promotion::Column::EndsAt.gt(tx.now)))
        .count(&**tx)
        .await?;
    if there < MOST_AUTOMATIC {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "There can be {MOST_AUTOMATIC} promotions without a code, those to come included. Switch one off or end it \
         first, or make this one with a code."
    )))
}

/// A code as it is stored.
fn code(typed: &str) -> Result<String> {
    let code = typed.trim().to_uppercase();
    if (3..=40).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        Ok(code)
    } else {
        Err(Error::invalid("A code is 3 to 40 letters, digits and hyphens."))
    }
}

/// What is wrong with terms whatever else there is.
fn check(new: &NewPromotion) -> Result<()> {
    let refuse = |why: &str| Err(Error::invalid(why));
    let whole = 1..=1_000_000;
    match new.gift {
        Gift::Percentage(RatePpm(rate))
        | Gift::Shipping(RatePpm(rate))
        | Gift::BuyXGetY { rate: RatePpm(rate), .. }
            if !whole.contains(&rate) =>
        {
            return refuse("A promotion takes off more than nothing, and at most 100 percent.");
        }
        Gift::Fixed(amount) if amount <= MinorUnits::ZERO => {
            return refuse("A promotion takes off more than nothing; amount is positive.");
        }
        Gift::BuyXGetY { buy, get, .. } if !(1..=MOST_UNITS).contains(&buy) || !(1..=MOST_UNITS).contains(&get) => {
            return Err(Error::invalid(format!("buy_quantity and get_quantity are 1 to {MOST_UNITS}.")));
        }
        _ => {}
    }
    let amounts = new.minimum_spend != MinorUnits::ZERO || new.maximum_discount.is_some();
    if new.currency.is_none() && (amounts || matches!(new.gift, Gift::Fixed(_))) {
        return refuse("A promotion with amounts needs their currency.");
    }
    if new.minimum_spend < MinorUnits::ZERO || new.maximum_discount.is_some_and(|most| most <= MinorUnits::ZERO) {
        return refuse("minimum_spend is not negative, and maximum_discount is more than nothing.");
    }
    if new.usage_limit.is_some_and(|limit| limit < 1) || new.shopper_limit.is_some_and(|limit| limit < 1) {
        return refuse("usage_limit and shopper_limit are 1 or more; leave them out for no limit.");
    }
    if new.seller.is_some() && new.borne_by == Bearer::Platform {
        return refuse("A seller's promotion is borne by the seller; leave borne_by out.");
    }
    if let (Some(own), Target::Seller(other)) = (new.seller, &new.target)
        && own != *other
    {
        return refuse("A seller's promotion is for that seller's goods; leave seller_id out.");
    }
    priority(new.priority)
}

fn priority(priority: i32) -> Result<()> {
    if (0..=LAST_PRIORITY).contains(&priority) {
        Ok(())
    } else {
        Err(Error::invalid(format!("priority is 0 to {LAST_PRIORITY}; lower ones are applied first.")))
    }
}

/// Finds what the promotion is for; returns the offers it names, in one order.
async fn target_is_there(tx: &Tx, new: &NewPromotion) -> Result<BTreeSet<OfferId>> {
    match &new.target {
        Target::Order => {}
        Target::Seller(id) => {
            seller::Entity::find_by_id(*id).one(&**tx).await?.ok_or_else(|| Error::not_found("seller"))?;
        }
        Target::Category(id) => {
            category::Entity::find_by_id(*id).one(&**tx).await?.ok_or_else(|| Error::not_found("category"))?;
        }
        Target::Offers(offers) => {
            let offers: BTreeSet<OfferId> = offers.iter().copied().collect();
            offers_are_there(tx, new, &offers).await?;
            return Ok(offers);
        }
    }
    Ok(BTreeSet::new())
}

async fn offers_are_there(tx: &Tx, new: &NewPromotion, offers: &BTreeSet<OfferId>) -> Result<()> {
    if !(1..=MOST_OFFERS).contains(&offers.len()) {
        return Err(Error::invalid(format!("A promotion for offers names 1 to {MOST_OFFERS} of them.")));
    }
    let mut query = offer::Entity::find().filter(offer::Column::Id.is_in(offers.iter().copied()));
    if let Some(seller) = new.seller {
        query = query.filter(offer::Column::SellerId.eq(seller));
    }
    let found: HashMap<OfferId, CurrencyCode> =
        query.all(&**tx).await?.into_iter().map(|row| (row.id, row.currency)).collect();
    let missing: Vec<_> = offers.iter().filter(|id| !found.contains_key(id)).collect();
    if let Some(first) = missing.first() {
        let message = format!("There is no offer {first}, or it is not yours; details name all such offers.");
        let details = missing.iter().map(|id| json!({"offer_id": id})).collect();
        return Err(Error::new(Code::NotFound, message).with_details(details));
    }
    let other = offers.iter().filter_map(|id| found.get(id).map(|currency| (id, *currency)));
    let other = other.filter(|(_, currency)| new.currency.is_some_and(|only| only != *currency));
    match other.min() {
        Some((id, currency)) => {
            let message = format!("The offer {id} is priced in {currency}, which is not the promotion's currency.");
            Err(Error::new(Code::InvalidMoney, message))
        }
        None => Ok(()),
    }
}

/// What is to be different of a promotion; what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct PromotionChange {
    /// As shoppers are told.
    pub name: Option<String>,
    /// Whether it can be used.
    pub active: Option<bool>,
    /// When it ends, now or later.
    pub ends_at: Option<DateTime<Utc>>,
    /// So many orders can use it; not fewer than have.
    pub usage_limit: Option<i64>,
    /// 0 to [`LAST_PRIORITY`]; lower ones are applied first.
    pub priority: Option<i32>,
}

/// Changes how long, how often and in which order a promotion is used; placed orders keep it.
///
/// # Errors
/// [`Code::NotFound`], also for one that is not `seller`'s; [`Code::StaleVersion`];
/// [`Code::InvalidValue`], also for more than [`MOST_AUTOMATIC`].
pub async fn change(
    tx: &Tx,
    seller: Option<SellerId>,
    id: PromotionId,
    change: PromotionChange,
    if_version: Option<i64>,
) -> Result<promotion::Model> {
    let mut row = owned_by(seller, promotion::Entity::find_by_id(id))
        .lock_exclusive()
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::not_found("promotion"))?;
    check_version(if_version, row.version)?;
    let was_automatic = is_automatic(&row, tx.now);
    let before = row.clone();
    if change.ends_at.is_some() {
        // One that is over may go on: its code is taken, so it cannot be made again.
        let validity = Validity { starts_at: row.starts_at, ends_at: None };
        row.ends_at = validity.ending(change.ends_at, tx.now)?.ends_at;
    }
    if let Some(limit) = change.usage_limit {
        // Uses are counted on the row only while it has a limit. The row's lock waits for orders
        // that refer to it, and those that come later see the limit.
        count_uses(&**tx, std::slice::from_mut(&mut row)).await?;
        if limit < row.used.max(1) {
            let used = row.used;
            return Err(Error::invalid(format!(
                "usage_limit is 1 or more, and at least the {used} times it was used."
            )));
        }
        row.usage_limit = Some(limit);
    }
    row.priority = change.priority.unwrap_or(row.priority);
    priority(row.priority)?;
    row.name = change.name.unwrap_or(row.name);
    row.active = change.active.unwrap_or(row.active);
    if is_automatic(&row, tx.now) && !was_automatic {
        one_more_automatic(tx, row.seller_id).await?;
    }
    row.version += 1;
    row.updated_at = tx.now;
    let fields = Fields::new()
        .changed("active", before.active, row.active)
        .changed("ends_at", before.ends_at, row.ends_at)
        .changed("usage_limit", before.usage_limit, row.usage_limit)
        .changed("priority", before.priority, row.priority);
    audit::note(tx, "promotion", id, fields);
    let update = promotion::ActiveModel {
        id: Set(id),
        name: Set(row.name.clone()),
        active: Set(row.active),
        ends_at: Set(row.ends_at),
        usage_limit: Set(row.usage_limit),
        used: if row.usage_limit.is_some() { Set(row.used) } else { NotSet },
        priority: Set(row.priority),
        version: Set(row.version),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    promotion::Entity::update(update).exec_without_returning(&**tx).await?;
    count_uses(&**tx, std::slice::from_mut(&mut row)).await?;
    Ok(row)
}

/// Puts the number of orders that use it to each promotion that has no limit. Theirs is not kept
/// on the row, so that orders that use one promotion do not queue for it.
///
/// # Errors
/// The database's.
pub async fn count_uses(db: &impl ConnectionTrait, rows: &mut [promotion::Model]) -> Result<()> {
    let unlimited = rows.iter().filter(|row| row.usage_limit.is_none()).map(|row| row.id);
    let counts: Vec<(PromotionId, i64)> = order_promotion::Entity::find()
        .select_only()
        .column(order_promotion::Column::PromotionId)
        .column_as(order_promotion::Column::OrderId.count(), "uses")
        .filter(order_promotion::Column::PromotionId.is_in(unlimited))
        .filter(order_promotion::Column::Counted.eq(true))
        .group_by(order_promotion::Column::PromotionId)
        .into_tuple()
        .all(db)
        .await?;
    for (id, uses) in counts {
        if let Some(row) = rows.iter_mut().find(|row| row.id == id) {
            row.used = uses;
        }
    }
    Ok(())
}

/// Only the promotions of `seller`; `None` for every one there is.
pub fn owned_by(seller: Option<SellerId>, query: Select<promotion::Entity>) -> Select<promotion::Entity> {
    match seller {
        Some(seller) => query.filter(promotion::Column::SellerId.eq(seller)),
        None => query,
    }
}

/// A promotion and the offers it names.
///
/// # Errors
/// [`Code::NotFound`], also for one that is not `seller`'s.
pub async fn find(
    db: &impl ConnectionTrait,
    seller: Option<SellerId>,
    id: PromotionId,
) -> Result<(promotion::Model, Vec<OfferId>)> {
    let mut row = owned_by(seller, promotion::Entity::find_by_id(id))
        .one(db)
        .await?
        .ok_or_else(|| Error::not_found("promotion"))?;
    count_uses(db, std::slice::from_mut(&mut row)).await?;
    let offers = offers(db, &row).await?;
    Ok((row, offers))
}

/// The offers that a promotion names.
///
/// # Errors
/// The database's.
pub async fn offers(db: &impl ConnectionTrait, row: &promotion::Model) -> Result<Vec<OfferId>> {
    if row.target != PromotionTarget::Offers {
        return Ok(Vec::new());
    }
    let rows = promotion_offer::Entity::find()
        .filter(promotion_offer::Column::PromotionId.eq(row.id))
        .order_by_asc(promotion_offer::Column::OfferId)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| row.offer_id).collect())
}
