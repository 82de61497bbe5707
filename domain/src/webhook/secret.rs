//! The secrets that webhooks are signed with: worked out when they are needed, stored nowhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use souk_entity::id::WebhookEndpointId;

use crate::keyed_hash::keyed_hash;

/// What a secret begins with where it is shown.
const PREFIX: &str = "whsec_";

/// Works the secrets of endpoints out of the master secret.
///
/// With another master secret every endpoint has another secret: sellers must be told.
#[derive(Clone, Debug)]
pub struct WebhookSecrets(SecretString);

impl WebhookSecrets {
    /// Of the installation's master secret.
    pub fn new(master: &SecretString) -> Self {
        Self(master.clone())
    }

    /// The secret of a generation of an endpoint's secrets.
    pub fn of(&self, endpoint: WebhookEndpointId, generation: i64) -> EndpointSecret {
        let purpose = format!("webhook endpoint\0{endpoint}\0{generation}");
        EndpointSecret(SecretBox::new(Box::new(keyed_hash(self.0.expose_secret().as_bytes(), purpose.as_bytes()))))
    }
}

/// What an endpoint and we know, and nobody else: 32 bytes.
#[derive(Debug)]
pub struct EndpointSecret(SecretBox<[u8; 32]>);

impl EndpointSecret {
    /// As its owner is shown it and pastes it into their receiver.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.0.expose_secret()))
    }

    /// The signature of a message, as `webhook-signature` holds it.
    pub(super) fn sign(&self, message: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(keyed_hash(self.0.expose_secret(), message)))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_endpoint_and_generation_has_a_secret_of_its_own() {
        let secrets = WebhookSecrets::new(&SecretString::from("a master secret of the tests"));
        let endpoint = WebhookEndpointId(Uuid::from_u128(7));
        let first = secrets.of(endpoint, 1).reveal();
        assert_eq!(secrets.of(endpoint, 1).reveal(), first);
        let others = [
            secrets.of(endpoint, 2),
            secrets.of(WebhookEndpointId(Uuid::from_u128(8)), 1),
            WebhookSecrets::new(&SecretString::from("another master secret")).of(endpoint, 1),
        ];
        assert!(others.iter().all(|other| other.reveal() != first));
        let bytes = STANDARD.decode(first.strip_prefix("whsec_").expect("the prefix")).expect("base64");
        assert_eq!(bytes.len(), 32);
    }
}
