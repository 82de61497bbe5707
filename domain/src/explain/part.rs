//! A seller order, from the steps of its pricing.

use std::collections::{HashMap, HashSet};

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use souk_entity::id::{SellerId, SellerOrderId};
use souk_entity::money::MinorUnits;
use souk_entity::status::PriceStepKind;
use souk_entity::{order_line, price_step, promotion, seller_order};
use uuid::Uuid;

use super::posted;
use super::step::{Audience, Recorded, Step, StepKind};
use super::{Amount, Explanation, Subject};
use crate::error::{Error, Result};
use crate::money::{Money, add, sub};

/// A seller order with all that was recorded of its pricing.
pub(super) struct Priced {
    pub part: seller_order::Model,
    pub lines: Vec<order_line::Model>,
    steps: Vec<price_step::Model>,
    promotions: HashMap<Uuid, promotion::Model>,
    audience: Audience,
}

impl Priced {
    pub async fn find(db: &impl ConnectionTrait, id: SellerOrderId, seller: Option<SellerId>) -> Result<Self> {
        let part = seller_order::Entity::find_by_id(id)
            .one(db)
            .await?
            .filter(|part| seller.is_none_or(|only| only == part.seller_id))
            .ok_or_else(|| Error::not_found("seller order"))?;
        let lines = order_line::Entity::find()
            .filter(order_line::Column::SellerOrderId.eq(id))
            .order_by_asc(order_line::Column::Position)
            .all(db)
            .await?;
        let steps = price_step::Entity::find()
            .filter(price_step::Column::SellerOrderId.eq(id))
            .order_by_asc(price_step::Column::Position)
            .all(db)
            .await?;
        let applied: HashSet<Uuid> =
            steps.iter().filter(|step| step.kind == PriceStepKind::Promotion).filter_map(|step| step.rule_id).collect();
        let rows = promotion::Entity::find().filter(promotion::Column::Id.is_in(applied)).all(db).await?;
        let promotions = rows.into_iter().map(|row| (row.id.into(), row)).collect();
        let audience = match seller {
            Some(_) if is_beside_others(db, &part).await? => Audience::OneOfSeveralSellers,
            _ => Audience::All,
        };
        Ok(Self { part, lines, steps, promotions, audience })
    }

    pub fn recorded(&self) -> Recorded<'_> {
        Recorded {
            currency: self.part.currency,
            lines: &self.lines,
            steps: &self.steps,
            promotions: &self.promotions,
            audience: self.audience,
        }
    }

    pub fn show(&self, amount: MinorUnits) -> Money {
        Money { amount, currency: self.part.currency }
    }
}

/// Whether the order has goods of other sellers too.
async fn is_beside_others(db: &impl ConnectionTrait, part: &seller_order::Model) -> Result<bool> {
    let all = seller_order::Entity::find().filter(seller_order::Column::OrderId.eq(part.order_id));
    Ok(all.count(db).await? > 1)
}

pub(super) async fn explain(
    db: &impl ConnectionTrait,
    id: SellerOrderId,
    seller: Option<SellerId>,
) -> Result<Explanation> {
    let priced = Priced::find(db, id, seller).await?;
    Ok(Explanation {
        subject: Subject::SellerOrder,
        id: id.into(),
        currency: priced.part.currency,
        amounts: [goods(&priced)?, shipping(&priced)?, whole(&priced)?].concat(),
        entries: posted::of_part(db, id).await?,
    })
}

fn goods(priced: &Priced) -> Result<Vec<Amount>> {
    let (part, recorded) = (&priced.part, priced.recorded());
    let of_line = |row: &price_step::Model| row.order_line_id.is_some();
    Ok(vec![
        Amount {
            name: "items_total",
            amount: part.items_total,
            formula: "The lines' units at their prices.".into(),
            steps: recorded.of(&[PriceStepKind::Base], of_line)?,
        },
        Amount {
            name: "discount_total",
            amount: part.discount_total,
            formula: "What promotions take off the goods.".into(),
            steps: recorded.discounts(of_line)?,
        },
    ])
}

fn shipping(priced: &Priced) -> Result<Vec<Amount>> {
    let (part, recorded) = (&priced.part, priced.recorded());
    let of_shipping = |row: &price_step::Model| row.order_line_id.is_none();
    let (price, off, total) =
        (priced.show(part.shipping_price), priced.show(part.shipping_discount), priced.show(part.shipping_total));
    Ok(vec![
        Amount {
            name: "shipping_price",
            amount: part.shipping_price,
            formula: "What the shipping method costs for these goods; nothing where their worth makes it free.".into(),
            steps: recorded.of(&[PriceStepKind::Shipping], of_shipping)?,
        },
        Amount {
            name: "shipping_discount",
            amount: part.shipping_discount,
            formula: "What promotions take off shipping.".into(),
            steps: recorded.discounts(of_shipping)?,
        },
        Amount {
            name: "shipping_total",
            amount: part.shipping_total,
            formula: format!("shipping_price - shipping_discount: {price} - {off} = {total}"),
            steps: recorded.of(&[PriceStepKind::Shipping, PriceStepKind::Promotion], of_shipping)?,
        },
        Amount {
            name: "shipping_tax",
            amount: part.shipping_tax,
            formula: "The tax in what is paid for shipping.".into(),
            steps: recorded.of(&[PriceStepKind::Tax, PriceStepKind::TaxIncluded], of_shipping)?,
        },
    ])
}

fn whole(priced: &Priced) -> Result<Vec<Amount>> {
    let (part, recorded) = (&priced.part, priced.recorded());
    let all = |_: &price_step::Model| true;
    let total = format!(
        "items_total - discount_total + shipping_total + tax_added_total: {} - {} + {} + {} = {}",
        priced.show(part.items_total),
        priced.show(part.discount_total),
        priced.show(part.shipping_total),
        priced.show(part.tax_added_total),
        priced.show(part.total),
    );
    let sums = Earned {
        total: part.total,
        tax: part.tax_total,
        platform_discount: part.platform_discount_total,
        commission: part.commission_total,
        commission_tax: part.commission_tax_total,
    };
    Ok(vec![
        Amount {
            name: "tax_added_total",
            amount: part.tax_added_total,
            formula: "What tax changes of the prices, of goods and shipping.".into(),
            steps: recorded.of(&[PriceStepKind::Tax, PriceStepKind::TaxRelief], all)?,
        },
        Amount { name: "total", amount: part.total, formula: total, steps: recorded.of(PAID, all)? },
        Amount {
            name: "tax_total",
            amount: part.tax_total,
            formula: "The tax in total, of goods and shipping.".into(),
            steps: recorded.of(&[PriceStepKind::Tax, PriceStepKind::TaxIncluded], all)?,
        },
        Amount {
            name: "platform_discount_total",
            amount: part.platform_discount_total,
            formula: "The discounts that the marketplace makes good, of goods and shipping.".into(),
            steps: recorded.discounts(|row| recorded.is_platforms(row))?,
        },
        Amount {
            name: "commission_total",
            amount: part.commission_total,
            formula: "The commission of the lines.".into(),
            steps: recorded.of(&[PriceStepKind::Commission], all)?,
        },
        Amount {
            name: "commission_tax_total",
            amount: part.commission_tax_total,
            formula: "The value added tax on the commission of the lines.".into(),
            steps: recorded.of(&[PriceStepKind::CommissionTax], all)?,
        },
        sums.explain(priced)?,
    ])
}

/// The steps that sum to what the shopper pays; tax that prices contain is in them already.
pub(super) const PAID: &[PriceStepKind] = &[
    PriceStepKind::Base,
    PriceStepKind::Promotion,
    PriceStepKind::Shipping,
    PriceStepKind::Tax,
    PriceStepKind::TaxRelief,
];

/// What a seller earns by a sale.
pub(super) struct Earned {
    pub total: MinorUnits,
    pub tax: MinorUnits,
    pub platform_discount: MinorUnits,
    pub commission: MinorUnits,
    pub commission_tax: MinorUnits,
}

impl Earned {
    pub fn explain(&self, priced: &Priced) -> Result<Amount> {
        let sold = add(sub(self.total, self.tax)?, self.platform_discount)?;
        let amount = sub(sub(sold, self.commission)?, self.commission_tax)?;
        let minus = |amount: MinorUnits| MinorUnits(-amount.0);
        let formula = format!(
            "total - tax + platform_discount - commission - commission_tax: {} - {} + {} - {} - {} = {}",
            priced.show(self.total),
            priced.show(self.tax),
            priced.show(self.platform_discount),
            priced.show(self.commission),
            priced.show(self.commission_tax),
            priced.show(amount),
        );
        let steps = vec![
            Step::plain(StepKind::Amount, "What the shopper pays", self.total),
            Step::plain(StepKind::Amount, "The tax in it, which the marketplace owes to the state", minus(self.tax)),
            Step::plain(StepKind::Amount, "Discounts that the marketplace makes good", self.platform_discount),
            Step::plain(StepKind::Amount, "Commission", minus(self.commission)),
            Step::plain(StepKind::Amount, "Value added tax on it", minus(self.commission_tax)),
        ];
        Ok(Amount { name: "earned", amount, formula, steps })
    }
}
