//! Adapters to the outside, one module per company, behind the ports of `souk_domain::port`.
//!
//! Adding a payment provider or carrier is one new file that implements the port, and one line
//! where the process fills its `souk_domain::port::Ports`. The [`simulated`] companies stand in
//! for real ones.

pub mod broker;
pub mod cache;
pub mod guard;
pub mod limit;
mod line;
pub mod mail;
pub mod simulated;
pub mod tls;
pub mod webhook;
