//! A mail server.

use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::{Error, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use souk_domain::port::{Email, Mailer, PortError};

use super::Sender;

/// How long the server gets for each answer.
const ANSWER: Duration = Duration::from_secs(20);

/// How long a message may take in all; below the time that its job has.
const MESSAGE: Duration = Duration::from_secs(45);

/// Connections that are kept.
const CONNECTIONS: u32 = 8;

/// Answers that say that this message, or this address, is never taken (RFC 5321, RFC 7504).
/// Others, such as a refused sign-in, are about us: the message is tried again.
const NEVER: [&str; 7] = ["550", "551", "552", "553", "554", "555", "556"];

/// Hands messages to a mail server.
///
/// A connection that breaks after the message was sent leaves it unknown whether it was taken; it
/// is sent again with the same `Message-ID`. So it is at least once here, and most servers and
/// readers show the second as the first.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    sender: Sender,
}

impl Smtp {
    /// `url` is `smtp://user:password@host:587` (STARTTLS is required, unless it ends in
    /// `?tls=none`) or `smtps://user:password@host:465`.
    ///
    /// # Errors
    /// A sentence that does not hold the URL, as it has a password.
    pub fn new(url: &str, sender: Sender) -> Result<Self, String> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&explicit(url)).map_err(|_| {
            "it must be like smtp://user:password@host:587 (with ?tls=none where there is no TLS) or \
             smtps://user:password@host:465; special characters of the password are percent-encoded"
                .to_owned()
        })?;
        let pool = PoolConfig::new().max_size(CONNECTIONS);
        Ok(Self { transport: builder.timeout(Some(ANSWER)).pool_config(pool).build(), sender })
    }
}

/// The URL as the transport reads it: there, no word about TLS is none.
fn explicit(url: &str) -> String {
    let (address, options) = url.split_once('?').unwrap_or((url, ""));
    match options {
        "tls=none" => address.to_owned(),
        "" if address.starts_with("smtp://") => format!("{address}?tls=required"),
        _ => url.to_owned(),
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, email: &Email) -> Result<(), PortError> {
        let message = self.sender.message(email)?;
        match tokio::time::timeout(MESSAGE, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(judge(&error, &email.to)),
            Err(_) => Err(PortError::Unknown("the mail server takes too long".to_owned())),
        }
    }
}

/// What an error means; servers like to quote the address, which no row of ours shall hold.
fn judge(error: &Error, to: &str) -> PortError {
    let message = error.to_string().replace(to, "the address");
    match error.status().map(|code| code.to_string()) {
        Some(code) if NEVER.contains(&code.as_str()) => PortError::Refused { code, message },
        Some(_) => PortError::Unavailable(message),
        // The server cannot take such an address, which is known before anything is sent.
        None if error.is_client() && !to.is_ascii() => PortError::Refused { code: "address".to_owned(), message },
        None if error.is_client() || error.is_tls() => PortError::Unavailable(message),
        None => PortError::Unknown(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_required_unless_it_is_declined() {
        assert_eq!(explicit("smtp://a:b@host:587"), "smtp://a:b@host:587?tls=required");
        assert_eq!(explicit("smtp://host:25?tls=none"), "smtp://host:25");
        assert_eq!(explicit("smtps://a:b@host"), "smtps://a:b@host");
        assert_eq!(explicit("smtp://host?tls=required"), "smtp://host?tls=required");
    }

    #[tokio::test]
    async fn what_is_no_mail_server_is_refused_without_telling_the_password() {
        let sender = Sender::read("post@shop.example").unwrap();
        for url in ["smtp://user:hunter2@host?tls=maybe", "http://user:hunter2@host", "hunter2"] {
            let why = Smtp::new(url, sender.clone()).err().unwrap();
            assert!(!why.contains("hunter2"), "{why}");
        }
        assert!(Smtp::new("smtp://user:hunter2@host:587", sender).is_ok());
    }
}
