//! The sellers' money: commission, weekly payouts, and each seller's statement held against what
//! the source says they sold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chrono::{Datelike, TimeDelta};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use souk_domain::Clock;

use crate::cents::Cents;
use crate::client::{Account, Call, Client, Error, Result};
use crate::goal::Goal;
use crate::market::{CURRENCY, Market};
use crate::source::{Order, Source};
use crate::view::{AdminOrder, Made, OrderStatus, Payouts, Statement, TrialBalance};

/// What the marketplace takes of each line, in percent.
pub const COMMISSION_PERCENT: i64 = 12;

/// A payout that is not through after this long is given up.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// The pause between two looks at payouts under way.
const PAUSE: Duration = Duration::from_millis(100);

/// The source's orders week by week, by the Monday of the week of their purchase.
pub fn weeks<'a>(orders: &[&'a Order]) -> Vec<Vec<&'a Order>> {
    let mut weeks: BTreeMap<_, Vec<&Order>> = BTreeMap::new();
    for order in orders {
        let day = order.purchased_at.date();
        let monday = day - TimeDelta::days(i64::from(day.weekday().num_days_from_monday()));
        weeks.entry(monday).or_default().push(order);
    }
    weeks.into_values().collect()
}

/// What the source says a seller sold, and what the marketplace takes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sold {
    /// Goods and freight of paid orders.
    sales: Cents,
    /// Of those, what was paid back because the order was cancelled.
    refunds: Cents,
    /// Commission of paid orders.
    commission: Cents,
    /// Of that, what was given back.
    reversals: Cents,
}

/// What every seller sold.
fn sold(source: &Source) -> BTreeMap<String, Sold> {
    let mut sellers: BTreeMap<String, Sold> = BTreeMap::new();
    for order in &source.orders {
        let goal = Goal::of(order);
        for (seller, freight) in &order.freight {
            let seller_sold = sellers.entry(seller.clone()).or_default();
            if !goal.paid {
                continue;
            }
            let lines = || order.lines.iter().filter(|line| line.offer.seller == *seller);
            let goods: Cents = lines().map(|line| line.price * line.quantity).sum();
            let commission: Cents = lines().map(|line| percent(line.price * line.quantity)).sum();
            seller_sold.sales += goods + *freight;
            seller_sold.commission += commission;
            if goal.cancelled_by.is_some() {
                seller_sold.refunds += goods + *freight;
                seller_sold.reversals += commission;
            }
        }
    }
    sellers
}

/// The commission of a line, rounded half up.
fn percent(amount: Cents) -> Cents {
    Cents((amount.0 * COMMISSION_PERCENT + 50) / 100)
}

/// What the sellers' statements came to.
#[derive(Debug, Default)]
pub struct Books {
    /// Statements that were compared.
    pub statements: usize,
    /// Sales less what was paid back.
    pub sold: Cents,
    /// Commission less what was given back.
    pub commission: Cents,
    /// What was charged for labels.
    pub labels: Cents,
    /// Payouts that arrived.
    pub payouts: usize,
    /// Their sum.
    pub paid_out: Cents,
    /// What the sellers are still owed.
    pub owed: Cents,
    /// Where a statement or the ledger disagrees with the source.
    pub differences: Vec<String>,
}

/// The sellers' money, as an operator and as each seller.
pub struct Bookkeeper<'a> {
    pub client: &'a Client,
    pub market: &'a Market<'a>,
    pub admin: &'a Account,
    pub concurrency: usize,
}

impl Bookkeeper<'_> {
    /// Pays out the sellers of delivered orders, as at the end of their week.
    ///
    /// # Errors
    /// What stopped it.
    pub async fn pay_out(&self, week: &[&Order]) -> Result<()> {
        let delivered = week.iter().filter(|order| Goal::of(order).status == OrderStatus::Delivered);
        let sellers: BTreeSet<&String> = delivered.flat_map(|order| order.freight.keys()).collect();
        stream::iter(sellers.into_iter().map(Ok))
            .try_for_each_concurrent(self.concurrency, async |seller| {
                let id = self.market.ids_of(seller)?.id;
                let run = Call::post_nothing(format!("/api/v1/admin/sellers/{id}/payouts")).by(self.admin);
                self.client.done(run).await
            })
            .await
    }

    /// Waits until the seller orders of delivered orders are completed: their return windows, of no
    /// days, are closed by jobs.
    ///
    /// # Errors
    /// What is not completed in time.
    pub async fn completed(&self, id: uuid::Uuid) -> Result<()> {
        let began = Instant::now();
        loop {
            let get = Call::get(format!("/api/v1/admin/orders/{id}")).by(self.admin);
            let seen: AdminOrder = self.client.call(get).await?;
            if seen.order.seller_orders.iter().all(|part| part.status != OrderStatus::Delivered) {
                return Ok(());
            }
            if began.elapsed() > STUCK_AFTER {
                return Err(Error::Stuck(format!("order {id} is delivered and not completed")));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Holds every seller's statement, and the trial balance, against the source.
    ///
    /// # Errors
    /// What stopped it.
    pub async fn compare(&self, source: &Source) -> Result<Books> {
        let sold = sold(source);
        let compared: Vec<(String, Sold, Statement, Payouts)> = stream::iter(&sold)
            .map(async |(seller, sold)| {
                let payouts = self.settled_payouts(seller).await?;
                Ok::<_, Error>((seller.clone(), *sold, self.statement(seller).await?, payouts))
            })
            .buffered(self.concurrency)
            .try_collect()
            .await?;
        let mut books = Books::default();
        for (seller, sold, statement, payouts) in compared {
            books.add(&seller, sold, &statement, &payouts);
        }
        let get = Call::get("/api/v1/admin/ledger/trial-balance").by(self.admin);
        let trial: TrialBalance = self.client.call(get).await?;
        if trial.totals.iter().any(|currency| currency.total != Cents::default()) {
            books.differences.push("the trial balance is not zero".to_owned());
        }
        Ok(books)
    }

    async fn statement(&self, seller: &str) -> Result<Statement> {
        let from = (Clock::System.now() - TimeDelta::days(365)).format("%Y-%m-%dT%H:%M:%SZ");
        let path = format!("/api/v1/seller/statement?currency={CURRENCY}&from={from}&limit=1");
        self.client.call(Call::get(path).by(self.market.account_of(seller)?)).await
    }

    /// A seller's payouts, once none is under way.
    async fn settled_payouts(&self, seller: &str) -> Result<Payouts> {
        let began = Instant::now();
        loop {
            let get = Call::get("/api/v1/seller/payouts?limit=100").by(self.market.account_of(seller)?);
            let payouts: Payouts = self.client.call(get).await?;
            let open = |status: &str| matches!(status, "pending" | "submitted" | "unresolved");
            if payouts.items.iter().all(|payout| !open(&payout.status)) {
                return Ok(payouts);
            }
            if began.elapsed() > STUCK_AFTER {
                return Err(Error::Stuck(format!("a payout of seller {seller} is not through")));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Books {
    fn add(&mut self, seller: &str, sold: Sold, statement: &Statement, payouts: &Payouts) {
        let totals = &statement.totals;
        let mut expect = |what: &str, source: Cents, souk: Cents| {
            if source != souk {
                self.differences.push(format!("seller {seller}: {what}: source {source}, souk {souk}"));
            }
        };
        expect("sales", sold.sales, totals.sales);
        expect("refunds", -sold.refunds, totals.refunds);
        expect("commission", -sold.commission, totals.commission);
        expect("commission given back", sold.reversals, totals.commission_reversals);
        expect("opening balance", Cents::default(), statement.opening_balance);
        let entries = totals.sales + totals.refunds + totals.commission + totals.commission_reversals + totals.labels;
        expect("closing balance", entries + totals.payouts, statement.closing_balance);
        let paid = payouts.items.iter().filter(|payout| payout.status == "paid");
        let paid_out: Cents = paid.clone().map(|payout| payout.amount).sum();
        expect("payouts", -paid_out, totals.payouts);
        if payouts.next_cursor.is_some() {
            self.differences.push(format!("seller {seller}: more payouts than one page"));
        }
        self.statements += 1;
        self.sold += sold.sales + -sold.refunds;
        self.commission += sold.commission + -sold.reversals;
        self.labels += -totals.labels;
        self.payouts += paid.count();
        self.paid_out += paid_out;
        self.owed += statement.closing_balance;
    }
}

/// Makes a seller's commission rule and says where their payouts go.
///
/// # Errors
/// What stopped it.
pub async fn agree(client: &Client, admin: &Account, account: &Account, seller: uuid::Uuid) -> Result<()> {
    let rule = json!({
        "name": format!("Olist {COMMISSION_PERCENT}%"),
        "seller_id": seller,
        "percent": COMMISSION_PERCENT.to_string(),
    });
    let create = Call::post("/api/v1/admin/commission-rules", rule).by(admin).key(format!("commission:{seller}"));
    client.call::<Made>(create).await?;
    let weekly = Call::patch(format!("/api/v1/admin/sellers/{seller}"), json!({"payout_interval": "weekly"}));
    client.done(weekly.by(admin)).await?;
    let payout = json!({"account": format!("acct_{}", seller.simple())});
    client.done(Call::put("/api/v1/seller/payout-account", payout).by(account)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commission_is_rounded_half_up() {
        assert_eq!(
            [percent(Cents(1)), percent(Cents(4)), percent(Cents(5)), percent(Cents(1999))].map(|cents| cents.0),
            [0, 0, 1, 240]
        );
    }
}
