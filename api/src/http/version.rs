//! If-Match: the version that a change was decided on.

use souk_domain::{Code, Error, Result};

/// Reads `If-Match: "3"` (or `*`, any version).
///
/// # Errors
/// [`Code::MalformedRequest`] for anything else.
pub fn read(if_match: Option<&str>) -> Result<Option<i64>> {
    match if_match.map(str::trim) {
        None | Some("*") => Ok(None),
        Some(tag) => {
            let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.parse().ok());
            version.map(Some).ok_or_else(|| {
                Error::new(Code::MalformedRequest, "If-Match must be the ETag of the last answer, such as \"3\".")
            })
        }
    }
}

/// [`read`] where a change must name the version it was decided on.
///
/// # Errors
/// [`Code::IfMatchRequired`] when it is missing.
pub fn required(if_match: Option<&str>) -> Result<Option<i64>> {
    if if_match.is_none() {
        return Err(Error::new(Code::IfMatchRequired, "Send If-Match with the ETag of what you read."));
    }
    read(if_match)
}
