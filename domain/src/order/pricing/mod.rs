//! From a basket to amounts: pure, deterministic, and summing exactly.
//!
//! Prices are worked out once, at checkout, and frozen; the split per seller moves lines, it
//! never prices again. Lines are taken in the order of (seller, offer), so the order in which
//! they were put into the basket changes nothing. The steps are: each line's price, promotions
//! for goods, each part's shipping, promotions for shipping, tax on what is left, commission.
//! Every one is recorded.

pub mod commission;
pub mod promotion;
pub mod shipping;
pub mod step;
pub mod tax;

use std::collections::BTreeMap;

use souk_entity::id::{CategoryId, CommissionRuleId, OfferId, PromotionId, SellerId};
use souk_entity::money::{MinorUnits, RatePpm};
use souk_entity::status::PriceStepKind;

use crate::error::{Code, Error, Result};
use crate::money::{add, multiply, sum};
use commission::{CommissionRule, CommissionTerms, commission_base};
use promotion::{PromotionTerms, Reduced, reduce_goods, reduce_shipping};
use shipping::Shipping;
use step::{Rule, Step};
use tax::{SHIPPING, TaxCalculator, Taxable, Taxed};

/// The most lines a basket may have.
pub const MOST_LINES: usize = 200;

/// A quantity of an offer, to be priced.
#[derive(Clone, Debug)]
pub struct Item {
    /// The offer.
    pub offer_id: OfferId,
    /// Whose offer it is.
    pub seller_id: SellerId,
    /// What it is sorted under, and the categories above, the nearest first.
    pub categories: Vec<CategoryId>,
    /// Which tax rates apply.
    pub tax_class: String,
    /// Price of one unit.
    pub unit_price: MinorUnits,
    /// Weight of one unit.
    pub weight_grams: i64,
    /// Units.
    pub quantity: i64,
}

/// All that a price depends on besides the goods.
pub struct Terms<'a> {
    /// The promotions that may apply: those without a code, and those whose code was put in.
    pub promotions: &'a [PromotionTerms],
    /// How each seller's part is shipped.
    pub shipping: &'a BTreeMap<SellerId, Shipping>,
    /// Works out tax.
    pub tax: &'a dyn TaxCalculator,
    /// The commission rules that may apply.
    pub commissions: &'a [CommissionRule],
    /// The value added tax on the commission of each seller; none for those not named.
    pub commission_tax: &'a BTreeMap<SellerId, RatePpm>,
}

/// A line with all its amounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedLine {
    /// The offer.
    pub offer_id: OfferId,
    /// Units.
    pub quantity: i64,
    /// Price of one unit.
    pub unit_price: MinorUnits,
    /// What promotions take off.
    pub discount: MinorUnits,
    /// The part of `discount` that the platform bears.
    pub platform_discount: MinorUnits,
    /// The tax in `total`.
    pub tax: MinorUnits,
    /// What tax changes of the price; see [`Taxed::added`].
    pub tax_added: MinorUnits,
    /// `quantity * unit_price - discount + tax_added`.
    pub total: MinorUnits,
    /// The rule whose terms are frozen here.
    pub commission_rule_id: Option<CommissionRuleId>,
    /// Frozen.
    pub commission_terms: CommissionTerms,
    /// What they come to.
    pub commission: MinorUnits,
    /// Frozen.
    pub commission_tax_rate: RatePpm,
    /// Value added tax on `commission`.
    pub commission_tax: MinorUnits,
}

/// A seller's part with all its amounts.
#[derive(Clone, Debug)]
pub struct PricedPart {
    /// The seller.
    pub seller_id: SellerId,
    /// The lines.
    pub lines: Vec<PricedLine>,
    /// Goods before discounts.
    pub items_total: MinorUnits,
    /// What promotions take off the goods.
    pub discount_total: MinorUnits,
    /// The method, where one is chosen.
    pub shipping: Option<Shipping>,
    /// What shipping costs before discounts.
    pub shipping_price: MinorUnits,
    /// What promotions take off it.
    pub shipping_discount: MinorUnits,
    /// The part of `shipping_discount` that the platform bears.
    pub shipping_platform_discount: MinorUnits,
    /// `shipping_price - shipping_discount`.
    pub shipping_total: MinorUnits,
    /// The tax in what is paid for shipping.
    pub shipping_tax: MinorUnits,
    /// What tax changes of `shipping_total`.
    pub shipping_tax_added: MinorUnits,
    /// What tax changes, of lines and shipping.
    pub tax_added_total: MinorUnits,
    /// The tax in `total`.
    pub tax_total: MinorUnits,
    /// What the shopper pays for this part:
    /// `items_total - discount_total + shipping_total + tax_added_total`.
    pub total: MinorUnits,
    /// What the platform makes good of discounts, on lines and shipping.
    pub platform_discount_total: MinorUnits,
    /// Commission.
    pub commission_total: MinorUnits,
    /// Value added tax on it.
    pub commission_tax_total: MinorUnits,
    /// How all of it came about, in order.
    pub steps: Vec<Step>,
}

/// A basket with all its amounts.
#[derive(Clone, Debug)]
pub struct Priced {
    /// One part per seller, by seller id.
    pub parts: Vec<PricedPart>,
    /// The promotions that took something off, in the order in which they did.
    pub promotions: Vec<PromotionId>,
    /// Goods before discounts.
    pub items_total: MinorUnits,
    /// What promotions take off the goods.
    pub discount_total: MinorUnits,
    /// Shipping after discounts.
    pub shipping_total: MinorUnits,
    /// What tax changes.
    pub tax_added_total: MinorUnits,
    /// The tax in `total`.
    pub tax_total: MinorUnits,
    /// What the shopper pays.
    pub total: MinorUnits,
}

/// Prices a basket.
///
/// # Errors
/// [`Code::InvalidValue`] for more than [`MOST_LINES`] lines; [`Code::CouponNotApplicable`] when
/// the terms of a promotion whose code was put in are not met; [`Code::ShippingUnavailable`] when
/// a part is too heavy for its method; [`Code::InvalidMoney`] when amounts overflow.
pub fn price(items: &[Item], terms: &Terms<'_>) -> Result<Priced> {
    if items.len() > MOST_LINES {
        return Err(Error::invalid(format!("A cart has at most {MOST_LINES} lines.")));
    }
    let mut items = items.to_vec();
    items.sort_by_key(|item| (item.seller_id, item.offer_id));
    let mut goods = items
        .iter()
        .map(|item| multiply(item.unit_price, item.quantity).map(Reduced::new))
        .collect::<Result<Vec<_>>>()?;
    let mut promotions = reduce_goods(terms.promotions, &items, &mut goods)?;
    let mut parcels = parcels(&items, &goods, terms.shipping)?;
    promotions.extend(reduce_shipping(terms.promotions, &mut parcels, &items, &goods)?);

    let mut parts = Vec::with_capacity(parcels.len());
    for (seller_id, parcel) in parcels {
        let own = items.iter().zip(&goods).filter(|(item, _)| item.seller_id == seller_id);
        parts.push(part(seller_id, own, parcel, terms)?);
    }
    let total = |of: fn(&PricedPart) -> MinorUnits| sum(parts.iter().map(of));
    Ok(Priced {
        items_total: total(|part| part.items_total)?,
        discount_total: total(|part| part.discount_total)?,
        shipping_total: total(|part| part.shipping_total)?,
        tax_added_total: total(|part| part.tax_added_total)?,
        tax_total: total(|part| part.tax_total)?,
        total: total(|part| part.total)?,
        promotions,
        parts,
    })
}

/// What sending each seller's part costs before promotions for shipping, by seller.
fn parcels(
    items: &[Item],
    goods: &[Reduced],
    shipping: &BTreeMap<SellerId, Shipping>,
) -> Result<Vec<(SellerId, Reduced)>> {
    let mut sums: BTreeMap<SellerId, (MinorUnits, i64)> = BTreeMap::new();
    for (item, goods) in items.iter().zip(goods) {
        let (worth, grams) = sums.entry(item.seller_id).or_default();
        *worth = add(*worth, goods.left)?;
        *grams = item
            .weight_grams
            .checked_mul(item.quantity)
            .and_then(|more| grams.checked_add(more))
            .ok_or_else(|| Error::new(Code::ShippingUnavailable, "The goods are heavier than souk handles."))?;
    }
    sums.into_iter()
        .map(|(seller, (worth, grams))| {
            let price = match shipping.get(&seller) {
                None => MinorUnits::ZERO,
                Some(method) if method.free_over.is_some_and(|threshold| worth >= threshold) => {
                    method.price(grams).map(|_| MinorUnits::ZERO).ok_or_else(|| too_heavy(method, grams))?
                }
                Some(method) => method.price(grams).ok_or_else(|| too_heavy(method, grams))?,
            };
            Ok((seller, Reduced::new(price)))
        })
        .collect()
}

fn too_heavy(method: &Shipping, grams: i64) -> Error {
    let message = format!("\"{}\" cannot carry the {grams} g of these goods; choose another.", method.name);
    Error::new(Code::ShippingUnavailable, message)
}

fn part<'a>(
    seller_id: SellerId,
    own: impl Iterator<Item = (&'a Item, &'a Reduced)>,
    parcel: Reduced,
    terms: &Terms<'_>,
) -> Result<PricedPart> {
    let mut steps = Vec::new();
    let mut lines = Vec::new();
    for (item, goods) in own {
        lines.push(line(item, goods, terms, &mut steps)?);
    }
    let method = terms.shipping.get(&seller_id).cloned();
    let shipping = ship(method.as_ref(), parcel, terms.tax, &mut steps)?;
    let total = |of: fn(&PricedLine) -> MinorUnits| sum(lines.iter().map(of));
    let items_total =
        sum(lines.iter().map(|line| multiply(line.unit_price, line.quantity)).collect::<Result<Vec<_>>>()?)?;
    let tax_added_total = add(total(|line| line.tax_added)?, shipping.taxed.added)?;
    Ok(PricedPart {
        seller_id,
        items_total,
        discount_total: total(|line| line.discount)?,
        shipping: method,
        shipping_price: shipping.reduced.full,
        shipping_discount: shipping.reduced.discount()?,
        shipping_platform_discount: shipping.reduced.platform,
        shipping_total: shipping.reduced.left,
        shipping_tax: shipping.taxed.tax,
        shipping_tax_added: shipping.taxed.added,
        tax_added_total,
        tax_total: add(total(|line| line.tax)?, shipping.taxed.tax)?,
        total: add(total(|line| line.total)?, add(shipping.reduced.left, shipping.taxed.added)?)?,
        platform_discount_total: add(total(|line| line.platform_discount)?, shipping.reduced.platform)?,
        commission_total: total(|line| line.commission)?,
        commission_tax_total: total(|line| line.commission_tax)?,
        lines,
        steps,
    })
}

fn line(item: &Item, goods: &Reduced, terms: &Terms<'_>, steps: &mut Vec<Step>) -> Result<PricedLine> {
    let offer = Some(item.offer_id);
    let price = Step::plain(offer, PriceStepKind::Base, (None, "quantity at the unit price"), goods.full);
    steps.push(Step { base: item.unit_price, ..price });
    steps.extend(goods.steps.iter().cloned());
    let Taxed { tax, added, steps: taxed } =
        terms.tax.tax(Taxable { offer_id: offer, class: &item.tax_class, amount: goods.left })?;
    steps.extend(taxed);
    let total = add(goods.left, added)?;

    let rule = commission::applicable(terms.commissions, item.seller_id, &item.categories);
    let commission_terms = rule.map(|rule| rule.terms).unwrap_or_default();
    let base = commission_base(total, tax, goods.platform)?;
    let commission = commission_terms.of(base, item.quantity)?;
    if let Some(rule) = rule {
        let step =
            Step::rated(offer, PriceStepKind::Commission, (Some(rule.id.0), &rule.name), base, commission_terms.rate)?;
        // Where a flat fee or a limit decided, the rate alone does not tell the amount.
        let rounding_ppm = if step.amount == commission { step.rounding_ppm } else { 0 };
        steps.push(Step { amount: commission, rounding_ppm, ..step });
    }
    let commission_tax_rate = terms.commission_tax.get(&item.seller_id).copied().unwrap_or_default();
    let of_commission: Rule<'_> = (None, "value added tax on the commission");
    let vat = Step::rated(offer, PriceStepKind::CommissionTax, of_commission, commission, commission_tax_rate)?;
    let commission_tax = vat.amount;
    if commission_tax_rate > RatePpm(0) {
        steps.push(vat);
    }
    Ok(PricedLine {
        offer_id: item.offer_id,
        quantity: item.quantity,
        unit_price: item.unit_price,
        discount: goods.discount()?,
        platform_discount: goods.platform,
        tax,
        tax_added: added,
        total,
        commission_rule_id: rule.map(|rule| rule.id),
        commission_terms,
        commission,
        commission_tax_rate,
        commission_tax,
    })
}

struct Shipped {
    reduced: Reduced,
    taxed: Taxed,
}

fn ship(
    method: Option<&Shipping>,
    reduced: Reduced,
    tax: &dyn TaxCalculator,
    steps: &mut Vec<Step>,
) -> Result<Shipped> {
    if let Some(method) = method {
        let rule = (Some(method.method_id.0), method.name.as_str());
        steps.push(Step::plain(None, PriceStepKind::Shipping, rule, reduced.full));
    }
    steps.extend(reduced.steps.iter().cloned());
    let taxed = tax.tax(Taxable { offer_id: None, class: SHIPPING, amount: reduced.left })?;
    if reduced.left > MinorUnits::ZERO {
        steps.extend(taxed.steps.iter().cloned());
    }
    Ok(Shipped { reduced, taxed })
}

#[cfg(test)]
mod tests;
