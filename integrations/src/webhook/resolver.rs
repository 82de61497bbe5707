//! Names to addresses that may be connected to.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use souk_domain::webhook::target::Targets;

/// The system's resolver, without addresses that are not allowed. The client connects to what it
/// is told here and asks nobody else, so a name cannot resolve to one thing when it is checked and
/// to another when it is connected to.
pub(super) struct Resolver {
    pub targets: Targets,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let targets = self.targets;
        Box::pin(async move {
            // The port is that of the URL.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed = allowed(targets, found);
            if allowed.is_empty() {
                return Err("the name leads to no address of the public internet".into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

fn allowed(targets: Targets, found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    found.into_iter().filter(|address| targets.allows(address.ip())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_mixed_addresses_only_public_ones_are_left() {
        let found = ["10.0.0.1:0", "8.8.8.8:0", "[::1]:0", "[::ffff:127.0.0.1]:0", "[2606:4700:4700::1111]:0"];
        let found: Vec<SocketAddr> = found.map(|text| text.parse().expect("an address")).into();
        let left: Vec<String> = allowed(Targets::Public, found.clone()).iter().map(ToString::to_string).collect();
        assert_eq!(left, ["8.8.8.8:0", "[2606:4700:4700::1111]:0"]);
        assert_eq!(allowed(Targets::Any, found.clone()), found);
    }

    #[tokio::test]
    async fn a_name_of_this_machine_leads_nowhere() {
        let resolve = async |targets| {
            let resolver = Resolver { targets };
            let addresses = resolver.resolve("localhost".parse().expect("a name")).await;
            addresses.map(Iterator::count).map_err(|error| error.to_string())
        };
        assert!(resolve(Targets::Any).await.expect("this machine has a name") > 0);
        assert!(resolve(Targets::Public).await.expect_err("private").contains("public internet"));
    }
}
