//! How amounts came about.

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};
use rust_decimal::Decimal;
use souk_domain::explain;
use souk_entity::money::CurrencyCode;
use uuid::Uuid;

use super::ledger::{LedgerAccount, LedgerSource};
use super::{amount, percent};

/// What can be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "explain::Subject")]
pub enum ExplainKind {
    /// A line of an order.
    OrderLine,
    /// One seller's part of an order.
    SellerOrder,
    /// A refund.
    Refund,
    /// A payout.
    Payout,
}

/// What a step towards an amount does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "explain::StepKind")]
pub enum StepKind {
    /// Units at their price.
    Base,
    /// A promotion takes something off.
    Promotion,
    /// The price of a shipping method.
    Shipping,
    /// Tax on top of a price without it.
    Tax,
    /// The tax that a price contains.
    TaxIncluded,
    /// Tax that an exempt buyer does not pay.
    TaxRelief,
    /// The rate of a commission.
    Commission,
    /// Its flat fee.
    CommissionFlat,
    /// What its minimum, its maximum or the goods' worth changes of it.
    CommissionLimit,
    /// Value added tax on commission.
    CommissionTax,
    /// Another amount of the same answer.
    Amount,
    /// The part of an amount that belongs to some of its units.
    Slice,
    /// What is left of an amount, where slices do not add up as a refund failed in between.
    Remainder,
    /// What the label of a return cost.
    Label,
    /// An amount as somebody chose it.
    Chosen,
    /// Ledger entries that are settled.
    Entries,
    /// What is kept in reserve.
    Reserve,
}

/// How the amounts of a thing came about, and what was entered in the ledger for it.
#[derive(Debug, Object)]
pub struct Explanation {
    /// What is explained …
    kind: ExplainKind,
    /// … and which one.
    id: Uuid,
    /// Whether the steps of every amount sum to it; if not, the books are wrong.
    adds_up: bool,
    /// Its amounts.
    amounts: Vec<ExplainedAmount>,
    /// The ledger entries that it made, oldest first, at most 1,000. Payments are entered per order
    /// and sales per seller order: of a payment only the seller order's own entry is told, and
    /// a line has those of its seller order.
    ledger_entries: Vec<ExplainedEntry>,
}

/// An amount and how it came about.
#[derive(Debug, Object)]
pub struct ExplainedAmount {
    /// Its name, as elsewhere in this API.
    name: String,
    /// How much.
    amount: String,
    /// ISO 4217.
    currency: String,
    /// How it is worked out, in a sentence.
    formula: String,
    /// What it is the sum of.
    steps: Vec<ExplainedStep>,
    /// Whether it is.
    adds_up: bool,
}

/// One step towards an amount.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ExplainedStep {
    /// What it does.
    kind: StepKind,
    /// The same, in a sentence with numbers.
    what: String,
    /// What is applied: a promotion, shipping method, tax rate, exemption or commission rule.
    rule_id: Option<Uuid>,
    /// Its name then.
    rule_name: Option<String>,
    /// The amount that it is worked out of. A seller is not told it, nor what is divided, nor the sum of weights, nor
    /// what rounding added, where that would tell what other sellers sold in the same order.
    base: Option<String>,
    /// The rate that is applied to it, such as `8.875`.
    rate_percent: Option<String>,
    /// The amount that is divided among several …
    divided_amount: Option<String>,
    /// … in proportion to this weight …
    weight: Option<String>,
    /// … of all weights.
    sum_of_weights: Option<String>,
    /// Of a slice, the units before it …
    units_before: Option<i64>,
    /// … those with it …
    units_after: Option<i64>,
    /// … and all.
    units_of: Option<i64>,
    /// What rounding or the largest remainder added, in minor units of the currency, such as
    /// `0.250000` of a cent.
    rounding: Option<String>,
    /// What it comes to.
    amount: String,
}

/// A ledger entry that a thing made.
#[derive(Debug, Object)]
pub struct ExplainedEntry {
    /// Its transaction.
    transaction_id: Uuid,
    /// What moved the money …
    source: LedgerSource,
    /// … and which one.
    source_id: Uuid,
    /// The account.
    account: LedgerAccount,
    /// Debits positive, credits negative.
    amount: String,
    /// When.
    occurred_at: DateTime<Utc>,
}

impl From<explain::Explanation> for Explanation {
    fn from(told: explain::Explanation) -> Self {
        let currency = told.currency;
        let entries = told.entries.into_iter().map(|entry| ExplainedEntry {
            transaction_id: entry.transaction_id.into(),
            source: entry.source.into(),
            source_id: entry.source_id,
            account: entry.account.into(),
            amount: amount(entry.amount, currency),
            occurred_at: entry.occurred_at,
        });
        Self {
            kind: told.subject.into(),
            id: told.id,
            adds_up: told.amounts.iter().all(explain::Amount::adds_up),
            ledger_entries: entries.collect(),
            amounts: told.amounts.into_iter().map(|amount| ExplainedAmount::new(amount, currency)).collect(),
        }
    }
}

impl ExplainedAmount {
    fn new(told: explain::Amount, currency: CurrencyCode) -> Self {
        Self {
            adds_up: told.adds_up(),
            name: told.name.to_owned(),
            amount: amount(told.amount, currency),
            currency: currency.to_string(),
            formula: told.formula,
            steps: told.steps.into_iter().map(|step| ExplainedStep::new(step, currency)).collect(),
        }
    }
}

impl ExplainedStep {
    fn new(step: explain::Step, currency: CurrencyCode) -> Self {
        let show = |value| amount(value, currency);
        Self {
            kind: step.kind.into(),
            what: step.what,
            rule_id: step.rule_id,
            rule_name: step.rule_name,
            base: step.base.map(show),
            rate_percent: step.rate.map(percent),
            divided_amount: step.divided.map(show),
            weight: step.weight.map(show),
            sum_of_weights: step.weights.map(show),
            units_before: step.units.map(|units| units.before),
            units_after: step.units.map(|units| units.after),
            units_of: step.units.map(|units| units.of),
            rounding: step.rounding_ppm.map(|ppm| Decimal::new(ppm, 6).to_string()),
            amount: show(step.amount),
        }
    }
}
