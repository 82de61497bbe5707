//! A payment provider behind its guard.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use souk_domain::money::Money;
use souk_domain::port::{
    Headers, PaymentGateway, PaymentNotice, PortError, ProviderPayment, ProviderRefund, ProviderTransfer, WebhookError,
};

use super::{Guard, GuardConfig};

pub(super) struct Guarded {
    company: Arc<dyn PaymentGateway>,
    guard: Guard,
}

impl Guarded {
    pub(super) fn new(company: Arc<dyn PaymentGateway>, config: GuardConfig) -> Self {
        let guard = Guard::new("payment", company.name(), config);
        Self { company, guard }
    }
}

#[async_trait]
impl PaymentGateway for Guarded {
    fn name(&self) -> &'static str {
        self.company.name()
    }

    async fn create(&self, reference: &str, amount: Money, key: &str) -> Result<ProviderPayment, PortError> {
        let limit = self.guard.config.session;
        self.guard.effect("create_payment", limit, self.company.create(reference, amount, key)).await
    }

    async fn fetch(&self, provider_ref: &str) -> Result<ProviderPayment, PortError> {
        self.guard.read("fetch_payment", || self.company.fetch(provider_ref)).await
    }

    async fn capture(&self, provider_ref: &str, amount: Money, key: &str) -> Result<ProviderPayment, PortError> {
        let limit = self.guard.config.effect;
        self.guard.effect("capture_payment", limit, self.company.capture(provider_ref, amount, key)).await
    }

    async fn void(&self, provider_ref: &str, key: &str) -> Result<ProviderPayment, PortError> {
        let limit = self.guard.config.effect;
        self.guard.effect("void_payment", limit, self.company.void(provider_ref, key)).await
    }

    async fn refund(&self, provider_ref: &str, amount: Money, key: &str) -> Result<ProviderRefund, PortError> {
        let limit = self.guard.config.effect;
        self.guard.effect("refund_payment", limit, self.company.refund(provider_ref, amount, key)).await
    }

    async fn transfer(&self, account: &str, amount: Money, key: &str) -> Result<ProviderTransfer, PortError> {
        let limit = self.guard.config.effect;
        self.guard.effect("transfer", limit, self.company.transfer(account, amount, key)).await
    }

    async fn fetch_transfer(&self, provider_ref: &str) -> Result<ProviderTransfer, PortError> {
        self.guard.read("fetch_transfer", || self.company.fetch_transfer(provider_ref)).await
    }

    async fn find_refund(&self, provider_ref: &str, key: &str) -> Result<Option<ProviderRefund>, PortError> {
        self.guard.read("find_refund", || self.company.find_refund(provider_ref, key)).await
    }

    async fn find_transfer(&self, key: &str) -> Result<Option<ProviderTransfer>, PortError> {
        self.guard.read("find_transfer", || self.company.find_transfer(key)).await
    }

    fn verify(&self, headers: &Headers, body: &[u8], now: DateTime<Utc>) -> Result<PaymentNotice, WebhookError> {
        self.company.verify(headers, body, now)
    }

    fn read(&self, body: &[u8]) -> Result<PaymentNotice, WebhookError> {
        self.company.read(body)
    }
}
