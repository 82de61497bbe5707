//! How e-mail leaves this installation.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use souk_domain::account::token::AccountTokens;
use souk_domain::port::Mailer;
use souk_integrations::mail::{Files, Log, Sender, Smtp, Templates};
use souk_jobs::Mail;

use crate::command::Failure;
use crate::config::{DatabaseUrl, Settings};

/// Who messages are from that no mail server sees.
const NOBODY: &str = "souk@localhost";

/// What `SOUK_MAIL`, `SOUK_MAIL_FROM` and `SOUK_STOREFRONT_URL` ask for; nothing is connected yet.
///
/// # Errors
/// [`Failure::Usage`].
pub fn open(settings: &Settings, secret: &SecretString) -> Result<Mail, Failure> {
    let mailer: Arc<dyn Mailer> = match settings.mail.as_ref().map(ExposeSecret::expose_secret) {
        None if matches!(settings.database()?, DatabaseUrl::Postgres(_)) => Arc::new(Log),
        Some("log") => Arc::new(Log),
        None | Some("file") => Arc::new(Files::new(settings.data_dir.join("mail"), sender(settings, Some(NOBODY))?)),
        Some(url) if url.starts_with("smtp://") || url.starts_with("smtps://") => {
            let smtp = Smtp::new(url, sender(settings, None)?);
            Arc::new(smtp.map_err(|why| Failure::Usage(format!("SOUK_MAIL: {why}.")))?)
        }
        Some(_) => {
            return Err(Failure::Usage("SOUK_MAIL must be file, log, or begin with smtp:// or smtps://.".into()));
        }
    };
    let composer = Arc::new(Templates::new(site(settings)?)?);
    Ok(Mail { composer, mailer, tokens: AccountTokens::new(secret) })
}

fn sender(settings: &Settings, otherwise: Option<&str>) -> Result<Sender, Failure> {
    let Some(from) = settings.mail_from.as_deref().or(otherwise) else {
        let why = "SOUK_MAIL_FROM is needed with a mail server: the address that messages come from.";
        return Err(Failure::Usage(why.into()));
    };
    Sender::read(from).map_err(|why| Failure::Usage(format!("SOUK_MAIL_FROM: {why}.")))
}

fn site(settings: &Settings) -> Result<Option<&str>, Failure> {
    match settings.storefront_url.as_deref() {
        Some(url) if !url.starts_with("https://") && !url.starts_with("http://") => {
            Err(Failure::Usage("SOUK_STOREFRONT_URL must begin with https:// or http://.".into()))
        }
        url => Ok(url),
    }
}
