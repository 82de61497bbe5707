//! The integration tests: the real binary, driven over HTTP as shoppers, sellers and operators do.
//!
//! `SOUK_TEST_SETUP` chooses what it runs on: `embedded` (the default; SQLite and the in-process
//! queue) or `services` (PostgreSQL of `DATABASE_URL`, Redis of `REDIS_URL`, workers in processes
//! of their own). Each test has its own installation, see [`souk`].

mod access;
mod audit;
mod batches;
mod cache;
mod catalogue;
mod chaos;
mod commission;
mod document;
mod events;
mod explain;
mod faults;
mod idempotency;
mod input;
mod jobs;
mod layers;
mod ledger;
mod life;
mod limits;
mod notifications;
mod payouts;
mod privacy;
mod promotions;
mod races;
mod refunds;
mod schedules;
mod schema;
mod secrets;
mod seller_webhooks;
mod shipping;
mod souk;
mod tax;
mod webhooks;
