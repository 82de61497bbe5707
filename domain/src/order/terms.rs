//! What a basket's price depends on besides the goods: promotions, tax, commission, as they stand
//! at one instant, read for the sellers and goods of one cart.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, Statement};
use souk_entity::id::{CartId, CategoryId, OfferId, PromotionId, SellerId, UserId};
use souk_entity::money::{CurrencyCode, RatePpm};
use souk_entity::status::PromotionKind;
use souk_entity::{commission_rule, promotion, promotion_shopper};

use super::basket::Basket;
use super::destination::{self, DestinationTax};
use super::pricing::commission::CommissionRule;
use super::pricing::promotion::PromotionTerms;
use super::pricing::{self, Item, Priced};
use crate::error::{Code, Error, Result};
use crate::place::Place;

/// Who buys, as far as prices depend on it.
#[derive(Clone, Debug, Default)]
pub struct Buyer {
    /// The user, who may be exempt from tax.
    pub user_id: Option<UserId>,
    /// Whose uses of limited promotions count; `None` while a guest has not named an e-mail address.
    pub shopper: Option<String>,
}

/// A promotion that may apply, with its row.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The row.
    pub row: promotion::Model,
    /// The offers of the cart that it names.
    pub offers: HashSet<OfferId>,
}

/// All of it, for one cart.
#[derive(Clone, Debug)]
pub struct CartTerms {
    /// The promotions whose codes are in the cart, and those that apply by themselves.
    pub promotions: Vec<Candidate>,
    /// The tax at the destination; none while that is not named.
    pub tax: DestinationTax,
    /// The commission rules that may match.
    pub commissions: Vec<CommissionRule>,
    /// The category of each category's goods, and those above it.
    pub above: HashMap<CategoryId, Vec<CategoryId>>,
    now: DateTime<Utc>,
    currency: CurrencyCode,
}

#[derive(FromQueryResult)]
struct CandidateRow {
    #[sea_orm(nested)]
    promotion: promotion::Model,
    offer: Option<OfferId>,
}

/// The platform's, the sellers' and those of codes: with OR in one it would read every promotion
/// there is.
const PROMOTIONS: &str = "SELECT p.*, t.offer_id AS offer FROM promotion p \
    LEFT JOIN promotion_offer t ON t.promotion_id = p.id \
        AND t.offer_id IN (SELECT offer_id FROM cart_line WHERE cart_id = $1) \
    WHERE p.seller_id IS NULL AND p.code IS NULL AND p.active \
        AND p.starts_at <= $2 AND (p.ends_at IS NULL OR p.ends_at > $2) \
    UNION ALL \
    SELECT p.*, t.offer_id AS offer FROM promotion p \
    LEFT JOIN promotion_offer t ON t.promotion_id = p.id \
        AND t.offer_id IN (SELECT offer_id FROM cart_line WHERE cart_id = $1) \
    WHERE p.seller_id IN \
            (SELECT o.seller_id FROM cart_line l JOIN offer o ON o.id = l.offer_id WHERE l.cart_id = $1) \
        AND p.code IS NULL AND p.active AND p.starts_at <= $2 AND (p.ends_at IS NULL OR p.ends_at > $2) \
    UNION ALL \
    SELECT p.*, t.offer_id AS offer FROM cart_promotion c JOIN promotion p ON p.id = c.promotion_id \
    LEFT JOIN promotion_offer t ON t.promotion_id = p.id \
        AND t.offer_id IN (SELECT offer_id FROM cart_line WHERE cart_id = $1) \
    WHERE c.cart_id = $1";

/// Every category of `$1` … with all above it.
const ABOVE: &str = "WITH RECURSIVE above (id, category, depth) AS ( \
    SELECT DISTINCT p.category_id, p.category_id, 0 FROM cart_line l JOIN offer o ON o.id = l.offer_id \
        JOIN product_variant v ON v.id = o.variant_id JOIN product p ON p.id = v.product_id \
        WHERE l.cart_id = $1 AND p.category_id IS NOT NULL \
    UNION ALL \
    SELECT a.id, c.parent_id, a.depth + 1 FROM above a JOIN category c ON c.id = a.category \
        WHERE c.parent_id IS NOT NULL AND a.depth < 100) \
    SELECT id, category FROM above ORDER BY id, depth";

#[derive(FromQueryResult)]
struct AboveRow {
    id: CategoryId,
    category: CategoryId,
}

/// Reads the terms for a cart.
///
/// # Errors
/// The database's.
pub async fn read(
    db: &impl ConnectionTrait,
    cart: CartId,
    basket: &Basket,
    (currency, now): (CurrencyCode, DateTime<Utc>),
    to: Option<&Place>,
    user: Option<UserId>,
) -> Result<CartTerms> {
    let sellers: Vec<SellerId> = basket.sellers().collect();
    let mut terms = CartTerms {
        promotions: candidates(db, cart, now).await?,
        tax: match to {
            Some(to) => destination::read(db, to, user, now).await?,
            None => DestinationTax::default(),
        },
        commissions: commissions(db, &sellers, currency, now).await?,
        above: HashMap::new(),
        now,
        currency,
    };
    let by_category = terms.promotions.iter().any(|candidate| candidate.row.target_category_id.is_some())
        || terms.commissions.iter().any(|rule| rule.category_id.is_some());
    if by_category {
        let statement = Statement::from_sql_and_values(db.get_database_backend(), ABOVE, [cart.into()]);
        for row in AboveRow::find_by_statement(statement).all(db).await? {
            terms.above.entry(row.id).or_default().push(row.category);
        }
    }
    Ok(terms)
}

async fn candidates(db: &impl ConnectionTrait, cart: CartId, now: DateTime<Utc>) -> Result<Vec<Candidate>> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), PROMOTIONS, [cart.into(), now.into()]);
    let mut found: BTreeMap<PromotionId, Candidate> = BTreeMap::new();
    for row in CandidateRow::find_by_statement(statement).all(db).await? {
        let candidate =
            found.entry(row.promotion.id).or_insert_with(|| Candidate { row: row.promotion, offers: HashSet::new() });
        candidate.offers.extend(row.offer);
    }
    Ok(found.into_values().collect())
}

async fn commissions(
    db: &impl ConnectionTrait,
    sellers: &[SellerId],
    currency: CurrencyCode,
    now: DateTime<Utc>,
) -> Result<Vec<CommissionRule>> {
    let rows = commission_rule::Entity::find()
        .filter(
            Condition::any()
                .add(commission_rule::Column::SellerId.is_null())
                .add(commission_rule::Column::SellerId.is_in(sellers.iter().copied())),
        )
        .filter(commission_rule::Column::Currency.is_null().or(commission_rule::Column::Currency.eq(currency)))
        .filter(commission_rule::Column::StartsAt.lte(now))
        .filter(commission_rule::Column::EndsAt.is_null().or(commission_rule::Column::EndsAt.gt(now)))
        .all(db)
        .await?;
    Ok(rows.iter().map(CommissionRule::from).collect())
}

impl Candidate {
    /// Why it cannot be used in `currency` at `now`, whatever the goods.
    ///
    /// # Errors
    /// [`Code::CouponNotApplicable`], [`Code::CouponExhausted`].
    pub fn check(&self, currency: CurrencyCode, now: DateTime<Utc>) -> Result<()> {
        let row = &self.row;
        let name = row.code.as_deref().unwrap_or(&row.name);
        let refuse = |code, why: &str| Err(Error::new(code, format!("The code {name} {why}.")));
        if !row.active || row.starts_at > now {
            return Err(no_such_code(name));
        }
        if row.ends_at.is_some_and(|ends| ends <= now) {
            return refuse(Code::CouponNotApplicable, "is over; remove it from the cart");
        }
        if row.currency.is_some_and(|only| only != currency) {
            return refuse(Code::CouponNotApplicable, "is for another currency; remove it from the cart");
        }
        if row.kind == PromotionKind::Fixed && row.currency.is_none() {
            return refuse(Code::CouponNotApplicable, "has no currency; remove it from the cart");
        }
        if row.usage_limit.is_some_and(|limit| row.used >= limit) {
            return refuse(Code::CouponExhausted, "has no use left; remove it from the cart");
        }
        Ok(())
    }
}

impl CartTerms {
    /// The promotions that can be used; one of those put in by code that cannot is an error.
    /// `buyer` has uses left of each.
    ///
    /// # Errors
    /// [`Code::CouponNotApplicable`], [`Code::CouponExhausted`].
    pub async fn usable(&self, db: &impl ConnectionTrait, buyer: &Buyer) -> Result<Vec<PromotionTerms>> {
        let spent = self.spent(db, buyer).await?;
        let mut usable = Vec::with_capacity(self.promotions.len());
        for candidate in &self.promotions {
            let row = &candidate.row;
            match self.left(candidate, &spent) {
                Ok(()) => usable.push(PromotionTerms::new(row, candidate.offers.clone())?),
                Err(error) if row.code.is_some() => return Err(error),
                Err(_) => {}
            }
        }
        Ok(usable)
    }

    /// Prices a basket by these terms, leaving out the codes that cannot be used or take nothing
    /// off; returns why the first of those was.
    ///
    /// # Errors
    /// What [`pricing::price`] says of the basket itself.
    pub async fn price_with_what_applies(
        &self,
        db: &impl ConnectionTrait,
        basket: &Basket,
        buyer: &Buyer,
    ) -> Result<(Priced, Option<Error>)> {
        let spent = self.spent(db, buyer).await?;
        let (mut promotions, mut codes, mut refusal) = (Vec::new(), Vec::new(), None);
        for candidate in &self.promotions {
            match self.left(candidate, &spent) {
                Ok(()) if candidate.row.code.is_some() => codes.push(candidate),
                Ok(()) => promotions.push(PromotionTerms::new(&candidate.row, candidate.offers.clone())?),
                Err(error) if candidate.row.code.is_some() => refusal = refusal.or(Some(error)),
                Err(_) => {}
            }
        }
        codes.sort_by_key(|candidate| (candidate.row.priority, candidate.row.id));
        let mut priced = self.price(basket, &promotions)?;
        for candidate in codes {
            promotions.push(PromotionTerms::new(&candidate.row, candidate.offers.clone())?);
            match self.price(basket, &promotions) {
                Ok(with_code) => priced = with_code,
                Err(error) if error.code == Code::CouponNotApplicable => {
                    promotions.pop();
                    refusal = refusal.or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((priced, refusal))
    }

    /// Whether a promotion can be used, whatever the goods, by a buyer who has `spent` uses.
    fn left(&self, candidate: &Candidate, spent: &HashMap<PromotionId, i64>) -> Result<()> {
        match spent.get(&candidate.row.id).zip(candidate.row.shopper_limit) {
            Some((used, limit)) if *used >= limit => Err(exhausted(&candidate.row)),
            _ => candidate.check(self.currency, self.now),
        }
    }

    /// How often the buyer has used each promotion that limits it.
    async fn spent(&self, db: &impl ConnectionTrait, buyer: &Buyer) -> Result<HashMap<PromotionId, i64>> {
        let limited: Vec<PromotionId> = self
            .promotions
            .iter()
            .filter(|candidate| candidate.row.shopper_limit.is_some())
            .map(|candidate| candidate.row.id)
            .collect();
        let Some(shopper) = buyer.shopper.as_ref().filter(|_| !limited.is_empty()) else { return Ok(HashMap::new()) };
        let rows = promotion_shopper::Entity::find()
            .filter(promotion_shopper::Column::PromotionId.is_in(limited))
            .filter(promotion_shopper::Column::Shopper.eq(shopper))
            .all(db)
            .await?;
        Ok(rows.into_iter().map(|row| (row.promotion_id, row.used)).collect())
    }

    /// Prices a basket by these terms and the given promotions.
    ///
    /// # Errors
    /// What [`pricing::price`] says.
    pub fn price(&self, basket: &Basket, promotions: &[PromotionTerms]) -> Result<Priced> {
        let commission_tax: BTreeMap<SellerId, RatePpm> =
            basket.lines.iter().map(|line| (line.seller_id, line.commission_tax)).collect();
        let terms = pricing::Terms {
            promotions,
            shipping: &basket.shipping,
            tax: &self.tax.table,
            commissions: &self.commissions,
            commission_tax: &commission_tax,
        };
        pricing::price(&self.items(basket), &terms)
    }

    fn items(&self, basket: &Basket) -> Vec<Item> {
        basket
            .lines
            .iter()
            .map(|line| Item {
                offer_id: line.offer_id,
                seller_id: line.seller_id,
                categories: line
                    .category_id
                    .map(|own| self.above.get(&own).cloned().unwrap_or_else(|| vec![own]))
                    .unwrap_or_default(),
                tax_class: line.tax_class.clone(),
                unit_price: line.unit_price,
                weight_grams: line.weight_grams.into(),
                quantity: line.quantity,
            })
            .collect()
    }
}

/// The answer to a code that is not there. One that is switched off or has not started is answered
/// alike, so that codes to come cannot be found by trying.
pub fn no_such_code(code: &str) -> Error {
    Error::new(Code::CouponNotApplicable, format!("There is no code {code}."))
}

/// The answer when a buyer has no use of a promotion left.
pub fn exhausted(row: &promotion::Model) -> Error {
    let name = row.code.as_deref().unwrap_or(&row.name);
    Error::new(Code::CouponExhausted, format!("You have used the code {name} as often as you can; remove it."))
}
