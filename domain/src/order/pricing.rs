//! From a basket to amounts: pure, deterministic, and summing exactly.
//!
//! Prices are worked out once, at checkout, and frozen; the split per seller moves lines, it
//! never prices again. Lines are taken in the order of (seller, offer), so the order in which
//! they were put into the basket changes nothing.

use std::collections::BTreeMap;

use souk_entity::id::{OfferId, SellerId, ShippingMethodId};
use souk_entity::money::{MinorUnits, RatePpm};
use souk_entity::status::CouponKind;

use crate::error::{Code, Error, Result};
use crate::money::{add, divide, multiply, rate_of, sub, sum};

/// The most lines a basket may have.
pub const MOST_LINES: usize = 200;

/// A quantity of an offer, to be priced.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// The offer.
    pub offer_id: OfferId,
    /// Whose offer it is.
    pub seller_id: SellerId,
    /// Price of one unit.
    pub unit_price: MinorUnits,
    /// Units.
    pub quantity: i64,
    /// The seller's commission rate, frozen here.
    pub commission_rate: RatePpm,
}

/// The way a seller's part is shipped.
#[derive(Clone, Debug)]
pub struct Shipping {
    /// The method.
    pub method_id: ShippingMethodId,
    /// Its name, kept with the order.
    pub name: String,
    /// What it costs.
    pub price: MinorUnits,
    /// Free when the seller's discounted goods reach this.
    pub free_over: Option<MinorUnits>,
}

/// A coupon's terms, in the basket's currency.
#[derive(Clone, Copy, Debug)]
pub struct CouponTerms {
    /// How `value` is read.
    pub kind: CouponKind,
    /// Parts per million, or minor units.
    pub value: i64,
    /// The one seller whose lines it touches and who bears it; `None`: all lines, the platform.
    pub seller_id: Option<SellerId>,
    /// The goods it touches must cost at least this.
    pub minimum_spend: MinorUnits,
    /// It gives at most this.
    pub maximum_discount: Option<MinorUnits>,
}

/// A line with all its amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PricedLine {
    /// The offer.
    pub offer_id: OfferId,
    /// Units.
    pub quantity: i64,
    /// Price of one unit.
    pub unit_price: MinorUnits,
    /// Its share of the discount.
    pub discount: MinorUnits,
    /// The part of `discount` that the platform bears.
    pub platform_discount: MinorUnits,
    /// `quantity * unit_price - discount`.
    pub total: MinorUnits,
    /// Frozen.
    pub commission_rate: RatePpm,
    /// `commission_rate` of what the seller is credited for the goods.
    pub commission: MinorUnits,
}

/// A seller's part with all its amounts.
#[derive(Clone, Debug)]
pub struct PricedPart {
    /// The seller.
    pub seller_id: SellerId,
    /// The lines.
    pub lines: Vec<PricedLine>,
    /// Goods before discount.
    pub items_total: MinorUnits,
    /// Discounts.
    pub discount_total: MinorUnits,
    /// The part of `discount_total` that the platform bears.
    pub platform_discount_total: MinorUnits,
    /// Shipping.
    pub shipping_total: MinorUnits,
    /// The method, where one is chosen.
    pub shipping: Option<Shipping>,
    /// What the shopper pays for this part.
    pub total: MinorUnits,
    /// Commission.
    pub commission_total: MinorUnits,
}

/// A basket with all its amounts.
#[derive(Clone, Debug)]
pub struct Priced {
    /// One part per seller, by seller id.
    pub parts: Vec<PricedPart>,
    /// Goods before discount.
    pub items_total: MinorUnits,
    /// Discounts.
    pub discount_total: MinorUnits,
    /// Shipping.
    pub shipping_total: MinorUnits,
    /// What the shopper pays.
    pub total: MinorUnits,
}

/// The goods that a seller is credited for: the shopper's price plus what the platform makes good.
/// Commission is taken of this.
///
/// # Errors
/// [`Code::InvalidMoney`] on overflow.
pub fn commission_base(gross: MinorUnits, discount: MinorUnits, platform_discount: MinorUnits) -> Result<MinorUnits> {
    add(sub(gross, discount)?, platform_discount)
}

/// Prices a basket.
///
/// # Errors
/// [`Code::InvalidValue`] for more than [`MOST_LINES`] lines; [`Code::CouponNotApplicable`] when
/// the coupon's terms are not met; [`Code::InvalidMoney`] when amounts overflow.
pub fn price(items: &[Item], shipping: &BTreeMap<SellerId, Shipping>, coupon: Option<&CouponTerms>) -> Result<Priced> {
    if items.len() > MOST_LINES {
        return Err(Error::invalid(format!("A cart has at most {MOST_LINES} lines.")));
    }
    let mut items = items.to_vec();
    items.sort_by_key(|item| (item.seller_id, item.offer_id));
    let gross: Vec<MinorUnits> =
        items.iter().map(|item| multiply(item.unit_price, item.quantity)).collect::<Result<_>>()?;
    let discounts = match coupon {
        Some(terms) => discounts(&items, &gross, terms)?,
        None => vec![MinorUnits::ZERO; items.len()],
    };
    let borne_by_platform = coupon.is_some_and(|terms| terms.seller_id.is_none());

    let mut lines: BTreeMap<SellerId, Vec<PricedLine>> = BTreeMap::new();
    for ((item, gross), discount) in items.iter().zip(gross).zip(discounts) {
        let platform_discount = if borne_by_platform { discount } else { MinorUnits::ZERO };
        let commission = rate_of(commission_base(gross, discount, platform_discount)?, item.commission_rate)?;
        lines.entry(item.seller_id).or_default().push(PricedLine {
            offer_id: item.offer_id,
            quantity: item.quantity,
            unit_price: item.unit_price,
            discount,
            platform_discount,
            total: sub(gross, discount)?,
            commission_rate: item.commission_rate,
            commission,
        });
    }
    let parts = lines
        .into_iter()
        .map(|(seller_id, lines)| part(seller_id, lines, shipping.get(&seller_id).cloned()))
        .collect::<Result<Vec<_>>>()?;
    Ok(Priced {
        items_total: sum(parts.iter().map(|part| part.items_total))?,
        discount_total: sum(parts.iter().map(|part| part.discount_total))?,
        shipping_total: sum(parts.iter().map(|part| part.shipping_total))?,
        total: sum(parts.iter().map(|part| part.total))?,
        parts,
    })
}

fn part(seller_id: SellerId, lines: Vec<PricedLine>, shipping: Option<Shipping>) -> Result<PricedPart> {
    let discount_total = sum(lines.iter().map(|line| line.discount))?;
    let goods = sum(lines.iter().map(|line| line.total))?;
    let shipping_total = shipping.as_ref().map_or(MinorUnits::ZERO, |method| match method.free_over {
        Some(threshold) if goods >= threshold => MinorUnits::ZERO,
        _ => method.price,
    });
    Ok(PricedPart {
        seller_id,
        items_total: add(goods, discount_total)?,
        discount_total,
        platform_discount_total: sum(lines.iter().map(|line| line.platform_discount))?,
        shipping_total,
        shipping,
        total: add(goods, shipping_total)?,
        commission_total: sum(lines.iter().map(|line| line.commission))?,
        lines,
    })
}

/// What the coupon takes off each line, in proportion to the lines' value.
fn discounts(items: &[Item], gross: &[MinorUnits], terms: &CouponTerms) -> Result<Vec<MinorUnits>> {
    let touches = |item: &Item| terms.seller_id.is_none_or(|seller| seller == item.seller_id);
    let weights: Vec<MinorUnits> =
        items.iter().zip(gross).map(|(item, gross)| if touches(item) { *gross } else { MinorUnits::ZERO }).collect();
    let eligible = sum(weights.iter().copied())?;
    if !items.iter().any(touches) {
        return Err(Error::new(Code::CouponNotApplicable, "The coupon is for goods that are not in the cart."));
    }
    if eligible < terms.minimum_spend {
        return Err(Error::new(
            Code::CouponNotApplicable,
            "The goods that the coupon is for cost less than its minimum spend.",
        ));
    }
    let full = match terms.kind {
        CouponKind::Percentage => rate_of(eligible, RatePpm(terms.value))?,
        CouponKind::Fixed => MinorUnits(terms.value),
    };
    let most = terms.maximum_discount.unwrap_or(full).min(eligible);
    divide(full.min(most), &weights)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn seller(n: u8) -> SellerId {
        Uuid::from_u128(u128::from(n)).into()
    }

    prop_compose! {
        fn basket()(lines in prop::collection::vec((0_u8..20, 0_i64..2_000_000, 1_i64..100), 1..200)) -> Vec<Item> {
            lines.into_iter().enumerate().map(|(at, (who, price, quantity))| Item {
                offer_id: Uuid::from_u128(at as u128).into(),
                seller_id: seller(who),
                unit_price: MinorUnits(price),
                quantity,
                commission_rate: RatePpm(i64::from(who) * 10_000),
            }).collect()
        }
    }

    fn coupon() -> impl Strategy<Value = Option<CouponTerms>> {
        prop::option::of(
            (any::<bool>(), 1_i64..1_000_000, prop::option::of(0_u8..20), prop::option::of(0_i64..100_000)).prop_map(
                |(percent, value, who, most)| CouponTerms {
                    kind: if percent { CouponKind::Percentage } else { CouponKind::Fixed },
                    value,
                    seller_id: who.map(seller),
                    minimum_spend: MinorUnits::ZERO,
                    maximum_discount: most.map(MinorUnits),
                },
            ),
        )
    }

    fn methods(price: i64, free_over: Option<i64>) -> BTreeMap<SellerId, Shipping> {
        let method = Shipping {
            method_id: Uuid::from_u128(9).into(),
            name: "Parcel".into(),
            price: MinorUnits(price),
            free_over: free_over.map(MinorUnits),
        };
        (0..20).map(|who| (seller(who), method.clone())).collect()
    }

    proptest! {
        #[test]
        fn parts_sum_to_wholes_and_no_line_is_negative(
            items in basket(), terms in coupon(), shipping in 0_i64..5_000, free_over in prop::option::of(0_i64..100_000),
        ) {
            let Ok(priced) = price(&items, &methods(shipping, free_over), terms.as_ref()) else {
                prop_assert!(terms.is_some(), "only a coupon can be refused here");
                return Ok(());
            };
            let mut total = 0;
            for part in &priced.parts {
                let mut goods = 0;
                for line in &part.lines {
                    prop_assert!(line.total.0 >= 0 && line.discount.0 >= 0);
                    prop_assert_eq!(line.total.0, line.unit_price.0 * line.quantity - line.discount.0);
                    prop_assert!(line.platform_discount <= line.discount);
                    goods += line.total.0;
                }
                prop_assert_eq!(part.total.0, goods + part.shipping_total.0);
                prop_assert_eq!(part.items_total.0 - part.discount_total.0, goods);
                total += part.total.0;
            }
            prop_assert_eq!(priced.total.0, total);
            prop_assert_eq!(priced.total.0, priced.items_total.0 - priced.discount_total.0 + priced.shipping_total.0);
            if let Some(terms) = terms {
                if let Some(most) = terms.maximum_discount {
                    prop_assert!(priced.discount_total <= most);
                }
                if let Some(only) = terms.seller_id {
                    for part in priced.parts.iter().filter(|part| part.seller_id != only) {
                        prop_assert_eq!(part.discount_total.0, 0);
                    }
                }
            }
        }

        #[test]
        fn the_order_of_lines_does_not_matter(items in basket(), terms in coupon(), turn in 0_usize..200) {
            let mut turned = items.clone();
            turned.rotate_left(turn % items.len());
            let (a, b) = (price(&items, &methods(100, None), terms.as_ref()), price(&turned, &methods(100, None), terms.as_ref()));
            prop_assert_eq!(a.is_ok(), b.is_ok());
            if let (Ok(a), Ok(b)) = (a, b) {
                let lines = |priced: &Priced| priced.parts.iter().flat_map(|part| part.lines.clone()).collect::<Vec<_>>();
                prop_assert_eq!(lines(&a), lines(&b));
            }
        }
    }

    #[test]
    fn a_discount_is_spread_by_value_and_the_last_cent_is_not_lost() {
        let item = |at: u128, who, price| Item {
            offer_id: Uuid::from_u128(at).into(),
            seller_id: seller(who),
            unit_price: MinorUnits(price),
            quantity: 1,
            commission_rate: RatePpm(100_000),
        };
        let terms = CouponTerms {
            kind: CouponKind::Fixed,
            value: 100,
            seller_id: None,
            minimum_spend: MinorUnits::ZERO,
            maximum_discount: None,
        };
        let priced =
            price(&[item(1, 1, 1000), item(2, 2, 1000), item(3, 3, 1000)], &methods(0, None), Some(&terms)).unwrap();
        let discounts: Vec<i64> = priced.parts.iter().map(|part| part.discount_total.0).collect();
        assert_eq!(discounts, [34, 33, 33]);
        assert_eq!(priced.parts[0].commission_total.0, 100, "the platform's discount does not lower the commission");
    }
}
