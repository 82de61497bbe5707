//! A refund, from its pieces: units of lines, shipping, goodwill.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use souk_entity::id::{RefundId, SellerId};
use souk_entity::money::MinorUnits;
use souk_entity::status::{RefundComponent, RefundStatus};
use souk_entity::{order_line, refund, refund_line, seller_order};

use super::part::Priced;
use super::posted;
use super::step::{Step, StepKind, Units, sliced};
use super::{Amount, Explanation, Subject};
use crate::error::{Error, Result};
use crate::money::{Money, add, sub};
use crate::payment::refund::restocking_of_line;

pub(super) async fn explain(db: &impl ConnectionTrait, id: RefundId, seller: Option<SellerId>) -> Result<Explanation> {
    let refund = refund::Entity::find_by_id(id).one(db).await?.ok_or_else(|| Error::not_found("refund"))?;
    let Some(priced) = own(db, &refund, seller).await? else { return Err(Error::not_found("refund")) };
    let pieces = pieces(db, &refund, &priced).await?;
    Ok(Explanation {
        subject: Subject::Refund,
        id: id.into(),
        currency: refund.currency,
        amounts: amounts(&refund, &priced, &pieces)?,
        entries: posted::of_refund(db, id.into()).await?,
    })
}

async fn own(db: &impl ConnectionTrait, refund: &refund::Model, seller: Option<SellerId>) -> Result<Option<Priced>> {
    let part = seller_order::Entity::find_by_id(refund.seller_order_id).one(db).await?;
    match part.filter(|part| seller.is_none_or(|only| only == part.seller_id)) {
        Some(part) => Priced::find(db, part.id, seller).await.map(Some),
        None => Ok(None),
    }
}

/// What a refund pays back, with what was paid back before it.
struct Piece<'a> {
    row: refund_line::Model,
    before: Before<'a>,
    /// Units of its line that a restocking fee was taken for before.
    restocked: i64,
}

enum Before<'a> {
    /// Of a line, so many units of so many.
    Units(&'a order_line::Model, Units),
    /// Of shipping, so much.
    Shipping(MinorUnits),
    /// Goodwill has no before.
    Nothing,
}

async fn pieces<'a>(db: &impl ConnectionTrait, refund: &refund::Model, priced: &'a Priced) -> Result<Vec<Piece<'a>>> {
    let rows = refund_line::Entity::find()
        .filter(refund_line::Column::RefundId.eq(refund.id))
        .order_by_asc(refund_line::Column::Id)
        .all(db)
        .await?;
    let earlier = earlier(db, refund).await?;
    let mut pieces = Vec::with_capacity(rows.len());
    for row in rows {
        let line = priced.lines.iter().find(|line| Some(line.id) == row.order_line_id);
        let before = match (row.component, line) {
            (RefundComponent::Item, Some(line)) if line.quantity > 0 => {
                let same = earlier.iter().filter(|other| other.order_line_id == Some(line.id));
                let reckoned = same.map(|other| other.quantity).sum();
                Before::Units(line, which(line, &row, reckoned)?)
            }
            (RefundComponent::Shipping, _) => {
                let mut so_far = MinorUnits::ZERO;
                for other in earlier.iter().filter(|other| other.component == RefundComponent::Shipping) {
                    so_far = add(so_far, other.amount)?;
                }
                Before::Shipping(so_far)
            }
            _ => Before::Nothing,
        };
        let same =
            earlier.iter().filter(|other| row.order_line_id.is_some() && other.order_line_id == row.order_line_id);
        let restocked = same.map(|other| other.restocking_quantity).sum();
        pieces.push(Piece { row, before, restocked });
    }
    Ok(pieces)
}

/// The pieces of the refunds that were there when this one was made and had not failed by then.
async fn earlier(db: &impl ConnectionTrait, refund: &refund::Model) -> Result<Vec<refund_line::Model>> {
    let others = refund::Entity::find()
        .filter(refund::Column::SellerOrderId.eq(refund.seller_order_id))
        .filter(refund::Column::Id.lt(refund.id))
        .all(db)
        .await?;
    // A failed refund changes no more, so it failed when it was last changed.
    let counted = others
        .into_iter()
        .filter(|other| other.status != RefundStatus::Failed || other.updated_at > refund.created_at)
        .map(|other| other.id);
    Ok(refund_line::Entity::find().filter(refund_line::Column::RefundId.is_in(counted)).all(db).await?)
}

/// The units of a piece. Which came before is not recorded: those that were refunded earlier, or,
/// where refunds were made at one moment, the first place in which the amounts are as they are.
fn which(line: &order_line::Model, row: &refund_line::Model, reckoned: i64) -> Result<Units> {
    let latest = line.quantity - row.quantity;
    let units = |before: i64| Units { before, after: before + row.quantity, of: line.quantity };
    let reckoned = reckoned.clamp(0, latest.max(0));
    for before in std::iter::once(reckoned).chain(0..=latest) {
        let mut fits = true;
        for (whole, amount) in wholes(line, row) {
            fits = fits && sliced(whole, units(before))? == amount;
        }
        if fits {
            return Ok(units(before));
        }
    }
    Ok(units(reckoned))
}

fn wholes(line: &order_line::Model, row: &refund_line::Model) -> [(MinorUnits, MinorUnits); 5] {
    [
        (line.total, row.amount),
        (line.tax, row.tax),
        (line.commission, row.commission),
        (line.commission_tax, row.commission_tax),
        (line.platform_discount, row.platform_discount),
    ]
}

/// How to read one amount of a refund.
struct Component {
    name: &'static str,
    formula: &'static str,
    amount: fn(&refund::Model) -> MinorUnits,
    of_row: fn(&refund_line::Model) -> MinorUnits,
    of_line: fn(&order_line::Model) -> MinorUnits,
    /// `None` where it is as somebody chose it.
    of_shipping: Option<fn(&seller_order::Model) -> MinorUnits>,
}

const COMPONENTS: [Component; 5] = [
    Component {
        name: "amount",
        formula: "What the shopper gets back: of each line the slice of its total, shipping and goodwill as chosen; less \
                  restocking_fee and return_label.",
        amount: |refund| refund.amount,
        of_row: |row| row.amount,
        of_line: |line| line.total,
        of_shipping: None,
    },
    Component {
        name: "tax",
        formula: "The tax in what is refunded, also where goodwill has paid for it before: of each line the slice of its \
                  tax, of shipping in proportion.",
        amount: |refund| refund.tax,
        of_row: |row| row.tax,
        of_line: |line| line.tax,
        of_shipping: Some(|part| part.shipping_tax),
    },
    Component {
        name: "commission",
        formula: "The commission that is given back: of each line the slice of its commission.",
        amount: |refund| refund.commission,
        of_row: |row| row.commission,
        of_line: |line| line.commission,
        of_shipping: Some(|_| MinorUnits::ZERO),
    },
    Component {
        name: "commission_tax",
        formula: "The tax on commission that is given back: of each line the slice of it.",
        amount: |refund| refund.commission_tax,
        of_row: |row| row.commission_tax,
        of_line: |line| line.commission_tax,
        of_shipping: Some(|_| MinorUnits::ZERO),
    },
    Component {
        name: "platform_discount",
        formula: "The discount that the marketplace made good and takes back: of each line the slice of it, of \
                  shipping in proportion.",
        amount: |refund| refund.platform_discount,
        of_row: |row| row.platform_discount,
        of_line: |line| line.platform_discount,
        of_shipping: Some(|part| part.shipping_platform_discount),
    },
];

fn amounts(refund: &refund::Model, priced: &Priced, pieces: &[Piece<'_>]) -> Result<Vec<Amount>> {
    let mut amounts = Vec::with_capacity(COMPONENTS.len() + 3);
    for component in &COMPONENTS {
        let mut steps = Vec::new();
        for piece in pieces {
            steps.extend(component.steps(priced, piece)?);
        }
        if component.name == "amount" {
            steps.extend(taken_off(refund));
        }
        let (name, formula) = (component.name, component.formula.to_owned());
        amounts.push(Amount { name, amount: (component.amount)(refund), formula, steps });
    }
    amounts.push(restocking(refund, priced, pieces)?);
    amounts.push(label(refund));
    amounts.push(borne(refund, priced)?);
    Ok(amounts)
}

impl Component {
    fn steps(&self, priced: &Priced, piece: &Piece<'_>) -> Result<Vec<Step>> {
        let (amount, currency) = ((self.of_row)(&piece.row), priced.part.currency);
        match &piece.before {
            Before::Units(line, units) => Step::slices(&line.sku, (self.of_line)(line), *units, amount, currency),
            Before::Shipping(so_far) => self.of_shipping_steps(priced, piece, *so_far),
            Before::Nothing if amount == MinorUnits::ZERO => Ok(Vec::new()),
            Before::Nothing => Ok(vec![Step::plain(StepKind::Chosen, "Goodwill", amount)]),
        }
    }

    fn of_shipping_steps(&self, priced: &Priced, piece: &Piece<'_>, so_far: MinorUnits) -> Result<Vec<Step>> {
        let (part, amount) = (&priced.part, (self.of_row)(&piece.row));
        let paid = add(part.shipping_total, part.shipping_tax_added)?;
        let Some(whole) = self.of_shipping.map(|whole| whole(part)) else {
            let what = format!("Shipping, {} of {} paid", priced.show(amount), priced.show(paid));
            return Ok(vec![Step::plain(StepKind::Chosen, what, amount)]);
        };
        let after = add(so_far, piece.row.amount)?;
        if amount == MinorUnits::ZERO && whole == MinorUnits::ZERO {
            return Ok(Vec::new());
        }
        let cuts = Units { before: so_far.0, after: after.0, of: paid.0 };
        if cuts.of <= 0 || cuts.after > cuts.of {
            return Ok(vec![Step::plain(StepKind::Remainder, "Shipping", amount)]);
        }
        let steps = Step::slices("Shipping", whole, cuts, amount, priced.part.currency)?;
        let (w, from, to, of) = (priced.show(whole), priced.show(so_far), priced.show(after), priced.show(paid));
        let what =
            format!("Shipping, {from} to {to} of {of} paid: round({w} * {to} / {of}) - round({w} * {from} / {of})");
        // Divided by amounts, not by units.
        let told = |step: Step| match step.kind {
            StepKind::Slice => Step { what: what.clone(), units: None, ..step },
            _ => step,
        };
        Ok(steps.into_iter().map(told).collect())
    }
}

/// What the shopper does not get of the pieces.
fn taken_off(refund: &refund::Model) -> Vec<Step> {
    let both = [
        ("The restocking fee, which the seller keeps", refund.restocking_fee),
        ("The return label, which the shopper pays", refund.return_label),
    ];
    let there = both.into_iter().filter(|(_, amount)| *amount != MinorUnits::ZERO);
    there.map(|(what, amount)| Step::plain(StepKind::Amount, what, amount).negative()).collect()
}

fn restocking(refund: &refund::Model, priced: &Priced, pieces: &[Piece<'_>]) -> Result<Amount> {
    let rate = priced.part.restocking_ppm;
    let mut steps = Vec::new();
    for piece in pieces.iter().filter(|piece| piece.row.restocking_quantity > 0) {
        if let Before::Units(line, _) = &piece.before {
            let (whole, before) = (restocking_of_line(line, rate)?, piece.restocked);
            let units = Units { before, after: before + piece.row.restocking_quantity, of: line.quantity };
            steps.extend(Step::slices(&line.sku, whole, units, piece.row.restocking_fee, priced.part.currency)?);
        }
    }
    let formula = format!(
        "What the seller keeps of goods that came back without their fault: of each line the slice of {}% of its total, \
         at most what is paid back for its units.",
        rust_decimal::Decimal::new(rate.0, 4).normalize()
    );
    Ok(Amount { name: "restocking_fee", amount: refund.restocking_fee, formula, steps })
}

fn label(refund: &refund::Model) -> Amount {
    let amount = refund.return_label;
    let steps = (amount != MinorUnits::ZERO).then(|| Step::plain(StepKind::Label, "The label of the return", amount));
    Amount {
        name: "return_label",
        amount,
        formula: "What the shopper pays of the return label: its cost, at most what is left to be paid back; nothing \
                  where the seller's policy says so or it is the seller's fault."
            .to_owned(),
        steps: steps.into_iter().collect(),
    }
}

/// What the seller bears of it all.
fn borne(refund: &refund::Model, priced: &Priced) -> Result<Amount> {
    let paid = sub(sub(refund.amount, refund.tax)?, refund.platform_amount)?;
    let back = add(refund.commission, refund.commission_tax)?;
    let amount = sub(add(paid, refund.platform_discount)?, back)?;
    let show = |amount: MinorUnits| -> Money { priced.show(amount) };
    let minus = |amount: MinorUnits| MinorUnits(-amount.0);
    let formula = format!(
        "amount - tax - platform_amount + platform_discount - commission - commission_tax: \
         {} - {} - {} + {} - {} - {} = {}",
        show(refund.amount),
        show(refund.tax),
        show(refund.platform_amount),
        show(refund.platform_discount),
        show(refund.commission),
        show(refund.commission_tax),
        show(amount),
    );
    let steps = vec![
        Step::plain(StepKind::Amount, "What the shopper gets back", refund.amount),
        Step::plain(
            StepKind::Amount,
            "The tax in what is refunded, which the marketplace no longer owes",
            minus(refund.tax),
        ),
        Step::plain(StepKind::Amount, "What the marketplace bears of it", minus(refund.platform_amount)),
        Step::plain(StepKind::Amount, "The discount that it made good and takes back", refund.platform_discount),
        Step::plain(StepKind::Amount, "Commission given back", minus(refund.commission)),
        Step::plain(StepKind::Amount, "The tax on it", minus(refund.commission_tax)),
    ];
    Ok(Amount { name: "borne_by_seller", amount, formula, steps })
}
