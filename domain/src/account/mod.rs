//! People, their sign-ins, and the sellers they act for.

pub mod address;
pub mod address_book;
pub mod api_key;
pub mod checklist;
pub mod contact;
pub mod holiday;
pub mod letters;
pub mod password;
mod profile;
pub mod proof;
pub mod role;
pub mod session;
mod settings;
pub mod sign_in;
pub mod team;
pub mod throttle;
pub mod token;
pub mod totp;
pub mod transition;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, LockType, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Select,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use souk_entity::id::{RefreshTokenId, SellerId, UserId, uuid_at};
use souk_entity::money::{MinorUnits, RatePpm};
use souk_entity::status::{EntityKind, LabelPayer, MemberRole, PayoutInterval, SellerStatus, UserRole};
use souk_entity::{refresh_token, seller, seller_member, user};

use crate::actor::Actor;
use crate::audit::{self, Fields};
use crate::error::{Code, Error, Result};
use crate::history::{self, Change};
use crate::store::Tx;
use crate::transition::next;

pub(crate) use profile::open_profile;
pub use profile::{Profile, find_by_email, has_email, profile, profiles};
pub(crate) use settings::{PAYOUT_ACCOUNT_CHANGED, set_return_policy};
pub use settings::{SellerSettings, SellerTerms, configure, set_payout_account};
use transition::{SELLER, SellerEvent};

/// A refresh token that is not used for this long is over.
pub const REFRESH_LIFETIME: TimeDelta = TimeDelta::days(30);

/// The SHA-256 of a random token in hexadecimal: what is stored of it.
pub fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// A new random token of 256 bits in hexadecimal, with its hash.
pub fn new_token() -> (String, String) {
    let token = hex::encode(rand::random::<[u8; 32]>());
    let hash = token_hash(&token);
    (token, hash)
}

/// An e-mail address as it is stored and compared: trimmed, lower case.
///
/// # Errors
/// [`Code::InvalidValue`] when it cannot be one.
pub fn email(text: &str) -> Result<String> {
    let email = text.trim().to_lowercase();
    let shape = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.')
    });
    let plain = email.len() <= 254 && !email.contains(char::is_whitespace) && email.matches('@').count() == 1;
    // Not repeated in the sentence, which may be kept: a row of a file that fails keeps why.
    if shape && plain { Ok(email) } else { Err(Error::invalid("What is given for the e-mail address is not one.")) }
}

/// Says of an account that is made for whoever installs this that its address is theirs: nobody else can name it.
///
/// # Errors
/// The database's.
pub async fn vouch(tx: &Tx, user: UserId) -> Result<()> {
    let row = user::ActiveModel { id: Set(user), email_verified_at: Set(Some(tx.now)), ..Default::default() };
    user::Entity::update(row).exec_without_returning(&**tx).await?;
    Ok(())
}

/// Makes an account. The password comes hashed (argon2id); it is not known here.
///
/// # Errors
/// [`Code::AlreadyExists`] when the address has one; [`Code::InvalidValue`].
pub async fn register(tx: &Tx, email: &str, name: &str, password_hash: String, role: UserRole) -> Result<user::Model> {
    let id = UserId::at(tx.now);
    let person = tx.vault().add_person(tx, id.into()).await?;
    let sealed = profile::seal(tx.vault(), &person, id, &self::email(email)?, name)?;
    let user = user::Model {
        id,
        email: sealed.email,
        email_index: Some(sealed.email_index),
        email_verified_at: None,
        password_hash,
        name: sealed.name,
        phone: None,
        role,
        is_active: true,
        created_at: tx.now,
        updated_at: tx.now,
    };
    user::Entity::insert(user.clone().into_active_model()).exec_without_returning(&**tx).await?;
    Ok(user)
}

/// A sign-in: what its refresh tokens and access tokens have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Its id: the family of its refresh tokens.
    pub family: uuid::Uuid,
    /// The APIs that it was asked for, separated by spaces; `None`: all that the account may use.
    pub audience: Option<String>,
}

impl SignIn {
    /// A new one.
    pub fn begin(tx: &Tx, audience: Option<String>) -> Self {
        Self { family: uuid_at(tx.now), audience }
    }
}

/// Makes the next refresh token of a sign-in. Returns the token, which is not stored.
///
/// # Errors
/// The database's.
pub async fn issue_refresh_token(tx: &Tx, user: UserId, sign_in: &SignIn) -> Result<String> {
    let (token, hash) = new_token();
    let row = refresh_token::ActiveModel {
        id: Set(RefreshTokenId::at(tx.now)),
        user_id: Set(user),
        family_id: Set(sign_in.family),
        audience: Set(sign_in.audience.clone()),
        token_hash: Set(hash),
        created_at: Set(tx.now),
        expires_at: Set(tx.now + REFRESH_LIFETIME),
        used_at: Set(None),
        revoked_at: Set(None),
    };
    refresh_token::Entity::insert(row).exec_without_returning(&**tx).await?;
    Ok(token)
}

/// What became of a refresh token that was shown.
pub enum Rotation {
    /// The next one of the sign-in.
    Next(Box<user::Model>, SignIn, String),
    /// It is unknown, over or revoked, or its account may not sign in any more; or it was used before, and
    /// then its whole family has been revoked, because one of the two who showed it has stolen it
    /// (RFC 9700, 4.14.2).
    Refused,
}

/// Exchanges a refresh token for the next one. A refusal is an outcome, not an error, so that the
/// revocation of the family commits.
///
/// # Errors
/// The database's.
pub async fn rotate_refresh_token(tx: &Tx, token: &str) -> Result<Rotation> {
    let by_hash = || refresh_token::Entity::find().filter(refresh_token::Column::TokenHash.eq(token_hash(token)));
    let Some(found) = by_hash().one(&**tx).await? else { return Ok(Rotation::Refused) };
    // Whoever ends sign-ins sees the next token or ends this one first.
    let user = role::lock(tx, found.user_id).await?;
    let Some(shown) = by_hash().lock_exclusive().one(&**tx).await? else { return Ok(Rotation::Refused) };
    if shown.used_at.is_some() {
        revoke_family(tx, shown.family_id).await?;
        return Ok(Rotation::Refused);
    }
    if shown.revoked_at.is_some() || shown.expires_at <= tx.now || !user.is_active {
        return Ok(Rotation::Refused);
    }
    let used = refresh_token::ActiveModel { id: Set(shown.id), used_at: Set(Some(tx.now)), ..Default::default() };
    refresh_token::Entity::update(used).exec_without_returning(&**tx).await?;
    let sign_in = SignIn { family: shown.family_id, audience: shown.audience };
    let next = issue_refresh_token(tx, user.id, &sign_in).await?;
    Ok(Rotation::Next(Box::new(user), sign_in, next))
}

/// The account of a sign-in that goes on: it has not been ended by signing out, by a stolen token or by
/// an operator, and the account is not closed.
///
/// # Errors
/// The database's.
pub async fn signed_in(db: &impl ConnectionTrait, user: UserId, family: uuid::Uuid) -> Result<Option<user::Model>> {
    let found = live(user, family).find_also_related(user::Entity).one(db).await?;
    Ok(found.and_then(|(_, user)| user).filter(|user| user.is_active))
}

fn live(user: UserId, family: uuid::Uuid) -> Select<refresh_token::Entity> {
    refresh_token::Entity::find()
        .filter(refresh_token::Column::FamilyId.eq(family))
        .filter(refresh_token::Column::UserId.eq(user))
        .filter(refresh_token::Column::RevokedAt.is_null())
}

/// Whether a sign-in of a person goes on: it has not been ended by signing out, by a stolen token or
/// by an operator.
///
/// # Errors
/// The database's.
pub async fn is_signed_in(db: &impl ConnectionTrait, user: UserId, family: uuid::Uuid) -> Result<bool> {
    Ok(live(user, family).one(db).await?.is_some())
}

/// Ends every sign-in of a person.
///
/// # Errors
/// The database's.
pub async fn revoke_sessions(tx: &Tx, user: UserId) -> Result<()> {
    role::lock(tx, user).await?;
    audit::note(tx, "user", user, Fields::new().changed("signed_out_at", None, Some(tx.now)));
    revoke(tx, refresh_token::Column::UserId.eq(user)).await
}

/// Ends the sign-in that a refresh token belongs to; an unknown token ends nothing.
///
/// # Errors
/// The database's.
pub async fn sign_out(tx: &Tx, token: &str) -> Result<()> {
    let shown =
        refresh_token::Entity::find().filter(refresh_token::Column::TokenHash.eq(token_hash(token))).one(&**tx).await?;
    let Some(shown) = shown else { return Ok(()) };
    role::lock(tx, shown.user_id).await?;
    revoke_family(tx, shown.family_id).await
}

async fn revoke_family(tx: &Tx, family: uuid::Uuid) -> Result<()> {
    revoke(tx, refresh_token::Column::FamilyId.eq(family)).await
}

/// The account has to be locked: a refresh under way has made its token then, or makes none.
async fn revoke(tx: &Tx, which: SimpleExpr) -> Result<()> {
    refresh_token::Entity::update_many()
        .col_expr(refresh_token::Column::RevokedAt, Expr::value(Some(tx.now)))
        .filter(which)
        .filter(refresh_token::Column::RevokedAt.is_null())
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Applies to sell; the applicant becomes the seller's owner. An owner whose application was declined applies
/// again with the same seller, under the name of now; why it was declined stays in its history.
///
/// # Errors
/// [`Code::AlreadyExists`] for a name that is taken, or when the applicant has a seller.
pub async fn apply(tx: &Tx, user: UserId, name: &str) -> Result<seller::Model> {
    if let Some((member, seller)) = membership(&**tx, user).await? {
        return if member.role == MemberRole::Owner && seller.status == SellerStatus::Rejected {
            apply_again(tx, seller.id, user, name).await
        } else {
            Err(acts_already())
        };
    }
    let seller = seller::Model {
        id: SellerId::at(tx.now),
        name: name.to_owned(),
        status: SellerStatus::Applied,
        auto_accept: true,
        accept_within_hours: 48,
        return_window_days: 30,
        return_label_payer: LabelPayer::Seller,
        restocking_ppm: RatePpm::default(),
        return_policy_set_at: None,
        on_holiday: false,
        holiday_starts_at: None,
        holiday_ends_at: None,
        holiday_message: None,
        commission_tax_ppm: RatePpm::default(),
        payout_account: None,
        payout_interval: PayoutInterval::Weekly,
        payout_minimum: MinorUnits::ZERO,
        payout_hold_days: 0,
        reserve_ppm: RatePpm::default(),
        reserve_days: 0,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    seller::Entity::insert(seller.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let member = seller_member::ActiveModel {
        seller_id: Set(seller.id),
        user_id: Set(user),
        role: Set(MemberRole::Owner),
        catalogue: Set(true),
        orders: Set(true),
        money: Set(true),
        created_at: Set(tx.now),
    };
    seller_member::Entity::insert(member).exec_without_returning(&**tx).await?;
    history::record(tx, vec![change(&seller, None, Actor::Seller(seller.id, user), None)]).await?;
    Ok(seller)
}

async fn apply_again(tx: &Tx, id: SellerId, user: UserId, name: &str) -> Result<seller::Model> {
    let mut seller = lock(tx, id).await?;
    // Somebody may have applied at the same moment.
    let to = next("seller", SELLER, seller.status, SellerEvent::Reapply).map_err(|_| acts_already())?;
    let from = std::mem::replace(&mut seller.status, to);
    seller.name = name.to_owned();
    let row = seller::ActiveModel { name: Set(seller.name.clone()), status: Set(to), ..Default::default() };
    save(tx, from, seller, row, Actor::Seller(id, user), None).await
}

fn acts_already() -> Error {
    Error::new(Code::AlreadyExists, "You act for a seller already.")
}

/// The seller that a person acts for.
///
/// # Errors
/// The database's.
pub async fn membership(
    db: &impl ConnectionTrait,
    user: UserId,
) -> Result<Option<(seller_member::Model, seller::Model)>> {
    let found = seller_member::Entity::find()
        .filter(seller_member::Column::UserId.eq(user))
        .find_also_related(seller::Entity)
        .one(db)
        .await?;
    Ok(found.and_then(|(member, seller)| Some((member, seller?))))
}

/// Moves a seller along an edge. The API keys of one who may not act any more are revoked, so that none comes back
/// with another application.
///
/// # Errors
/// [`Code::NotFound`], [`Code::IllegalTransition`]; [`Code::RequirementsOpen`] for an approval before all is there
/// that is required.
pub async fn decide(
    tx: &Tx,
    id: SellerId,
    event: SellerEvent,
    actor: Actor,
    reason: Option<String>,
) -> Result<seller::Model> {
    let mut seller = lock(tx, id).await?;
    let to = next("seller", SELLER, seller.status, event)?;
    if event == SellerEvent::Approve {
        checklist::require(tx, &seller).await?;
    }
    if matches!(to, SellerStatus::Rejected | SellerStatus::Closed) {
        api_key::revoke_of_seller(tx, id).await?;
    }
    let from = std::mem::replace(&mut seller.status, to);
    let row = seller::ActiveModel { status: Set(to), ..Default::default() };
    save(tx, from, seller, row, actor, reason).await
}

/// Writes what `row` changes of a locked seller, of whom `seller` is what they are from now on, as their next
/// version. `from` is the status before.
async fn save(
    tx: &Tx,
    from: SellerStatus,
    seller: seller::Model,
    row: seller::ActiveModel,
    actor: Actor,
    note: Option<String>,
) -> Result<seller::Model> {
    save_with(tx, from, seller, row, actor, note, json!({})).await
}

/// [`save`], with what its event tells besides.
async fn save_with(
    tx: &Tx,
    from: SellerStatus,
    mut seller: seller::Model,
    row: seller::ActiveModel,
    actor: Actor,
    note: Option<String>,
    data: serde_json::Value,
) -> Result<seller::Model> {
    seller.version += 1;
    seller.updated_at = tx.now;
    let row = seller::ActiveModel { id: Set(seller.id), version: Set(seller.version), updated_at: Set(tx.now), ..row };
    seller::Entity::update(row).exec_without_returning(&**tx).await?;
    history::record(tx, vec![Change { data, ..change(&seller, Some(from), actor, note) }]).await?;
    Ok(seller)
}

async fn lock(tx: &Tx, id: SellerId) -> Result<seller::Model> {
    seller::Entity::find_by_id(id).lock_exclusive().one(&**tx).await?.ok_or_else(|| Error::not_found("seller"))
}

/// Locks and reads a seller's row, so that what counts or settles the seller's rows takes turns. Rows that refer
/// to the seller can be written meanwhile.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn take_turns(tx: &Tx, id: SellerId) -> Result<seller::Model> {
    let found = seller::Entity::find_by_id(id).lock(LockType::NoKeyUpdate).one(&**tx).await?;
    found.ok_or_else(|| Error::not_found("seller"))
}

/// Reads a seller's row and keeps it as it is until the transaction ends: a suspension waits for it, or is seen.
/// Whoever else only holds it or [takes turns](take_turns) does not wait.
///
/// # Errors
/// [`Code::NotFound`].
pub async fn hold(tx: &Tx, id: SellerId) -> Result<seller::Model> {
    let found = seller::Entity::find_by_id(id).lock(LockType::KeyShare).one(&**tx).await?;
    found.ok_or_else(|| Error::not_found("seller"))
}

fn change(seller: &seller::Model, from: Option<SellerStatus>, actor: Actor, note: Option<String>) -> Change {
    let event = match (from, seller.status) {
        (None, _) => "seller.applied",
        (Some(from), to) if from == to => "seller.configured",
        (_, SellerStatus::Approved) => "seller.approved",
        (_, SellerStatus::Rejected) => "seller.rejected",
        (_, SellerStatus::Suspended) => "seller.suspended",
        (_, SellerStatus::Closed) => "seller.closed",
        (_, SellerStatus::Applied) => "seller.applied",
    };
    Change {
        entity: EntityKind::Seller,
        id: seller.id.into(),
        version: seller.version,
        from: from.map(|from| from.to_string()),
        to: seller.status.to_string(),
        actor,
        note,
        event,
        order_id: None,
        seller_id: Some(seller.id),
        data: json!({}),
    }
}

/// When an access token made at `now` is over.
pub fn access_expiry(now: DateTime<Utc>) -> DateTime<Utc> {
    now + TimeDelta::minutes(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_is_trimmed_lowered_and_checked() {
        assert_eq!(email("  Ann@Example.ORG ").unwrap(), "ann@example.org");
        for bad in ["", "ann", "@example.org", "ann@", "ann@org", "a b@example.org", "a@b@example.org", "a@.org"] {
            assert_eq!(email(bad).unwrap_err().code, Code::InvalidValue, "{bad}");
        }
    }

    #[test]
    fn tokens_are_long_and_only_their_hash_is_kept() {
        let (token, hash) = new_token();
        assert_eq!((token.len(), hash.len()), (64, 64));
        assert_eq!(token_hash(&token), hash);
        assert_ne!(new_token().0, token);
    }
}
