//! Letters that anybody can have us send: so many to an address, and so many by whoever asks, and no more for a while.
//!
//! They are counted where failed sign-ins are, by keyed hashes. What is over is not sent, and voids nothing: the last
//! one that was sent stays good.

use chrono::TimeDelta;
use souk_entity::id::{SellerId, UserId};
use souk_entity::status::AccountTokenPurpose;

use super::throttle::{self, Throttle};
use super::token;
use crate::audit;
use crate::error::Result;
use crate::store::Tx;

/// So many letters of a purpose go to an address within a [window](Purpose::window).
pub const MOST_TO: i64 = 5;

/// So many letters of a purpose does one person, or one seller, have sent within a [window](Purpose::window).
pub const MOST_BY: i64 = 20;

/// What a letter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To prove the address of an account.
    VerifyEmail,
    /// To move an account to the address.
    ChangeEmail,
    /// To set a password anew.
    ResetPassword,
    /// To join a seller's team.
    Invitation,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ChangeEmail => "change_email",
            Self::ResetPassword => "reset_password",
            Self::Invitation => "invitation",
        }
    }

    /// Letters count for so long, from the first one on.
    pub fn window(self) -> TimeDelta {
        match self {
            // Whoever uses up what somebody can be sent leaves a good token with them until they can be sent another.
            Self::ResetPassword => token::lifetime(AccountTokenPurpose::ResetPassword),
            Self::VerifyEmail | Self::ChangeEmail | Self::Invitation => TimeDelta::hours(1),
        }
    }
}

/// Who has a letter sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Whoever knows the address.
    Anybody,
    /// A person.
    Person(UserId),
    /// Owners of a seller.
    Seller(SellerId),
}

/// What became of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted<T = ()> {
    /// It is sent.
    Sent(T),
    /// There were too many; the next one can be sent after so long. Nothing has changed.
    Later(TimeDelta),
}

/// Counts a letter that is about to be sent. Locks what it counts in, after accounts and sellers.
///
/// # Errors
/// The database's.
pub(super) async fn count(tx: &Tx, throttle: &Throttle, purpose: Purpose, to: &str, by: Sender) -> Result<Posted> {
    let word = purpose.word();
    let mut limits = vec![(throttle.subject(&format!("letter\0{word}\0to\0{to}")), MOST_TO)];
    match by {
        Sender::Anybody => {}
        Sender::Person(id) => limits.push((throttle.subject(&format!("letter\0{word}\0by person\0{id}")), MOST_BY)),
        Sender::Seller(id) => limits.push((throttle.subject(&format!("letter\0{word}\0by seller\0{id}")), MOST_BY)),
    }
    match throttle::count_within(tx, limits, purpose.window()).await? {
        Some(wait) => {
            audit::nothing(tx);
            Ok(Posted::Later(wait))
        }
        None => Ok(Posted::Sent(())),
    }
}
