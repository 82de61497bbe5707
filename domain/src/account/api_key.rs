//! Keys by which sellers' and operators' systems sign in: scoped, ending, and known by their hash only.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QuerySelect, Select,
};
use secrecy::SecretString;
use souk_entity::id::{ApiKeyId, SellerId, UserId};
use souk_entity::{api_key, user};

use super::address::require_confirmed;
use super::{take_turns, token_hash};
use crate::audit::{self, Fields};
use crate::error::{Code, Error, Result};
use crate::store::{Store, Tx};

/// What every key begins with, so that a scanner for leaked secrets can know it.
pub const MARK: &str = "souk_sk_";

/// A key ends after so many days at the latest.
pub const LONGEST_DAYS: i32 = 366;

/// So many keys of a seller, or of an operator, may be live at once.
pub const MOST: u64 = 20;

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// A seller's; its owners manage it.
    Seller(SellerId),
    /// An operator's own.
    Operator(UserId),
}

impl KeyOwner {
    fn condition(self) -> Condition {
        match self {
            Self::Seller(seller) => Condition::all().add(api_key::Column::SellerId.eq(seller)),
            Self::Operator(user) => {
                Condition::all().add(api_key::Column::SellerId.is_null()).add(api_key::Column::UserId.eq(user))
            }
        }
    }
}

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Whose it is.
    pub owner: KeyOwner,
    /// Who makes it.
    pub user: UserId,
    /// What it is for, in people's words.
    pub name: String,
    /// What it may do, as [`crate::access::Scopes`] writes it.
    pub scopes: String,
    /// For how many days, 1 to [`LONGEST_DAYS`].
    pub days: i32,
}

/// Makes a key; it is returned beside its row, shown once and kept nowhere.
///
/// # Errors
/// [`Code::InvalidValue`], also when there are [`MOST`]; [`Code::Forbidden`] for whose address is not confirmed.
pub async fn create(tx: &Tx, new: &NewKey) -> Result<(api_key::Model, SecretString)> {
    if !(1..=LONGEST_DAYS).contains(&new.days) {
        return Err(Error::invalid(format!("expires_in_days is 1 to {LONGEST_DAYS}.")));
    }
    match new.owner {
        KeyOwner::Seller(seller) => drop(take_turns(tx, seller).await?),
        KeyOwner::Operator(user) => super::role::lock(tx, user).await.map(drop)?,
    }
    let maker = user::Entity::find_by_id(new.user).one(&**tx).await?.ok_or_else(|| Error::not_found("user"))?;
    require_confirmed(&maker)?;
    let live = api_key::Entity::find()
        .filter(new.owner.condition())
        .filter(api_key::Column::RevokedAt.is_null())
        .filter(api_key::Column::ExpiresAt.gt(tx.now))
        .count(&**tx)
        .await?;
    if live >= MOST {
        return Err(Error::invalid(format!("There are {MOST} live keys; revoke one first.")));
    }
    let key = format!("{MARK}{}", BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
    let row = api_key::Model {
        id: ApiKeyId::at(tx.now),
        seller_id: match new.owner {
            KeyOwner::Seller(seller) => Some(seller),
            KeyOwner::Operator(_) => None,
        },
        user_id: new.user,
        name: new.name.clone(),
        prefix: key.chars().take(MARK.len() + 6).collect(),
        key_hash: token_hash(&key),
        scopes: new.scopes.clone(),
        created_at: tx.now,
        expires_at: tx.now + TimeDelta::days(new.days.into()),
        last_used_at: None,
        revoked_at: None,
    };
    api_key::Entity::insert(row.clone().into_active_model()).exec_without_returning(&**tx).await?;
    let fields = Fields::new().made("scopes", &row.scopes).made("expires_at", row.expires_at);
    audit::note(tx, "api_key", row.id, fields);
    Ok((row, SecretString::from(key)))
}

/// The keys of an owner, revoked and ended ones too.
pub fn owned_by(owner: KeyOwner) -> Select<api_key::Entity> {
    api_key::Entity::find().filter(owner.condition())
}

/// Revokes a key at once; revoking it again changes nothing.
///
/// # Errors
/// [`Code::NotFound`], also for another's key.
pub async fn revoke(tx: &Tx, owner: KeyOwner, id: ApiKeyId) -> Result<api_key::Model> {
    let found = owned_by(owner).filter(api_key::Column::Id.eq(id)).one(&**tx).await?;
    let mut key = found.ok_or_else(|| Error::not_found("API key"))?;
    if key.revoked_at.is_none() {
        audit::note(tx, "api_key", id, Fields::new().changed("revoked_at", None, Some(tx.now)));
        key.revoked_at = Some(tx.now);
        let row = api_key::ActiveModel { id: Set(id), revoked_at: Set(Some(tx.now)), ..Default::default() };
        api_key::Entity::update(row).exec_without_returning(&**tx).await?;
    }
    Ok(key)
}

/// Revokes every key that a person has made.
///
/// # Errors
/// The database's.
pub(super) async fn revoke_of_maker(tx: &Tx, user: UserId) -> Result<()> {
    let live = api_key::Entity::find()
        .filter(api_key::Column::UserId.eq(user))
        .filter(api_key::Column::RevokedAt.is_null())
        .lock_exclusive()
        .all(&**tx)
        .await?;
    for key in live {
        audit::note(tx, "api_key", key.id, Fields::new().changed("revoked_at", None, Some(tx.now)));
        let row = api_key::ActiveModel { id: Set(key.id), revoked_at: Set(Some(tx.now)), ..Default::default() };
        api_key::Entity::update(row).exec_without_returning(&**tx).await?;
    }
    Ok(())
}

/// The live key of a shown secret.
///
/// # Errors
/// [`Code::Unauthenticated`] for one that is unknown, revoked or over.
pub async fn find_live(
    db: &impl ConnectionTrait,
    shown: &str,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<api_key::Model> {
    let found = api_key::Entity::find().filter(api_key::Column::KeyHash.eq(token_hash(shown))).one(db).await?;
    found
        .filter(|key| key.revoked_at.is_none() && key.expires_at > now)
        .ok_or_else(|| Error::new(Code::Unauthenticated, "The API key is unknown, revoked or over; make a new one."))
}

/// Notes that a key is used, once a minute at most, so that a busy key is no row that all its
/// requests queue for.
///
/// # Errors
/// The database's.
pub async fn used(store: &Store, key: &api_key::Model) -> Result<()> {
    let minute = TimeDelta::minutes(1);
    if key.last_used_at.is_some_and(|last| store.now() - last < minute) {
        return Ok(());
    }
    store
        .write(async |tx| {
            api_key::Entity::update_many()
                .col_expr(api_key::Column::LastUsedAt, Expr::value(Some(tx.now)))
                .filter(api_key::Column::Id.eq(key.id))
                .filter(
                    Condition::any()
                        .add(api_key::Column::LastUsedAt.is_null())
                        .add(api_key::Column::LastUsedAt.lte(tx.now - minute)),
                )
                .exec(&**tx)
                .await?;
            Ok(())
        })
        .await
}
