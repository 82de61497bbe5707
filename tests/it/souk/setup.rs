//! What the tests run on.

/// Database and queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// A SQLite file, and the queue in the process.
    Embedded,
    /// PostgreSQL and Redis.
    Services,
}

impl Setup {
    /// The one that `SOUK_TEST_SETUP` names.
    pub fn of_environment() -> Self {
        match std::env::var("SOUK_TEST_SETUP").as_deref() {
            Err(_) | Ok("embedded") => Self::Embedded,
            Ok("services") => Self::Services,
            Ok(other) => panic!("SOUK_TEST_SETUP is embedded or services, not {other}"),
        }
    }
}
