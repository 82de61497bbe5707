//! The e-mail address of an account: proving it, and moving to another one.

use sea_orm::{ActiveValue::Set, EntityTrait};
use souk_entity::id::UserId;
use souk_entity::status::{AccountTokenPurpose, NotificationKind};
use souk_entity::user;

use super::letters::{self, Posted, Purpose, Sender};
use super::profile::{email_field, email_index};
use super::proof::Proof;
use super::throttle::Throttle;
use super::token::{self, AccountTokens, NewToken};
use super::{find_by_email, profile, role};
use crate::audit::{self, Fields};
use crate::error::{Code, Error, Result};
use crate::notification::About;
use crate::store::Tx;

/// Sends a token that proves the present address; none where it is proven.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn ask_to_verify(tx: &Tx, tokens: &AccountTokens, throttle: &Throttle, user: UserId) -> Result<Posted> {
    let person = role::lock(tx, user).await?;
    let profile = profile(&**tx, tx.vault(), &person).await?;
    if let Some(email) = profile.email
        && person.email_verified_at.is_none()
    {
        let counted = letters::count(tx, throttle, Purpose::VerifyEmail, &email, Sender::Person(user)).await?;
        if let Posted::Later(_) = counted {
            return Ok(counted);
        }
        let purpose = AccountTokenPurpose::VerifyEmail;
        let new = NewToken { user, purpose, email, previous_email: None };
        token::send(tx, tokens, new).await?;
    }
    Ok(Posted::Sent(()))
}

/// Sends a token to another address; the account moves there when it comes back.
///
/// # Errors
/// As [`Proof::hold`]; [`Code::InvalidValue`]; [`Code::AlreadyExists`] when the address has an account.
pub async fn ask_to_change(
    tx: &Tx,
    tokens: &AccountTokens,
    throttle: &Throttle,
    proof: &Proof,
    email: &str,
) -> Result<Posted> {
    let email = super::email(email)?;
    let person = proof.hold(tx).await?;
    if find_by_email(&**tx, tx.vault(), &email).await?.is_some() {
        return Err(taken());
    }
    let counted = letters::count(tx, throttle, Purpose::ChangeEmail, &email, Sender::Person(person.id)).await?;
    if let Posted::Later(_) = counted {
        return Ok(counted);
    }
    let previous_email = profile(&**tx, tx.vault(), &person).await?.email;
    let purpose = AccountTokenPurpose::ChangeEmail;
    token::send(tx, tokens, NewToken { user: person.id, purpose, email, previous_email }).await?;
    Ok(counted)
}

/// For what nobody may do in the name of somebody else's address.
///
/// # Errors
/// [`Code::Forbidden`] before the address is confirmed.
pub(super) fn require_confirmed(person: &user::Model) -> Result<()> {
    if person.email_verified_at.is_some() {
        return Ok(());
    }
    let message = "Confirm your e-mail address first, with the token that was sent there; \
                   POST /api/v1/me/verification sends another one.";
    Err(Error::new(Code::Forbidden, message))
}

/// What a token that came back proves: the present address, or the other one, to which the account
/// moves; then the address before is told.
///
/// # Errors
/// [`Code::TokenNotGood`]; [`Code::AlreadyExists`] when somebody else has registered the address
/// meanwhile.
pub async fn confirm(tx: &Tx, shown: &str) -> Result<user::Model> {
    let purposes = [AccountTokenPurpose::VerifyEmail, AccountTokenPurpose::ChangeEmail];
    let (taken, mut person) = token::take(tx, &purposes, shown).await?;
    let fields = Fields::new().changed("email_verified_at", person.email_verified_at, Some(tx.now));
    // The addresses themselves are the person's, and entries are for good.
    let moves = taken.purpose == AccountTokenPurpose::ChangeEmail;
    audit::note(tx, "user", person.id, fields.changed("email_moved", false, moves));
    person.email_verified_at = Some(tx.now);
    person.updated_at = tx.now;
    let mut row = user::ActiveModel {
        id: Set(person.id),
        email_verified_at: Set(person.email_verified_at),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    let proven = token::open_email(&**tx, tx.vault(), &taken).await?.ok_or_else(|| Error::not_found("user"))?;
    let index = email_index(tx.vault(), &proven);
    if moves {
        person.email = tx.vault().person(&**tx, person.id.into()).await?.seal(email_field(person.id), &proven)?;
        person.email_index = Some(index);
        row.email = Set(person.email.clone());
        row.email_index = Set(person.email_index.clone());
    } else if person.email_index.as_ref() != Some(&index) {
        return Err(Error::new(Code::TokenNotGood, "The account has another address now; ask for a new token."));
    }
    user::Entity::update(row).exec_without_returning(&**tx).await?;
    if moves {
        // What was sent to the old address is not for whoever reads that from now on.
        token::void(tx, person.id, &[AccountTokenPurpose::VerifyEmail, AccountTokenPurpose::ResetPassword]).await?;
        let about = About { user_id: Some(person.id), account_token_id: Some(taken.id), ..About::default() };
        token::tell(tx, NotificationKind::EmailChanged, format!("email_changed:{}", taken.id), about).await?;
    }
    Ok(person)
}

fn taken() -> Error {
    Error::new(Code::AlreadyExists, "This e-mail address has an account; choose another one.")
}
