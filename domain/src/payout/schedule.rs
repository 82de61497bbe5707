//! When a seller is paid out.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc, Weekday};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use souk_entity::id::SellerId;
use souk_entity::status::PayoutInterval;
use souk_entity::{payout_reserve, seller};

use super::due;
use crate::error::{Error, Result};
use crate::job::{self, Task};
use crate::store::Tx;

/// The time of day of payouts, after midnight UTC.
const TIME_OF_DAY: TimeDelta = TimeDelta::hours(6);

/// Whether sellers of this interval are paid out on this day.
pub fn is_run_day(interval: PayoutInterval, day: NaiveDate) -> bool {
    match interval {
        PayoutInterval::Manual => false,
        PayoutInterval::Daily => true,
        PayoutInterval::Weekly => day.weekday() == Weekday::Mon,
        PayoutInterval::Monthly => day.day() == 1,
    }
}

/// The instant of a day's payouts: 06:00 UTC.
pub fn instant(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc() + TIME_OF_DAY
}

/// The first payout at or after `from`: each day, each Monday or each first of a month at 06:00
/// UTC; `None` for sellers who are paid out by hand.
pub fn next_run(interval: PayoutInterval, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
    // Of any 33 days, one is a first of a month whose instant is not over.
    let days = from.date_naive().iter_days().take(33);
    days.filter(|day| is_run_day(interval, *day)).map(instant).find(|at| *at >= from)
}

/// Has the seller paid out on the first day at or after `from` that their interval names, and never
/// on one that is over: it would be made up for at once, on no day of theirs. Asked for twice, it
/// is done once.
///
/// # Errors
/// The database's.
pub async fn schedule(tx: &Tx, seller_id: SellerId, from: DateTime<Utc>) -> Result<()> {
    let interval: Option<PayoutInterval> = seller::Entity::find_by_id(seller_id)
        .select_only()
        .column(seller::Column::PayoutInterval)
        .into_tuple()
        .one(&**tx)
        .await?;
    let interval = interval.ok_or_else(|| Error::not_found("seller"))?;
    if let Some(at) = next_run(interval, Ord::max(from, tx.now)) {
        job::enqueue(tx, &Task::PayOutSeller { seller_id, day: at.date_naive() }, at).await?;
    }
    Ok(())
}

/// [`schedule`], where the seller has something to come: a balance in their favour, due or not
/// yet, or a reserve. Sellers without wait for what their next order sets off.
///
/// # Errors
/// The database's.
pub async fn schedule_if_owed(tx: &Tx, seller: SellerId, from: DateTime<Utc>) -> Result<()> {
    let reserve = payout_reserve::Entity::find()
        .filter(payout_reserve::Column::SellerId.eq(seller))
        .filter(payout_reserve::Column::ReleasedAt.is_null())
        .one(&**tx)
        .await?;
    if reserve.is_some() || due::is_owed(&**tx, seller).await? {
        schedule(tx, seller, from).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn runs_are_at_six_on_the_days_of_the_interval() {
        use PayoutInterval::*;
        let cases = [
            (Daily, "2026-11-21T05:59:59Z", "2026-11-21T06:00:00Z"),
            (Daily, "2026-11-21T06:00:00Z", "2026-11-21T06:00:00Z"),
            (Daily, "2026-12-31T06:00:01Z", "2027-01-01T06:00:00Z"),
            (Weekly, "2026-11-21T12:00:00Z", "2026-11-23T06:00:00Z"),
            (Weekly, "2026-11-23T06:00:00.000001Z", "2026-11-30T06:00:00Z"),
            (Monthly, "2026-11-01T06:00:00Z", "2026-11-01T06:00:00Z"),
            (Monthly, "2026-01-01T07:00:00Z", "2026-02-01T06:00:00Z"),
            (Monthly, "2028-02-01T07:00:00Z", "2028-03-01T06:00:00Z"),
        ];
        for (interval, from, run) in cases {
            assert_eq!(next_run(interval, at(from)), Some(at(run)), "{interval} from {from}");
        }
        assert_eq!(next_run(Manual, at("2026-11-21T05:00:00Z")), None);
    }

    proptest! {
        #[test]
        fn the_next_run_is_the_first_that_is_not_over(seconds in 0_i64..4_000_000_000) {
            let from = DateTime::from_timestamp(seconds, 0).unwrap();
            for (interval, longest) in
                [(PayoutInterval::Daily, 1), (PayoutInterval::Weekly, 7), (PayoutInterval::Monthly, 31)]
            {
                let run = next_run(interval, from).unwrap();
                prop_assert!(run >= from && run - from < TimeDelta::days(longest) + TimeDelta::seconds(1));
                prop_assert!(is_run_day(interval, run.date_naive()) && instant(run.date_naive()) == run);
                prop_assert_eq!(next_run(interval, run), Some(run));
                let earlier = from.date_naive().iter_days().take_while(|day| *day < run.date_naive());
                prop_assert!(earlier.filter(|day| instant(*day) >= from).all(|day| !is_run_day(interval, day)));
            }
        }
    }
}
