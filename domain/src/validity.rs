//! From when until when terms apply: tax rates, exemptions.
//!
//! Terms that orders were priced by are never changed, so that what is frozen stays explained;
//! they end, and others begin.

use chrono::{DateTime, Datelike, SubsecRound, Utc};

use crate::error::{Error, Result};

/// From an instant on, and until another one if it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first instant.
    pub starts_at: DateTime<Utc>,
    /// The first instant after it; `None` while there is no end.
    pub ends_at: Option<DateTime<Utc>>,
}

impl Validity {
    /// What was asked for; from `now` on where no start is named.
    ///
    /// # Errors
    /// [`crate::Code::InvalidValue`] when it ends before it starts, or for years that cannot be kept.
    pub fn new(starts_at: Option<DateTime<Utc>>, ends_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<Self> {
        let starts_at = instant(starts_at.unwrap_or(now))?;
        let ends_at = ends_at.map(instant).transpose()?;
        if ends_at.is_some_and(|ends| ends <= starts_at) {
            return Err(Error::invalid("ends_at is after starts_at."));
        }
        Ok(Self { starts_at, ends_at })
    }

    /// The same with another end, which is `now` when none is named.
    ///
    /// # Errors
    /// [`crate::Code::InvalidValue`] when it is over, or when the end is in the past or before the
    /// start: what was true when orders were placed stays true.
    pub fn ending(self, ends_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<Self> {
        if self.ends_at.is_some_and(|ends| ends <= now) {
            return Err(Error::invalid("It has ended already; add another one that starts later."));
        }
        let ends_at = instant(ends_at.unwrap_or(now))?;
        if ends_at < now {
            return Err(Error::invalid("ends_at is now or later: orders were placed by it until now."));
        }
        Self::new(Some(self.starts_at), Some(ends_at), now)
    }
}

/// As exact as both databases keep it, and of a year that RFC 3339 can write.
fn instant(at: DateTime<Utc>) -> Result<DateTime<Utc>> {
    if (1..=9999).contains(&at.year()) {
        Ok(at.trunc_subsecs(6))
    } else {
        Err(Error::invalid("starts_at and ends_at are of the years 1 to 9999."))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::Code;

    #[test]
    fn terms_end_after_they_start() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let (before, after) = (now - TimeDelta::days(1), now + TimeDelta::days(1));
        assert_eq!(Validity::new(None, None, now).unwrap(), Validity { starts_at: now, ends_at: None });
        for (starts, ends) in [(Some(after), Some(after)), (Some(after), Some(now)), (None, Some(before))] {
            assert_eq!(Validity::new(starts, ends, now).unwrap_err().code, Code::InvalidValue);
        }
        assert_eq!(Validity::new(Some(DateTime::<Utc>::MIN_UTC), None, now).unwrap_err().code, Code::InvalidValue);
    }

    #[test]
    fn what_was_true_stays_true() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let day = |days| now + TimeDelta::days(days);
        let terms = |ends| Validity { starts_at: day(-10), ends_at: ends };
        assert_eq!(terms(None).ending(None, now).unwrap().ends_at, Some(now));
        assert_eq!(terms(Some(day(5))).ending(Some(day(9)), now).unwrap().ends_at, Some(day(9)));
        assert_eq!(terms(None).ending(Some(day(-1)), now).unwrap_err().code, Code::InvalidValue);
        assert_eq!(terms(Some(day(-1))).ending(Some(day(9)), now).unwrap_err().code, Code::InvalidValue);
        let later = Validity { starts_at: day(3), ends_at: None };
        assert_eq!(later.ending(None, now).unwrap_err().code, Code::InvalidValue, "before it starts");
    }
}
