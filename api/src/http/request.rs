//! The id that a request carries through logs and errors.

use souk_domain::card;

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The id of the request under way; empty outside of one.
pub fn request_id() -> String {
    REQUEST_ID.try_with(Clone::clone).unwrap_or_default()
}

/// Runs `work` under a request id.
pub async fn with_request_id<F: Future>(id: String, work: F) -> F::Output {
    REQUEST_ID.scope(id, work).await
}

/// The caller's id where it can be one, else a new one.
pub fn choose_request_id(given: Option<&str>) -> String {
    match given {
        Some(id)
            if (8..=64).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !card::found_in(id) =>
        {
            id.to_owned()
        }
        _ => uuid::Uuid::new_v4().simple().to_string(),
    }
}
