//! Tokens that travel by e-mail: worked out when they are sent, used once, the newest only.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use souk_entity::account_token;
use souk_entity::id::{AccountTokenId, NotificationId, SellerInvitationId, UserId};
use souk_entity::status::{AccountTokenPurpose, NotificationKind, NotificationStatus};
use souk_entity::{notification, user};

use super::token_hash;
use crate::error::{Code, Error, Result};
use crate::job::{self, Task};
use crate::keyed_hash::keyed_hash;
use crate::notification::About;
use crate::store::Tx;
use crate::vault::{Field, Vault};

/// How long a token is good for.
pub fn lifetime(purpose: AccountTokenPurpose) -> TimeDelta {
    match purpose {
        AccountTokenPurpose::VerifyEmail | AccountTokenPurpose::ChangeEmail => TimeDelta::hours(24),
        AccountTokenPurpose::ResetPassword => TimeDelta::minutes(30),
    }
}

/// Works tokens out of the master secret, so that no row, job or log holds one.
#[derive(Clone, Debug)]
pub struct AccountTokens(std::sync::Arc<SecretBox<[u8; 32]>>);

impl AccountTokens {
    /// Of the installation's master secret.
    pub fn new(master: &SecretString) -> Self {
        Self(std::sync::Arc::new(SecretBox::new(Box::new(keyed_hash(
            master.expose_secret().as_bytes(),
            b"account token",
        )))))
    }

    /// The token of a row.
    pub fn of(&self, id: AccountTokenId) -> SecretString {
        SecretString::from(hex::encode(keyed_hash(self.0.expose_secret(), id.to_string().as_bytes())))
    }

    /// The token of an invitation.
    pub fn of_invitation(&self, id: SellerInvitationId) -> SecretString {
        SecretString::from(hex::encode(keyed_hash(self.0.expose_secret(), format!("invitation\0{id}").as_bytes())))
    }
}

/// A token to be sent.
#[derive(Clone)]
pub struct NewToken {
    /// Whose it is.
    pub user: UserId,
    /// What it is for.
    pub purpose: AccountTokenPurpose,
    /// Where it is sent.
    pub email: String,
    /// The address before, for a change.
    pub previous_email: Option<String>,
}

/// Makes a token and has it sent; those of its purpose that were made before are good no more. The
/// account's row has to be locked.
///
/// # Errors
/// The database's.
pub async fn send(tx: &Tx, tokens: &AccountTokens, new: NewToken) -> Result<()> {
    void(tx, new.user, &[new.purpose]).await?;
    let id = AccountTokenId::at(tx.now);
    let person = tx.vault().person(&**tx, new.user.into()).await?;
    let previous = new.previous_email.map(|email| person.seal(previous_email_field(id), &email)).transpose()?;
    let row = account_token::Model {
        id,
        user_id: new.user,
        purpose: new.purpose,
        email: person.seal(email_field(id), &new.email)?,
        previous_email: previous,
        token_hash: token_hash(tokens.of(id).expose_secret()),
        created_at: tx.now,
        expires_at: tx.now + lifetime(new.purpose),
        used_at: None,
        voided_at: None,
    };
    account_token::Entity::insert(row.into_active_model()).exec_without_returning(&**tx).await?;
    let kind = match new.purpose {
        AccountTokenPurpose::VerifyEmail => NotificationKind::VerifyEmail,
        AccountTokenPurpose::ChangeEmail => NotificationKind::ChangeEmail,
        AccountTokenPurpose::ResetPassword => NotificationKind::ResetPassword,
    };
    tell(
        tx,
        kind,
        format!("{kind}:{id}"),
        About { user_id: Some(new.user), account_token_id: Some(id), ..About::default() },
    )
    .await
}

fn email_field(id: AccountTokenId) -> Field {
    Field::new("account_token.email", id)
}

fn previous_email_field(id: AccountTokenId) -> Field {
    Field::new("account_token.previous_email", id)
}

/// The address that a token is sent to and proves; `None` once the person is erased.
///
/// # Errors
/// The database's; [`Code::Internal`] for what does not open.
pub async fn open_email(
    db: &impl ConnectionTrait,
    vault: &Vault,
    token: &account_token::Model,
) -> Result<Option<String>> {
    vault.person(db, token.user_id.into()).await?.open(email_field(token.id), &token.email)
}

/// The address before a change; `None` also once the person is erased.
///
/// # Errors
/// As [`open_email`].
pub async fn open_previous_email(
    db: &impl ConnectionTrait,
    vault: &Vault,
    token: &account_token::Model,
) -> Result<Option<String>> {
    let Some(sealed) = &token.previous_email else { return Ok(None) };
    vault.person(db, token.user_id.into()).await?.open(previous_email_field(token.id), sealed)
}

/// Makes tokens of these purposes good no more.
///
/// # Errors
/// The database's.
pub async fn void(tx: &Tx, user: UserId, purposes: &[AccountTokenPurpose]) -> Result<()> {
    account_token::Entity::update_many()
        .col_expr(account_token::Column::VoidedAt, Expr::value(Some(tx.now)))
        .filter(account_token::Column::UserId.eq(user))
        .filter(account_token::Column::Purpose.is_in(purposes.iter().copied()))
        .filter(account_token::Column::UsedAt.is_null())
        .filter(account_token::Column::VoidedAt.is_null())
        .exec(&**tx)
        .await?;
    Ok(())
}

fn refused() -> Error {
    Error::new(Code::TokenNotGood, "The token is unknown, used, over, or not the newest; ask for a new one.")
}

fn is_live(row: &account_token::Model, now: DateTime<Utc>) -> bool {
    row.used_at.is_none() && row.voided_at.is_none() && row.expires_at > now
}

/// A token that was shown and that [`take`] would take at this moment.
///
/// # Errors
/// As [`take`].
pub async fn look(
    db: &impl ConnectionTrait,
    purposes: &[AccountTokenPurpose],
    shown: &str,
    now: DateTime<Utc>,
) -> Result<account_token::Model> {
    let by_hash = account_token::Entity::find().filter(account_token::Column::TokenHash.eq(token_hash(shown)));
    let found = by_hash.one(db).await?.filter(|row| purposes.contains(&row.purpose) && is_live(row, now));
    found.ok_or_else(refused)
}

/// Takes a token that was shown, with the account, which is locked first as by those who make tokens; of
/// many who show it at once, one does.
///
/// # Errors
/// [`Code::TokenNotGood`] for one that is unknown, for something else, used, over, or not the newest, and of an account
/// that is closed.
pub async fn take(
    tx: &Tx,
    purposes: &[AccountTokenPurpose],
    shown: &str,
) -> Result<(account_token::Model, user::Model)> {
    let found = look(&**tx, purposes, shown, tx.now).await?;
    let person = super::role::lock(tx, found.user_id).await?;
    let row = account_token::Entity::find_by_id(found.id).lock_exclusive().one(&**tx).await?;
    let row = row.filter(|row| is_live(row, tx.now) && person.is_active).ok_or_else(refused)?;
    let used = account_token::ActiveModel { id: Set(row.id), used_at: Set(Some(tx.now)), ..Default::default() };
    account_token::Entity::update(used).exec_without_returning(&**tx).await?;
    Ok((row, person))
}

/// A token that can still be sent: whom it goes to, and itself.
///
/// # Errors
/// The database's.
pub async fn sendable(
    db: &impl ConnectionTrait,
    id: AccountTokenId,
    now: DateTime<Utc>,
) -> Result<Option<account_token::Model>> {
    let row = account_token::Entity::find_by_id(id).one(db).await?;
    Ok(row.filter(|row| is_live(row, now)))
}

/// Tells a person something about their account, once per key.
///
/// # Errors
/// The database's.
pub async fn tell(tx: &Tx, kind: NotificationKind, unique_key: String, about: About) -> Result<()> {
    let id = NotificationId::at(tx.now);
    let row = notification::Model {
        id,
        kind,
        unique_key,
        order_id: None,
        seller_id: None,
        data: serde_json::to_value(about).map_err(Error::internal)?,
        status: NotificationStatus::Pending,
        reason: None,
        created_at: tx.now,
        sent_at: None,
    };
    notification::Entity::insert(row.into_active_model()).exec_without_returning(&**tx).await?;
    job::enqueue(tx, &Task::SendNotification { notification_id: id }, tx.now).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_token_of_its_own_and_no_one_without_the_secret_knows_it() {
        let now = chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let tokens = AccountTokens::new(&SecretString::from("a master secret of the tests"));
        let (one, other) = (AccountTokenId::at(now), AccountTokenId::at(now));
        let token = tokens.of(one).expose_secret().to_owned();
        assert_eq!(token.len(), 64);
        assert_eq!(tokens.of(one).expose_secret(), token);
        assert_ne!(tokens.of(other).expose_secret(), token);
        let elsewhere = AccountTokens::new(&SecretString::from("another master secret"));
        assert_ne!(elsewhere.of(one).expose_secret(), token);
        assert!(!format!("{tokens:?}").contains(&token));
    }
}
