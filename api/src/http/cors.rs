//! Which sites' pages may call this API from a browser (the CORS protocol of the Fetch standard).
//!
//! Credentials are bearer tokens that a page adds itself; cookies are never read, so the mode that
//! sends them is not offered. A preflight is answered before anything else is asked about it.

use std::collections::BTreeSet;
use std::str::FromStr;

use poem::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use poem::http::uri::Uri;
use poem::http::{HeaderValue, Method, StatusCode};
use poem::{Endpoint, Middleware, Request, Response};

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const ALLOWED: &str =
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-Guest-Token, X-Request-Id";
const EXPOSED: &str = "Content-Disposition, ETag, RateLimit-Limit, RateLimit-Policy, RateLimit-Remaining, \
                       RateLimit-Reset, Retry-After, X-Request-Id";
/// Seconds for which a browser keeps the answer to a preflight; no browser keeps it for longer than
/// two hours unless told to, and Chromium never.
const MAX_AGE: &str = "7200";

/// The sites.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    any: bool,
    exact: BTreeSet<String>,
}

impl FromStr for Origins {
    type Err = String;

    /// Exact origins (`https://shop.example`), comma-separated, or `*` alone; nothing for none.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "*" {
            return Ok(Self { any: true, exact: BTreeSet::new() });
        }
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let exact = words.map(|word| {
            origin(word).ok_or_else(|| {
                format!("{word} is no origin: https:// or http:// and a host, in small letters, without a path")
            })
        });
        Ok(Self { any: false, exact: exact.collect::<Result<_, _>>()? })
    }
}

/// An origin as browsers write it; anything else would never match and is a mistake.
fn origin(word: &str) -> Option<String> {
    let uri: Uri = word.parse().ok()?;
    let (scheme, host) = (uri.scheme_str()?, uri.authority()?.as_str());
    let usual = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let plain = format!("{scheme}://{host}");
    let browsers = word == plain && !host.ends_with(usual) && !host.contains('@') && plain == plain.to_lowercase();
    (browsers && !host.contains('*')).then_some(plain)
}

impl Origins {
    fn is_none(&self) -> bool {
        !self.any && self.exact.is_empty()
    }

    /// What an answer to this origin says.
    fn allows(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        if self.any {
            return Some(HeaderValue::from_static("*"));
        }
        origin.to_str().is_ok_and(|origin| self.exact.contains(origin)).then(|| origin.clone())
    }
}

impl<E: Endpoint<Output = Response>> Middleware<E> for Origins {
    type Output = Cors<E>;

    fn transform(&self, inner: E) -> Self::Output {
        Cors { inner, origins: self.clone() }
    }
}

/// See [`Origins`].
pub struct Cors<E> {
    inner: E,
    origins: Origins,
}

impl<E: Endpoint<Output = Response>> Endpoint for Cors<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        if self.origins.is_none() {
            return self.inner.call(request).await;
        }
        let allowed = request.headers().get(ORIGIN).and_then(|origin| self.origins.allows(origin));
        let preflight =
            request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let mut response = match &allowed {
            Some(_) if preflight => preflight_answer(),
            _ => self.inner.call(request).await?,
        };
        let headers = response.headers_mut();
        if !self.origins.any {
            // Caches must not give one site's answer to another, nor one without an origin.
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = allowed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
        Ok(response)
    }
}

fn preflight_answer() -> Response {
    Response::builder()
        .status(StatusCode::NO_CONTENT)
        .header(ACCESS_CONTROL_ALLOW_METHODS, METHODS)
        .header(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED)
        .header(ACCESS_CONTROL_MAX_AGE, MAX_AGE)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_exact() {
        let origins: Origins = "https://shop.example, http://localhost:5173".parse().unwrap();
        let allows = |origin: &'static str| origins.allows(&HeaderValue::from_static(origin)).is_some();
        assert!(allows("https://shop.example") && allows("http://localhost:5173"));
        for other in [
            "http://shop.example",
            "https://shop.example:8443",
            "https://shop.example.evil.example",
            "https://evil-shop.example",
            "https://a.shop.example",
            "http://localhost",
            "null",
            "*",
            "",
        ] {
            assert!(!allows(other), "{other}");
        }
        assert!("".parse::<Origins>().unwrap().is_none());
        let any: Origins = "*".parse().unwrap();
        assert_eq!(any.allows(&HeaderValue::from_static("null")), Some(HeaderValue::from_static("*")));
    }

    #[test]
    fn what_no_browser_sends_is_a_mistake() {
        for wrong in [
            "shop.example",
            "https://shop.example/",
            "https://shop.example/path",
            "https://Shop.example",
            "https://shop.example:443",
            "http://shop.example:80",
            "https://*.shop.example",
            "https://user@shop.example",
            "ftp://shop.example",
            "null",
            "https://shop.example,*",
        ] {
            assert!(wrong.parse::<Origins>().is_err(), "{wrong}");
        }
    }
}
