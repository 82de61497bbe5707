//! A carrier behind its guard.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use souk_domain::port::{
    BoughtLabel, Carrier, FoundLabel, Headers, ParcelRequest, PortError, Scan, TrackingNotice, WebhookError,
};

use super::{Guard, GuardConfig};

pub(super) struct Guarded {
    company: Arc<dyn Carrier>,
    guard: Guard,
}

impl Guarded {
    pub(super) fn new(company: Arc<dyn Carrier>, config: GuardConfig) -> Self {
        let guard = Guard::new("carrier", company.name(), config);
        Self { company, guard }
    }
}

#[async_trait]
impl Carrier for Guarded {
    fn name(&self) -> &'static str {
        self.company.name()
    }

    async fn buy(&self, request: &ParcelRequest, key: &str) -> Result<BoughtLabel, PortError> {
        let limit = self.guard.config.effect;
        self.guard.effect("buy_label", limit, self.company.buy(request, key)).await
    }

    async fn find_label(&self, key: &str) -> Result<Option<FoundLabel>, PortError> {
        self.guard.read("find_label", || self.company.find_label(key)).await
    }

    async fn void(&self, carrier_ref: &str, key: &str) -> Result<(), PortError> {
        let limit = self.guard.config.effect;
        self.guard.effect("void_label", limit, self.company.void(carrier_ref, key)).await
    }

    async fn track(&self, tracking_number: &str) -> Result<Vec<Scan>, PortError> {
        self.guard.read("track_parcel", || self.company.track(tracking_number)).await
    }

    fn verify(&self, headers: &Headers, body: &[u8], now: DateTime<Utc>) -> Result<TrackingNotice, WebhookError> {
        self.company.verify(headers, body, now)
    }

    fn read(&self, body: &[u8]) -> Result<TrackingNotice, WebhookError> {
        self.company.read(body)
    }
}
