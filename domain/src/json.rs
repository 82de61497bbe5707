//! JSON looked at as it came, in one pass and before anything is made of it: its reader takes the
//! last of two equal names without a word, and its complaints quote what they complain of.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use crate::error::{Code, Error, Result};
use crate::{card, text};

/// Objects and lists within each other.
pub const DEEPEST: usize = 16;

/// How much of a place is told.
const LONGEST_PLACE: usize = 100;

/// Refuses what no operation takes: names that are twice in one object, more than [`DEEPEST`]
/// levels, text that [`text::refused`] does not let through, and numbers of cards. What is no JSON
/// is left to its reader, unless it holds the number of a card.
///
/// # Errors
/// [`Code::CardNumber`]; [`Code::InvalidValue`] for a text; [`Code::MalformedRequest`] for others.
pub fn check(json: &[u8]) -> Result<()> {
    let mut finding = None;
    let mut reader = serde_json::Deserializer::from_slice(json);
    let look = Look { depth: 0, finding: &mut finding };
    let read = look.deserialize(&mut reader).and_then(|()| reader.end());
    match finding {
        Some(finding) => Err(finding.into()),
        None if read.is_err() && card::found_in_written(&String::from_utf8_lossy(json)) => {
            Err(Finding::new(What::Card).into())
        }
        None => Ok(()),
    }
}

/// The refusal of a card's number; `place` says where it stands, and never repeats it.
pub fn card_number(place: &str) -> Error {
    Error::new(
        Code::CardNumber,
        format!(
            "{place} holds what looks like the number of a payment card. Cards are never taken or kept here: leave it \
             out; payments are made at the payment provider."
        ),
    )
}

enum What {
    Card,
    Text(&'static str),
    Twice,
    Deep,
}

struct Finding {
    what: What,
    /// Names from the outermost object to the value.
    place: String,
}

impl Finding {
    fn new(what: What) -> Self {
        Self { what, place: String::new() }
    }
}

impl From<Finding> for Error {
    fn from(Finding { what, place }: Finding) -> Self {
        let cut = place.char_indices().nth(LONGEST_PLACE).map_or(place.len(), |(at, _)| at);
        let place = place.get(..cut).filter(|place| !place.is_empty()).unwrap_or("A value");
        match what {
            What::Card => card_number(place),
            What::Text(why) => Self::invalid(format!("{} {why}.", place.escape_debug())),
            What::Twice => {
                Self::new(Code::MalformedRequest, format!("{} is there twice in one object.", place.escape_debug()))
            }
            What::Deep => {
                let message = format!("Objects and lists are within each other at most {DEEPEST} levels deep.");
                Self::new(Code::MalformedRequest, message)
            }
        }
    }
}

struct Look<'a> {
    depth: usize,
    finding: &'a mut Option<Finding>,
}

impl Look<'_> {
    /// Notes what is wrong; the reader stops at it.
    fn stop<E: serde::de::Error>(self, what: What) -> E {
        *self.finding = Some(Finding::new(what));
        E::custom("refused")
    }

    fn text<E: serde::de::Error>(self, text: &str) -> std::result::Result<(), E> {
        match text::refused(text) {
            _ if card::found_in(text) => Err(self.stop(What::Card)),
            Some(why) => Err(self.stop(What::Text(why))),
            None => Ok(()),
        }
    }

    fn number<E: serde::de::Error>(self, number: impl fmt::Display) -> std::result::Result<(), E> {
        if card::found_in(&number.to_string()) { Err(self.stop(What::Card)) } else { Ok(()) }
    }

    fn inner(&mut self) -> Look<'_> {
        Look { depth: self.depth + 1, finding: self.finding }
    }
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> std::result::Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> std::result::Result<(), E> {
        self.number(number)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> std::result::Result<(), E> {
        self.number(number)
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> std::result::Result<(), E> {
        self.number(number)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<(), E> {
        self.text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> std::result::Result<(), A::Error> {
        if self.depth == DEEPEST {
            return Err(self.stop(What::Deep));
        }
        while items.next_element_seed(self.inner())?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> std::result::Result<(), A::Error> {
        if self.depth == DEEPEST {
            return Err(self.stop(What::Deep));
        }
        let mut names = HashSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            // A name is no place to quote before it has been looked at.
            self.inner().text::<A::Error>(&name)?;
            let read = fields.next_value_seed(self.inner());
            if let (Err(_), Some(finding)) = (&read, self.finding.as_mut()) {
                let below = std::mem::take(&mut finding.place);
                finding.place = if below.is_empty() { name } else { format!("{name}.{below}") };
                return read;
            }
            read?;
            if let Some(name) = names.replace(name) {
                *self.finding = Some(Finding { what: What::Twice, place: name });
                return Err(A::Error::custom("refused"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(json: &str) -> (Code, String) {
        let error = check(json.as_bytes()).expect_err(json);
        (error.code, error.message)
    }

    #[test]
    fn cards_are_found_wherever_they_are_and_never_repeated() {
        for (json, place) in [
            (r#"{"a":{"b":["x","4111 1111 1111 1111"]}}"#, "a.b "),
            (r#"{"a":4111111111111111}"#, "a "),
            (r#"{"a":-4111111111111111}"#, "a "),
            (r#"{"a":4111111111111111.0}"#, "a "),
            (r#"{"a":"\u0034111\u003111111111111"}"#, "a "),
            (r#"{"a":"\n4111111111111111\n"}"#, "a "),
            (r#"{"a":{"4111111111111111":1}}"#, "a "),
            (r#""4111111111111111""#, "A value "),
            (r#"{"a":"4111111111111111""#, "a "),
            (r"{4111111111111111", "A value "),
        ] {
            let (code, message) = refused(json);
            assert_eq!(code, Code::CardNumber, "{json}");
            assert!(message.starts_with(place), "{json}: {message}");
            assert!(!message.contains("1111"), "{message}");
        }
    }

    #[test]
    fn names_are_there_once_and_levels_end() {
        for (json, place) in [(r#"{"a":1,"b":2,"a":1}"#, "a is"), (r#"{"x":[{"a":1,"\u0061":2}]}"#, "x.a is")] {
            let (code, message) = refused(json);
            assert_eq!(code, Code::MalformedRequest);
            assert!(message.starts_with(place), "{message}");
        }
        assert!(check(br#"{"a":{"b":1},"c":{"b":1}}"#).is_ok());
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(check(nested(DEEPEST).as_bytes()).is_ok());
        assert_eq!(refused(&nested(DEEPEST + 1)).0, Code::MalformedRequest);
        assert_eq!(refused(&"[".repeat(100_000)).0, Code::MalformedRequest);
    }

    #[test]
    fn text_is_refused_with_its_place_and_broken_json_is_left_to_its_reader() {
        let (code, message) = refused(r#"{"address":{"name":"a\u0007b"}}"#);
        assert_eq!(
            (code, message.as_str()),
            (Code::InvalidValue, "address.name has control characters; leave them out.")
        );
        assert_eq!(refused(r#"{"a":1,"\u202e":1}"#).0, Code::InvalidValue);
        for left in [&b"{"[..], b"", b"{\"a\":1} {}", b"nul", b"\xff", br#"{"a":"\ud800"}"#, br#"{"a":1e999}"#] {
            assert!(check(left).is_ok(), "{left:?}");
        }
    }
}
