//! A seller's statement of account: what they were owed before, each entry since, and what they
//! are owed after.
//!
//! A period begins after its `from` and includes its `to`, as a balance does its instant: the
//! closing balance of one statement is the opening balance of the next, and the balance as of that
//! instant. An entry carries the instant at which its transaction began; a statement up to this
//! very moment may miss one that is just being written.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, Statement, Value};
use souk_entity::id::{LedgerEntryId, SellerId};
use souk_entity::ledger_entry;
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::status::{LedgerAccount, LedgerSource};
use uuid::Uuid;

use super::balance;
use crate::error::{Code, Error, Result};
use crate::money::{add, sub};

/// The longest period of one statement.
pub const LONGEST: TimeDelta = TimeDelta::days(366);

/// Whose entries, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The seller.
    pub seller: SellerId,
    /// The currency.
    pub currency: CurrencyCode,
    /// Entries after this …
    pub from: DateTime<Utc>,
    /// … and up to this, included.
    pub to: DateTime<Utc>,
}

impl Period {
    /// The period asked for; by default up to `now`, from the beginning of the month in which it
    /// ends, in the one currency that the seller has entries in.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] when it ends before it begins, is longer than [`LONGEST`], or no
    /// currency is named where there is not exactly one.
    pub async fn read(
        db: &impl ConnectionTrait,
        seller: SellerId,
        currency: Option<CurrencyCode>,
        (from, to): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let (from, to) = span(from, to, now)?;
        let currency = match currency {
            Some(currency) => currency,
            None => only_currency(db, seller).await?,
        };
        Ok(Self { seller, currency, from, to })
    }
}

fn span(
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, DateTime<Utc>)> {
    let to = to.unwrap_or(now);
    let from = from.unwrap_or_else(|| month_of(to));
    if from > to {
        return Err(Error::invalid("The statement ends before it begins; from is not after to."));
    }
    if to - from > LONGEST {
        let days = LONGEST.num_days();
        return Err(Error::invalid(format!(
            "A statement is of at most {days} days; ask for several, one after another."
        )));
    }
    Ok((from, to))
}

/// The beginning of the month that ends at `to` or has it in it: of the instant just before `to`, as
/// a period that ends with the first instant of a month is of the month before.
fn month_of(to: DateTime<Utc>) -> DateTime<Utc> {
    let at = to.checked_sub_signed(TimeDelta::nanoseconds(1)).unwrap_or(to);
    at.date_naive().with_day(1).and_then(|day| day.and_hms_opt(0, 0, 0)).map_or(at, |begin| begin.and_utc())
}

async fn only_currency(db: &impl ConnectionTrait, seller: SellerId) -> Result<CurrencyCode> {
    match balance::of_seller(db, seller, None).await?.as_slice() {
        [only] => Ok(only.currency),
        [] => Err(Error::invalid("Nothing has been entered for the seller; name a currency, such as USD.")),
        several => {
            let codes: Vec<&str> = several.iter().map(|balance| balance.currency.as_str()).collect();
            Err(Error::invalid(format!("There are entries in {}; name one currency.", codes.join(", "))))
        }
    }
}

/// What a statement comes to, from the seller's side: what they get is positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// What they were owed at the beginning, without the reserve.
    pub opening: MinorUnits,
    /// What they are owed at the end: the opening balance and all totals.
    pub closing: MinorUnits,
    /// What is kept back of their payouts at the end.
    pub reserve: MinorUnits,
    /// The entries between.
    pub totals: Totals,
}

/// The sums of entries by what they are for; they add up to what the balance changed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sales without tax.
    pub sales: MinorUnits,
    /// Paid back to shoppers.
    pub refunds: MinorUnits,
    /// Commission.
    pub commission: MinorUnits,
    /// Value added tax on commission.
    pub commission_tax: MinorUnits,
    /// Commission given back with refunds.
    pub commission_reversals: MinorUnits,
    /// The tax on that.
    pub commission_tax_reversals: MinorUnits,
    /// Labels bought, less those voided.
    pub labels: MinorUnits,
    /// Payouts, less those that failed or came back.
    pub payouts: MinorUnits,
    /// Kept in reserve, less what was released.
    pub reserve: MinorUnits,
}

#[derive(FromQueryResult)]
struct SumRow {
    kind: String,
    source: Option<LedgerSource>,
    amount: MinorUnits,
    tax: MinorUnits,
}

/// The sums of a period, of one moment.
///
/// # Errors
/// The database's.
pub async fn summary(db: &impl ConnectionTrait, period: &Period) -> Result<Summary> {
    // The tax on commission is told apart by the other side of its transaction.
    let sql = "SELECT 'opening' AS kind, NULL AS source, \
             CAST(coalesce(sum(-amount), 0) AS bigint) AS amount, CAST(0 AS bigint) AS tax \
         FROM ledger_entry WHERE seller_id = $1 AND currency = $2 AND account = 'seller_payable' AND occurred_at <= $3 \
         UNION ALL \
         SELECT 'reserve', NULL, CAST(coalesce(sum(-amount), 0) AS bigint), CAST(0 AS bigint) \
         FROM ledger_entry WHERE seller_id = $1 AND currency = $2 AND account = 'seller_reserve' AND occurred_at <= $4 \
         UNION ALL \
         SELECT 'entries', t.source_type, CAST(sum(-e.amount) AS bigint), CAST(coalesce(sum(x.amount), 0) AS bigint) \
         FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id \
         LEFT JOIN ledger_entry x ON x.transaction_id = t.id AND x.account = 'commission_tax_payable' \
         WHERE e.seller_id = $1 AND e.currency = $2 AND e.account = 'seller_payable' \
             AND e.occurred_at > $3 AND e.occurred_at <= $4 GROUP BY t.source_type";
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values(period));
    let mut summary = Summary::default();
    for row in SumRow::find_by_statement(statement).all(db).await? {
        match (row.kind.as_str(), row.source) {
            ("opening", _) => {
                summary.opening = row.amount;
                summary.closing = add(summary.closing, row.amount)?;
            }
            ("reserve", _) => summary.reserve = row.amount,
            (_, Some(source)) => {
                summary.totals.add(source, row.amount, row.tax)?;
                summary.closing = add(summary.closing, row.amount)?;
            }
            (kind, None) => return Err(Error::internal(format!("{kind} without a source"))),
        }
    }
    Ok(summary)
}

impl Totals {
    /// Adds entries of a source; `tax` is the part of them that is tax on commission.
    fn add(&mut self, source: LedgerSource, amount: MinorUnits, tax: MinorUnits) -> Result<()> {
        let of = match source {
            LedgerSource::Capture => &mut self.sales,
            LedgerSource::Refund => &mut self.refunds,
            LedgerSource::Commission => {
                self.commission_tax = add(self.commission_tax, tax)?;
                &mut self.commission
            }
            LedgerSource::CommissionReversal => {
                self.commission_tax_reversals = add(self.commission_tax_reversals, tax)?;
                &mut self.commission_reversals
            }
            LedgerSource::Label | LedgerSource::LabelVoid => &mut self.labels,
            LedgerSource::Payout
            | LedgerSource::PayoutPaid
            | LedgerSource::PayoutFailed
            | LedgerSource::PayoutReturned => &mut self.payouts,
            LedgerSource::ReserveHold | LedgerSource::ReserveRelease => &mut self.reserve,
        };
        *of = add(*of, sub(amount, tax)?)?;
        Ok(())
    }
}

fn values(period: &Period) -> Vec<Value> {
    vec![period.seller.into(), period.currency.into(), period.from.into(), period.to.into()]
}

/// A place between two entries, and the balance there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    occurred_at: DateTime<Utc>,
    entry: LedgerEntryId,
    balance: MinorUnits,
}

impl Position {
    /// Where a period begins, or after one of its entries.
    ///
    /// # Errors
    /// [`Code::MalformedRequest`] when `after` is no entry of the period.
    pub async fn find(db: &impl ConnectionTrait, period: &Period, after: Option<Uuid>) -> Result<Self> {
        let (occurred_at, entry) = match after {
            // Ids order entries of one instant; nothing of the instant itself is left.
            None => (period.from, LedgerEntryId(Uuid::max())),
            Some(after) => {
                let found = ledger_entry::Entity::find_by_id(LedgerEntryId(after))
                    .filter(ledger_entry::Column::SellerId.eq(period.seller))
                    .filter(ledger_entry::Column::Account.eq(LedgerAccount::SellerPayable))
                    .filter(ledger_entry::Column::Currency.eq(period.currency))
                    .filter(ledger_entry::Column::OccurredAt.gt(period.from))
                    .filter(ledger_entry::Column::OccurredAt.lte(period.to))
                    .one(db)
                    .await?;
                let found = found.ok_or_else(|| {
                    Error::new(Code::MalformedRequest, "cursor must be a next_cursor of the page before.")
                })?;
                (found.occurred_at, found.id)
            }
        };
        let sql = "SELECT CAST(coalesce(sum(-amount), 0) AS bigint) AS balance FROM ledger_entry \
                   WHERE seller_id = $1 AND currency = $2 AND account = 'seller_payable' \
                   AND (occurred_at, id) <= ($3, $4)";
        let values = [period.seller.into(), period.currency.into(), occurred_at.into(), entry.into()];
        let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
        let row = db.query_one_raw(statement).await?.ok_or_else(|| Error::internal("a sum without a row"))?;
        Ok(Self { occurred_at, entry, balance: row.try_get("", "balance")? })
    }

    /// The balance there.
    pub fn balance(&self) -> MinorUnits {
        self.balance
    }
}

/// An entry of a statement, from the seller's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The entry.
    pub id: LedgerEntryId,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// What moved the money …
    pub source: LedgerSource,
    /// … and which one.
    pub source_id: Uuid,
    /// The number of the seller order concerned.
    pub number: Option<String>,
    /// What they get; negative for what is taken.
    pub amount: MinorUnits,
    /// What they are owed after it.
    pub balance: MinorUnits,
}

impl Line {
    /// What it is, for people.
    pub fn description(&self) -> String {
        let what = match self.source {
            LedgerSource::Capture => "Sale",
            LedgerSource::Commission => "Commission",
            LedgerSource::Refund => "Refund to the shopper",
            LedgerSource::CommissionReversal => "Commission given back",
            LedgerSource::Label => "Shipping label",
            LedgerSource::LabelVoid => "Shipping label voided",
            LedgerSource::Payout => "Payout",
            LedgerSource::PayoutPaid => "Payout paid",
            LedgerSource::PayoutFailed => "Payout that failed",
            LedgerSource::PayoutReturned => "Payout that came back",
            LedgerSource::ReserveHold => "Kept in reserve",
            LedgerSource::ReserveRelease => "Released from reserve",
        };
        match &self.number {
            Some(number) => format!("{what}, {number}"),
            None => what.to_owned(),
        }
    }
}

impl From<&Line> for Position {
    fn from(line: &Line) -> Self {
        Self { occurred_at: line.occurred_at, entry: line.id, balance: line.balance }
    }
}

#[derive(FromQueryResult)]
struct EntryRow {
    id: LedgerEntryId,
    occurred_at: DateTime<Utc>,
    source: LedgerSource,
    source_id: Uuid,
    number: Option<String>,
    amount: MinorUnits,
}

/// At most `limit` entries after a place, oldest first.
///
/// # Errors
/// The database's.
pub async fn lines(db: &impl ConnectionTrait, period: &Period, after: Position, limit: u64) -> Result<Vec<Line>> {
    let sql = format!(
        "SELECT e.id AS id, e.occurred_at AS occurred_at, t.source_type AS source, t.source_id AS source_id, \
             s.number AS number, -e.amount AS amount \
         FROM ledger_entry e JOIN ledger_transaction t ON t.id = e.transaction_id \
         LEFT JOIN seller_order s ON s.id = e.seller_order_id \
         WHERE e.seller_id = $1 AND e.currency = $2 AND e.account = 'seller_payable' \
             AND (e.occurred_at, e.id) > ($3, $4) AND e.occurred_at <= $5 \
         ORDER BY e.occurred_at, e.id LIMIT {limit}"
    );
    let values =
        [period.seller.into(), period.currency.into(), after.occurred_at.into(), after.entry.into(), period.to.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let mut balance = after.balance;
    let rows = EntryRow::find_by_statement(statement).all(db).await?;
    rows.into_iter()
        .map(|row| {
            balance = add(balance, row.amount)?;
            Ok(Line {
                id: row.id,
                occurred_at: row.occurred_at,
                source: row.source,
                source_id: row.source_id,
                number: row.number,
                amount: row.amount,
                balance,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_is_this_month_up_to_now_unless_it_is_named() {
        let now = at("2026-11-21T05:30:00Z");
        assert_eq!(span(None, None, now).unwrap(), (at("2026-11-01T00:00:00Z"), now));
        let october = at("2026-10-31T23:59:59Z");
        assert_eq!(span(None, Some(october), now).unwrap(), (at("2026-10-01T00:00:00Z"), october));
        let november = at("2026-11-01T00:00:00Z");
        assert_eq!(span(None, Some(november), now).unwrap(), (at("2026-10-01T00:00:00Z"), november));
        assert_eq!(span(None, None, november).unwrap(), (at("2026-10-01T00:00:00Z"), november));
        assert_eq!(span(None, Some(DateTime::<Utc>::MIN_UTC), now).unwrap().1, DateTime::<Utc>::MIN_UTC);
        assert_eq!(span(Some(now), None, now).unwrap(), (now, now));
        assert!(span(Some(now), Some(october), now).is_err());
        let year = (at("2024-01-01T00:00:00Z"), at("2025-01-01T00:00:00Z"));
        assert_eq!(span(Some(year.0), Some(year.1), now).unwrap(), year);
        assert!(span(Some(year.0), Some(at("2025-01-02T00:00:00Z")), now).is_err());
    }

    #[test]
    fn tax_on_commission_has_its_own_total() {
        let mut totals = Totals::default();
        totals.add(LedgerSource::Capture, MinorUnits(1000), MinorUnits::ZERO).unwrap();
        totals.add(LedgerSource::Commission, MinorUnits(-119), MinorUnits(-19)).unwrap();
        totals.add(LedgerSource::CommissionReversal, MinorUnits(60), MinorUnits(10)).unwrap();
        let expected = Totals {
            sales: MinorUnits(1000),
            commission: MinorUnits(-100),
            commission_tax: MinorUnits(-19),
            commission_reversals: MinorUnits(50),
            commission_tax_reversals: MinorUnits(10),
            ..Totals::default()
        };
        assert_eq!(totals, expected);
    }
}
