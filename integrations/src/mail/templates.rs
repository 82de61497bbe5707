//! The wording of messages.
//!
//! Each kind has a template for text, whose first line is the subject, and one for HTML. Values
//! are escaped in HTML; in both, line breaks and other control characters in a value become spaces,
//! so that a name cannot pretend to be another line.

use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};
use sea_orm::Iterable;
use souk_domain::notification::letter::{Composer, Letter};
use souk_domain::port::Email;
use souk_domain::{Error, Result};
use souk_entity::status::NotificationKind;

/// What a subject may hold, in characters.
const SUBJECT_CHARS: usize = 150;

macro_rules! files {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("templates/", $name)))),+] };
}

/// Every template by its file's name.
const FILES: &[(&str, &str)] = files![
    "account.html",
    "change_email.html",
    "change_email.txt",
    "email_changed.html",
    "email_changed.txt",
    "lines.html",
    "lines.txt",
    "order_cancelled.html",
    "order_cancelled.txt",
    "order_confirmed.html",
    "order_confirmed.txt",
    "order_delivered.html",
    "order_delivered.txt",
    "order_refunded.html",
    "order_refunded.txt",
    "order_shipped.html",
    "order_shipped.txt",
    "parcel.html",
    "parcel.txt",
    "password_changed.html",
    "password_changed.txt",
    "reset_password.html",
    "reset_password.txt",
    "return_approved.html",
    "return_approved.txt",
    "return_received.html",
    "return_received.txt",
    "return_rejected.html",
    "return_rejected.txt",
    "return_requested.html",
    "return_requested.txt",
    "seller.html",
    "seller_api_key_created.html",
    "seller_api_key_created.txt",
    "seller_approved.html",
    "seller_approved.txt",
    "seller_end.txt",
    "seller_invitation.html",
    "seller_invitation.txt",
    "seller_low_stock.html",
    "seller_low_stock.txt",
    "seller_new_order.html",
    "seller_new_order.txt",
    "seller_order_cancelled.html",
    "seller_order_cancelled.txt",
    "seller_payout_account_changed.html",
    "seller_payout_account_changed.txt",
    "seller_rejected.html",
    "seller_rejected.txt",
    "seller_return_requested.html",
    "seller_return_requested.txt",
    "seller_suspended.html",
    "seller_suspended.txt",
    "seller_webhook_disabled.html",
    "seller_webhook_disabled.txt",
    "shopper.html",
    "shopper_end.txt",
    "totals.html",
    "totals.txt",
    "totp_disabled.html",
    "totp_disabled.txt",
    "totp_enabled.html",
    "totp_enabled.txt",
    "verify_email.html",
    "verify_email.txt",
];

/// The templates, ready to be filled in.
pub struct Templates {
    environment: Environment<'static>,
    /// Where people see their orders; without it messages have no links.
    site: Option<String>,
}

impl Templates {
    /// `site` is the storefront's address; it shows an order at `/orders/{id}`, a seller's at
    /// `/seller/orders/{id}`, a seller's stock at `/seller/inventory`, and takes tokens of accounts at
    /// `/confirm-email?token=`, `/reset-password?token=` and `/accept-invitation?token=`.
    ///
    /// # Errors
    /// What is wrong with a template.
    pub fn new(site: Option<&str>) -> Result<Self> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_keep_trailing_newline(true);
        environment.set_auto_escape_callback(
            |name| {
                if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
            },
        );
        environment.set_formatter(|out, state, value| {
            let value = if value.kind() == ValueKind::String { one_line(value) } else { value.clone() };
            minijinja::escape_formatter(out, state, &value)
        });
        for (name, source) in FILES {
            environment.add_template(name, source).map_err(Error::internal)?;
        }
        for kind in NotificationKind::iter() {
            for form in ["txt", "html"] {
                environment.get_template(&format!("{kind}.{form}")).map_err(Error::internal)?;
            }
        }
        Ok(Self { environment, site: site.map(|site| site.trim_end_matches('/').to_owned()) })
    }
}

impl Composer for Templates {
    fn compose(&self, letter: &Letter) -> Result<Email> {
        let facts = Value::from_serialize(&letter.facts);
        let render = |form: &str| {
            let template = self.environment.get_template(&format!("{}.{form}", letter.kind))?;
            template.render(context! { site => self.site, ..facts.clone() })
        };
        let text = render("txt").map_err(Error::internal)?;
        let html = render("html").map_err(Error::internal)?;
        let (subject, text) = text.split_once('\n').unwrap_or((&text, ""));
        Ok(Email {
            key: letter.key.clone(),
            to: letter.to.clone(),
            written_at: letter.written_at,
            subject: subject.trim().chars().take(SUBJECT_CHARS).collect(),
            text: format!("{}\n", text.trim()),
            html,
        })
    }
}

/// A text value without control characters; one that is not text is left as it is.
fn one_line(value: &Value) -> Value {
    match value.as_str() {
        Some(text) if text.contains(char::is_control) => Value::from(text.replace(char::is_control, " ")),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests;
