//! What the platform takes of a line.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use souk_entity::id::{CategoryId, CommissionRuleId, SellerId};
use souk_entity::money::{MinorUnits, RatePpm};
use souk_entity::{commission_rule, order_line};

use crate::error::Result;
use crate::money::{add, multiply, rate_of, sub};

/// A rule that may apply to the order: in its currency, and valid at its placement.
#[derive(Clone, Debug)]
pub struct CommissionRule {
    /// The rule.
    pub id: CommissionRuleId,
    /// Its name, for people.
    pub name: String,
    /// Only this seller's lines.
    pub seller_id: Option<SellerId>,
    /// Only lines of this category and those below it.
    pub category_id: Option<CategoryId>,
    /// When it began to apply.
    pub starts_at: DateTime<Utc>,
    /// What it takes.
    pub terms: CommissionTerms,
}

/// What a commission comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommissionTerms {
    /// Of the base.
    pub rate: RatePpm,
    /// For each unit.
    pub flat: MinorUnits,
    /// Of a line, at least; but never more than the base.
    pub minimum: Option<MinorUnits>,
    /// Of a line, at most.
    pub maximum: Option<MinorUnits>,
}

impl From<&commission_rule::Model> for CommissionRule {
    fn from(row: &commission_rule::Model) -> Self {
        Self {
            id: row.id,
            name: row.name.clone(),
            seller_id: row.seller_id,
            category_id: row.category_id,
            starts_at: row.starts_at,
            terms: CommissionTerms { rate: row.rate_ppm, flat: row.flat, minimum: row.minimum, maximum: row.maximum },
        }
    }
}

impl From<&order_line::Model> for CommissionTerms {
    /// The terms as frozen on a line.
    fn from(line: &order_line::Model) -> Self {
        Self {
            rate: line.commission_rate_ppm,
            flat: line.commission_flat,
            minimum: line.commission_minimum,
            maximum: line.commission_maximum,
        }
    }
}

/// The goods that a seller is credited for: what the shopper pays without tax, and what the
/// platform makes good. Commission is taken of this.
///
/// # Errors
/// [`crate::Code::InvalidMoney`] on overflow.
pub fn commission_base(total: MinorUnits, tax: MinorUnits, platform_discount: MinorUnits) -> Result<MinorUnits> {
    add(sub(total, tax)?, platform_discount)
}

impl CommissionTerms {
    /// The commission of a line of `quantity` units whose base is `base`.
    ///
    /// # Errors
    /// [`crate::Code::InvalidMoney`] on overflow.
    pub fn of(&self, base: MinorUnits, quantity: i64) -> Result<MinorUnits> {
        let full = add(rate_of(base, self.rate)?, multiply(self.flat, quantity)?)?;
        let most = self.maximum.unwrap_or(full);
        Ok(full.min(most).max(self.minimum.unwrap_or_default()).min(base))
    }
}

/// The rule for a line: of its seller and category, of the seller, of the category, of everything.
/// A nearer category goes before those above it; among equals the one that started last counts.
///
/// `categories` are the line's own and those above it, the nearest first.
pub fn applicable<'a>(
    rules: &'a [CommissionRule],
    seller: SellerId,
    categories: &[CategoryId],
) -> Option<&'a CommissionRule> {
    let distance = |rule: &CommissionRule| match rule.category_id {
        None => Some(usize::MAX),
        Some(category) => categories.iter().position(|own| *own == category),
    };
    rules
        .iter()
        .filter(|rule| rule.seller_id.is_none_or(|only| only == seller))
        .filter_map(|rule| distance(rule).map(|distance| (rule, distance)))
        .min_by_key(|(rule, distance)| {
            let tier = match (rule.seller_id, rule.category_id) {
                (Some(_), Some(_)) => 0,
                (Some(_), None) => 1,
                (None, Some(_)) => 2,
                (None, None) => 3,
            };
            (tier, *distance, Reverse((rule.starts_at, rule.id)))
        })
        .map(|(rule, _)| rule)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn rule(id: u128, seller: Option<u128>, category: Option<u128>, day: i64) -> CommissionRule {
        CommissionRule {
            id: Uuid::from_u128(id).into(),
            name: String::new(),
            seller_id: seller.map(|id| Uuid::from_u128(id).into()),
            category_id: category.map(|id| Uuid::from_u128(id).into()),
            starts_at: DateTime::UNIX_EPOCH + chrono::TimeDelta::days(day),
            terms: CommissionTerms::default(),
        }
    }

    #[test]
    fn the_most_specific_rule_applies() {
        let (seller, other) = (Uuid::from_u128(7).into(), Uuid::from_u128(8).into());
        let (leaf, root): (CategoryId, CategoryId) = (Uuid::from_u128(20).into(), Uuid::from_u128(10).into());
        let rules = [
            rule(1, None, None, 0),
            rule(2, None, None, 5),
            rule(3, None, Some(10), 0),
            rule(4, None, Some(20), 0),
            rule(5, Some(7), None, 0),
            rule(6, Some(7), Some(10), 0),
        ];
        let pick = |rules: &[CommissionRule], seller, categories: &[CategoryId]| {
            applicable(rules, seller, categories).map(|rule| rule.id.0.as_u128())
        };
        assert_eq!(pick(&rules, seller, &[leaf, root]), Some(6), "of the seller and the category");
        assert_eq!(pick(&rules, seller, &[leaf]), Some(5), "of the seller");
        assert_eq!(pick(&rules, other, &[leaf, root]), Some(4), "of the nearest category");
        assert_eq!(pick(&rules, other, &[root]), Some(3), "of a category above");
        assert_eq!(pick(&rules, other, &[]), Some(2), "of everything, the latest");
        assert_eq!(pick(&rules[5..], other, &[root]), None);
    }

    #[test]
    fn a_commission_keeps_its_limits_and_never_exceeds_the_goods() {
        let terms = CommissionTerms {
            rate: RatePpm(100_000),
            flat: MinorUnits(30),
            minimum: Some(MinorUnits(50)),
            maximum: Some(MinorUnits(200)),
        };
        let of = |base, quantity| terms.of(MinorUnits(base), quantity).unwrap().0;
        assert_eq!(of(1000, 1), 130);
        assert_eq!(of(1000, 3), 190);
        assert_eq!(of(1000, 4), 200, "the most");
        assert_eq!(of(100, 1), 50, "the least");
        assert_eq!(of(20, 1), 20, "no more than the goods");
        assert_eq!(of(0, 1), 0);
    }
}
