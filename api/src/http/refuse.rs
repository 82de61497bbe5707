//! What no operation takes, refused before any handler sees it.

use poem::Request;
use souk_domain::{Code, Error, Result, card, json, text};
use url::form_urlencoded;

use super::declared;

/// Headers that change what a request does, so that one which cannot be read must not be ignored.
const READ_OR_REFUSED: [&str; 2] = ["idempotency-key", "if-match"];

/// Headers that are kept. The request's id is chosen anew where it looks like a card, and others
/// are not looked at: what traces and proxies count with may look like anything.
const KEPT: [&str; 2] = ["idempotency-key", "user-agent"];

/// What companies send must be answered, and what is kept of it has its card numbers masked
/// (`souk_domain::inbox`).
const SIGNED: &str = "/api/v1/webhooks/";

/// Refuses headers that cannot be read; NUL characters anywhere, as PostgreSQL cannot keep them in
/// text, and what one database refuses the other must not take; query parameters that the
/// operation does not know; text that hides something ([`text::refused`]); and card numbers.
///
/// Every body is looked at as JSON, whatever its `Content-Type` says: handlers that read a body as a whole read
/// nothing else, and which types they take for JSON is not decided twice. A file comes without its body.
///
/// # Errors
/// [`Code::MalformedRequest`], [`Code::InvalidValue`], [`Code::CardNumber`].
pub fn unreadable(request: &Request, body: &[u8]) -> Result<()> {
    for name in READ_OR_REFUSED {
        if request.headers().get_all(name).iter().any(|value| value.to_str().is_err()) {
            return Err(Error::new(Code::MalformedRequest, format!("The header {name} is not printable ASCII.")));
        }
    }
    let address = request.uri().path_and_query().map(|address| address.as_str()).unwrap_or_default();
    if address.contains("%00") || body.contains(&0) || escapes_nul(body) {
        return Err(Error::new(Code::MalformedRequest, "NUL characters are not taken; leave them out."));
    }
    for name in KEPT {
        let values = request.headers().get_all(name);
        if values.iter().any(|value| card::found_in(&String::from_utf8_lossy(value.as_bytes()))) {
            return Err(json::card_number(&format!("The header {name}")));
        }
    }
    if text_of(request.uri().path()).any(|part| card::found_in(&part)) {
        return Err(json::card_number("The address"));
    }
    if request.uri().path().starts_with(SIGNED) {
        return Ok(());
    }
    for (name, value) in form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
        if card::found_in(&name) || card::found_in(&value) {
            return Err(json::card_number("The query"));
        }
        if let Some(why) = text::refused(&value) {
            return Err(Error::invalid(format!("The query {why}.")));
        }
    }
    declared::query(request)?;
    json::check(body)
}

/// A path for the log, without the number of a card in it.
pub fn loggable(path: &str) -> &str {
    if text_of(path).any(|part| card::found_in(&part)) { "(a card number)" } else { path }
}

/// The text of a path, in pieces. It is read like a query, in which a plus sign would be a blank.
fn text_of(path: &str) -> impl Iterator<Item = String> {
    let path = path.replace('+', "%2B");
    let pairs: Vec<_> =
        form_urlencoded::parse(path.as_bytes()).map(|(name, value)| format!("{name}={value}")).collect();
    pairs.into_iter()
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
        for body in [&br#"{"a":"\\u0000"}"#[..], br#"{"a":"u0000"}"#, br#"["\u00e9"]"#, b"", b"\\", br#"["\\\\"#] {
            assert!(unreadable(&json, body).is_ok(), "{body:?}");
        }
        for kind in ["", "text/plain", "application/JSON", "Application/x+Json"] {
            assert!(unreadable(&request("/", kind), br#"{"a":"\u0000"}"#).is_err(), "{kind}");
            assert!(unreadable(&request("/", kind), b"a\0").is_err(), "{kind}");
        }
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

    #[test]
    fn a_card_is_refused_wherever_it_would_be_kept_and_never_repeated() {
        let json = |address: &str| request(address, "application/json");
        let card = "4111111111111111";
        let mut keyed = json("/");
        keyed.headers_mut().insert("idempotency-key", HeaderValue::from_static("4111-1111-1111-1111"));
        let body = format!(r#"{{"note":"{card}"}}"#);
        for (request, body) in [
            (json("/"), body.as_bytes()),
            (request("/", "application/JSON"), &br#"{"note":"\u0034111111111111111"}"#[..]),
            (request("/", "application/x-www-form-urlencoded"), b"card=4111111111111111&x=1"),
            (request("/", "text/plain"), body.as_bytes()),
            (json("/?q=4111%201111+1111%2D1111"), b""),
            (json("/?4111111111111111=1"), b""),
            (json("/a/4111%2D1111%2D1111%2D1111"), b""),
            (json("/api/v1/webhooks/payments/4111111111111111"), b""),
            (keyed, b""),
        ] {
            let error = unreadable(&request, body).unwrap_err();
            assert_eq!(error.code, Code::CardNumber, "{}", request.uri());
            assert!(!error.message.contains("1111"), "{error}");
        }
        let signed = json("/api/v1/webhooks/payments/simulated");
        assert!(unreadable(&signed, body.as_bytes()).is_ok(), "a provider must be answered");
        assert!(unreadable(&json("/api/v1/orders/019aa0f1-7e1c-7d3a-8c55-0f8e3b6c2a41"), b"{}").is_ok());
    }

    #[test]
    fn the_log_has_no_path_with_a_card_in_it() {
        for path in ["/a/4111111111111111", "/a/4111%201111%201111%201111", "/4111+1111-1111+1111/4111111111111111"] {
            assert!(!loggable(path).contains("1111"), "{path}");
        }
        assert_eq!(loggable("/a/+b%20c"), "/a/+b%20c");
    }
}
