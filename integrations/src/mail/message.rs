//! A message as mail servers read it (RFC 5322).

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use sha2::{Digest, Sha256};
use souk_domain::port::{Email, PortError};

/// Who messages are from.
#[derive(Clone, Debug)]
pub struct Sender(Mailbox);

impl Sender {
    /// Reads `name@example.com` or `Some Name <name@example.com>`.
    ///
    /// # Errors
    /// Why it is no address.
    pub fn read(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error| format!("\"{text}\" is not an e-mail address: {error}"))
    }

    /// The message of `email`: the same bytes whenever it is made.
    ///
    /// # Errors
    /// [`PortError::Refused`] for an address that is none.
    pub(super) fn message(&self, email: &Email) -> Result<Message, PortError> {
        let refused = |what: &str, error: &dyn std::fmt::Display| PortError::Refused {
            code: what.to_owned(),
            message: format!("{error}."),
        };
        let to: Address = email.to.parse().map_err(|error| refused("address", &error))?;
        // Nobody knows it beforehand, so no text holds it.
        let boundary = digest(&[&email.key, &email.text, &email.html]);
        let parts = MultiPart::alternative()
            .boundary(boundary)
            .singlepart(SinglePart::plain(email.text.clone()))
            .singlepart(SinglePart::html(email.html.clone()));
        Message::builder()
            .message_id(Some(format!("<{}@{}>", digest(&[&email.key]), self.0.email.domain())))
            .date(email.written_at.into())
            .from(self.0.clone())
            .to(Mailbox::new(None, to))
            .subject(one_line(&email.subject))
            // RFC 3834: no automatic answers, please.
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .multipart(parts)
            .map_err(|error| refused("message", &error))
    }
}

/// `text` without line breaks or other control characters: a header cannot be left through it.
fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

fn digest(texts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update(text.len().to_be_bytes());
        hasher.update(text);
    }
    hex::encode(&hasher.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn email(subject: &str, to: &str) -> Email {
        Email {
            key: "order_confirmed:1".into(),
            to: to.into(),
            written_at: DateTime::UNIX_EPOCH,
            subject: subject.into(),
            text: "A text.".into(),
            html: "<p>A text.</p>".into(),
        }
    }

    #[test]
    fn a_message_is_the_same_each_time_and_names_its_key_once() {
        let sender = Sender::read("Souk <post@shop.example>").unwrap();
        let bytes = |email: &Email| sender.message(email).unwrap().formatted();
        let first = email("Hello", "a@example.com");
        assert_eq!(bytes(&first), bytes(&first));
        let other = Email { key: "order_confirmed:2".into(), ..first.clone() };
        let id = |email: &Email| {
            let text = String::from_utf8(bytes(email)).unwrap();
            text.lines().find_map(|line| line.strip_prefix("Message-ID: ").map(str::to_owned)).unwrap()
        };
        assert_ne!(id(&first), id(&other));
        assert!(id(&first).ends_with("@shop.example>"));
    }

    #[test]
    fn nobody_gets_into_a_header() {
        let sender = Sender::read("post@shop.example").unwrap();
        let hostile = email("Hello\r\nBcc: thief@example.com\r\n\r\nbody", "a@example.com");
        let text = String::from_utf8(sender.message(&hostile).unwrap().formatted()).unwrap();
        assert!(!text.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{text}");
        for to in ["a@example.com\r\nBcc: thief@example.com", "a@example.com, thief@example.com", "nobody", ""] {
            let refused = sender.message(&email("Hello", to)).unwrap_err();
            assert!(matches!(refused, PortError::Refused { code, .. } if code == "address"), "{to}");
        }
        assert!(Sender::read("nobody").is_err());
    }
}
