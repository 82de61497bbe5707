//! What must hold of a webhook's body whatever is sent: shared by a fuzz target and the tests beside
//! this file.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use sea_orm::DatabaseConnection;
use serde_json::json;
use souk_domain::port::{PaymentSubject, WebhookError};
use souk_domain::store::NoWake;
use souk_domain::vault::Vault;
use souk_domain::{Clock, Store};
use souk_integrations::simulated::{Percent, ScanBody, Simulator, SimulatorConfig};

/// Companies without a database: to read a body takes none.
static COMPANIES: LazyLock<Simulator> = LazyLock::new(|| {
    let none = DatabaseConnection::default;
    let vault = Vault::new(None, &"a master secret of the tests".into()).unwrap();
    let store = Store::new(none(), none(), Clock::System, Arc::new(NoWake), vault);
    Simulator::new(
        store,
        SimulatorConfig {
            public_url: "http://souk.test".into(),
            webhook_secret: "whsec_fuzz".into(),
            transit: None,
            latency: Duration::ZERO,
            trouble: Percent::default(),
        },
    )
});

/// Reads the bytes as an event of the payment provider and of the carrier.
///
/// # Panics
/// When a notice is not what its own words say, or a refusal is not [`WebhookError::Unreadable`].
pub fn check(bytes: &[u8]) {
    let payments = COMPANIES.payments();
    match payments.read(bytes) {
        Ok(notice) => {
            let data = match &notice.subject {
                PaymentSubject::Payment(id) => json!({"payment": {"id": id}}),
                PaymentSubject::Transfer(id) => json!({"transfer": {"id": id}}),
            };
            let told = json!({"id": notice.event_id, "data": data}).to_string();
            assert_eq!(payments.read(told.as_bytes()).unwrap(), notice);
        }
        Err(error) => assert!(matches!(error, WebhookError::Unreadable(_)), "{error}"),
    }
    let carrier = COMPANIES.carrier();
    match carrier.read(bytes) {
        Ok(notice) => {
            let scans = notice.scans.iter().cloned().map(|scan| ScanBody {
                status: scan.status,
                description: scan.description,
                location: scan.location,
                occurred_at: scan.occurred_at,
            });
            let scans: Vec<_> = scans.collect();
            let told = json!({"id": notice.event_id, "tracking_number": notice.tracking_number, "scans": scans});
            assert_eq!(carrier.read(told.to_string().as_bytes()).unwrap(), notice);
        }
        Err(error) => assert!(matches!(error, WebhookError::Unreadable(_)), "{error}"),
    }
}
