//! The chart of accounts.

use souk_entity::status::LedgerAccount;

/// What kind of account it is; assets and expenses grow by debits, liabilities and income by
/// credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// What the marketplace has.
    Asset,
    /// What it owes.
    Liability,
    /// What it earns.
    Income,
    /// What it spends.
    Expense,
}

/// An account of the ledger.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// Its name.
    pub account: LedgerAccount,
    /// Its kind.
    pub kind: AccountKind,
    /// Whether it is kept per seller.
    pub per_seller: bool,
    /// What is entered on it, in a sentence.
    pub meaning: &'static str,
}

const fn account(account: LedgerAccount, kind: AccountKind, meaning: &'static str) -> Account {
    Account { account, kind, per_seller: false, meaning }
}

const fn of_sellers(account: LedgerAccount, meaning: &'static str) -> Account {
    Account { account, kind: AccountKind::Liability, per_seller: true, meaning }
}

/// Every account, assets first.
pub const CHART: &[Account] = &[
    account(
        LedgerAccount::ProviderClearing,
        AccountKind::Asset,
        "Money that the payment provider holds: captured, less refunded and paid out.",
    ),
    of_sellers(
        LedgerAccount::SellerPayable,
        "What a seller is owed: sales without tax, less commission, refunds, labels, payouts and reserve.",
    ),
    of_sellers(LedgerAccount::SellerReserve, "What is kept back of a seller's payouts until its day of release."),
    account(
        LedgerAccount::PayoutClearing,
        AccountKind::Liability,
        "Payouts on their way to sellers: owed until the provider says that they went.",
    ),
    account(
        LedgerAccount::TaxPayable,
        AccountKind::Liability,
        "Tax that shoppers paid and the marketplace owes to the state.",
    ),
    account(
        LedgerAccount::CommissionTaxPayable,
        AccountKind::Liability,
        "Value added tax on commission, owed to the state.",
    ),
    account(LedgerAccount::CarrierPayable, AccountKind::Liability, "Labels bought from carriers, less labels voided."),
    account(
        LedgerAccount::CommissionRevenue,
        AccountKind::Income,
        "Commission earned, less what was given back with refunds.",
    ),
    account(
        LedgerAccount::PromotionExpense,
        AccountKind::Expense,
        "Discounts that the marketplace makes good to sellers.",
    ),
    account(
        LedgerAccount::GoodwillExpense,
        AccountKind::Expense,
        "Refunds that the marketplace bears instead of the seller.",
    ),
];

#[cfg(test)]
mod tests {
    use sea_orm::Iterable;

    use super::*;

    #[test]
    fn every_account_is_in_the_chart_once() {
        for known in LedgerAccount::iter() {
            assert_eq!(CHART.iter().filter(|account| account.account == known).count(), 1, "{known}");
        }
    }

    #[test]
    fn what_is_on_its_way_to_sellers_is_owed() {
        let of_sellers = [LedgerAccount::SellerPayable, LedgerAccount::SellerReserve, LedgerAccount::PayoutClearing];
        for account in CHART.iter().filter(|account| of_sellers.contains(&account.account)) {
            assert_eq!(account.kind, AccountKind::Liability, "{}", account.account);
        }
    }
}
