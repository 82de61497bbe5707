//! Keys by which sellers' and operators' systems sign in: scoped, ending, and known by their hash only.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Select,
};
use secrecy::SecretString;
use souk_entity::id::{ApiKeyId, SellerId, UserId};
use souk_entity::status::{NotificationKind, SellerStatus};
use souk_entity::{api_key, seller, seller_member, user};

use super::address::require_confirmed;
use super::{take_turns, token_hash};
use crate::audit::{self, Fields};
use crate::error::{Code, Error, Result};
use crate::notification::{self, About};
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

/// Makes a key; it is returned beside its row, shown once and kept nowhere. The owners of a seller are told.
/// Whoever closes the maker's account or rejects the seller waits for it and revokes it, or is seen here.
///
/// # Errors
/// [`Code::InvalidValue`], also when there are [`MOST`]; [`Code::Forbidden`] for whose address is not confirmed;
/// [`Code::Unauthenticated`] when the maker's account is closed meanwhile; [`Code::IllegalTransition`] for a seller who
/// is rejected or closed.
pub async fn create(tx: &Tx, new: &NewKey) -> Result<(api_key::Model, SecretString)> {
    if !(1..=LONGEST_DAYS).contains(&new.days) {
        return Err(Error::invalid(format!("expires_in_days is 1 to {LONGEST_DAYS}.")));
    }
    let person = user::Entity::find_by_id(new.user).lock(LockType::NoKeyUpdate).one(&**tx).await?;
    let person = person.ok_or_else(|| Error::not_found("user"))?;
    if !person.is_active {
        return Err(Error::new(Code::Unauthenticated, "The account is closed."));
    }
    require_confirmed(&person)?;
    if let KeyOwner::Seller(seller) = new.owner {
        let seller = take_turns(tx, seller).await?;
        if matches!(seller.status, SellerStatus::Rejected | SellerStatus::Closed) {
            let message = format!("The seller is {}; no API key is made for them.", seller.status);
            return Err(Error::new(Code::IllegalTransition, message));
        }
    }
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
    if let Some(seller) = row.seller_id {
        let kind = NotificationKind::SellerApiKeyCreated;
        let about = About { api_key_id: Some(row.id), ..About::default() };
        notification::tell_owners(tx, kind, &format!("{kind}:{}", row.id), seller, about).await?;
    }
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

/// Revokes every live key of some at once.
async fn revoke_all(tx: &Tx, which: Condition) -> Result<()> {
    let which = which.add(api_key::Column::RevokedAt.is_null()).add(api_key::Column::ExpiresAt.gt(tx.now));
    let live: Vec<ApiKeyId> = api_key::Entity::find()
        .select_only()
        .column(api_key::Column::Id)
        .filter(which)
        .order_by_asc(api_key::Column::Id)
        .lock_exclusive()
        .into_tuple()
        .all(&**tx)
        .await?;
    if live.is_empty() {
        return Ok(());
    }
    for id in &live {
        audit::note(tx, "api_key", *id, Fields::new().changed("revoked_at", None, Some(tx.now)));
    }
    api_key::Entity::update_many()
        .col_expr(api_key::Column::RevokedAt, Expr::value(Some(tx.now)))
        .filter(api_key::Column::Id.is_in(live))
        .exec(&**tx)
        .await?;
    Ok(())
}

/// Revokes what keys of a seller there are.
pub(crate) async fn revoke_of_seller(tx: &Tx, seller: SellerId) -> Result<()> {
    revoke_all(tx, KeyOwner::Seller(seller).condition()).await
}

/// Revokes what keys somebody has made: for the seller, or where none is named, whatever for.
pub(crate) async fn revoke_of_maker(tx: &Tx, user: UserId, seller: Option<SellerId>) -> Result<()> {
    let own = Condition::all().add(api_key::Column::UserId.eq(user));
    revoke_all(tx, own.add_option(seller.map(|seller| api_key::Column::SellerId.eq(seller)))).await
}

/// Who made a key of a seller, as one of the team, with the seller; nobody, once their account is closed or they
/// have left the team.
///
/// # Errors
/// The database's.
pub async fn maker(
    db: &impl ConnectionTrait,
    seller: SellerId,
    user: UserId,
) -> Result<Option<(seller_member::Model, seller::Model)>> {
    let found = seller_member::Entity::find_by_id((seller, user))
        .inner_join(user::Entity)
        .filter(user::Column::IsActive.eq(true))
        .find_also_related(seller::Entity)
        .one(db)
        .await?;
    Ok(found.and_then(|(member, seller)| Some((member, seller?))))
}

/// The live key of a shown secret.
///
/// # Errors
/// [`Code::Unauthenticated`] for one that is unknown, revoked or over.
pub async fn find_live(db: &impl ConnectionTrait, shown: &str, now: DateTime<Utc>) -> Result<api_key::Model> {
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
