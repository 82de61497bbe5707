//! Personal data at rest: sealed with a key of the person it is about, so that destroying the key
//! erases the person wherever a copy may be.
//!
//! An envelope: each person has a key (`person_key`), which keys of the installation wrap; those come
//! from the configuration and are never stored. Changing an installation's key wraps the persons'
//! keys anew and leaves the data alone. Sealed bytes are bound to their column and row, so that a
//! value that is moved elsewhere does not open.
//!
//! No person's key is kept in memory from one transaction to the next: erasure is at once in all
//! processes.

mod cipher;
pub mod master;
mod ring;
pub mod rotation;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::LockType;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use souk_entity::id::PersonId;
use souk_entity::person_key;
use souk_entity::sealed::Sealed;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::store::Tx;
use cipher::{Cipher, KeyBytes, mac};
use ring::Ring;

/// Opens and seals what is stored of persons. Cheap to clone.
#[derive(Clone)]
pub struct Vault(Arc<Keys>);

struct Keys {
    ring: Ring,
    /// Of what is looked up without being stored.
    index: KeyBytes,
    /// Of what is kept for a while and may be about anybody.
    kept: Cipher,
    /// Tells which master secret these follow from.
    fingerprint: String,
}

/// Where sealed bytes belong.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    column: &'static str,
    row: Uuid,
}

impl Field {
    /// A column as `table.column`, and the id of the row.
    pub fn new(column: &'static str, row: impl Into<Uuid>) -> Self {
        Self { column, row: row.into() }
    }

    fn place(&self) -> String {
        format!("{}\0{}", self.column, self.row)
    }
}

impl Vault {
    /// Of the configured keys of persons' keys (`name:base64`, with commas between; the first is in
    /// use) and the master secret.
    ///
    /// # Errors
    /// [`crate::Code::InvalidValue`] for a key that is not one.
    pub fn new(configured: Option<&SecretString>, master: &SecretString) -> Result<Self> {
        let secret = master.expose_secret().as_bytes();
        Ok(Self(Arc::new(Keys {
            ring: Ring::read(configured, master)?,
            index: mac(secret, b"souk vault\0index"),
            kept: Cipher::new(&mac(secret, b"souk vault\0kept")),
            fingerprint: hex::encode(*mac(secret, b"souk vault\0fingerprint")),
        })))
    }

    /// What a value can be found by without being stored: a keyed hash in hexadecimal. Values of
    /// different purposes have nothing in common.
    pub fn index(&self, purpose: &str, value: &str) -> String {
        hex::encode(*mac(&*self.0.index, format!("{purpose}\0{value}").as_bytes()))
    }

    /// Seals what is kept for a while and may be about anybody, for the place that it is kept at.
    ///
    /// # Errors
    /// [`crate::Code::Internal`] for more than can be sealed at once, which is gigabytes.
    pub fn keep(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>> {
        self.0.kept.seal(place, plain)
    }

    /// What was sealed by [`Self::keep`] for this place; `None` for anything else.
    pub fn kept(&self, place: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.kept.open(place, sealed)
    }

    /// A new key for a person, with the row to be stored.
    ///
    /// # Errors
    /// [`crate::Code::Internal`].
    pub fn new_person(&self, id: PersonId, now: DateTime<Utc>) -> Result<(person_key::Model, Person)> {
        let key: KeyBytes = Zeroizing::new(rand::random());
        let (name, wrapper) = self.0.ring.current();
        let row = person_key::Model {
            id,
            wrapped_by: Some(name.to_owned()),
            wrapped_key: Some(wrapper.seal(&wrapping(id), &*key)?),
            created_at: now,
            erased_at: None,
        };
        Ok((row, Person(Some(Cipher::new(&key)))))
    }

    /// Makes and stores the key of a person.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_person(&self, tx: &Tx, id: PersonId) -> Result<Person> {
        let (row, person) = self.new_person(id, tx.now)?;
        person_key::Entity::insert(row.into_active_model()).exec_without_returning(&**tx).await?;
        Ok(person)
    }

    /// A person by the row that was read.
    ///
    /// # Errors
    /// [`crate::Code::Internal`] when the key that wraps theirs is not configured or does not open it.
    pub fn person_of(&self, row: &person_key::Model) -> Result<Person> {
        self.unwrap(row.id, row.wrapped_by.as_deref(), row.wrapped_key.as_deref())
    }

    /// A person by what a row says of their key: by which key it is wrapped, and the wrapped key; both
    /// are gone once the person is erased.
    ///
    /// # Errors
    /// As [`Self::person_of`].
    pub fn unwrap(&self, id: PersonId, wrapped_by: Option<&str>, wrapped_key: Option<&[u8]>) -> Result<Person> {
        match (wrapped_by, wrapped_key) {
            (Some(name), Some(wrapped)) => Ok(Person(Some(Cipher::new(&self.key(id, name, wrapped)?)))),
            _ => Ok(Person(None)),
        }
    }

    fn key(&self, id: PersonId, name: &str, wrapped: &[u8]) -> Result<KeyBytes> {
        let wrapper = self.0.ring.find(name).ok_or_else(|| {
            Error::internal(format!("the key of person {id} is wrapped by {name}, which is not configured"))
        })?;
        let bytes = wrapper.open(&wrapping(id), wrapped).map(Zeroizing::new);
        bytes
            .and_then(|bytes| bytes.as_slice().try_into().ok())
            .map(Zeroizing::new)
            .ok_or_else(|| Error::internal(format!("the key of person {id} does not open with {name}")))
    }

    /// A person, to read what is stored of them.
    ///
    /// # Errors
    /// As [`Self::person_of`]; a person without a row is our bug.
    pub async fn person(&self, db: &impl ConnectionTrait, id: PersonId) -> Result<Person> {
        let row = person_key::Entity::find_by_id(id).one(db).await?;
        self.person_of(&row.ok_or_else(|| missing(id))?)
    }

    /// A person, to seal something new of them: an erasure waits until it is committed.
    ///
    /// # Errors
    /// As [`Self::person`].
    pub async fn person_to_write(&self, tx: &Tx, id: PersonId) -> Result<Person> {
        let row = person_key::Entity::find_by_id(id).lock(LockType::Share).one(&**tx).await?;
        self.person_of(&row.ok_or_else(|| missing(id))?)
    }

    /// Many persons, in one statement.
    ///
    /// # Errors
    /// As [`Self::person_of`].
    pub async fn persons(
        &self,
        db: &impl ConnectionTrait,
        ids: impl IntoIterator<Item = PersonId>,
    ) -> Result<HashMap<PersonId, Person>> {
        let rows = person_key::Entity::find().filter(person_key::Column::Id.is_in(ids)).all(db).await?;
        rows.iter().map(|row| Ok((row.id, self.person_of(row)?))).collect()
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({})", self.0.ring.current().0)
    }
}

/// Somebody whose data can be sealed and opened, unless they are erased.
#[derive(Clone)]
pub struct Person(Option<Cipher>);

impl Person {
    /// Whether nothing that is stored of them can be opened any more.
    pub fn is_erased(&self) -> bool {
        self.0.is_none()
    }

    /// Seals text for its field.
    ///
    /// # Errors
    /// [`crate::Code::IllegalTransition`] once they are erased.
    pub fn seal(&self, field: Field, text: &str) -> Result<Sealed> {
        self.seal_bytes(field, text.as_bytes())
    }

    /// Seals bytes for their field.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_bytes(&self, field: Field, bytes: &[u8]) -> Result<Sealed> {
        let cipher = self.0.as_ref().ok_or_else(|| {
            Error::new(crate::Code::IllegalTransition, "The person's data is erased; nothing new of them is stored.")
        })?;
        Ok(Sealed(cipher.seal(&field.place(), bytes)?))
    }

    /// The text that was sealed for its field; `None` once the person is erased.
    ///
    /// # Errors
    /// [`crate::Code::Internal`] for what was not sealed for them and this field.
    pub fn open(&self, field: Field, sealed: &Sealed) -> Result<Option<String>> {
        let bytes = self.open_bytes(field, sealed)?;
        bytes.map(|bytes| String::from_utf8(bytes).map_err(Error::internal)).transpose()
    }

    /// The bytes that were sealed for their field; `None` once the person is erased.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_bytes(&self, field: Field, sealed: &Sealed) -> Result<Option<Vec<u8>>> {
        let Some(cipher) = &self.0 else { return Ok(None) };
        let opened = cipher.open(&field.place(), &sealed.0);
        Ok(Some(opened.ok_or_else(|| Error::internal(format!("{} of {} does not open", field.column, field.row)))?))
    }
}

/// What binds a wrapped key to its person.
fn wrapping(id: PersonId) -> String {
    format!("person_key.wrapped_key\0{id}")
}

fn missing(id: PersonId) -> Error {
    Error::internal(format!("person {id} has no key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> Vault {
        Vault::new(None, &"a master secret of the unit tests".into()).unwrap()
    }

    fn person(vault: &Vault, id: u128) -> (person_key::Model, Person) {
        vault.new_person(PersonId(Uuid::from_u128(id)), DateTime::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn a_value_opens_for_its_person_in_its_column_and_row_alone() {
        let vault = vault();
        let (row, ann) = person(&vault, 1);
        let field = |row| Field::new("app_user.email", Uuid::from_u128(row));
        let sealed = ann.seal(field(1), "ann@example.org").unwrap();
        let again = vault.person_of(&row).unwrap();
        assert_eq!(again.open(field(1), &sealed).unwrap().as_deref(), Some("ann@example.org"));
        assert!(again.open(field(2), &sealed).is_err(), "another row");
        assert!(again.open(Field::new("app_user.name", Uuid::from_u128(1)), &sealed).is_err(), "another column");
        assert!(person(&vault, 2).1.open(field(1), &sealed).is_err(), "another person");
        assert!(!format!("{sealed:?}").contains("ann"));
    }

    #[test]
    fn a_key_is_its_persons_alone() {
        let vault = vault();
        let (row, _) = person(&vault, 1);
        let moved = person_key::Model { id: PersonId(Uuid::from_u128(2)), ..row.clone() };
        assert!(vault.person_of(&moved).is_err());
        let other = Vault::new(None, &"another master secret of the tests".into()).unwrap();
        assert!(other.person_of(&row).is_err());
    }

    #[test]
    fn of_an_erased_person_nothing_is_read_or_written() {
        let vault = vault();
        let (row, ann) = person(&vault, 1);
        let field = Field::new("app_user.name", Uuid::from_u128(1));
        let sealed = ann.seal(field, "Ann").unwrap();
        let now = Some(DateTime::UNIX_EPOCH);
        let erased = person_key::Model { wrapped_by: None, wrapped_key: None, erased_at: now, ..row };
        let nobody = vault.person_of(&erased).unwrap();
        assert!(nobody.is_erased() && !ann.is_erased());
        assert_eq!(nobody.open(field, &sealed).unwrap(), None);
        assert_eq!(nobody.seal(field, "Ann").unwrap_err().code, crate::Code::IllegalTransition);
    }

    #[test]
    fn an_index_tells_neither_the_value_nor_that_of_another_purpose_or_installation() {
        let vault = vault();
        let index = vault.index("account", "ann@example.org");
        assert_eq!((index.len(), &index), (64, &vault.index("account", "ann@example.org")));
        let other = Vault::new(None, &"another master secret of the tests".into()).unwrap();
        for different in [
            vault.index("promotion", "ann@example.org"),
            vault.index("account", "bob@example.org"),
            other.index("account", "ann@example.org"),
        ] {
            assert_ne!(different, index);
        }
    }

    #[test]
    fn what_is_kept_opens_where_it_is_kept() {
        let vault = vault();
        let sealed = vault.keep("answer 1", b"Ann").unwrap();
        assert_eq!(vault.kept("answer 1", &sealed), Some(b"Ann".to_vec()));
        assert_eq!(vault.kept("answer 2", &sealed), None);
        assert_eq!(vault.kept("answer 1", b"Ann"), None);
    }
}
