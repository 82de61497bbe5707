//! How a person is called, and how they can be called up.

use sea_orm::{ActiveValue::Set, EntityTrait};
use souk_entity::id::UserId;
use souk_entity::user;

use super::profile::{name_field, phone_field};
use super::role;
use crate::error::{Error, Result};
use crate::store::Tx;

/// Digits of a telephone number, with its country (ITU-T E.164); the shortest in use have four.
const DIGITS: std::ops::RangeInclusive<usize> = 4..=15;

/// So many characters at most, with what stands between the digits.
const LONGEST: usize = 20;

/// A telephone number as it is stored: trimmed.
///
/// # Errors
/// [`crate::Code::InvalidValue`] when it cannot be one.
pub fn phone(text: &str) -> Result<String> {
    let number = text.trim();
    let written = number.chars().enumerate().all(|(at, c)| match c {
        '+' => at == 0,
        c => c.is_ascii_digit() || " -()./".contains(c),
    });
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    if written && number.len() <= LONGEST && DIGITS.contains(&digits) {
        Ok(number.to_owned())
    } else {
        Err(Error::invalid("phone is a telephone number, such as +1 555 0100."))
    }
}

/// What is to be different; what is `None` stays.
#[derive(Clone, Default)]
pub struct ContactChange {
    /// How to be addressed.
    pub name: Option<String>,
    /// Where they can be called up; `Some(None)`: nowhere.
    pub phone: Option<Option<String>>,
}

/// Changes what a person is called and where they can be called up.
///
/// # Errors
/// [`crate::Code::InvalidValue`], [`crate::Code::NotFound`].
pub async fn change(tx: &Tx, user: UserId, change: &ContactChange) -> Result<user::Model> {
    let mut person = role::lock(tx, user).await?;
    // Whoever erases the person locks the account, too.
    let key = tx.vault().person(&**tx, user.into()).await?;
    if let Some(name) = &change.name {
        let name = name.trim();
        if name.is_empty() {
            return Err(Error::invalid("name is empty."));
        }
        person.name = key.seal(name_field(user), name)?;
    }
    if let Some(phone) = &change.phone {
        let phone = phone.as_deref().map(self::phone).transpose()?;
        person.phone = phone.map(|phone| key.seal(phone_field(user), &phone)).transpose()?;
    }
    person.updated_at = tx.now;
    let row = user::ActiveModel {
        id: Set(user),
        name: Set(person.name.clone()),
        phone: Set(person.phone.clone()),
        updated_at: Set(tx.now),
        ..Default::default()
    };
    user::Entity::update(row).exec_without_returning(&**tx).await?;
    Ok(person)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telephone_numbers_are_written_in_many_ways() {
        for good in ["+1 555 0100", "(020) 7946-0000", "+49/30.123456", " 5550100 "] {
            assert_eq!(phone(good).unwrap(), good.trim());
        }
        for bad in [
            "",
            "+",
            "call me",
            "1+555 0100",
            "123",
            "1234567890123456",
            "555 0100 x2",
            "=5550100",
            "+1 - 555 - 0100 - 0100",
        ] {
            assert!(phone(bad).is_err(), "{bad}");
        }
    }
}
