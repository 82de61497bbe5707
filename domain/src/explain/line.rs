//! A line of an order, from the steps of its pricing.

use sea_orm::{ConnectionTrait, EntityTrait};
use souk_entity::id::{OrderLineId, SellerId};
use souk_entity::order_line;
use souk_entity::price_step;
use souk_entity::status::PriceStepKind;

use super::part::{Earned, PAID, Priced};
use super::posted;
use super::{Amount, Explanation, Subject};
use crate::error::{Error, Result};
use crate::money::multiply;

pub(super) async fn explain(
    db: &impl ConnectionTrait,
    id: OrderLineId,
    seller: Option<SellerId>,
) -> Result<Explanation> {
    let line = order_line::Entity::find_by_id(id)
        .one(db)
        .await?
        .filter(|line| seller.is_none_or(|only| only == line.seller_id))
        .ok_or_else(|| Error::not_found("order line"))?;
    let priced = Priced::find(db, line.seller_order_id, seller).await?;
    Ok(Explanation {
        subject: Subject::OrderLine,
        id: id.into(),
        currency: priced.part.currency,
        amounts: [price(&priced, &line)?, shares(&priced, &line)?].concat(),
        entries: posted::of_sale(db, line.seller_order_id).await?,
    })
}

/// What the shopper pays.
fn price(priced: &Priced, line: &order_line::Model) -> Result<Vec<Amount>> {
    let recorded = priced.recorded();
    let own = |row: &price_step::Model| row.order_line_id == Some(line.id);
    let goods = multiply(line.unit_price, line.quantity)?;
    let total = format!(
        "quantity * unit_price - discount + tax_added: {} * {} - {} + {} = {}",
        line.quantity,
        priced.show(line.unit_price),
        priced.show(line.discount),
        priced.show(line.tax_added),
        priced.show(line.total),
    );
    Ok(vec![
        Amount {
            name: "goods",
            amount: goods,
            formula: format!(
                "quantity * unit_price: {} * {} = {}",
                line.quantity,
                priced.show(line.unit_price),
                priced.show(goods)
            ),
            steps: recorded.of(&[PriceStepKind::Base], own)?,
        },
        Amount {
            name: "discount",
            amount: line.discount,
            formula: "What promotions take off the line.".into(),
            steps: recorded.discounts(own)?,
        },
        Amount {
            name: "tax_added",
            amount: line.tax_added,
            formula: "What tax changes of the price: all of it where prices are without tax, nothing where they \
                      contain it, and less than nothing for a buyer who is exempt from tax that they contain."
                .into(),
            steps: recorded.of(&[PriceStepKind::Tax, PriceStepKind::TaxRelief], own)?,
        },
        Amount { name: "total", amount: line.total, formula: total, steps: recorded.of(PAID, own)? },
    ])
}

/// Who gets what of it.
fn shares(priced: &Priced, line: &order_line::Model) -> Result<Vec<Amount>> {
    let recorded = priced.recorded();
    let own = |row: &price_step::Model| row.order_line_id == Some(line.id);
    let earned = Earned {
        total: line.total,
        tax: line.tax,
        platform_discount: line.platform_discount,
        commission: line.commission,
        commission_tax: line.commission_tax,
    };
    Ok(vec![
        Amount {
            name: "tax",
            amount: line.tax,
            formula: "The tax in total, on what promotions leave of the price.".into(),
            steps: recorded.of(&[PriceStepKind::Tax, PriceStepKind::TaxIncluded], own)?,
        },
        Amount {
            name: "platform_discount",
            amount: line.platform_discount,
            formula: "The discounts that the marketplace makes good to the seller.".into(),
            steps: recorded.discounts(|row| own(row) && recorded.is_platforms(row))?,
        },
        Amount {
            name: "commission",
            amount: line.commission,
            formula: commission(priced, line),
            steps: recorded.of(&[PriceStepKind::Commission], own)?,
        },
        Amount {
            name: "commission_tax",
            amount: line.commission_tax,
            formula: "Value added tax on the commission, at the rate that was agreed with the seller.".into(),
            steps: recorded.of(&[PriceStepKind::CommissionTax], own)?,
        },
        earned.explain(priced)?,
    ])
}

fn commission(priced: &Priced, line: &order_line::Model) -> String {
    let limit = |name: &str, amount: Option<_>| amount.map(|amount| format!(", {name} {}", priced.show(amount)));
    format!(
        "The rate of total - tax + platform_discount ({} - {} + {}), and {} for each unit{}{}, and no more than that \
         base.",
        priced.show(line.total),
        priced.show(line.tax),
        priced.show(line.platform_discount),
        priced.show(line.commission_flat),
        limit("at least", line.commission_minimum).unwrap_or_default(),
        limit("at most", line.commission_maximum).unwrap_or_default(),
    )
}
