//! The simulated companies as souk meets them: through the ports, by webhook, and concurrently.

mod carrier;
mod courier;
mod fixture;
mod payments;
mod transfers;
