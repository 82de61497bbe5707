//! What all routes have in common: errors, request ids, limits, replays, pages, versions.

pub mod answer;
pub mod app;
pub mod csv;
pub mod declared;
pub mod error;
pub mod kept;
pub mod page;
pub mod refuse;
pub mod replay;
pub mod request;
pub mod upload;
pub mod version;
