//! Adapters to the outside, one module per company, behind the ports of `souk_domain::port`.
//!
//! Adding a payment provider or carrier is one new file that implements the port and one line
//! where the registries are filled. The [`simulated`] companies stand in for real ones.

pub mod simulated;

use std::collections::BTreeMap;
use std::sync::Arc;

use souk_domain::port::{Carrier, PaymentGateway};

/// The payment providers of this installation, by name.
#[derive(Clone, Default)]
pub struct Gateways(BTreeMap<&'static str, Arc<dyn PaymentGateway>>);

impl Gateways {
    /// The provider of this name, as rows and webhook routes spell it.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn PaymentGateway>> {
        self.0.get(name)
    }

    /// Their names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.keys().copied()
    }
}

impl FromIterator<Arc<dyn PaymentGateway>> for Gateways {
    /// Of two providers with one name, the last stays.
    fn from_iter<I: IntoIterator<Item = Arc<dyn PaymentGateway>>>(gateways: I) -> Self {
        Self(gateways.into_iter().map(|gateway| (gateway.name(), gateway)).collect())
    }
}

/// The carriers of this installation, by name.
#[derive(Clone, Default)]
pub struct Carriers(BTreeMap<&'static str, Arc<dyn Carrier>>);

impl Carriers {
    /// The carrier of this name, as rows and webhook routes spell it.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Carrier>> {
        self.0.get(name)
    }

    /// Their names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.keys().copied()
    }
}

impl FromIterator<Arc<dyn Carrier>> for Carriers {
    /// Of two carriers with one name, the last stays.
    fn from_iter<I: IntoIterator<Item = Arc<dyn Carrier>>>(carriers: I) -> Self {
        Self(carriers.into_iter().map(|carrier| (carrier.name(), carrier)).collect())
    }
}
