//! Passwords that are changed or forgotten. They come hashed (argon2id) and are not known here.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use souk_entity::status::{AccountTokenPurpose, NotificationKind};
use souk_entity::{refresh_token, user};

use super::letters::{self, Posted, Sender};
use super::profile::email_index;
use super::proof::Proof;
use super::throttle::Throttle;
use super::token::{self, AccountTokens, NewToken};
use super::{api_key, has_email, profile, revoke, revoke_sessions, role, totp};
use crate::audit::{self, Fields};
use crate::error::Result;
use crate::notification::About;
use crate::store::Tx;

/// Sends a token to whoever has this address, and nothing where nobody has, or where there were too many lately: the
/// last one is good then. Which it was is not told.
///
/// # Errors
/// The database's.
pub async fn forgotten(tx: &Tx, tokens: &AccountTokens, throttle: &Throttle, email: &str) -> Result<()> {
    let found = user::Entity::find().filter(has_email(tx.vault(), email)).one(&**tx).await?;
    let Some(found) = found else { return Ok(()) };
    let person = role::lock(tx, found.id).await?;
    if !person.is_active {
        return Ok(());
    }
    let Some(email) = profile(&**tx, tx.vault(), &person).await?.email else { return Ok(()) };
    match letters::count(tx, throttle, letters::Purpose::ResetPassword, &email, Sender::Anybody).await? {
        Posted::Sent(()) => {}
        Posted::Later(_) => return Ok(()),
    }
    let purpose = AccountTokenPurpose::ResetPassword;
    token::send(tx, tokens, NewToken { user: person.id, purpose, email, previous_email: None }).await
}

/// Looks whether a token can set a password, before any work is done for whoever shows it; [`reset`] looks again.
///
/// # Errors
/// [`crate::Code::TokenNotGood`].
pub async fn check_token(db: &impl ConnectionTrait, shown: &str, now: DateTime<Utc>) -> Result<()> {
    token::look(db, &[AccountTokenPurpose::ResetPassword], shown, now).await.map(drop)
}

/// Sets the password of whom a token was sent to, and ends all their sign-ins: whoever else was
/// signed in is not any more. Reading the token proved the address too; what was made of the account before anybody
/// had proven it, to sign in by, ends with it.
///
/// # Errors
/// [`crate::Code::TokenNotGood`].
pub async fn reset(tx: &Tx, shown: &str, password_hash: String) -> Result<user::Model> {
    let (taken, mut person) = token::take(tx, &[AccountTokenPurpose::ResetPassword], shown).await?;
    let proven = token::open_email(&**tx, tx.vault(), &taken).await?.map(|email| email_index(tx.vault(), &email));
    if person.email_index == proven && person.email_verified_at.is_none() {
        person.email_verified_at = Some(tx.now);
        // Whoever made the account has not shown that the address is theirs, and whoever has it now never saw what
        // would let them in; keys and second factors have not always asked for a confirmed address.
        totp::disown(tx, person.id).await?;
        api_key::revoke_of_maker(tx, person.id, None).await?;
    }
    set(tx, &mut person, password_hash).await?;
    revoke_sessions(tx, person.id).await?;
    Ok(person)
}

/// Sets another password and ends every sign-in but the one in which the one before was shown.
///
/// # Errors
/// As [`Proof::hold`].
pub async fn change(tx: &Tx, proof: &Proof, password_hash: String) -> Result<()> {
    let mut person = proof.hold(tx).await?;
    set(tx, &mut person, password_hash).await?;
    let others = refresh_token::Column::UserId.eq(person.id).and(refresh_token::Column::FamilyId.ne(proof.sign_in()));
    revoke(tx, others).await
}

async fn set(tx: &Tx, person: &mut user::Model, password_hash: String) -> Result<()> {
    // What was sent to somebody who knew the old password is worth nothing under the new one.
    token::void(tx, person.id, &[AccountTokenPurpose::ResetPassword, AccountTokenPurpose::ChangeEmail]).await?;
    person.password_hash = password_hash;
    let row = user::ActiveModel {
        id: Set(person.id),
        password_hash: Set(person.password_hash.clone()),
        email_verified_at: Set(person.email_verified_at),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    user::Entity::update(row).exec_without_returning(&**tx).await?;
    audit::note(tx, "user", person.id, Fields::new().changed("password_set_at", None, Some(tx.now)));
    let about = About { user_id: Some(person.id), ..About::default() };
    let key = format!("password_changed:{}:{}", person.id, tx.now.timestamp_micros());
    token::tell(tx, NotificationKind::PasswordChanged, key, about).await
}
