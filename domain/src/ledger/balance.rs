//! Balances, as of any instant: they are sums of entries, so those of the past never change.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement, Value};
use souk_entity::id::SellerId;
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::status::LedgerAccount;

use crate::error::Result;
use crate::money::sub;

/// An account's sums in one currency.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
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

/// The sums of every account, of the entries up to and including `as_of`, or of all; the balances
/// of each currency add up to zero.
///
/// # Errors
/// The database's.
pub async fn trial(db: &impl ConnectionTrait, as_of: Option<DateTime<Utc>>) -> Result<Vec<TrialBalanceRow>> {
    let (until, values) = until(as_of, "WHERE occurred_at <= $1", Vec::new());
    // PostgreSQL sums bigints to numeric, hence the casts.
    let sql = format!(
        "SELECT account, currency, \
         CAST(sum(CASE WHEN amount > 0 THEN amount ELSE 0 END) AS bigint) AS debits, \
         CAST(sum(CASE WHEN amount < 0 THEN -amount ELSE 0 END) AS bigint) AS credits \
         FROM ledger_entry {until} GROUP BY account, currency ORDER BY currency, account"
    );
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(TrialBalanceRow::find_by_statement(statement).all(db).await?)
}

/// What a seller is owed in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromQueryResult)]
pub struct SellerBalance {
    /// The currency.
    pub currency: CurrencyCode,
    /// What they are owed, beside the reserve; negative when they owe.
    pub payable: MinorUnits,
    /// What is kept back of their payouts for a while; theirs, too.
    pub reserve: MinorUnits,
}

/// What a seller is owed per currency, by the entries up to and including `as_of`, or by all.
///
/// # Errors
/// The database's.
pub async fn of_seller(
    db: &impl ConnectionTrait,
    seller: SellerId,
    as_of: Option<DateTime<Utc>>,
) -> Result<Vec<SellerBalance>> {
    let (until, values) = until(as_of, "AND occurred_at <= $2", vec![seller.into()]);
    let sql = format!(
        "SELECT currency, \
         CAST(sum(CASE WHEN account = 'seller_payable' THEN -amount ELSE 0 END) AS bigint) AS payable, \
         CAST(sum(CASE WHEN account = 'seller_reserve' THEN -amount ELSE 0 END) AS bigint) AS reserve \
         FROM ledger_entry WHERE seller_id = $1 {until} GROUP BY currency ORDER BY currency"
    );
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(SellerBalance::find_by_statement(statement).all(db).await?)
}

fn until(as_of: Option<DateTime<Utc>>, condition: &str, mut values: Vec<Value>) -> (&str, Vec<Value>) {
    match as_of {
        Some(as_of) => {
            values.push(as_of.into());
            (condition, values)
        }
        None => ("", values),
    }
}
