//! What all routes have in common: errors, request ids, limits, replays, pages, versions, and what
//! stands before them.

pub mod answer;
pub mod app;
pub mod cors;
pub mod crowd;
pub mod csv;
pub mod declared;
pub mod edge;
pub mod error;
pub mod kept;
pub mod limit;
pub mod page;
pub mod peer;
pub mod refuse;
pub mod replay;
pub mod request;
pub mod secure;
pub mod share;
pub mod upload;
pub mod version;
