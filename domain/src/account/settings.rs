//! What a seller sets, and what is agreed with them.

use sea_orm::ActiveValue::Set;
use serde_json::json;
use souk_entity::id::SellerId;
use souk_entity::money::{MinorUnits, RatePpm};
use souk_entity::seller;
use souk_entity::status::PayoutInterval;

use super::{lock, save, save_with};
use crate::actor::Actor;
use crate::audit::{self, Fields};
use crate::error::{Error, Result};
use crate::money::LARGEST_AMOUNT;
use crate::payout;
use crate::returns::policy::ReturnPolicy;
use crate::store::Tx;

/// The field of `seller.configured` that says that payouts go to another account.
pub(crate) const PAYOUT_ACCOUNT_CHANGED: &str = "payout_account_changed";

/// What a seller, or an operator for them, may set.
#[derive(Clone, Debug, Default)]
pub struct SellerSettings {
    /// Whether paid orders are accepted without a person.
    pub auto_accept: Option<bool>,
    /// How long a person may take otherwise, 1 to 720 hours.
    pub accept_within_hours: Option<i32>,
    /// Days after delivery in which a return may be asked for, 0 to 365.
    pub return_window_days: Option<i32>,
    /// What is agreed; operators only.
    pub terms: SellerTerms,
}

/// What the marketplace agrees with a seller.
#[derive(Clone, Debug, Default)]
pub struct SellerTerms {
    /// Value added tax on the commission of orders placed from now on.
    pub commission_tax: Option<RatePpm>,
    /// How often they are paid out.
    pub payout_interval: Option<PayoutInterval>,
    /// Less waits for the next payout; in minor units of whichever currency is paid.
    pub payout_minimum: Option<MinorUnits>,
    /// Days after completion before a seller order's money is paid out, 0 to 365.
    pub payout_hold_days: Option<i32>,
    /// The part of each payout that is kept back, less than all of it.
    pub reserve_rate: Option<RatePpm>,
    /// For how many days, 0 to 365; for 0 days nothing is kept back.
    pub reserve_days: Option<i32>,
}

impl SellerTerms {
    fn check(&self) -> Result<()> {
        within(self.payout_hold_days, 0, 365, "payout_hold_days")?;
        within(self.reserve_days, 0, 365, "reserve_days")?;
        if self.commission_tax.is_some_and(|rate| !(0..=1_000_000).contains(&rate.0)) {
            return Err(Error::invalid("Tax on commission is 0% to 100%."));
        }
        if self.reserve_rate.is_some_and(|rate| !(0..1_000_000).contains(&rate.0)) {
            return Err(Error::invalid("A reserve is 0% to less than 100%: of 100%, nothing would ever be paid."));
        }
        if self.payout_minimum.is_some_and(|minimum| !(0..=LARGEST_AMOUNT).contains(&minimum.0)) {
            return Err(Error::invalid(format!("payout_minimum is 0 to {LARGEST_AMOUNT} minor units.")));
        }
        Ok(())
    }
}

fn within(value: Option<i32>, least: i32, most: i32, what: &str) -> Result<()> {
    match value {
        Some(value) if !(least..=most).contains(&value) => {
            Err(Error::invalid(format!("{what} is {least} to {most}; {value} is not.")))
        }
        _ => Ok(()),
    }
}

/// Changes a seller's settings; orders that are placed keep what was set then.
///
/// # Errors
/// [`crate::Code::NotFound`], [`crate::Code::InvalidValue`].
pub async fn configure(tx: &Tx, id: SellerId, settings: &SellerSettings, actor: Actor) -> Result<seller::Model> {
    let mut seller = lock(tx, id).await?;
    within(settings.accept_within_hours, 1, 720, "accept_within_hours")?;
    within(settings.return_window_days, 0, 365, "return_window_days")?;
    settings.terms.check()?;
    let before = seller.clone();
    seller.auto_accept = settings.auto_accept.unwrap_or(seller.auto_accept);
    seller.accept_within_hours = settings.accept_within_hours.unwrap_or(seller.accept_within_hours);
    seller.return_window_days = settings.return_window_days.unwrap_or(seller.return_window_days);
    let terms = &settings.terms;
    seller.commission_tax_ppm = terms.commission_tax.unwrap_or(seller.commission_tax_ppm);
    seller.payout_interval = terms.payout_interval.unwrap_or(seller.payout_interval);
    seller.payout_minimum = terms.payout_minimum.unwrap_or(seller.payout_minimum);
    seller.payout_hold_days = terms.payout_hold_days.unwrap_or(seller.payout_hold_days);
    seller.reserve_ppm = terms.reserve_rate.unwrap_or(seller.reserve_ppm);
    seller.reserve_days = terms.reserve_days.unwrap_or(seller.reserve_days);
    let row = seller::ActiveModel {
        auto_accept: Set(seller.auto_accept),
        accept_within_hours: Set(seller.accept_within_hours),
        return_window_days: Set(seller.return_window_days),
        commission_tax_ppm: Set(seller.commission_tax_ppm),
        payout_interval: Set(seller.payout_interval),
        payout_minimum: Set(seller.payout_minimum),
        payout_hold_days: Set(seller.payout_hold_days),
        reserve_ppm: Set(seller.reserve_ppm),
        reserve_days: Set(seller.reserve_days),
        ..Default::default()
    };
    let note = Some("settings changed".to_owned());
    let seller = save(tx, seller.status, seller, row, actor, note).await?;
    audit::note(tx, "seller", id, changed(&before, &seller));
    if terms.payout_interval.is_some() {
        // The day that is planned may not be one of the new interval's.
        payout::schedule::schedule_if_owed(tx, id, tx.now).await?;
    }
    Ok(seller)
}

/// What an audit entry keeps of changed settings.
fn changed(before: &seller::Model, after: &seller::Model) -> Fields {
    Fields::new()
        .changed("auto_accept", before.auto_accept, after.auto_accept)
        .changed("accept_within_hours", before.accept_within_hours, after.accept_within_hours)
        .changed("return_window_days", before.return_window_days, after.return_window_days)
        .changed("commission_tax_ppm", before.commission_tax_ppm, after.commission_tax_ppm)
        .changed("payout_interval", before.payout_interval, after.payout_interval)
        .changed("payout_minimum", before.payout_minimum, after.payout_minimum)
        .changed("payout_hold_days", before.payout_hold_days, after.payout_hold_days)
        .changed("reserve_ppm", before.reserve_ppm, after.reserve_ppm)
        .changed("reserve_days", before.reserve_days, after.reserve_days)
}

/// Writes on what terms a seller takes goods back; what is allowed is checked by
/// [`crate::returns::policy::set`].
pub(crate) async fn set_return_policy(
    tx: &Tx,
    id: SellerId,
    policy: ReturnPolicy,
    actor: Actor,
) -> Result<seller::Model> {
    let mut seller = lock(tx, id).await?;
    let before = ReturnPolicy::from(&seller);
    seller.return_window_days = policy.window_days;
    seller.return_label_payer = policy.label_paid_by;
    seller.restocking_ppm = policy.restocking;
    seller.return_policy_set_at = Some(tx.now);
    let row = seller::ActiveModel {
        return_window_days: Set(policy.window_days),
        return_label_payer: Set(policy.label_paid_by),
        restocking_ppm: Set(policy.restocking),
        return_policy_set_at: Set(seller.return_policy_set_at),
        ..Default::default()
    };
    let fields = Fields::new()
        .changed("return_window_days", before.window_days, policy.window_days)
        .changed("return_label_payer", before.label_paid_by, policy.label_paid_by)
        .changed("restocking_ppm", before.restocking, policy.restocking);
    audit::note(tx, "seller", id, fields);
    let note = Some("return policy changed".to_owned());
    save(tx, seller.status, seller, row, actor, note).await
}

/// Sets where a seller's payouts go; those under way go where they were sent. Its owners are told of another account
/// than before.
///
/// # Errors
/// [`crate::Code::NotFound`], [`crate::Code::InvalidValue`].
pub async fn set_payout_account(tx: &Tx, id: SellerId, account: &str, actor: Actor) -> Result<seller::Model> {
    if !(1..=100).contains(&account.len()) || !account.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid("A payout account is 1 to 100 printable ASCII characters without spaces."));
    }
    let mut seller = lock(tx, id).await?;
    let data = json!({PAYOUT_ACCOUNT_CHANGED: seller.payout_account.as_deref() != Some(account)});
    seller.payout_account = Some(account.to_owned());
    let row = seller::ActiveModel { payout_account: Set(seller.payout_account.clone()), ..Default::default() };
    let note = Some("payout account changed".to_owned());
    save_with(tx, seller.status, seller, row, actor, note, data).await
}
