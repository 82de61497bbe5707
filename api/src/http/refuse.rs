//! What no operation takes, refused before any handler sees it.

use poem::Request;
use souk_domain::{Code, Error, Result};

/// Headers that change what a request does, so that one which cannot be read must not be ignored.
const READ_OR_REFUSED: [&str; 2] = ["idempotency-key", "if-match"];

/// Refuses headers that cannot be read, and NUL characters anywhere: PostgreSQL cannot keep them in
/// text, and what one database refuses the other must not take.
///
/// # Errors
/// [`Code::MalformedRequest`].
pub fn unreadable(request: &Request, body: &[u8]) -> Result<()> {
    for name in READ_OR_REFUSED {
        if request.headers().get_all(name).iter().any(|value| value.to_str().is_err()) {
            return Err(Error::new(Code::MalformedRequest, format!("The header {name} is not printable ASCII.")));
        }
    }
    let address = request.uri().path_and_query().map(|address| address.as_str()).unwrap_or_default();
    let json = request.content_type().is_some_and(|kind| kind.contains("json"));
    if address.contains("%00") || body.contains(&0) || (json && escapes_nul(body)) {
        return Err(Error::new(Code::MalformedRequest, "NUL characters are not taken; leave them out."));
    }
    Ok(())
}

/// Whether a JSON text spells a NUL as `\u0000`. A backslash that is itself escaped begins no escape.
fn escapes_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let escape = rest.get(at + 1..).unwrap_or_default();
        if escape.starts_with(b"u0000") {
            return true;
        }
        rest = escape.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn request(address: &str, kind: &str) -> Request {
        Request::builder().uri(address.parse().unwrap()).content_type(kind).finish()
    }

    #[test]
    fn a_nul_is_refused_however_it_is_spelled() {
        let json = request("/", "application/json; charset=utf-8");
        for body in [&br#"{"a":"\u0000"}"#[..], br#"{"\u0000":1}"#, br#"["\\\u0000"]"#, b"{\"a\":\"\0\"}"] {
            assert_eq!(unreadable(&json, body).unwrap_err().code, Code::MalformedRequest, "{body:?}");
        }
        for body in [&br#"{"a":"\\u0000"}"#[..], br#"{"a":"u0000"}"#, br#"["\u0001"]"#, b"", b"\\", br#"["\\\\"#] {
            assert!(unreadable(&json, body).is_ok(), "{body:?}");
        }
        let csv = request("/", "text/csv");
        assert!(unreadable(&csv, br"sku,\u0000").is_ok(), "no escape outside of JSON");
        assert!(unreadable(&csv, b"sku\0").is_err());
        for address in ["/a%00b", "/?q=%00"] {
            assert!(unreadable(&request(address, "text/csv"), b"").is_err(), "{address}");
        }
    }

    #[test]
    fn a_header_that_cannot_be_read_is_not_ignored() {
        for name in READ_OR_REFUSED {
            let mut request = request("/", "application/json");
            request.headers_mut().insert(name, HeaderValue::from_bytes("ké".as_bytes()).unwrap());
            assert_eq!(unreadable(&request, b"").unwrap_err().code, Code::MalformedRequest);
        }
    }
}
