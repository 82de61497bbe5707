//! Double entry: every movement of money is one transaction whose entries sum to zero.
//!
//! Debits are positive, credits negative. What the platform owes a seller is a liability, so a
//! seller's balance is minus the sum of their entries.

use sea_orm::sea_query::{Alias, Expr, ExprTrait};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    Statement,
};
use souk_entity::id::{LedgerEntryId, LedgerTransactionId, OrderId, SellerId, SellerOrderId};
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::status::{LedgerAccount, LedgerSource};
use souk_entity::{ledger_entry, ledger_transaction};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::money::{sub, sum};
use crate::store::Tx;

/// One side of a movement.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The account.
    pub account: LedgerAccount,
    /// Whose, for [`LedgerAccount::SellerPayable`].
    pub seller: Option<(SellerId, SellerOrderId)>,
    /// Debit positive, credit negative; zero entries are left out.
    pub amount: MinorUnits,
}

/// A debit of `amount`.
pub fn debit(account: LedgerAccount, amount: MinorUnits) -> Entry {
    Entry { account, seller: None, amount }
}

/// A credit of `amount`.
pub fn credit(account: LedgerAccount, amount: MinorUnits) -> Entry {
    Entry { account, seller: None, amount: MinorUnits(-amount.0) }
}

/// A debit to what we owe a seller: they are owed less.
pub fn debit_seller(seller: SellerId, part: SellerOrderId, amount: MinorUnits) -> Entry {
    Entry { account: LedgerAccount::SellerPayable, seller: Some((seller, part)), amount }
}

/// A credit to what we owe a seller: they are owed more.
pub fn credit_seller(seller: SellerId, part: SellerOrderId, amount: MinorUnits) -> Entry {
    Entry { amount: MinorUnits(-amount.0), ..debit_seller(seller, part, amount) }
}

/// What is posted.
#[derive(Clone, Copy, Debug)]
pub struct Posting<'a> {
    /// What moved the money …
    pub source: LedgerSource,
    /// … and which one: the pair is posted once.
    pub source_id: Uuid,
    /// The order concerned.
    pub order_id: Option<OrderId>,
    /// One currency for all entries.
    pub currency: CurrencyCode,
    /// Both sides.
    pub entries: &'a [Entry],
}

/// Writes a movement. One of nothing is not written.
///
/// # Errors
/// [`crate::Code::Internal`] when the entries do not sum to zero, or the source was posted before.
pub async fn post(tx: &Tx, posting: Posting<'_>) -> Result<()> {
    let entries: Vec<&Entry> = posting.entries.iter().filter(|entry| entry.amount.0 != 0).collect();
    if sum(entries.iter().map(|entry| entry.amount))? != MinorUnits::ZERO {
        return Err(Error::internal(format!("unbalanced: {posting:?}")));
    }
    if entries.is_empty() {
        return Ok(());
    }
    let id = LedgerTransactionId::at(tx.now);
    let amount = sum(entries.iter().map(|entry| entry.amount).filter(|amount| amount.0 > 0))?;
    let transaction = ledger_transaction::ActiveModel {
        id: Set(id),
        source_type: Set(posting.source),
        source_id: Set(posting.source_id),
        order_id: Set(posting.order_id),
        currency: Set(posting.currency),
        amount: Set(amount),
        occurred_at: Set(tx.now),
    };
    ledger_transaction::Entity::insert(transaction).exec_without_returning(&**tx).await?;
    let rows = entries.into_iter().map(|entry| ledger_entry::ActiveModel {
        id: Set(LedgerEntryId::at(tx.now)),
        transaction_id: Set(id),
        account: Set(entry.account),
        seller_id: Set(entry.seller.map(|(seller, _)| seller)),
        seller_order_id: Set(entry.seller.map(|(_, part)| part)),
        currency: Set(posting.currency),
        amount: Set(entry.amount),
        occurred_at: Set(tx.now),
    });
    ledger_entry::Entity::insert_many(rows).exec_without_returning(&**tx).await?;
    Ok(())
}

/// An account's sums in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialBalanceRow {
    /// The account.
    pub account: LedgerAccount,
    /// The currency.
    pub currency: CurrencyCode,
    /// The sum of debits.
    pub debits: MinorUnits,
    /// The sum of credits, positive.
    pub credits: MinorUnits,
}

impl TrialBalanceRow {
    /// Debits less credits.
    ///
    /// # Errors
    /// [`crate::Code::InvalidMoney`] on overflow.
    pub fn balance(&self) -> Result<MinorUnits> {
        sub(self.debits, self.credits)
    }
}

#[derive(FromQueryResult)]
struct SumRow {
    account: LedgerAccount,
    currency: CurrencyCode,
    debits: i64,
    credits: i64,
}

/// The sums of every account; the balances of each currency add up to zero.
///
/// # Errors
/// The database's.
pub async fn trial_balance(db: &impl ConnectionTrait) -> Result<Vec<TrialBalanceRow>> {
    // PostgreSQL sums bigints to numeric, hence the casts.
    let sql = "SELECT account, currency, \
        CAST(sum(CASE WHEN amount > 0 THEN amount ELSE 0 END) AS bigint) AS debits, \
        CAST(sum(CASE WHEN amount < 0 THEN -amount ELSE 0 END) AS bigint) AS credits \
        FROM ledger_entry GROUP BY account, currency ORDER BY currency, account";
    let rows = SumRow::find_by_statement(Statement::from_string(db.get_database_backend(), sql)).all(db).await?;
    Ok(rows
        .into_iter()
        .map(|row| TrialBalanceRow {
            account: row.account,
            currency: row.currency,
            debits: MinorUnits(row.debits),
            credits: MinorUnits(row.credits),
        })
        .collect())
}

/// What the platform owes a seller now, per currency.
///
/// # Errors
/// The database's.
pub async fn seller_balances(db: &impl ConnectionTrait, seller: SellerId) -> Result<Vec<(CurrencyCode, MinorUnits)>> {
    let rows: Vec<(CurrencyCode, i64)> = ledger_entry::Entity::find()
        .select_only()
        .column(ledger_entry::Column::Currency)
        .column_as(Expr::col(ledger_entry::Column::Amount).sum().cast_as(Alias::new("bigint")), "balance")
        .filter(ledger_entry::Column::SellerId.eq(seller))
        .group_by(ledger_entry::Column::Currency)
        .order_by_asc(ledger_entry::Column::Currency)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(currency, balance)| (currency, MinorUnits(-balance))).collect())
}
