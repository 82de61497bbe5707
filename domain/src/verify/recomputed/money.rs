//! Amounts that are rates or slices of others.

use sea_orm::{ConnectionTrait, FromQueryResult};
use souk_entity::money::{MinorUnits, RatePpm};
use souk_entity::order_line;
use souk_entity::status::PriceStepKind;
use uuid::Uuid;

use super::{BATCH, Found, after};
use crate::error::Result;
use crate::money::{contained, rate_of, slice, sum};
use crate::order::pricing::commission::{CommissionTerms, commission_base};
use crate::payment::refund::{Amounts, of_units, restocking_of_units};

/// A step with a rate.
#[derive(FromQueryResult)]
struct RatedStep {
    id: Uuid,
    kind: PriceStepKind,
    base: MinorUnits,
    rate: RatePpm,
    amount: MinorUnits,
}

pub(super) async fn tax_steps(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT seller_order_id AS id, kind, base, rate_ppm AS rate, amount FROM price_step \
         WHERE kind IN ('tax', 'tax_included', 'commission_tax') AND seller_order_id IN \
             (SELECT DISTINCT seller_order_id FROM price_step WHERE seller_order_id > $1 \
                 AND kind IN ('tax', 'tax_included', 'commission_tax') ORDER BY seller_order_id LIMIT {BATCH}) \
         ORDER BY seller_order_id"
    );
    let (mut found, mut last) = (Found::default(), Uuid::nil());
    while !found.is_full() {
        let steps = RatedStep::find_by_statement(after(db, &sql, last)).all(db).await?;
        let Some(end) = steps.last() else { break };
        last = end.id;
        for step in &steps {
            let amount = match step.kind {
                PriceStepKind::TaxIncluded => contained(step.base, step.rate),
                _ => rate_of(step.base, step.rate),
            };
            if !amount.is_ok_and(|amount| amount == step.amount) {
                found.add(step.id);
            }
        }
    }
    Ok(found.0)
}

/// A line with its frozen terms.
#[derive(FromQueryResult)]
struct Charged {
    id: Uuid,
    quantity: i64,
    total: MinorUnits,
    tax: MinorUnits,
    platform_discount: MinorUnits,
    rate: RatePpm,
    flat: MinorUnits,
    minimum: Option<MinorUnits>,
    maximum: Option<MinorUnits>,
    commission: MinorUnits,
    tax_rate: RatePpm,
    commission_tax: MinorUnits,
}

impl Charged {
    fn commission(&self) -> Result<MinorUnits> {
        let base = commission_base(self.total, self.tax, self.platform_discount)?;
        let terms = CommissionTerms { rate: self.rate, flat: self.flat, minimum: self.minimum, maximum: self.maximum };
        terms.of(base, self.quantity)
    }
}

pub(super) async fn commissions(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    charged(db, |line| line.commission().is_ok_and(|commission| commission == line.commission)).await
}

pub(super) async fn commission_taxes(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    charged(db, |line| rate_of(line.commission, line.tax_rate).is_ok_and(|tax| tax == line.commission_tax)).await
}

/// The lines of which `agrees` does not hold; one whose amounts cannot be worked out has wrong ones.
async fn charged(db: &impl ConnectionTrait, agrees: impl Fn(&Charged) -> bool) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT id, quantity, total, tax, platform_discount, commission_rate_ppm AS rate, commission_flat AS flat, \
             commission_minimum AS minimum, commission_maximum AS maximum, commission, \
             commission_tax_ppm AS tax_rate, commission_tax \
         FROM order_line WHERE id > $1 ORDER BY id LIMIT {BATCH}"
    );
    let (mut found, mut last) = (Found::default(), Uuid::nil());
    while !found.is_full() {
        let lines = Charged::find_by_statement(after(db, &sql, last)).all(db).await?;
        let Some(end) = lines.last() else { break };
        last = end.id;
        lines.iter().filter(|line| !agrees(line)).for_each(|line| found.add(line.id));
    }
    Ok(found.0)
}

/// A line with what refunds that have not failed hold of it.
#[derive(FromQueryResult)]
struct Held {
    #[sea_orm(nested)]
    line: order_line::Model,
    held_amount: MinorUnits,
    held_tax: MinorUnits,
    held_commission: MinorUnits,
    held_commission_tax: MinorUnits,
    held_platform_discount: MinorUnits,
    /// Goodwill of its seller order, failed or not: while it counted, it lowered what units were paid back with, and
    /// nothing else of them.
    goodwill: i64,
}

impl Held {
    fn is_worth(&self, worth: Amounts) -> bool {
        let trimmed = self.goodwill > 0;
        self.held_tax == worth.tax
            && self.held_commission == worth.commission
            && self.held_commission_tax == worth.commission_tax
            && self.held_platform_discount == worth.platform_discount
            && (trimmed || self.held_amount == worth.amount)
    }
}

/// The shipping of a seller order with what refunds hold of it.
#[derive(FromQueryResult)]
struct HeldShipping {
    id: Uuid,
    amount: MinorUnits,
    tax: MinorUnits,
    platform_discount: MinorUnits,
    held_amount: MinorUnits,
    held_tax: MinorUnits,
    held_platform_discount: MinorUnits,
}

impl HeldShipping {
    fn agrees(&self) -> Result<bool> {
        if self.amount == MinorUnits::ZERO {
            return Ok(self.held_amount == MinorUnits::ZERO && self.held_tax == MinorUnits::ZERO);
        }
        let worth = |whole| slice(whole, self.held_amount.0, self.amount.0);
        Ok(worth(self.tax)? == self.held_tax && worth(self.platform_discount)? == self.held_platform_discount)
    }
}

pub(super) async fn refunded_slices(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let mut found = Found::default();
    slices_of_lines(db, &mut found).await?;
    slices_of_shipping(db, &mut found).await?;
    Ok(found.0)
}

async fn slices_of_lines(db: &impl ConnectionTrait, found: &mut Found) -> Result<()> {
    let sql = format!(
        "SELECT l.*, CAST(h.amount AS bigint) AS held_amount, CAST(h.tax AS bigint) AS held_tax, \
             CAST(h.commission AS bigint) AS held_commission, CAST(h.commission_tax AS bigint) AS held_commission_tax, \
             CAST(h.platform_discount AS bigint) AS held_platform_discount, \
             (SELECT count(*) FROM refund r JOIN refund_line x ON x.refund_id = r.id \
                 WHERE r.seller_order_id = l.seller_order_id AND x.component = 'goodwill') AS goodwill \
         FROM (SELECT x.order_line_id AS line_id, sum(x.amount) AS amount, sum(x.tax) AS tax, \
                 sum(x.commission) AS commission, sum(x.commission_tax) AS commission_tax, \
                 sum(x.platform_discount) AS platform_discount \
             FROM refund_line x JOIN refund r ON r.id = x.refund_id WHERE x.order_line_id > $1 \
             GROUP BY x.order_line_id HAVING sum(CASE WHEN r.status = 'failed' THEN 1 ELSE 0 END) = 0 \
             ORDER BY x.order_line_id LIMIT {BATCH}) h \
         JOIN order_line l ON l.id = h.line_id ORDER BY l.id"
    );
    let mut last = Uuid::nil();
    while !found.is_full() {
        let rows = Held::find_by_statement(after(db, &sql, last)).all(db).await?;
        let Some(end) = rows.last() else { break };
        last = end.line.id.into();
        for row in &rows {
            let worth = of_units(&row.line, row.line.refunded_quantity);
            if !worth.is_ok_and(|worth| row.is_worth(worth)) {
                found.add(row.line.id);
            }
        }
    }
    Ok(())
}

async fn slices_of_shipping(db: &impl ConnectionTrait, found: &mut Found) -> Result<()> {
    let sql = format!(
        "SELECT s.id AS id, s.shipping_total + s.shipping_tax_added AS amount, s.shipping_tax AS tax, \
             s.shipping_platform_discount AS platform_discount, CAST(h.amount AS bigint) AS held_amount, \
             CAST(h.tax AS bigint) AS held_tax, CAST(h.platform_discount AS bigint) AS held_platform_discount \
         FROM (SELECT r.seller_order_id AS part_id, \
                 sum(CASE WHEN x.component = 'shipping' THEN x.amount ELSE 0 END) AS amount, \
                 sum(CASE WHEN x.component = 'shipping' THEN x.tax ELSE 0 END) AS tax, \
                 sum(CASE WHEN x.component = 'shipping' THEN x.platform_discount ELSE 0 END) AS platform_discount, \
                 sum(CASE WHEN x.component = 'goodwill' OR (x.component = 'shipping' AND r.status = 'failed') \
                     THEN 1 ELSE 0 END) AS disturbed \
             FROM refund_line x JOIN refund r ON r.id = x.refund_id WHERE r.seller_order_id > $1 \
             GROUP BY r.seller_order_id) h \
         JOIN seller_order s ON s.id = h.part_id WHERE h.disturbed = 0 ORDER BY s.id LIMIT {BATCH}"
    );
    let mut last = Uuid::nil();
    while !found.is_full() {
        let rows = HeldShipping::find_by_statement(after(db, &sql, last)).all(db).await?;
        let Some(end) = rows.last() else { break };
        last = end.id;
        rows.iter().filter(|row| !row.agrees().unwrap_or(false)).for_each(|row| found.add(row.id));
    }
    Ok(())
}

/// A line with what refunds keep of it.
#[derive(FromQueryResult)]
struct Restocked {
    #[sea_orm(nested)]
    line: order_line::Model,
    rate: RatePpm,
    held_quantity: i64,
    held_fee: MinorUnits,
    /// Rows of which all that is paid back for the units is kept.
    capped: i64,
}

impl Restocked {
    fn agrees(&self) -> Result<bool> {
        let fee = restocking_of_units(&self.line, self.rate, self.held_quantity)?;
        Ok(if self.capped > 0 { self.held_fee <= fee } else { self.held_fee == fee })
    }
}

pub(super) async fn restocking_fees(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT l.*, s.restocking_ppm AS rate, CAST(h.quantity AS bigint) AS held_quantity, \
             CAST(h.fee AS bigint) AS held_fee, CAST(h.capped AS bigint) AS capped \
         FROM (SELECT x.order_line_id AS line_id, sum(x.restocking_quantity) AS quantity, sum(x.restocking_fee) AS fee, \
                 sum(CASE WHEN x.restocking_quantity > 0 AND x.restocking_fee = x.amount THEN 1 ELSE 0 END) AS capped \
             FROM refund_line x JOIN refund r ON r.id = x.refund_id WHERE x.order_line_id > $1 \
             GROUP BY x.order_line_id HAVING sum(x.restocking_quantity) > 0 \
                 AND sum(CASE WHEN r.status = 'failed' THEN 1 ELSE 0 END) = 0 \
             ORDER BY x.order_line_id LIMIT {BATCH}) h \
         JOIN order_line l ON l.id = h.line_id JOIN seller_order s ON s.id = l.seller_order_id ORDER BY l.id"
    );
    let (mut found, mut last) = (Found::default(), Uuid::nil());
    while !found.is_full() {
        let rows = Restocked::find_by_statement(after(db, &sql, last)).all(db).await?;
        let Some(end) = rows.last() else { break };
        last = end.line.id.into();
        rows.iter().filter(|row| !row.agrees().unwrap_or(false)).for_each(|row| found.add(row.line.id));
    }
    Ok(found.0)
}

/// A line with what refunds of its whole seller order came to.
#[derive(FromQueryResult)]
struct RefundedLine {
    #[sea_orm(nested)]
    line: order_line::Model,
    /// Paid back for units, failed refunds not counted.
    paid: i64,
    /// Goodwill, failed or not: while it counted, it lowered what units were paid back with.
    goodwill: i64,
    /// Lines of failed refunds: the slices of the units that follow are rounded without them.
    failed: i64,
}

pub(super) async fn refunded_units(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT l.*, CAST(coalesce(p.paid, 0) AS bigint) AS paid, \
             CAST(coalesce(p.goodwill, 0) AS bigint) AS goodwill, CAST(coalesce(p.failed, 0) AS bigint) AS failed \
         FROM order_line l \
         LEFT JOIN (SELECT r.seller_order_id AS part_id, \
                 sum(CASE WHEN x.component = 'item' AND r.status <> 'failed' THEN x.amount ELSE 0 END) AS paid, \
                 sum(CASE WHEN x.component = 'goodwill' THEN x.amount ELSE 0 END) AS goodwill, \
                 sum(CASE WHEN x.component = 'item' AND r.status = 'failed' THEN 1 ELSE 0 END) AS failed \
             FROM refund r JOIN refund_line x ON x.refund_id = r.id GROUP BY r.seller_order_id) p \
             ON p.part_id = l.seller_order_id \
         WHERE l.quantity > 0 AND l.refunded_quantity > 0 AND l.seller_order_id IN \
             (SELECT s.id FROM seller_order s WHERE s.id > $1 AND EXISTS (SELECT 1 FROM order_line u \
                 WHERE u.seller_order_id = s.id AND u.refunded_quantity > 0) ORDER BY s.id LIMIT {BATCH}) \
         ORDER BY l.seller_order_id"
    );
    let (mut found, mut last) = (Found::default(), Uuid::nil());
    while !found.is_full() {
        let rows = RefundedLine::find_by_statement(after(db, &sql, last)).all(db).await?;
        let Some(end) = rows.last() else { break };
        last = end.line.seller_order_id.into();
        for part in rows.chunk_by(|a, b| a.line.seller_order_id == b.line.seller_order_id) {
            let worth = part
                .iter()
                .map(|row| of_units(&row.line, row.line.refunded_quantity).map(|worth| worth.amount))
                .collect::<Result<Vec<_>>>()
                .and_then(sum);
            let RefundedLine { paid, goodwill, failed, .. } = part[0];
            let most = paid.saturating_add(goodwill).saturating_add(failed);
            if !worth.is_ok_and(|worth| worth.0 <= most) {
                found.add(part[0].line.seller_order_id);
            }
        }
    }
    Ok(found.0)
}
