//! The runtime against real databases and lanes, with real concurrency.

mod harness;

mod awaken;
mod backlog;
mod events;
mod kinds;
mod running;
