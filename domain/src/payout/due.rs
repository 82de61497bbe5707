//! What of a seller's balance can be paid out now, and what keeps the rest.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use souk_entity::id::{LedgerEntryId, SellerId, SellerOrderId};
use souk_entity::money::{CurrencyCode, MinorUnits};
use souk_entity::seller;
use souk_entity::status::SellerStatus;

use crate::error::Result;
use crate::money::{add, rate_of, sub};

/// Entries of a seller that no payout has settled. A payout's own debit is what it paid, not
/// something to settle; what failed or came back is entered anew.
const UNSETTLED: &str = "FROM ledger_entry e \
    JOIN ledger_transaction t ON t.id = e.transaction_id \
    LEFT JOIN seller_order s ON s.id = e.seller_order_id \
    WHERE e.seller_id = $1 AND e.account = 'seller_payable' AND t.source_type <> 'payout' \
    AND NOT EXISTS (SELECT 1 FROM payout_item i WHERE i.ledger_entry_id = e.id)";

/// An entry that no payout has settled.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Unsettled {
    id: LedgerEntryId,
    currency: CurrencyCode,
    amount: MinorUnits,
    seller_order_id: Option<SellerOrderId>,
    payable_at: Option<DateTime<Utc>>,
    refund_open: bool,
    return_open: bool,
    unpaid_back: bool,
}

/// Why an entry is not paid out yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// Its seller order is neither completed nor cancelled nor refunded.
    NotCompleted,
    /// The seller's hold is not over.
    Hold,
    /// A refund of its seller order is under way.
    OpenRefund,
    /// A return of its seller order is open.
    OpenReturn,
    /// Its seller order is cancelled, and the shopper does not have all of it back.
    NotPaidBack,
}

impl Unsettled {
    /// Its currency.
    pub fn currency(&self) -> CurrencyCode {
        self.currency
    }

    /// What the seller gets of it; negative for what they owe.
    pub fn owed(&self) -> MinorUnits {
        MinorUnits(-self.amount.0)
    }

    /// When its seller order's money can be paid out, once that is known.
    pub fn payable_at(&self) -> Option<DateTime<Utc>> {
        self.payable_at
    }

    /// What keeps it from being paid out; `None` when it is due.
    pub fn wait(&self, now: DateTime<Utc>) -> Option<Wait> {
        self.seller_order_id?;
        match self.payable_at {
            None => Some(Wait::NotCompleted),
            Some(at) if at > now => Some(Wait::Hold),
            Some(_) if self.refund_open => Some(Wait::OpenRefund),
            Some(_) if self.return_open => Some(Wait::OpenReturn),
            Some(_) if self.unpaid_back => Some(Wait::NotPaidBack),
            Some(_) => None,
        }
    }
}

/// The entries of a seller up to `now` that no payout has settled, the oldest first. What another
/// transaction enters at a later instant, and commits first, is for the next payout.
///
/// # Errors
/// The database's.
pub async fn unsettled(db: &impl ConnectionTrait, seller: SellerId, now: DateTime<Utc>) -> Result<Vec<Unsettled>> {
    let sql = format!(
        "SELECT e.id AS id, e.currency AS currency, e.amount AS amount, e.seller_order_id AS seller_order_id, \
         s.payable_at AS payable_at, \
         EXISTS (SELECT 1 FROM refund r WHERE r.seller_order_id = e.seller_order_id \
             AND r.status IN ('pending', 'submitted', 'unresolved')) AS refund_open, \
         EXISTS (SELECT 1 FROM return_request q WHERE q.seller_order_id = e.seller_order_id \
             AND q.status IN ('requested', 'approved', 'in_transit', 'received')) AS return_open, \
         EXISTS (SELECT 1 FROM payment_share h JOIN payment p ON p.id = h.payment_id \
             WHERE h.seller_order_id = e.seller_order_id AND s.status = 'cancelled' AND p.status = 'captured' \
             AND h.refunded_amount < h.amount) AS unpaid_back \
         {UNSETTLED} AND e.occurred_at <= $2 ORDER BY e.id"
    );
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [seller.into(), now.into()]);
    Ok(Unsettled::find_by_statement(statement).all(db).await?)
}

/// Whether the entries that no payout has settled are in the seller's favour, in any currency.
///
/// # Errors
/// The database's.
pub async fn is_owed(db: &impl ConnectionTrait, seller: SellerId) -> Result<bool> {
    let sql = format!("SELECT e.currency {UNSETTLED} GROUP BY e.currency HAVING sum(e.amount) < 0 LIMIT 1");
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [seller.into()]);
    Ok(db.query_one_raw(statement).await?.is_some())
}

/// Why a seller is paid nothing at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// They are not approved, or suspended.
    NotApproved,
    /// There is no account to pay to.
    NoAccount,
}

/// Where a seller's payouts go.
///
/// # Errors
/// The [`Obstacle`] that they cannot be paid for.
pub fn account(seller: &seller::Model) -> std::result::Result<&str, Obstacle> {
    if seller.status != SellerStatus::Approved {
        return Err(Obstacle::NotApproved);
    }
    seller.payout_account.as_deref().ok_or(Obstacle::NoAccount)
}

/// Why what is due in a currency is not paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// Nothing is due.
    Nothing,
    /// The seller owes; it is taken off what they are paid next.
    Negative,
    /// Less than the least that is paid out.
    BelowMinimum,
}

/// A payout of all that is due in one currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The sum of its entries.
    pub due: MinorUnits,
    /// What is kept back.
    pub reserve: MinorUnits,
    /// What is paid.
    pub amount: MinorUnits,
    /// The entries that it settles, with what the seller gets of each.
    pub entries: Vec<(LedgerEntryId, MinorUnits)>,
    /// The part of `due` that comes of seller orders.
    of_orders: MinorUnits,
}

impl Plan {
    fn take(&mut self, entry: &Unsettled) -> Result<()> {
        self.due = add(self.due, entry.owed())?;
        if entry.seller_order_id.is_some() {
            self.of_orders = add(self.of_orders, entry.owed())?;
        }
        self.entries.push((entry.id, entry.owed()));
        Ok(())
    }

    /// Adds what is due beside the entries: a reserve whose time is over.
    ///
    /// # Errors
    /// [`crate::Code::InvalidMoney`] on overflow.
    pub fn add_release(&mut self, amount: MinorUnits) -> Result<()> {
        self.due = add(self.due, amount)?;
        self.amount = add(self.amount, amount)?;
        Ok(())
    }

    /// Keeps the seller's reserve back. It is a part of what comes of orders: what was a reserve
    /// before, or comes back of a payout that failed, is not reduced again.
    fn keep_reserve(&mut self, seller: &seller::Model) -> Result<()> {
        if seller.reserve_days > 0 {
            let base = Ord::max(self.of_orders, MinorUnits::ZERO);
            self.reserve = rate_of(base, seller.reserve_ppm)?;
        }
        self.amount = sub(self.due, self.reserve)?;
        Ok(())
    }

    /// Why it is not paid, with `minimum` as the least that is.
    pub fn shortfall(&self, minimum: MinorUnits) -> Option<Shortfall> {
        match self.due {
            MinorUnits::ZERO => Some(Shortfall::Nothing),
            due if due < MinorUnits::ZERO => Some(Shortfall::Negative),
            _ if self.amount <= MinorUnits::ZERO || self.amount < minimum => Some(Shortfall::BelowMinimum),
            _ => None,
        }
    }
}

/// The payouts of what is due of `entries` at `now`, per currency.
///
/// # Errors
/// [`crate::Code::InvalidMoney`] on overflow.
pub fn plans(
    seller: &seller::Model,
    entries: &[Unsettled],
    now: DateTime<Utc>,
) -> Result<BTreeMap<CurrencyCode, Plan>> {
    let mut plans: BTreeMap<CurrencyCode, Plan> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.wait(now).is_none()) {
        plans.entry(entry.currency).or_default().take(entry)?;
    }
    for plan in plans.values_mut() {
        plan.keep_reserve(seller)?;
    }
    Ok(plans)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use souk_entity::money::RatePpm;
    use souk_entity::status::PayoutInterval;

    use souk_entity::status::LabelPayer;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000)
    }

    fn seller(reserve: i64, days: i32) -> seller::Model {
        seller::Model {
            id: SellerId::at(now()),
            name: "A Seller".into(),
            status: SellerStatus::Approved,
            auto_accept: true,
            accept_within_hours: 48,
            return_window_days: 30,
            return_label_payer: LabelPayer::Seller,
            restocking_ppm: RatePpm(0),
            return_policy_set_at: None,
            on_holiday: false,
            holiday_starts_at: None,
            holiday_ends_at: None,
            holiday_message: None,
            commission_tax_ppm: RatePpm(0),
            payout_account: Some("acct_1".into()),
            payout_interval: PayoutInterval::Weekly,
            payout_minimum: MinorUnits::ZERO,
            payout_hold_days: 0,
            reserve_ppm: RatePpm(reserve),
            reserve_days: days,
            version: 1,
            created_at: now(),
            updated_at: now(),
        }
    }

    /// An entry by what the seller gets of it.
    fn entry(owed: i64, of_order: bool) -> Unsettled {
        Unsettled {
            id: LedgerEntryId::at(now()),
            currency: "USD".parse().unwrap(),
            amount: MinorUnits(-owed),
            seller_order_id: of_order.then(|| SellerOrderId::at(now())),
            payable_at: of_order.then(now),
            refund_open: false,
            return_open: false,
            unpaid_back: false,
        }
    }

    fn plan(seller: &seller::Model, entries: &[Unsettled]) -> Plan {
        plans(seller, entries, now()).unwrap().into_values().next().unwrap_or_default()
    }

    #[test]
    fn an_entry_waits_for_its_seller_order() {
        let due = entry(100, true);
        assert_eq!(due.wait(now()), None);
        assert_eq!(entry(100, false).wait(now()), None);
        assert_eq!(Unsettled { payable_at: None, ..due.clone() }.wait(now()), Some(Wait::NotCompleted));
        let later = now() + chrono::TimeDelta::seconds(1);
        assert_eq!(Unsettled { payable_at: Some(later), ..due.clone() }.wait(now()), Some(Wait::Hold));
        assert_eq!(Unsettled { refund_open: true, ..due.clone() }.wait(now()), Some(Wait::OpenRefund));
        assert_eq!(Unsettled { return_open: true, ..due.clone() }.wait(now()), Some(Wait::OpenReturn));
        assert_eq!(Unsettled { unpaid_back: true, ..due }.wait(now()), Some(Wait::NotPaidBack));
    }

    #[test]
    fn a_reserve_is_kept_of_what_comes_of_orders() {
        let entries = [entry(1000, true), entry(-100, true), entry(500, false)];
        let kept = plan(&seller(100_000, 30), &entries);
        assert_eq!((kept.due.0, kept.reserve.0, kept.amount.0), (1400, 90, 1310));
        assert_eq!(plan(&seller(100_000, 0), &entries).reserve.0, 0, "for no time, nothing is kept");
    }

    #[test]
    fn too_little_is_not_paid() {
        let told = |entries: &[Unsettled], minimum| plan(&seller(0, 0), entries).shortfall(MinorUnits(minimum));
        assert_eq!(told(&[], 0), Some(Shortfall::Nothing));
        assert_eq!(told(&[entry(5, true), entry(-5, true)], 0), Some(Shortfall::Nothing));
        assert_eq!(told(&[entry(5, true), entry(-6, true)], 0), Some(Shortfall::Negative));
        assert_eq!(told(&[entry(5, true)], 6), Some(Shortfall::BelowMinimum));
        assert_eq!(told(&[entry(6, true)], 6), None);
        let all_kept = plan(&seller(1_000_000, 1), &[entry(6, true)]);
        assert_eq!(all_kept.shortfall(MinorUnits::ZERO), Some(Shortfall::BelowMinimum));
    }

    proptest! {
        #[test]
        fn what_is_paid_is_its_entries_less_the_reserve(
            amounts in proptest::collection::vec((-100_000_i64..1_000_000, any::<bool>()), 0..30),
            reserve in 0_i64..1_000_000,
            minimum in 0_i64..100_000,
        ) {
            let entries: Vec<_> = amounts.iter().map(|(owed, of_order)| entry(*owed, *of_order)).collect();
            let plan = plan(&seller(reserve, 30), &entries);
            let sum: i64 = plan.entries.iter().map(|(_, owed)| owed.0).sum();
            prop_assert_eq!((plan.due.0, plan.amount.0), (sum, sum - plan.reserve.0));
            prop_assert!(plan.reserve.0 >= 0);
            if plan.shortfall(MinorUnits(minimum)).is_none() {
                prop_assert!(plan.amount.0 > 0 && plan.amount.0 >= minimum);
            }
        }
    }
}
