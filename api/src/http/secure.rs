//! What every answer tells browsers and caches not to do with it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use poem::http::{HeaderName, HeaderValue, Method};
use poem::{Request, Response};
use sha2::{Digest, Sha256};

/// An answer of the API is data: as a page it loads nothing, runs nothing and is framed by nobody.
const DATA_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// One year. Whether other hosts of the domain speak TLS is not ours to say.
const ONE_YEAR: &str = "max-age=31536000";

/// What of a request matters to the headers of its answer.
#[derive(Clone, Copy)]
pub struct Asked {
    /// Whether anybody may see the answer: it is read without a credential.
    public: bool,
    https: bool,
}

impl Asked {
    /// By this request; `https` is how it came.
    pub fn by(request: &Request, https: bool) -> Self {
        let credential =
            request.headers().contains_key(AUTHORIZATION) || request.headers().contains_key("x-guest-token");
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        Self { public: reads && !credential, https }
    }

    /// Adds the headers to an answer; what it says itself stays.
    pub fn secure(self, response: &mut Response) {
        let versioned = response.headers().contains_key(ETAG);
        let mut say = |name: HeaderName, value: &'static str| {
            response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
        };
        say(X_CONTENT_TYPE_OPTIONS, "nosniff");
        say(CONTENT_SECURITY_POLICY, DATA_POLICY);
        say(X_FRAME_OPTIONS, "DENY");
        say(REFERRER_POLICY, "no-referrer");
        say(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
        if !self.public {
            // What has a version is asked for again with it, and kept by whoever asked only.
            say(CACHE_CONTROL, if versioned { "private, no-cache" } else { "no-store" });
        }
        if self.https {
            say(STRICT_TRANSPORT_SECURITY, ONE_YEAR);
        }
    }
}

/// The policy of a page that is whole in itself: of scripts those run that are in it, as they are.
pub fn page_policy(html: &str) -> String {
    let scripts: Vec<String> = inline_scripts(html)
        .map(|script| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script.as_bytes()))))
        .collect();
    // Swagger UI sets styles as it draws, and has its pictures in them.
    format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src 'self' data:; font-src data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        scripts.join(" ")
    )
}

fn inline_scripts(html: &str) -> impl Iterator<Item = &str> {
    let mut rest = html;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once("<script")?;
        let (_, script) = after.split_once('>')?;
        let (script, after) = script.split_once("</script>")?;
        rest = after;
        Some(script)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: Method, header: Option<&'static str>, https: bool, etag: bool) -> Response {
        let mut request = Request::builder().method(method);
        if let Some(name) = header {
            request = request.header(name, "x");
        }
        let asked = Asked::by(&request.finish(), https);
        let mut response = Response::builder().header("x-frame-options", "SAMEORIGIN").finish();
        if etag {
            response.headers_mut().insert(ETAG, HeaderValue::from_static("\"1\""));
        }
        asked.secure(&mut response);
        response
    }

    #[test]
    fn what_somebody_may_see_is_kept_by_nobody_else() {
        let cached = |method, header, etag| {
            let response = asked(method, header, false, etag);
            response.header("cache-control").map(str::to_owned)
        };
        assert_eq!(cached(Method::GET, None, false), None);
        assert_eq!(cached(Method::POST, None, false).as_deref(), Some("no-store"));
        for header in ["authorization", "x-guest-token"] {
            assert_eq!(cached(Method::GET, Some(header), false).as_deref(), Some("no-store"));
            assert_eq!(cached(Method::GET, Some(header), true).as_deref(), Some("private, no-cache"));
        }
    }

    #[test]
    fn https_is_insisted_on_once_it_is_there_and_what_is_said_stays() {
        assert_eq!(asked(Method::GET, None, false, false).header("strict-transport-security"), None);
        let response = asked(Method::GET, None, true, false);
        assert_eq!(response.header("strict-transport-security"), Some(ONE_YEAR));
        assert_eq!(response.header("x-frame-options"), Some("SAMEORIGIN"));
        assert_eq!(response.header("content-security-policy"), Some(DATA_POLICY));
    }

    #[test]
    fn of_a_page_only_its_own_scripts_run() {
        let page = "<p><script charset=\"UTF-8\">a < b</script><script>\n</script></p>";
        assert_eq!(inline_scripts(page).collect::<Vec<_>>(), ["a < b", "\n"]);
        let policy = page_policy("<script>alert('Hello, world.');</script>");
        // The example of the Content Security Policy specification.
        assert!(policy.contains("'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"), "{policy}");
    }
}
