//! Holidays of a seller: no new orders for a while; what is ordered goes on.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Condition;
use sea_orm::{ActiveValue::Set, ColumnTrait};
use souk_entity::id::SellerId;
use souk_entity::seller;
use souk_entity::status::SellerStatus;

use super::{lock, save};
use crate::actor::Actor;
use crate::audit::{self, Fields};
use crate::error::{Code, Error, Result};
use crate::store::Tx;

/// When a seller takes no orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holiday {
    /// From then; `None`: already.
    pub starts_at: Option<DateTime<Utc>>,
    /// Until then; `None`: until they say otherwise.
    pub ends_at: Option<DateTime<Utc>>,
    /// What shoppers are told.
    pub message: Option<String>,
}

impl Holiday {
    /// The holiday that a seller has set, whether it has begun or is over.
    pub fn of(seller: &seller::Model) -> Option<Self> {
        seller.on_holiday.then(|| Self {
            starts_at: seller.holiday_starts_at,
            ends_at: seller.holiday_ends_at,
            message: seller.holiday_message.clone(),
        })
    }

    /// Whether no orders are taken at `now`: from its start on, and before its end.
    pub fn is_on(&self, now: DateTime<Utc>) -> bool {
        self.starts_at.is_none_or(|starts| starts <= now) && self.ends_at.is_none_or(|ends| now < ends)
    }

    /// The refusal of what `seller` sells.
    pub fn refuse(&self, seller: &str) -> Error {
        let until = self.ends_at.map(|ends| format!(" until {}", ends.format("%Y-%m-%d %H:%M UTC")));
        let message = format!(
            "{seller} is on holiday{} and takes no orders; take their offers out or come back later.",
            until.unwrap_or_default()
        );
        Error::new(Code::SellerOnHoliday, message)
    }
}

/// The condition that a seller takes orders at `now`: approved and not on holiday. What
/// [`Holiday::is_on`] says, for the database.
pub fn takes_orders(now: DateTime<Utc>) -> Condition {
    let present = Condition::any()
        .add(seller::Column::OnHoliday.eq(false))
        .add(seller::Column::HolidayStartsAt.gt(now))
        .add(seller::Column::HolidayEndsAt.lte(now));
    Condition::all().add(seller::Column::Status.eq(SellerStatus::Approved)).add(present)
}

/// Sets a seller's holiday, or takes it away. The row is locked exclusively: see
/// [`crate::order::stock::reserve_for_sale`].
///
/// # Errors
/// [`Code::NotFound`]; [`Code::InvalidValue`] for an end that is over or not after the start.
pub async fn set(tx: &Tx, id: SellerId, holiday: Option<Holiday>, actor: Actor) -> Result<seller::Model> {
    if let Some(Holiday { starts_at, ends_at: Some(ends), .. }) = &holiday
        && (*ends <= tx.now || starts_at.is_some_and(|starts| *ends <= starts))
    {
        return Err(Error::invalid("A holiday ends in the future, and after it starts."));
    }
    let mut seller = lock(tx, id).await?;
    let before = Holiday::of(&seller);
    let after = holiday.clone().unwrap_or_default();
    seller.on_holiday = holiday.is_some();
    seller.holiday_starts_at = after.starts_at;
    seller.holiday_ends_at = after.ends_at;
    seller.holiday_message = after.message;
    let row = seller::ActiveModel {
        on_holiday: Set(seller.on_holiday),
        holiday_starts_at: Set(seller.holiday_starts_at),
        holiday_ends_at: Set(seller.holiday_ends_at),
        holiday_message: Set(seller.holiday_message.clone()),
        ..Default::default()
    };
    // The message is what somebody wrote, and not kept for good.
    let of = |holiday: &Option<Holiday>| holiday.as_ref().map(|holiday| (holiday.starts_at, holiday.ends_at));
    let fields = Fields::new().changed("on_holiday", before.is_some(), seller.on_holiday).changed(
        "holiday",
        of(&before),
        of(&holiday),
    );
    audit::note(tx, "seller", id, fields);
    let note = if seller.on_holiday { "holiday set" } else { "holiday ended" };
    save(tx, seller.status, seller, row, actor, Some(note.to_owned())).await
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_holiday_is_on_from_its_start_until_before_its_end() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let at = |hours: i64| Some(now + TimeDelta::hours(hours));
        for (starts_at, ends_at, on) in [
            (None, None, true),
            (at(0), None, true),
            (at(1), None, false),
            (None, at(1), true),
            (None, at(0), false),
            (at(-2), at(-1), false),
            (at(-1), at(1), true),
            (at(1), at(2), false),
        ] {
            assert_eq!(Holiday { starts_at, ends_at, message: None }.is_on(now), on, "{starts_at:?} {ends_at:?}");
        }
    }
}
