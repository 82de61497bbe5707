//! Rules that are functions of the domain: rows are read in batches and held against them.

mod history;
mod money;
mod states;

use sea_orm::{ConnectionTrait, Statement};
use uuid::Uuid;

use super::MOST_OFFENDERS;
use crate::audit::chain;
use crate::error::Result;

/// Rows (or, where rows are grouped, groups) that are read at once.
const BATCH: u64 = 1_000;

/// Which function of the domain rows are held against.
#[derive(Clone, Copy, Debug)]
pub(super) enum Recomputation {
    /// [`crate::order::transition::order_status`] of the seller orders.
    OrderStatus,
    /// [`crate::order::transition::progress`] of the lines.
    SellerOrderProgress,
    /// [`crate::money::rate_of`] and [`crate::money::contained`] in the record of pricing.
    TaxSteps,
    /// The frozen [`crate::order::pricing::commission::CommissionTerms`] of the base.
    Commission,
    /// [`crate::money::rate_of`] the commission.
    CommissionTax,
    /// What refunded units of each line, and a refunded part of shipping, are worth, and what refunds hold.
    RefundedSlices,
    /// [`crate::payment::refund::restocking_of_units`] of each line.
    RestockingFees,
    /// What refunded units are worth, and what was paid back in all.
    RefundedUnits,
    /// The edges of [`crate::transition::machines`].
    History,
    /// [`crate::job::Task::key`], its kind and [`crate::job::policy`].
    JobKey,
    /// [`chain::breaks`].
    AuditChain,
}

/// What breaks the rule, one more than are named at most.
pub(super) async fn offenders(db: &impl ConnectionTrait, which: Recomputation) -> Result<Vec<String>> {
    match which {
        Recomputation::OrderStatus => states::order_statuses(db).await,
        Recomputation::SellerOrderProgress => states::seller_order_progress(db).await,
        Recomputation::TaxSteps => money::tax_steps(db).await,
        Recomputation::Commission => money::commissions(db).await,
        Recomputation::CommissionTax => money::commission_taxes(db).await,
        Recomputation::RefundedSlices => money::refunded_slices(db).await,
        Recomputation::RestockingFees => money::restocking_fees(db).await,
        Recomputation::RefundedUnits => money::refunded_units(db).await,
        Recomputation::History => history::history(db).await,
        Recomputation::JobKey => history::job_keys(db).await,
        Recomputation::AuditChain => {
            let breaks = chain::breaks(db, MOST_OFFENDERS + 1).await?;
            Ok(breaks.iter().map(|found| format!("{} {}: {}", found.sequence, found.id, found.what)).collect())
        }
    }
}

/// The offenders so far, and whether enough are known.
#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn add(&mut self, offender: impl ToString) {
        if !self.is_full() {
            self.0.push(offender.to_string());
        }
    }

    fn is_full(&self) -> bool {
        self.0.len() > MOST_OFFENDERS
    }
}

/// `sql` for the rows after `last`.
fn after(db: &impl ConnectionTrait, sql: &str, last: Uuid) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, [last.into()])
}
