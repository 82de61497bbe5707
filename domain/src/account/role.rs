//! What people are in the marketplace, and whether they may sign in.

use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use souk_entity::id::UserId;
use souk_entity::status::UserRole;
use souk_entity::user;

use super::{api_key, revoke_sessions};
use crate::audit::{self, Fields};
use crate::error::{Code, Error, Result};
use crate::store::Tx;

/// Locks and reads an account.
///
/// # Errors
/// [`Code::NotFound`].
pub(crate) async fn lock(tx: &Tx, id: UserId) -> Result<user::Model> {
    user::Entity::find_by_id(id).lock_exclusive().one(&**tx).await?.ok_or_else(|| Error::not_found("user"))
}

/// Gives a person another role. `by` is who does it: nobody changes their own, so that an
/// administrator always remains.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::Forbidden`] for oneself, and when `by` is no administrator any more.
pub async fn set_role(tx: &Tx, id: UserId, role: UserRole, by: UserId) -> Result<user::Model> {
    change(tx, id, by, |person| person.role = role).await
}

/// Lets a person sign in, or does not any more; then every sign-in of theirs ends, and the API keys that they have
/// made, a seller's too, are revoked.
///
/// # Errors
/// As [`set_role`].
pub async fn set_active(tx: &Tx, id: UserId, active: bool, by: UserId) -> Result<user::Model> {
    let person = change(tx, id, by, |person| person.is_active = active).await?;
    if !active {
        revoke_sessions(tx, id).await?;
        api_key::revoke_of_maker(tx, id, None).await?;
    }
    Ok(person)
}

async fn change(tx: &Tx, id: UserId, by: UserId, set: impl FnOnce(&mut user::Model)) -> Result<user::Model> {
    if id == by {
        return Err(Error::new(Code::Forbidden, "Another administrator has to do this; nobody changes their own."));
    }
    // All administrators, in the order of their ids: two who take each other's role away take turns,
    // and the second finds that they are none any more.
    let admins = user::Entity::find()
        .filter(user::Column::Role.eq(UserRole::Admin))
        .filter(user::Column::IsActive.eq(true))
        .order_by_asc(user::Column::Id)
        .lock_exclusive()
        .all(&**tx)
        .await?;
    if !admins.iter().any(|admin| admin.id == by) {
        return Err(Error::new(Code::Forbidden, "This takes the role admin."));
    }
    let mut person = lock(tx, id).await?;
    let (role, is_active) = (person.role, person.is_active);
    set(&mut person);
    let fields = Fields::new().changed("role", role, person.role).changed("is_active", is_active, person.is_active);
    audit::note(tx, "user", id, fields);
    person.updated_at = tx.now;
    let row = user::ActiveModel {
        id: Set(id),
        role: Set(person.role),
        is_active: Set(person.is_active),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    user::Entity::update(row).exec_without_returning(&**tx).await?;
    Ok(person)
}
