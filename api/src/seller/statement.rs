//! The seller's own balance and statement of account; operators read those of any seller.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use futures::Stream;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;
use sea_orm::ConnectionTrait;
use souk_domain::ledger::balance;
use souk_domain::ledger::statement::{Line, Period, Position, lines, summary};
use souk_domain::{Result, money};
use souk_entity::id::SellerId;
use souk_entity::money::MinorUnits;

use crate::auth::Selling;
use crate::context::{Context, Ctx};
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::csv::{self, Cell, CsvFile};
use crate::http::error::ApiResult;
use crate::http::page::PageRequest;
use crate::view::amount;
use crate::view::ledger::{SellerBalances, SellerStatement, StatementEntry};

/// Entries that are read at once for a file.
const ENTRIES_AT_ONCE: u64 = 200;

/// The columns of a statement as a file.
const COLUMNS: [&str; 8] =
    ["occurred_at", "source", "source_id", "order_number", "description", "currency", "amount", "balance"];

/// What a statement is asked for.
pub struct StatementRequest<'a> {
    /// Whose.
    pub seller: SellerId,
    /// ISO 4217.
    pub currency: Option<&'a str>,
    /// Entries after this.
    pub from: Option<DateTime<Utc>>,
    /// Entries up to this.
    pub to: Option<DateTime<Utc>>,
}

impl StatementRequest<'_> {
    async fn period(&self, db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Period> {
        let currency = self.currency.map(money::currency).transpose()?;
        Period::read(db, self.seller, currency, (self.from, self.to), now).await
    }
}

/// The balance and statements of the seller who asks.
pub struct Statements;

#[OpenApi(prefix_path = "/api/v1/seller", tag = "Tag::SellerMoney")]
impl Statements {
    /// Show what the marketplace owes the seller
    ///
    /// As of any instant: what was entered in the past never changes. An entry carries the instant at which its
    /// transaction began, so the balance of the last few seconds may still change.
    #[oai(path = "/balance", method = "get", operation_id = "getSellerBalance")]
    async fn balance(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// Entries up to this, included, count; now when left out.
        as_of: Query<Option<DateTime<Utc>>>,
    ) -> ApiResult<Okay<SellerBalances>> {
        Ok(balances(&ctx, who.seller(), as_of.0).await?)
    }

    /// Show a statement of account
    ///
    /// The balance before, every entry, and the balance after; the closing balance is the opening balance of the
    /// statement that begins where this one ends.
    #[oai(path = "/statement", method = "get", operation_id = "getSellerStatement")]
    #[expect(clippy::too_many_arguments, reason = "one argument per query parameter is how the document knows them")]
    async fn statement(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// ISO 4217; needed where there are entries in several currencies, or none.
        #[oai(validator(max_length = 3))]
        currency: Query<Option<String>>,
        /// Entries after this; when left out, the beginning of the month of the instant just before `to`, so that the
        /// first of a month as `to` tells the month before.
        from: Query<Option<DateTime<Utc>>>,
        /// Entries up to this, included, at most 366 days after `from`; now when left out.
        to: Query<Option<DateTime<Utc>>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before; name the same `from` and `to` with it.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<SellerStatement>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let asked = StatementRequest { seller: who.seller(), currency: currency.0.as_deref(), from: from.0, to: to.0 };
        Ok(show(&ctx, &asked, page).await?)
    }

    /// Download a statement of account
    ///
    /// As CSV: the opening balance, a line per entry, the closing balance. Amounts are decimal numbers; the column
    /// `amount` sums to what the balance changed by.
    #[oai(path = "/statement.csv", method = "get", operation_id = "downloadSellerStatement")]
    async fn download(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// ISO 4217; needed where there are entries in several currencies, or none.
        #[oai(validator(max_length = 3))]
        currency: Query<Option<String>>,
        /// Entries after this; when left out, the beginning of the month of the instant just before `to`, so that the
        /// first of a month as `to` tells the month before.
        from: Query<Option<DateTime<Utc>>>,
        /// Entries up to this, included, at most 366 days after `from`; now when left out.
        to: Query<Option<DateTime<Utc>>>,
    ) -> ApiResult<CsvFile> {
        let asked = StatementRequest { seller: who.seller(), currency: currency.0.as_deref(), from: from.0, to: to.0 };
        Ok(file(&ctx, &asked).await?)
    }
}

/// What a seller is owed.
///
/// # Errors
/// The database's.
pub async fn balances(
    context: &Context,
    seller: SellerId,
    as_of: Option<DateTime<Utc>>,
) -> Result<Okay<SellerBalances>> {
    let as_of_shown = as_of.unwrap_or_else(|| context.store.now());
    let balances = balance::of_seller(context.store.read(), seller, as_of).await?;
    Ok(Okay::new(&SellerBalances::new(as_of_shown, balances)))
}

/// A page of a statement.
///
/// # Errors
/// [`souk_domain::Code::InvalidValue`] for a period that is none;
/// [`souk_domain::Code::InvalidMoney`] for a currency that is none;
/// [`souk_domain::Code::MalformedRequest`] for a cursor of another statement.
pub async fn show(context: &Context, asked: &StatementRequest<'_>, page: PageRequest) -> Result<Okay<SellerStatement>> {
    let db = context.store.read();
    let period = asked.period(db, context.store.now()).await?;
    let begin = Position::find(db, &period, page.after).await?;
    let sums = summary(db, &period).await?;
    let rows = lines(db, &period, begin, page.limit + 1).await?;
    let entries = page.page(rows, |line| line.id.into(), |line| StatementEntry::new(line, &period));
    Ok(Okay::new(&SellerStatement::new(&period, &sums, entries)))
}

/// A statement as a file.
///
/// # Errors
/// As of [`show`].
pub async fn file(context: &Arc<Context>, asked: &StatementRequest<'_>) -> Result<CsvFile> {
    let db = context.store.read();
    let period = asked.period(db, context.store.now()).await?;
    let begin = Position::find(db, &period, None).await?;
    let name = format!("statement-{}-{}.csv", period.currency, period.to.format("%Y-%m-%d"));
    Ok(CsvFile::stream(&name, pieces(context.clone(), period, begin)))
}

/// What is still to be written of a file.
enum Rest {
    Head(Position),
    Entries(Position),
    Nothing,
}

fn pieces(
    context: Arc<Context>,
    period: Period,
    begin: Position,
) -> impl Stream<Item = Result<Vec<u8>>> + Send + 'static {
    futures::stream::try_unfold(Rest::Head(begin), move |rest| {
        let context = context.clone();
        async move {
            match rest {
                Rest::Head(at) => {
                    let opening = bound(&period, period.from, "opening_balance", "Opening balance", at.balance());
                    Ok(Some((csv::lines([COLUMNS.map(Cell::plain), opening])?, Rest::Entries(at))))
                }
                Rest::Entries(at) => {
                    let page = lines(context.store.read(), &period, at, ENTRIES_AT_ONCE).await?;
                    let written = csv::lines(page.iter().map(|line| row(&period, line)))?;
                    match page.last() {
                        Some(last) => Ok(Some((written, Rest::Entries(last.into())))),
                        None => {
                            let closing = bound(&period, period.to, "closing_balance", "Closing balance", at.balance());
                            Ok(Some((csv::lines([closing])?, Rest::Nothing)))
                        }
                    }
                }
                Rest::Nothing => Ok(None),
            }
        }
    })
}

fn row(period: &Period, line: &Line) -> [Cell; 8] {
    [
        instant(line.occurred_at),
        Cell::plain(line.source.to_string()),
        Cell::plain(line.source_id.to_string()),
        Cell::text(line.number.as_deref().unwrap_or_default()),
        Cell::text(&line.description()),
        Cell::plain(period.currency.to_string()),
        Cell::plain(amount(line.amount, period.currency)),
        Cell::plain(amount(line.balance, period.currency)),
    ]
}

/// The line of a balance.
fn bound(
    period: &Period,
    at: DateTime<Utc>,
    kind: &'static str,
    description: &'static str,
    balance: MinorUnits,
) -> [Cell; 8] {
    let nothing = || Cell::plain("");
    [
        instant(at),
        Cell::plain(kind),
        nothing(),
        nothing(),
        Cell::plain(description),
        Cell::plain(period.currency.to_string()),
        nothing(),
        Cell::plain(amount(balance, period.currency)),
    ]
}

fn instant(at: DateTime<Utc>) -> Cell {
    Cell::plain(at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}
