//! Signing in: what comes after the password was found to be right.

use souk_entity::user;

use super::throttle::Taken;
use super::totp::{self, Check, TotpSecrets};
use super::{SignIn, issue_refresh_token, role};
use crate::error::Result;
use crate::store::Tx;

/// Somebody whose password was right.
#[derive(Clone, Debug)]
pub struct Known {
    /// As they were when it was looked at.
    pub user: user::Model,
    /// A code of their second factor, or a recovery code.
    pub code: Option<String>,
    /// The APIs that the sign-in is for, separated by spaces; `None`: all that the account may use.
    pub audience: Option<String>,
    /// Their turn.
    pub turn: Taken,
}

/// What became of a sign-in.
pub enum Entered {
    /// They are in; the token is not stored.
    In(Box<user::Model>, SignIn, String),
    /// It takes a code, too.
    CodeMissing,
    /// The code is wrong, over or used; it counts as a failure.
    CodeWrong,
    /// The account was closed or has another password since; it counts as a failure.
    Changed,
}

/// Begins a sign-in. Refusals are outcomes, not errors, so that what they leave behind commits.
///
/// # Errors
/// The database's.
pub async fn enter(tx: &Tx, secrets: &TotpSecrets, known: &Known) -> Result<Entered> {
    // Who sets another password meanwhile ends all sign-ins, and must not miss this one.
    let user = role::lock(tx, known.user.id).await?;
    if !user.is_active || user.password_hash != known.user.password_hash {
        return Ok(Entered::Changed);
    }
    match totp::check(tx, secrets, user.id, known.code.as_deref()).await? {
        Check::NotAsked | Check::Right => {}
        Check::Missing => {
            known.turn.undone(tx).await?;
            return Ok(Entered::CodeMissing);
        }
        Check::Wrong => return Ok(Entered::CodeWrong),
    }
    let sign_in = SignIn::begin(tx, known.audience.clone());
    let token = issue_refresh_token(tx, user.id, &sign_in).await?;
    known.turn.succeeded(tx).await?;
    Ok(Entered::In(Box::new(user), sign_in, token))
}
