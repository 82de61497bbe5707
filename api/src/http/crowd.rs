//! Connections by where they come from, so that one site does not hold them all.

use std::net::IpAddr;

use ipnet::IpNet;

use super::peer::TrustedProxies;
use super::share::{Share, Shares};

/// Who is connected.
#[derive(Clone, Debug)]
pub struct Crowd {
    proxies: TrustedProxies,
    sites: Shares<IpNet>,
}

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub struct Standing {
    _share: Option<Share<IpNet>>,
}

impl Crowd {
    /// Each site may have `most` connections at once, trusted proxies any number: they speak for many.
    pub fn new(proxies: TrustedProxies, most: usize) -> Self {
        Self { proxies, sites: Shares::new(most) }
    }

    /// A place for a connection from this address; `None` while its site has as many as it may.
    pub fn enter(&self, socket: IpAddr) -> Option<Standing> {
        let Some(site) = self.proxies.site(socket) else { return Some(Standing { _share: None }) };
        let share = self.sites.take(site);
        if share.is_none() {
            metrics::counter!("connections_refused_total").increment(1);
        }
        share.map(|share| Standing { _share: Some(share) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_have_their_share_and_proxies_speak_for_many() {
        let crowd = Crowd::new("10.0.0.0/8".parse().unwrap(), 2);
        let enter = |address: &str| crowd.enter(address.parse().unwrap());
        let mut inside = vec![enter("2001:db8:1:2::1").unwrap(), enter("2001:db8:1:2:ffff::1").unwrap()];
        assert!(enter("2001:db8:1:2::9").is_none(), "one site of IPv6");
        inside.extend([enter("2001:db8:1:3::1").unwrap(), enter("203.0.113.9").unwrap()]);
        inside.push(enter("::ffff:203.0.113.9").unwrap());
        assert!(enter("203.0.113.9").is_none(), "mapped into IPv6 it is the same");
        inside.extend((0..10).map(|_| enter("10.1.2.3").unwrap()));
        inside.clear();
        assert!(enter("203.0.113.9").is_some() && enter("2001:db8:1:2::9").is_some());
    }
}
