//! A webhook as Standard Webhooks has it: headers and signature.

use chrono::{DateTime, Utc};
use souk_entity::id::EventId;
use souk_entity::webhook_endpoint;

use super::secret::WebhookSecrets;
use crate::port::OutgoingWebhook;

/// The webhook that tells `endpoint` of an event, signed as of `now`: by its secret, and until the
/// one before is over by that one too.
pub fn signed(
    secrets: &WebhookSecrets,
    endpoint: &webhook_endpoint::Model,
    event: EventId,
    body: Vec<u8>,
    now: DateTime<Utc>,
) -> OutgoingWebhook {
    // Of the event and not of the attempt: by it receivers know what they have.
    let (id, timestamp) = (event.to_string(), now.timestamp().to_string());
    let message = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &body].concat();
    let mut generations = vec![endpoint.secret_generation];
    if endpoint.previous_secret_until.is_some_and(|until| until > now) {
        generations.push(endpoint.secret_generation - 1);
    }
    let signatures: Vec<String> =
        generations.into_iter().map(|generation| secrets.of(endpoint.id, generation).sign(&message)).collect();
    OutgoingWebhook {
        url: endpoint.url.clone(),
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("user-agent", "souk-webhooks/1".to_owned()),
            ("webhook-id", id),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", signatures.join(" ")),
        ],
        body,
    }
}
