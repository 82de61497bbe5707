//! TLS for every client of the outside.

/// Makes ring the cryptography of TLS in this process; needed before the first HTTP client is
/// made, and harmless when repeated.
///
/// reqwest is built without a choice of its own: its usual one, aws-lc, is the costliest
/// dependency to build that there is.
pub fn install() {
    // An error says that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
