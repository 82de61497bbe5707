//! What the replay came to.

use std::fmt;
use std::time::Duration;

use crate::books::Books;
use crate::cents::Cents;
use crate::check::Checked;

/// So many differences are listed.
const LISTED: usize = 20;

/// The sums of a replay.
#[derive(Debug, Default)]
pub struct Report {
    /// Orders in the source that have no bad row.
    pub orders: usize,
    /// Orders in the source that have one.
    pub skipped: usize,
    /// Orders that this run has worked on; the others were finished by an earlier one.
    pub worked_on: usize,
    /// How long the set-up took.
    pub setup: Duration,
    /// How long the orders took, from the first cart to the last parcel.
    pub replay: Duration,
    /// The sellers' money.
    pub books: Books,
    /// Requests, repetitions included.
    pub requests: u64,
    /// Requests that had to be repeated.
    pub repeats: u64,
    seller_orders: usize,
    units: i64,
    money_in: Cents,
    money_back: Cents,
    differences: Vec<String>,
}

impl Report {
    /// Nothing is compared yet.
    pub fn new(orders: usize, skipped: usize) -> Self {
        Self { orders, skipped, ..Self::default() }
    }

    /// Adds an order that was compared.
    pub fn add(&mut self, order: &str, checked: Checked) {
        self.seller_orders += checked.seller_orders;
        self.units += checked.units;
        self.money_in += checked.money_in;
        self.money_back += checked.money_back;
        self.differences.extend(checked.differences.into_iter().map(|what| format!("{order}: {what}")));
    }

    /// Adds an order that could not be brought to its end, or not be compared.
    pub fn add_failure(&mut self, order: &str, why: &str) {
        self.differences.push(format!("{order}: {why}"));
    }

    /// Whether souk and the source agree.
    pub fn is_equal(&self) -> bool {
        self.differences.is_empty() && self.books.differences.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_second = match self.replay.as_secs_f64() {
            seconds if seconds > 0.0 && self.worked_on > 0 => {
                f64::from(u32::try_from(self.worked_on).unwrap_or(u32::MAX)) / seconds
            }
            _ => 0.0,
        };
        let differences = self.differences.len() + self.books.differences.len();
        let rows: [(&str, String); 19] = [
            ("orders", self.orders.to_string()),
            ("skipped for a bad row", self.skipped.to_string()),
            ("worked on in this run", self.worked_on.to_string()),
            ("seller orders", self.seller_orders.to_string()),
            ("units", self.units.to_string()),
            ("money in (BRL)", self.money_in.to_string()),
            ("money back (BRL)", self.money_back.to_string()),
            ("sellers' statements", self.books.statements.to_string()),
            ("sold (BRL)", self.books.sold.to_string()),
            ("12% commission (BRL)", self.books.commission.to_string()),
            ("labels (BRL)", self.books.labels.to_string()),
            ("payouts", self.books.payouts.to_string()),
            ("paid out (BRL)", self.books.paid_out.to_string()),
            ("still owed (BRL)", self.books.owed.to_string()),
            ("differences", differences.to_string()),
            ("requests (repeated)", format!("{} ({})", self.requests, self.repeats)),
            ("seconds of set-up", format!("{:.1}", self.setup.as_secs_f64())),
            ("seconds of orders", format!("{:.1}", self.replay.as_secs_f64())),
            ("orders per second", format!("{per_second:.1}")),
        ];
        for (name, value) in rows {
            writeln!(f, "{name:<22} {value:>16}")?;
        }
        for difference in self.differences.iter().chain(&self.books.differences).take(LISTED) {
            writeln!(f, "different: {difference}")?;
        }
        match differences.checked_sub(LISTED) {
            Some(more) if more > 0 => writeln!(f, "and {more} more differences"),
            _ => Ok(()),
        }
    }
}
