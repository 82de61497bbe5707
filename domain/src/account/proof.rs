//! What a person shows of themselves once more, beyond their sign-in, and whether it still holds once it counts.

use souk_entity::id::UserId;
use souk_entity::user;
use uuid::Uuid;

use super::{is_signed_in, role};
use crate::error::{Code, Error, Result};
use crate::store::Tx;

/// A person whose password was found to be right. Looking at it takes time, in which the password may be set anew and
/// the sign-in be ended; so it counts for nothing until [`Proof::hold`].
#[derive(Clone, Debug)]
pub struct Proof {
    user: UserId,
    sign_in: Uuid,
    password_hash: String,
}

impl Proof {
    /// Of a person in this sign-in, by a password that has this hash.
    pub fn new(user: UserId, sign_in: Uuid, password_hash: String) -> Self {
        Self { user, sign_in, password_hash }
    }

    /// Whose it is.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// Locks and reads the account, of which password and sign-in are from here on what they were.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] when the sign-in has ended; [`Code::WrongPassword`] when the password is another one.
    pub(crate) async fn hold(&self, tx: &Tx) -> Result<user::Model> {
        let person = hold_sign_in(tx, self.user, self.sign_in).await?;
        if person.password_hash != self.password_hash {
            return Err(Error::new(Code::WrongPassword, "The password was changed at this moment; send the new one."));
        }
        Ok(person)
    }

    /// The sign-in in which it was shown.
    pub(super) fn sign_in(&self) -> Uuid {
        self.sign_in
    }
}

/// Locks and reads the account of a sign-in, which nobody ends from here on.
///
/// # Errors
/// [`Code::Unauthenticated`] when it has ended.
pub(super) async fn hold_sign_in(tx: &Tx, user: UserId, sign_in: Uuid) -> Result<user::Model> {
    let person = role::lock(tx, user).await?;
    if !person.is_active || !is_signed_in(&**tx, user, sign_in).await? {
        return Err(Error::new(Code::Unauthenticated, "The sign-in has been ended; sign in again."));
    }
    Ok(person)
}
