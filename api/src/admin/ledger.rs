//! The books.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use poem_openapi::param::Query;
use poem_openapi::{Enum, Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_domain::ledger::balance;
use souk_domain::ledger::chart::{AccountKind, CHART};
use souk_domain::{Error, money};
use souk_entity::id::{LedgerTransactionId, OrderId};
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::{ledger_entry, ledger_transaction};
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::view::amount;
use crate::view::ledger::{LedgerAccount, LedgerSource};

/// What kind of account it is; assets and expenses grow by debits, liabilities and income by credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case", remote = "AccountKind")]
pub enum LedgerAccountKind {
    /// What the marketplace has.
    Asset,
    /// What it owes.
    Liability,
    /// What it earns.
    Income,
    /// What it spends.
    Expense,
}

/// The chart of accounts.
#[derive(Debug, Object)]
pub struct ChartOfAccounts {
    /// Every account, assets first.
    accounts: Vec<ChartedAccount>,
}

/// An account of the ledger.
#[derive(Debug, Object)]
pub struct ChartedAccount {
    /// Its name.
    name: LedgerAccount,
    /// Its kind.
    kind: LedgerAccountKind,
    /// Whether it is kept per seller.
    per_seller: bool,
    /// What is entered on it.
    meaning: String,
}

/// The sums of all accounts.
#[derive(Debug, Object)]
pub struct TrialBalance {
    /// Entries up to this, included, are counted.
    as_of: DateTime<Utc>,
    /// Per account and currency.
    rows: Vec<TrialBalanceRow>,
    /// Per currency, over all accounts.
    totals: Vec<TrialBalanceTotal>,
}

/// The sums of one account in one currency.
#[derive(Debug, Object)]
pub struct TrialBalanceRow {
    /// The account.
    account: LedgerAccount,
    /// ISO 4217.
    currency: String,
    /// The sum of its debits.
    debits: String,
    /// The sum of its credits.
    credits: String,
    /// Debits less credits.
    balance: String,
}

/// The sum of all balances in one currency.
#[derive(Debug, Object)]
pub struct TrialBalanceTotal {
    /// ISO 4217.
    currency: String,
    /// Zero, or the books are wrong.
    total: String,
}

/// A movement of money.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct LedgerTransaction {
    /// Its id.
    id: Uuid,
    /// What moved the money …
    source: LedgerSource,
    /// … and which one.
    source_id: Uuid,
    /// The order concerned.
    order_id: Option<Uuid>,
    /// ISO 4217.
    currency: String,
    /// The sum of its debits.
    amount: String,
    /// Both sides; they sum to zero.
    entries: Vec<LedgerEntry>,
    /// When.
    occurred_at: DateTime<Utc>,
}

/// One side of a movement.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct LedgerEntry {
    /// The account.
    account: LedgerAccount,
    /// Whose, for `seller_payable` and `seller_reserve`.
    seller_id: Option<Uuid>,
    /// The seller order concerned.
    seller_order_id: Option<Uuid>,
    /// Debits positive, credits negative.
    amount: String,
}

/// The books.
pub struct Ledger;

#[OpenApi(prefix_path = "/api/v1/admin/ledger", tag = "Tag::Operators")]
impl Ledger {
    /// List the accounts
    ///
    /// The chart of accounts: what each is and what is entered on it.
    #[oai(path = "/accounts", method = "get", operation_id = "listLedgerAccounts")]
    async fn accounts(&self, _who: Operating) -> ApiResult<Okay<ChartOfAccounts>> {
        let accounts = CHART.iter().map(|account| ChartedAccount {
            name: account.account.into(),
            kind: account.kind.into(),
            per_seller: account.per_seller,
            meaning: account.meaning.to_owned(),
        });
        Ok(Okay::new(&ChartOfAccounts { accounts: accounts.collect() }))
    }

    /// Show the trial balance
    ///
    /// As of any instant. The total of each currency is zero.
    #[oai(path = "/trial-balance", method = "get", operation_id = "getTrialBalance")]
    async fn trial_balance(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Entries up to this, included, count; now when left out.
        as_of: Query<Option<DateTime<Utc>>>,
    ) -> ApiResult<Okay<TrialBalance>> {
        let sums = balance::trial(ctx.store.read(), as_of.0).await?;
        let mut totals: BTreeMap<CurrencyCode, MinorUnits> = BTreeMap::new();
        let mut rows = Vec::with_capacity(sums.len());
        for sum in sums {
            let balance = sum.balance()?;
            let total = totals.entry(sum.currency).or_default();
            *total = money::add(*total, balance)?;
            rows.push(TrialBalanceRow {
                account: sum.account.into(),
                currency: sum.currency.to_string(),
                debits: amount(sum.debits, sum.currency),
                credits: amount(sum.credits, sum.currency),
                balance: amount(balance, sum.currency),
            });
        }
        let totals = totals
            .into_iter()
            .map(|(currency, total)| TrialBalanceTotal {
                currency: currency.to_string(),
                total: amount(total, currency),
            })
            .collect();
        let as_of = as_of.0.unwrap_or_else(|| ctx.store.now());
        Ok(Okay::new(&TrialBalance { as_of, rows, totals }))
    }

    /// List movements of money
    ///
    /// With both sides, newest first.
    #[oai(path = "/transactions", method = "get", operation_id = "listLedgerTransactions")]
    async fn transactions(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only those of this order.
        order_id: Query<Option<Uuid>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<LedgerTransaction>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query =
            ledger_transaction::Entity::find().order_by_desc(ledger_transaction::Column::Id).limit(page.limit + 1);
        if let Some(after) = page.after {
            query = query.filter(ledger_transaction::Column::Id.lt(LedgerTransactionId(after)));
        }
        if let Some(order) = order_id.0 {
            query = query.filter(ledger_transaction::Column::OrderId.eq(OrderId(order)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        let mut entries: HashMap<LedgerTransactionId, Vec<ledger_entry::Model>> = HashMap::new();
        let all = ledger_entry::Entity::find()
            .filter(ledger_entry::Column::TransactionId.is_in(rows.iter().map(|row| row.id)))
            .order_by_asc(ledger_entry::Column::Id)
            .all(ctx.store.read())
            .await
            .map_err(Error::from)?;
        for entry in all {
            entries.entry(entry.transaction_id).or_default().push(entry);
        }
        let page = page.page(
            rows,
            |row| row.id.into(),
            |row| {
                let sides = entries.remove(&row.id).unwrap_or_default();
                LedgerTransaction::new(row, sides)
            },
        );
        Ok(Okay::new(&page))
    }
}

impl LedgerTransaction {
    fn new(row: ledger_transaction::Model, entries: Vec<ledger_entry::Model>) -> Self {
        let entries = entries.into_iter().map(|entry| LedgerEntry {
            account: entry.account.into(),
            seller_id: entry.seller_id.map(Into::into),
            seller_order_id: entry.seller_order_id.map(Into::into),
            amount: amount(entry.amount, entry.currency),
        });
        Self {
            id: row.id.into(),
            source: row.source_type.into(),
            source_id: row.source_id,
            order_id: row.order_id.map(Into::into),
            currency: row.currency.to_string(),
            amount: amount(row.amount, row.currency),
            entries: entries.collect(),
            occurred_at: row.occurred_at,
        }
    }
}
