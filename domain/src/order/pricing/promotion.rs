//! Promotions: what each takes off which lines, and who bears it.
//!
//! They are applied in the order of their priority, ties by id, each to what the earlier ones left
//! of a line; those for shipping come after those for goods. An exclusive one takes only lines
//! that none has touched, and no other touches its lines after it.

use std::cmp::Reverse;
use std::collections::HashSet;

use souk_entity::id::{CategoryId, OfferId, PromotionId, SellerId};
use souk_entity::money::{MinorUnits, RatePpm};
use souk_entity::promotion;
use souk_entity::status::{Bearer, PriceStepKind, PromotionKind, PromotionTarget, Stacking};

use super::Item;
use super::step::{Share, Step};
use crate::error::{Code, Error, Result};
use crate::money::{add, divide, multiply, rate_of, sub, sum};

/// A promotion that is valid for the order's instant and currency.
#[derive(Clone, Debug)]
pub struct PromotionTerms {
    /// The promotion.
    pub id: PromotionId,
    /// Its name, for people.
    pub name: String,
    /// The code that the shopper has put in; without one it applies by itself.
    pub code: Option<String>,
    /// What it takes off.
    pub gift: Gift,
    /// Only this seller's lines.
    pub seller_id: Option<SellerId>,
    /// What it is for.
    pub target: Target,
    /// Who makes it good.
    pub borne_by: Bearer,
    /// Whether it shares lines with others.
    pub stacking: Stacking,
    /// Lower ones are applied first.
    pub priority: i32,
    /// The goods it is for must cost at least this, before discounts.
    pub minimum_spend: MinorUnits,
    /// It takes off at most this.
    pub maximum_discount: Option<MinorUnits>,
}

/// What a promotion takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gift {
    /// A rate of the goods.
    Percentage(RatePpm),
    /// An amount of the goods.
    Fixed(MinorUnits),
    /// A rate of the shipping.
    Shipping(RatePpm),
    /// Of every `buy + get` units, the rate of the `get` cheapest.
    BuyXGetY {
        /// Units at their price.
        buy: i64,
        /// Units that the rate is taken off.
        get: i64,
        /// How much.
        rate: RatePpm,
    },
}

/// What a promotion is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// All goods.
    Order,
    /// One seller's.
    Seller(SellerId),
    /// Those of a category and of the ones below it.
    Category(CategoryId),
    /// Some offers.
    Offers(HashSet<OfferId>),
}

impl PromotionTerms {
    /// The terms of a row and of the offers it names.
    ///
    /// # Errors
    /// [`Code::Internal`] for a row that the database should have refused.
    pub fn new(row: &promotion::Model, offers: HashSet<OfferId>) -> Result<Self> {
        let incomplete = || Error::internal(format!("promotion {} lacks a part of its terms", row.id));
        let gift = match row.kind {
            PromotionKind::Percentage => Gift::Percentage(RatePpm(row.value)),
            PromotionKind::Fixed => Gift::Fixed(MinorUnits(row.value)),
            PromotionKind::FreeShipping => Gift::Shipping(RatePpm(row.value)),
            PromotionKind::BuyXGetY => Gift::BuyXGetY {
                buy: row.buy_quantity.ok_or_else(incomplete)?,
                get: row.get_quantity.ok_or_else(incomplete)?,
                rate: RatePpm(row.value),
            },
        };
        let target = match row.target {
            PromotionTarget::Order => Target::Order,
            PromotionTarget::Seller => Target::Seller(row.target_seller_id.ok_or_else(incomplete)?),
            PromotionTarget::Category => Target::Category(row.target_category_id.ok_or_else(incomplete)?),
            PromotionTarget::Offers => Target::Offers(offers),
        };
        Ok(Self {
            id: row.id,
            name: row.name.clone(),
            code: row.code.clone(),
            gift,
            seller_id: row.seller_id,
            target,
            borne_by: row.borne_by,
            stacking: row.stacking,
            priority: row.priority,
            minimum_spend: row.minimum_spend,
            maximum_discount: row.maximum_discount,
        })
    }

    fn touches(&self, item: &Item) -> bool {
        self.seller_id.is_none_or(|only| only == item.seller_id)
            && match &self.target {
                Target::Order => true,
                Target::Seller(seller) => *seller == item.seller_id,
                Target::Category(category) => item.categories.contains(category),
                Target::Offers(offers) => offers.contains(&item.offer_id),
            }
    }

    /// Whether it still may touch what earlier promotions have `touched`.
    fn may_share(&self, earlier: Earlier) -> bool {
        match (earlier, self.stacking) {
            (Earlier::None, _) | (Earlier::Combinable, Stacking::Combinable) => true,
            (Earlier::Combinable, Stacking::Exclusive) | (Earlier::Exclusive, _) => false,
        }
    }

    /// The part of a discount that the platform makes good.
    fn platform(&self, discount: MinorUnits) -> MinorUnits {
        match self.borne_by {
            Bearer::Platform => discount,
            Bearer::Seller => MinorUnits::ZERO,
        }
    }

    fn capped(&self, discount: MinorUnits) -> MinorUnits {
        self.maximum_discount.map_or(discount, |most| most.min(discount))
    }

    fn refused(&self, why: &str) -> Error {
        let code = self.code.as_deref().unwrap_or(&self.name);
        Error::new(Code::CouponNotApplicable, format!("The code {code} {why}."))
    }
}

/// What the promotions before have done to a line, or to a part's shipping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Earlier {
    #[default]
    None,
    Combinable,
    Exclusive,
}

impl From<Stacking> for Earlier {
    fn from(stacking: Stacking) -> Self {
        match stacking {
            Stacking::Combinable => Self::Combinable,
            Stacking::Exclusive => Self::Exclusive,
        }
    }
}

/// An amount while promotions are taken off it: a line's goods, or a part's shipping.
#[derive(Clone, Debug)]
pub struct Reduced {
    /// Before.
    pub full: MinorUnits,
    /// What is left of it.
    pub left: MinorUnits,
    /// The part of what was taken off that the platform makes good.
    pub platform: MinorUnits,
    /// What was taken off, by whom.
    pub steps: Vec<Step>,
    earlier: Earlier,
}

impl Reduced {
    /// An amount that nothing was taken off.
    pub fn new(full: MinorUnits) -> Self {
        Self { full, left: full, platform: MinorUnits::ZERO, steps: Vec::new(), earlier: Earlier::None }
    }

    /// What was taken off.
    ///
    /// # Errors
    /// [`Code::InvalidMoney`] on overflow.
    pub fn discount(&self) -> Result<MinorUnits> {
        sub(self.full, self.left)
    }

    fn take(&mut self, terms: &PromotionTerms, step: Step) -> Result<()> {
        self.earlier = terms.stacking.into();
        self.left = sub(self.left, step.amount)?;
        self.platform = add(self.platform, terms.platform(step.amount))?;
        self.steps.push(step.negative());
        Ok(())
    }
}

/// Takes the promotions for goods off the lines; returns those that took something.
///
/// # Errors
/// [`Code::CouponNotApplicable`] when one that the shopper asked for by its code takes nothing.
pub fn reduce_goods(promotions: &[PromotionTerms], items: &[Item], goods: &mut [Reduced]) -> Result<Vec<PromotionId>> {
    apply(promotions.iter().filter(|terms| !matches!(terms.gift, Gift::Shipping(_))), |terms| {
        let open = open_lines(terms, items, goods)?;
        let base = sum(open.iter().map(|at| goods[*at].left))?;
        let (rate, off) = match terms.gift {
            Gift::Percentage(rate) => (Some(rate), rate_of(base, rate)?),
            Gift::Fixed(amount) => (None, amount.min(base)),
            Gift::BuyXGetY { buy, get, rate } => {
                let weights = cheapest(items, goods, &open, (buy, get), rate)?;
                return share_out(terms, items, goods, &open, (sum(weights.iter().copied())?, Some(rate)), &weights);
            }
            Gift::Shipping(_) => return Ok(MinorUnits::ZERO),
        };
        let weights: Vec<MinorUnits> = open.iter().map(|at| goods[*at].left).collect();
        share_out(terms, items, goods, &open, (off, rate), &weights)
    })
}

/// Takes the promotions for shipping off the parts' shipping, given each part's lines; returns
/// those that took something.
///
/// # Errors
/// [`Code::CouponNotApplicable`], as for [`reduce_goods`].
pub fn reduce_shipping(
    promotions: &[PromotionTerms],
    parts: &mut [(SellerId, Reduced)],
    items: &[Item],
    goods: &[Reduced],
) -> Result<Vec<PromotionId>> {
    apply(promotions.iter().filter(|terms| matches!(terms.gift, Gift::Shipping(_))), |terms| {
        let Gift::Shipping(rate) = terms.gift else { return Ok(MinorUnits::ZERO) };
        let touched: Vec<&Item> = items.iter().filter(|item| terms.touches(item)).collect();
        spent_enough(terms, items, goods)?;
        let mut off = Vec::with_capacity(parts.len());
        for (seller, shipping) in parts.iter() {
            let open = touched.iter().any(|item| item.seller_id == *seller) && terms.may_share(shipping.earlier);
            off.push(if open { rate_of(shipping.left, rate)? } else { MinorUnits::ZERO });
        }
        let whole = terms.capped(sum(off.iter().copied())?);
        let weights = sum(off.iter().copied())?;
        for (((_, shipping), amount), weight) in parts.iter_mut().zip(divide(whole, &off)?).zip(off) {
            if amount > MinorUnits::ZERO {
                let share = Share { whole, weight, weights };
                let step = Step::plain(None, PriceStepKind::Promotion, (Some(terms.id.0), &terms.name), amount);
                let rounding_ppm = share.rounding_ppm(amount);
                let step = Step { base: shipping.left, rate: Some(rate), rounding_ppm, share: Some(share), ..step };
                shipping.take(terms, step)?;
            }
        }
        Ok(whole)
    })
}

/// Applies each in turn; one with a code must take something.
fn apply<'a>(
    promotions: impl Iterator<Item = &'a PromotionTerms>,
    mut take: impl FnMut(&PromotionTerms) -> Result<MinorUnits>,
) -> Result<Vec<PromotionId>> {
    let mut sorted: Vec<&PromotionTerms> = promotions.collect();
    sorted.sort_by_key(|terms| (terms.priority, terms.id));
    let mut applied = Vec::new();
    for terms in sorted {
        match take(terms) {
            Ok(amount) if amount > MinorUnits::ZERO => applied.push(terms.id),
            Ok(_) if terms.code.is_some() => return Err(terms.refused("takes nothing off this cart")),
            Err(error) if error.code != Code::CouponNotApplicable || terms.code.is_some() => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(applied)
}

/// The lines that a promotion touches, by their place.
fn open_lines(terms: &PromotionTerms, items: &[Item], goods: &[Reduced]) -> Result<Vec<usize>> {
    spent_enough(terms, items, goods)?;
    let mine = (0..items.len()).filter(|at| terms.touches(&items[*at]));
    let open: Vec<usize> = mine.filter(|at| terms.may_share(goods[*at].earlier)).collect();
    if open.is_empty() {
        return Err(terms.refused("cannot be combined with another promotion on these goods"));
    }
    Ok(open)
}

fn spent_enough(terms: &PromotionTerms, items: &[Item], goods: &[Reduced]) -> Result<()> {
    let mine: Vec<&Reduced> =
        items.iter().zip(goods).filter(|(item, _)| terms.touches(item)).map(|(_, goods)| goods).collect();
    if mine.is_empty() {
        return Err(terms.refused("is for goods that are not in the cart"));
    }
    if sum(mine.iter().map(|goods| goods.full))? < terms.minimum_spend {
        return Err(terms.refused("is for a larger purchase: the goods it is for cost less than its minimum spend"));
    }
    Ok(())
}

/// What the rate takes off each line's cheapest units: of every `buy + get` units, dearest first,
/// the last `get`; so the fewest and cheapest units are reduced, whatever the order of lines.
fn cheapest(
    items: &[Item],
    goods: &[Reduced],
    open: &[usize],
    (buy, get): (i64, i64),
    rate: RatePpm,
) -> Result<Vec<MinorUnits>> {
    let units: i64 = open.iter().map(|at| items[*at].quantity).sum();
    let mut free = units / (buy + get) * get;
    let mut by_price = open.to_vec();
    by_price.sort_by_key(|at| (items[*at].unit_price, Reverse(items[*at].offer_id)));
    let mut off = vec![MinorUnits::ZERO; open.len()];
    for at in by_price {
        let taken = free.min(items[at].quantity);
        free -= taken;
        let place = open.iter().position(|line| *line == at).ok_or_else(|| Error::internal("a line out of place"))?;
        off[place] = rate_of(multiply(items[at].unit_price, taken)?, rate)?.min(goods[at].left);
    }
    Ok(off)
}

/// Takes at most `off` of the lines, in proportion to the weights; returns what was taken.
fn share_out(
    terms: &PromotionTerms,
    items: &[Item],
    goods: &mut [Reduced],
    open: &[usize],
    (off, rate): (MinorUnits, Option<RatePpm>),
    weights: &[MinorUnits],
) -> Result<MinorUnits> {
    let whole = terms.capped(off);
    let base = sum(open.iter().map(|at| goods[*at].left))?;
    let weights_sum = sum(weights.iter().copied())?;
    for ((at, amount), weight) in open.iter().zip(divide(whole, weights)?).zip(weights) {
        if amount == MinorUnits::ZERO {
            continue;
        }
        let share = Share { whole, weight: *weight, weights: weights_sum };
        let rule = (Some(terms.id.0), terms.name.as_str());
        let step = Step::plain(Some(items[*at].offer_id), PriceStepKind::Promotion, rule, amount);
        let step = Step { base, rate, rounding_ppm: share.rounding_ppm(amount), share: Some(share), ..step };
        goods[*at].take(terms, step)?;
    }
    Ok(whole)
}
