//! The ledger's words, and statements of account.

use chrono::{DateTime, Utc};
use poem_openapi::{Enum, Object};
use souk_domain::ledger::balance;
use souk_domain::ledger::statement::{Line, Period, Summary};
use uuid::Uuid;

use super::amount;
use crate::http::page::Page;

/// The chart of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "souk_entity::status::LedgerAccount")]
pub enum LedgerAccount {
    /// Money that the payment provider holds.
    ProviderClearing,
    /// Payouts on their way to sellers, owed until they went.
    PayoutClearing,
    /// What the marketplace owes sellers.
    SellerPayable,
    /// What is kept back of sellers' payouts.
    SellerReserve,
    /// Tax that shoppers paid.
    TaxPayable,
    /// Commission earned.
    CommissionRevenue,
    /// Value added tax on commission.
    CommissionTaxPayable,
    /// Discounts that the marketplace bears.
    PromotionExpense,
    /// Refunds that the marketplace bears.
    GoodwillExpense,
    /// What the marketplace owes carriers.
    CarrierPayable,
}

/// What moved money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "souk_entity::status::LedgerSource")]
pub enum LedgerSource {
    /// A payment was captured.
    Capture,
    /// Commission was charged.
    Commission,
    /// A refund was paid.
    Refund,
    /// Commission was given back with a refund.
    CommissionReversal,
    /// A label was bought.
    Label,
    /// A label was given back.
    LabelVoid,
    /// A payout was made.
    Payout,
    /// A payout has arrived.
    PayoutPaid,
    /// A payout was refused.
    PayoutFailed,
    /// A payout came back from the bank.
    PayoutReturned,
    /// A part of a payout was kept in reserve.
    ReserveHold,
    /// A reserve was released.
    ReserveRelease,
}

/// What a seller is owed as of an instant.
#[derive(Debug, Object)]
pub struct SellerBalances {
    /// Entries up to this, included, are counted. An entry carries the instant at which its transaction began, so what
    /// is told of the last few seconds may still change.
    as_of: DateTime<Utc>,
    /// Per currency.
    balances: Vec<SellerBalance>,
}

impl SellerBalances {
    /// The view of balances as of an instant.
    pub fn new(as_of: DateTime<Utc>, balances: Vec<balance::SellerBalance>) -> Self {
        Self { as_of, balances: balances.into_iter().map(SellerBalance::from).collect() }
    }
}

/// What a seller is owed in one currency.
#[derive(Debug, Object)]
pub struct SellerBalance {
    /// ISO 4217.
    pub currency: String,
    /// What they are owed, beside the reserve; negative when they owe.
    pub amount: String,
    /// What is kept back of their payouts for a while.
    pub reserve: String,
}

impl From<balance::SellerBalance> for SellerBalance {
    fn from(row: balance::SellerBalance) -> Self {
        Self {
            currency: row.currency.to_string(),
            amount: amount(row.payable, row.currency),
            reserve: amount(row.reserve, row.currency),
        }
    }
}

/// A seller's statement of account: what they get is positive, what is taken negative.
#[derive(Debug, Object)]
pub struct SellerStatement {
    /// Whose.
    seller_id: Uuid,
    /// ISO 4217.
    currency: String,
    /// Entries after this …
    from: DateTime<Utc>,
    /// … and up to this, included.
    to: DateTime<Utc>,
    /// What they were owed as of `from`.
    opening_balance: String,
    /// What they are owed as of `to`: the opening balance and all entries.
    closing_balance: String,
    /// What is kept back of their payouts as of `to`.
    reserve_balance: String,
    /// The entries by what they are for; they sum to what the balance changed by.
    totals: StatementTotals,
    /// The entries, oldest first.
    entries: Page<StatementEntry>,
}

/// The sums of a statement's entries by what they are for.
#[derive(Debug, Object)]
pub struct StatementTotals {
    /// Sales without tax.
    sales: String,
    /// Paid back to shoppers.
    refunds: String,
    /// Commission.
    commission: String,
    /// Value added tax on commission.
    commission_tax: String,
    /// Commission given back with refunds.
    commission_reversals: String,
    /// Value added tax given back with it.
    commission_tax_reversals: String,
    /// Labels bought, less those voided.
    labels: String,
    /// Payouts, less those that failed or came back.
    payouts: String,
    /// Kept in reserve, less what was released.
    reserve: String,
}

/// An entry of a statement.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct StatementEntry {
    /// Its id.
    id: Uuid,
    /// When.
    occurred_at: DateTime<Utc>,
    /// What moved the money …
    source: LedgerSource,
    /// … and which one.
    source_id: Uuid,
    /// The number of the seller order concerned.
    order_number: Option<String>,
    /// What it is, for people.
    description: String,
    /// What they get; negative for what is taken.
    amount: String,
    /// What they are owed after it.
    balance: String,
}

impl StatementEntry {
    /// The view of an entry of a period.
    pub fn new(line: Line, period: &Period) -> Self {
        Self {
            id: line.id.into(),
            occurred_at: line.occurred_at,
            source: line.source.into(),
            source_id: line.source_id,
            description: line.description(),
            order_number: line.number,
            amount: amount(line.amount, period.currency),
            balance: amount(line.balance, period.currency),
        }
    }
}

impl SellerStatement {
    /// The view of a period's sums and of a page of its entries.
    pub fn new(period: &Period, sums: &Summary, entries: Page<StatementEntry>) -> Self {
        let show = |of| amount(of, period.currency);
        let totals = &sums.totals;
        Self {
            seller_id: period.seller.into(),
            currency: period.currency.to_string(),
            from: period.from,
            to: period.to,
            opening_balance: show(sums.opening),
            closing_balance: show(sums.closing),
            reserve_balance: show(sums.reserve),
            totals: StatementTotals {
                sales: show(totals.sales),
                refunds: show(totals.refunds),
                commission: show(totals.commission),
                commission_tax: show(totals.commission_tax),
                commission_reversals: show(totals.commission_reversals),
                commission_tax_reversals: show(totals.commission_tax_reversals),
                labels: show(totals.labels),
                payouts: show(totals.payouts),
                reserve: show(totals.reserve),
            },
            entries,
        }
    }
}
