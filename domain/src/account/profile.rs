//! Who a person with an account is: sealed where it is stored, opened where it is shown or used.

use sea_orm::sea_query::SimpleExpr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use souk_entity::id::{PersonId, UserId};
use souk_entity::sealed::Sealed;
use souk_entity::user;

use crate::error::{Error, Result};
use crate::vault::{Field, Person, Vault};

/// What a person has told us of themselves; nothing is left of it once they are erased.
///
/// It has no `Debug`, so that it gets into no log.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Where news goes.
    pub email: Option<String>,
    /// What they are called.
    pub name: Option<String>,
    /// Where they can be called up, if they have told.
    pub phone: Option<String>,
}

/// A profile as it is stored.
pub(super) struct SealedProfile {
    pub email: Sealed,
    pub email_index: String,
    pub name: Sealed,
}

pub(super) fn email_field(id: UserId) -> Field {
    Field::new("app_user.email", id)
}

pub(super) fn name_field(id: UserId) -> Field {
    Field::new("app_user.name", id)
}

pub(super) fn phone_field(id: UserId) -> Field {
    Field::new("app_user.phone", id)
}

/// `email` as [`super::email`] writes it.
pub(super) fn seal(vault: &Vault, person: &Person, id: UserId, email: &str, name: &str) -> Result<SealedProfile> {
    Ok(SealedProfile {
        email: person.seal(email_field(id), email)?,
        email_index: email_index(vault, email),
        name: person.seal(name_field(id), name)?,
    })
}

/// What an address is found by.
pub(super) fn email_index(vault: &Vault, email: &str) -> String {
    vault.index("app_user.email", &email.trim().to_lowercase())
}

/// Chooses the account of an address.
pub fn has_email(vault: &Vault, email: &str) -> SimpleExpr {
    user::Column::EmailIndex.eq(email_index(vault, email))
}

/// The account of an address.
///
/// # Errors
/// The database's.
pub async fn find_by_email(db: &impl ConnectionTrait, vault: &Vault, email: &str) -> Result<Option<user::Model>> {
    Ok(user::Entity::find().filter(has_email(vault, email)).one(db).await?)
}

/// Who a person is.
///
/// # Errors
/// The database's; [`crate::Code::Internal`] for what does not open.
pub async fn profile(db: &impl ConnectionTrait, vault: &Vault, user: &user::Model) -> Result<Profile> {
    open_profile(&vault.person(db, user.id.into()).await?, user)
}

/// Who these people are, in their order; one statement for all.
///
/// # Errors
/// As [`profile`].
pub async fn profiles(db: &impl ConnectionTrait, vault: &Vault, users: &[user::Model]) -> Result<Vec<Profile>> {
    let persons = vault.persons(db, users.iter().map(|user| PersonId::from(user.id))).await?;
    users
        .iter()
        .map(|user| {
            let person = persons.get(&user.id.into());
            open_profile(person.ok_or_else(|| Error::internal(format!("user {} has no key", user.id)))?, user)
        })
        .collect()
}

/// Who a person is, by their key.
///
/// # Errors
/// [`crate::Code::Internal`] for what does not open.
pub(crate) fn open_profile(person: &Person, user: &user::Model) -> Result<Profile> {
    Ok(Profile {
        email: person.open(email_field(user.id), &user.email)?,
        name: person.open(name_field(user.id), &user.name)?,
        phone: user.phone.as_ref().map_or(Ok(None), |phone| person.open(phone_field(user.id), phone))?,
    })
}
