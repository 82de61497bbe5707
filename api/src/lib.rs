//! The HTTP API: routes, authentication, errors, idempotency, and the OpenAPI document.
//!
//! A handler opens a transaction, calls one operation of the domain, and answers. Rules live in
//! the domain; calls to the outside live in jobs, but for starting a payment session.

mod access;
mod admin;
mod auth;
mod context;
mod document;
mod health;
mod http;
mod password;
mod public;
mod seller;
mod shopper;
mod throttle;
mod token;
mod view;
mod webhooks;

pub use auth::bearer;
pub use context::{ApiConfig, Context, RedisProbe};
pub use document::document;
pub use http::app::app;
pub use http::cors::Origins;
pub use http::crowd::{Crowd, Standing};
pub use http::edge::Edge;
pub use http::limit::RateLimits;
pub use http::peer::{Peer, TrustedProxies};
pub use password::hash_password;
pub use shopper::orders::warm;
pub use token::Keys;
