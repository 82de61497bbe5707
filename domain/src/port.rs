//! The outside, as souk needs it: payment providers and carriers behind traits.
//!
//! Every call that moves something takes a business key that the provider deduplicates by, so a
//! repeated call has one effect. No call is made inside a database transaction.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use souk_entity::status::{LabelFormat, TrackingStatus};

use crate::money::Money;

/// Why a call to the outside gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// The other side understood and said no; asking again changes nothing.
    #[error("refused ({code}): {message}")]
    Refused {
        /// The other side's word for it.
        code: String,
        /// Its sentence.
        message: String,
    },
    /// It certainly did not happen; asking again is safe.
    #[error("not available: {0}")]
    Unavailable(String),
    /// It may have happened: ask what became of it, with the same key, before anything else.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}

/// The headers of a webhook, lower-case names.
pub type Headers = Vec<(String, String)>;

/// The value of a header of a webhook.
pub fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// A signed timestamp further than this from now is stale.
pub const SIGNATURE_TOLERANCE: Duration = Duration::from_secs(300);

/// Where a payment stands at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderPaymentStatus {
    /// Waits for the shopper to confirm it.
    RequiresConfirmation,
    /// Waits for a further step by the shopper, such as 3-D Secure.
    RequiresAction,
    /// The money is held for us.
    Authorized,
    /// The money is ours.
    Captured,
    /// Declined.
    Failed,
    /// Given up before capture.
    Voided,
}

/// A payment as the provider tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderPayment {
    /// The provider's id.
    pub provider_ref: String,
    /// Where it stands.
    pub status: ProviderPaymentStatus,
    /// What is held or was taken.
    pub authorized: Money,
    /// What was taken.
    pub captured: Money,
    /// The provider's code for a decline.
    pub failure_code: Option<String>,
    /// Where the shopper confirms it.
    pub confirm_url: Option<String>,
}

/// A refund as the provider tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRefund {
    /// The provider's id.
    pub provider_ref: String,
    /// What was paid back.
    pub amount: Money,
}

/// Where a transfer stands at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderTransferStatus {
    /// Taken on, and not yet sent.
    Pending,
    /// Sent.
    Paid,
    /// Not sent, and it will not be.
    Failed,
    /// Sent, and sent back by the bank.
    Returned,
}

/// Money sent on to a seller's account, as the provider tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderTransfer {
    /// The provider's id.
    pub provider_ref: String,
    /// Where it stands.
    pub status: ProviderTransferStatus,
    /// How much.
    pub amount: Money,
    /// The provider's code for a failure or a return.
    pub failure_code: Option<String>,
}

/// What a provider's event is about, by the provider's id of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentSubject {
    /// A payment.
    Payment(String),
    /// A transfer to a seller.
    Transfer(String),
}

/// An event of a provider whose signature holds: what to ask about.
///
/// What it claims beyond that is not believed: the job asks the provider, so late, doubled and
/// reordered events converge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentNotice {
    /// The provider's id of the event.
    pub event_id: String,
    /// What it is about.
    pub subject: PaymentSubject,
}

/// A payment provider.
#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// Its name in routes and rows.
    fn name(&self) -> &'static str;

    /// Starts a payment of `amount` for our `reference`; the shopper confirms it at the provider.
    /// Money is held, not taken, until [`PaymentGateway::capture`].
    async fn create(&self, reference: &str, amount: Money, key: &str) -> Result<ProviderPayment, PortError>;

    /// Asks where a payment stands.
    async fn fetch(&self, provider_ref: &str) -> Result<ProviderPayment, PortError>;

    /// Takes `amount` of an authorized payment.
    async fn capture(&self, provider_ref: &str, amount: Money, key: &str) -> Result<ProviderPayment, PortError>;

    /// Gives up a payment that is not captured.
    async fn void(&self, provider_ref: &str, key: &str) -> Result<ProviderPayment, PortError>;

    /// Pays `amount` of a captured payment back. The same key twice pays back once and answers
    /// with the first result, so this is also how an unknown outcome is resolved.
    async fn refund(&self, provider_ref: &str, amount: Money, key: &str) -> Result<ProviderRefund, PortError>;

    /// Sends `amount` of our money to a seller's `account`. The same key twice sends once and
    /// answers with where it stands now, so this is also how an unknown outcome is resolved.
    async fn transfer(&self, account: &str, amount: Money, key: &str) -> Result<ProviderTransfer, PortError>;

    /// Asks where a transfer stands.
    async fn fetch_transfer(&self, provider_ref: &str) -> Result<ProviderTransfer, PortError>;

    /// The refund of a payment that was made with `key`; `None` when there is none. It is asked
    /// before a call whose outcome is unknown is repeated: a refusal of the repetition would not
    /// tell whether the first call had an effect.
    async fn find_refund(&self, provider_ref: &str, key: &str) -> Result<Option<ProviderRefund>, PortError>;

    /// The transfer that was made with `key`; see [`PaymentGateway::find_refund`].
    async fn find_transfer(&self, key: &str) -> Result<Option<ProviderTransfer>, PortError>;

    /// Verifies a webhook over its raw body (constant time, [`SIGNATURE_TOLERANCE`]) and reads it.
    ///
    /// # Errors
    /// [`WebhookError`]; nothing of the body may be used then.
    fn verify(&self, headers: &Headers, body: &[u8], now: DateTime<Utc>) -> Result<PaymentNotice, WebhookError>;

    /// Reads a body that [`PaymentGateway::verify`] accepted when it was received.
    ///
    /// # Errors
    /// [`WebhookError::Unreadable`].
    fn read(&self, body: &[u8]) -> Result<PaymentNotice, WebhookError>;
}

/// Why a webhook is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The signature is missing, wrong or stale.
    #[error("bad signature: {0}")]
    BadSignature(&'static str),
    /// Signed, but not an event that can be read.
    #[error("unreadable: {0}")]
    Unreadable(String),
}

/// A postal address for a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostalAddress {
    /// Person or company.
    pub name: String,
    /// Street and number.
    pub line1: String,
    /// Flat, floor.
    pub line2: Option<String>,
    /// Town.
    pub city: String,
    /// State or province.
    pub region: Option<String>,
    /// ZIP or post code.
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// What a label is bought for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParcelRequest {
    /// Printed on the label: our shipment's order number.
    pub reference: String,
    /// Who sends.
    pub from: PostalAddress,
    /// Who receives.
    pub to: PostalAddress,
    /// Weight in grams.
    pub weight_grams: i64,
    /// The currency the label is to be charged in.
    pub currency: souk_entity::money::CurrencyCode,
}

/// A label that was bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoughtLabel {
    /// The carrier's id.
    pub carrier_ref: String,
    /// The number the parcel is followed by.
    pub tracking_number: String,
    /// What the carrier charges.
    pub cost: Money,
    /// When it should arrive.
    pub estimated_delivery: DateTime<Utc>,
    /// The label in each format that the carrier gives.
    pub files: Vec<(LabelFormat, Vec<u8>)>,
}

/// A label that was bought before, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLabel {
    /// The label.
    pub label: BoughtLabel,
    /// Whether it was given back.
    pub voided: bool,
}

/// A scan, in our vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// What it means.
    pub status: TrackingStatus,
    /// The carrier's sentence.
    pub description: String,
    /// Where.
    pub location: Option<String>,
    /// When it happened, by the carrier's clock.
    pub occurred_at: DateTime<Utc>,
}

/// An event of a carrier whose signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackingNotice {
    /// The carrier's id of the event.
    pub event_id: String,
    /// The parcel.
    pub tracking_number: String,
    /// The scans it tells of, in any order.
    pub scans: Vec<Scan>,
}

/// A carrier, or a service that stands before several.
#[async_trait]
pub trait Carrier: Send + Sync {
    /// Its name in routes and rows.
    fn name(&self) -> &'static str;

    /// Buys a label. The same key twice buys one label and answers with it.
    async fn buy(&self, request: &ParcelRequest, key: &str) -> Result<BoughtLabel, PortError>;

    /// The label that was bought with `key`; `None` when there is none. It is asked before a call
    /// whose outcome is unknown is repeated, be it the purchase or the label's return.
    async fn find_label(&self, key: &str) -> Result<Option<FoundLabel>, PortError>;

    /// Gives a label back that was not used.
    async fn void(&self, carrier_ref: &str, key: &str) -> Result<(), PortError>;

    /// Asks for all scans of a parcel.
    async fn track(&self, tracking_number: &str) -> Result<Vec<Scan>, PortError>;

    /// Verifies a webhook over its raw body and reads it; see [`PaymentGateway::verify`].
    ///
    /// # Errors
    /// [`WebhookError`].
    fn verify(&self, headers: &Headers, body: &[u8], now: DateTime<Utc>) -> Result<TrackingNotice, WebhookError>;

    /// Reads a body that [`Carrier::verify`] accepted when it was received.
    ///
    /// # Errors
    /// [`WebhookError::Unreadable`].
    fn read(&self, body: &[u8]) -> Result<TrackingNotice, WebhookError>;
}

/// A message to one person, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// The same for the same message however often it is sent, so that mail servers and readers
    /// show it once: becomes its `Message-ID`.
    pub key: String,
    /// The address.
    pub to: String,
    /// When it was written, the same however often it is sent: becomes its `Date`.
    pub written_at: DateTime<Utc>,
    /// The subject, one line.
    pub subject: String,
    /// The text for readers without HTML.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// What carries e-mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a message over.
    ///
    /// # Errors
    /// [`PortError::Refused`] for an address or message that is never taken.
    async fn send(&self, email: &Email) -> Result<(), PortError>;
}

/// A webhook of ours, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingWebhook {
    /// Where it goes, as the seller gave it.
    pub url: String,
    /// Its headers, signature included.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// What an endpoint answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookAnswer {
    /// The status code.
    pub status: u16,
    /// The beginning of the body, as it came.
    pub body: String,
}

/// What carries webhooks to sellers.
#[async_trait]
pub trait WebhookSender: Send + Sync {
    /// Posts a webhook: within 15 seconds, without following redirects, and to public addresses
    /// only, whatever the name in the URL resolves to.
    ///
    /// # Errors
    /// Why there is no answer, in a sentence.
    async fn post(&self, webhook: &OutgoingWebhook) -> Result<WebhookAnswer, String>;
}

/// The payment providers and carriers of this installation, by name.
#[derive(Clone, Default)]
pub struct Ports {
    payments: Vec<std::sync::Arc<dyn PaymentGateway>>,
    carriers: Vec<std::sync::Arc<dyn Carrier>>,
}

impl Ports {
    /// The first of each kind is the default.
    pub fn new(payments: Vec<std::sync::Arc<dyn PaymentGateway>>, carriers: Vec<std::sync::Arc<dyn Carrier>>) -> Self {
        Self { payments, carriers }
    }

    /// The provider of this name, or the default one.
    ///
    /// # Errors
    /// [`crate::Code::InvalidValue`], naming those there are.
    pub fn payment(&self, name: Option<&str>) -> crate::Result<&std::sync::Arc<dyn PaymentGateway>> {
        let found = self.payments.iter().find(|port| name.is_none_or(|name| port.name() == name));
        found.ok_or_else(|| unknown("payment provider", name, self.payments.iter().map(|port| port.name())))
    }

    /// The carrier of this name, or the default one.
    ///
    /// # Errors
    /// [`crate::Code::InvalidValue`], naming those there are.
    pub fn carrier(&self, name: Option<&str>) -> crate::Result<&std::sync::Arc<dyn Carrier>> {
        let found = self.carriers.iter().find(|port| name.is_none_or(|name| port.name() == name));
        found.ok_or_else(|| unknown("carrier", name, self.carriers.iter().map(|port| port.name())))
    }
}

fn unknown<'a>(kind: &str, name: Option<&str>, known: impl Iterator<Item = &'a str>) -> crate::Error {
    let known: Vec<&str> = known.collect();
    let message = match name {
        Some(name) => format!("There is no {kind} \"{name}\"; there is: {}.", known.join(", ")),
        None => format!("No {kind} is configured."),
    };
    crate::Error::invalid(message)
}
