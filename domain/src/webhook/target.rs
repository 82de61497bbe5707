//! Where webhooks may go.

use std::net::IpAddr;

use url::{Host, Url};

use super::address::is_public;
use crate::error::{Error, Result};

/// The longest URL, in characters.
pub const LONGEST_URL: usize = 2_000;

/// Which targets are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// https, to addresses of the public internet.
    Public,
    /// Any address, and http too: for development, where the receiver is on the same machine.
    Any,
}

impl Targets {
    /// Reads a URL that webhooks are to be sent to, in its normal form: a host written as a
    /// number, in whatever notation, is an address then.
    ///
    /// A host's name is not resolved; where it leads is checked each time that it is connected to.
    ///
    /// # Errors
    /// [`Code::InvalidValue`](crate::Code::InvalidValue), telling what is wrong with it.
    pub fn read(self, text: &str) -> Result<Url> {
        let url = Url::parse(text)
            .map_err(|error| Error::invalid(format!("url cannot be read ({error}): send a whole URL.")))?;
        match (url.scheme(), self) {
            ("https", _) | ("http", Self::Any) => {}
            _ => return Err(Error::invalid("url must begin with https://.")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::invalid("url must not hold a user name or password; the signature tells who sends."));
        }
        if url.fragment().is_some() {
            return Err(Error::invalid("url must not have a fragment."));
        }
        if url.as_str().chars().count() > LONGEST_URL {
            return Err(Error::invalid(format!("url is at most {LONGEST_URL} characters.")));
        }
        let allowed = match url.host() {
            None => false,
            Some(Host::Ipv4(address)) => self.allows(address.into()),
            Some(Host::Ipv6(address)) => self.allows(address.into()),
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.');
                self == Self::Any || !(name == "localhost" || name.ends_with(".localhost"))
            }
        };
        if allowed { Ok(url) } else { Err(Error::invalid("url must lead to an address of the public internet.")) }
    }

    /// Whether webhooks may be sent to an address.
    pub fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::Any => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_targets_are_https_urls_of_public_hosts() {
        for good in [
            "https://example.com",
            "https://example.com:8443/hooks?shop=1",
            "https://8.8.8.8/",
            "https://[2606:4700:4700::1111]/",
            "https://xn--bcher-kva.example/",
        ] {
            assert!(Targets::Public.read(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "example.com",
            "/hooks",
            "http://example.com/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "https://",
            "https://user@example.com/",
            "https://:secret@example.com/",
            "https://example.com/#top",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://api.localhost/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://0x7f.1/",
            "https://127.0.0.1./",
            "https://%31%32%37.0.0.1/",
            "https://１２７.0.0.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://10.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:8.8.8.8]/",
            "https://[64:ff9b::8.8.8.8]/",
            "https://[fd00:ec2::254]/",
            "https://[fe80::1%25eth0]/",
        ] {
            assert!(Targets::Public.read(bad).is_err(), "{bad}");
        }
        assert!(Targets::Public.read(&format!("https://example.com/{}", "a".repeat(LONGEST_URL))).is_err());
    }

    #[test]
    fn any_target_may_be_near_and_unencrypted() {
        for good in ["http://127.0.0.1:9000/hook", "http://localhost:1/", "https://[::1]/"] {
            assert!(Targets::Any.read(good).is_ok(), "{good}");
        }
        for bad in ["http://user@127.0.0.1/", "ftp://127.0.0.1/", "http://127.0.0.1/#a"] {
            assert!(Targets::Any.read(bad).is_err(), "{bad}");
        }
    }
}
