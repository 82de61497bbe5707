//! Sign-ins that go on: seen and ended by the person themselves.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_entity::id::UserId;
use souk_entity::refresh_token;
use uuid::Uuid;

use super::{revoke, role};
use crate::error::{Error, Result};
use crate::store::Tx;

/// So many sign-ins are shown, the latest ones.
pub const SHOWN: u64 = 100;

/// A sign-in that goes on.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id: the family of its refresh tokens.
    pub id: Uuid,
    /// When it was last refreshed, or begun.
    pub refreshed_at: DateTime<Utc>,
    /// When it ends if it is not refreshed.
    pub expires_at: DateTime<Utc>,
}

/// The sign-ins of a person that go on, the latest first: of each the refresh token that is next.
///
/// # Errors
/// The database's.
pub async fn live(db: &impl ConnectionTrait, user: UserId, now: DateTime<Utc>) -> Result<Vec<Session>> {
    let rows = refresh_token::Entity::find()
        .filter(refresh_token::Column::UserId.eq(user))
        .filter(refresh_token::Column::UsedAt.is_null())
        .filter(refresh_token::Column::RevokedAt.is_null())
        .filter(refresh_token::Column::ExpiresAt.gt(now))
        .order_by_desc(refresh_token::Column::Id)
        .limit(SHOWN)
        .all(db)
        .await?;
    let session = |row: refresh_token::Model| Session {
        id: row.family_id,
        refreshed_at: row.created_at,
        expires_at: row.expires_at,
    };
    Ok(rows.into_iter().map(session).collect())
}

/// Ends one of a person's sign-ins.
///
/// # Errors
/// [`crate::Code::NotFound`], also for another's and for one that has ended.
pub async fn end(tx: &Tx, user: UserId, id: Uuid) -> Result<()> {
    role::lock(tx, user).await?;
    let own = refresh_token::Column::UserId.eq(user).and(refresh_token::Column::FamilyId.eq(id));
    if !super::is_signed_in(&**tx, user, id).await? {
        return Err(Error::not_found("session"));
    }
    revoke(tx, own).await
}
