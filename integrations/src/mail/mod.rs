//! E-mail: [`Templates`] word it, and one of [`Smtp`], [`Files`] and [`Log`] takes it.

mod file;
mod log;
mod message;
mod smtp;
mod templates;

pub use file::Files;
pub use log::Log;
pub use message::Sender;
pub use smtp::Smtp;
pub use templates::Templates;
