//! Where a request comes from. What a client says of itself counts for nothing: only proxies that the
//! configuration names are believed, each for what it saw itself.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use poem::Request;
use poem::http::uri::Scheme;

/// Who holds one address of IPv6 holds at least so many bits of others (RFC 6177).
const V6_SITE: u8 = 64;

/// Networks of proxies that are believed when they say whom they speak for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address; an IPv4 one also where it came mapped into IPv6.
    pub address: IpAddr,
    /// Whether the way to us, or to our outermost proxy, is encrypted.
    pub https: bool,
}

impl FromStr for TrustedProxies {
    type Err = String;

    /// Networks (`10.0.0.0/8`) and addresses, comma-separated.
    fn from_str(text: &str) -> Result<Self, String> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let read = |word: &str| {
            let network = word.parse::<IpNet>().ok().or_else(|| word.parse::<IpAddr>().ok().map(IpNet::from));
            network
                .map(unmapped)
                .ok_or_else(|| format!("{word} is neither a network such as 10.0.0.0/8 nor an address"))
        };
        Ok(Self(words.map(read).collect::<Result<_, _>>()?))
    }
}

/// A network of IPv4 addresses that are written as IPv6, as one of IPv4.
fn unmapped(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    match (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
        (Some(address), Some(bits)) => Ipv4Net::new(address, bits).map_or(network, IpNet::V4),
        _ => network,
    }
}

impl TrustedProxies {
    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The site of who holds a connection; `None` for a trusted proxy, which speaks for many.
    pub fn site(&self, socket: IpAddr) -> Option<IpNet> {
        let address = socket.to_canonical();
        (!self.trust(address)).then(|| Peer { address, https: false }.site())
    }

    /// The peer of a request.
    ///
    /// Each proxy adds the address that it was asked from to the right end of `X-Forwarded-For`; what
    /// is left of the first address that is not a trusted proxy's may be made up.
    pub fn peer(&self, request: &Request) -> Peer {
        // Where there is no socket, as in tests, everybody is one.
        let socket = request.remote_addr().as_socket_addr().map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), SocketAddr::ip);
        let lines =
            |name: &'static str| request.headers().get_all(name).iter().map(|value| value.to_str().unwrap_or(""));
        let forwarded: Vec<&str> = lines("x-forwarded-for").flat_map(|line| line.split(',')).collect();
        let protocol = lines("x-forwarded-proto").next_back().and_then(|line| line.rsplit(',').next()).map(str::trim);
        let told = self.trust(socket.to_canonical()) && protocol.is_some_and(|word| word.eq_ignore_ascii_case("https"));
        Peer {
            address: self.outermost(socket, forwarded.into_iter().rev()),
            https: told || *request.scheme() == Scheme::HTTPS,
        }
    }

    /// The first address from our side that is no trusted proxy's; where the rest cannot be read, the
    /// last one that could.
    fn outermost<'a>(&self, socket: IpAddr, forwarded: impl Iterator<Item = &'a str>) -> IpAddr {
        let mut address = socket.to_canonical();
        for word in forwarded {
            if !self.trust(address) {
                break;
            }
            let Some(next) = read(word.trim()) else { break };
            address = next.to_canonical();
        }
        address
    }
}

/// An address as proxies write it: some add the port.
fn read(word: &str) -> Option<IpAddr> {
    let bare = word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = bare.unwrap_or(word).parse().ok();
    address.or_else(|| word.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

impl Peer {
    /// All addresses that are likely in the same hands, for what is counted by peer.
    pub fn site(&self) -> IpNet {
        match self.address {
            IpAddr::V4(address) => Ipv4Net::from(address).into(),
            IpAddr::V6(address) => Ipv6Net::new_assert(address, V6_SITE).trunc().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROXIES: &str = "10.0.0.0/8, 192.0.2.7,2001:db8:1::/48";

    fn proxies() -> TrustedProxies {
        PROXIES.parse().unwrap()
    }

    /// The address for a request from `from`, with these lines of X-Forwarded-For.
    fn seen(proxies: &TrustedProxies, from: &str, forwarded: &[&str]) -> String {
        let words: Vec<&str> = forwarded.iter().flat_map(|line| line.split(',')).collect();
        proxies.outermost(from.parse().unwrap(), words.into_iter().rev()).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted = proxies();
        for (from, forwarded, peer) in [
            ("203.0.113.9", &[][..], "203.0.113.9"),
            ("203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            ("10.1.2.3", &[], "10.1.2.3"),
            ("10.1.2.3", &["198.51.100.1"], "198.51.100.1"),
            ("10.1.2.3", &["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            ("10.1.2.3", &["1.1.1.1", "198.51.100.1, 192.0.2.7"], "198.51.100.1"),
            ("10.1.2.3", &["10.9.9.9"], "10.9.9.9"),
            ("10.1.2.3", &["198.51.100.1:5000"], "198.51.100.1"),
            ("10.1.2.3", &["[2001:db8:2::1]:5000"], "2001:db8:2::1"),
            ("10.1.2.3", &["[2001:db8:2::1]"], "2001:db8:2::1"),
            ("10.1.2.3", &["198.51.100.1, unknown"], "10.1.2.3"),
            ("10.1.2.3", &["198.51.100.1,"], "10.1.2.3"),
            ("::ffff:10.1.2.3", &["::ffff:198.51.100.1"], "198.51.100.1"),
            ("2001:db8:1:ffff::5", &["2001:db8:2::1"], "2001:db8:2::1"),
            ("2001:db8:2::5", &["198.51.100.1"], "2001:db8:2::5"),
        ] {
            assert_eq!(seen(&trusted, from, forwarded), peer, "{from} {forwarded:?}");
            if !forwarded.is_empty() {
                let alone = from.parse::<IpAddr>().unwrap().to_canonical().to_string();
                assert_eq!(seen(&TrustedProxies::default(), from, forwarded), alone);
            }
        }
    }

    #[test]
    fn networks_that_cannot_be_read_are_told() {
        for wrong in ["10.0.0.0/33", "localhost", "10.0.0.0/8,x", "*"] {
            assert!(wrong.parse::<TrustedProxies>().is_err(), "{wrong}");
        }
        assert_eq!(" , ".parse(), Ok(TrustedProxies::default()));
        assert_eq!("::ffff:10.0.0.0/104".parse::<TrustedProxies>(), "10.0.0.0/8".parse());
    }

    #[test]
    fn who_holds_one_address_of_ipv6_holds_its_neighbours() {
        let site = |address: &str| Peer { address: address.parse().unwrap(), https: false }.site().to_string();
        assert_eq!(site("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
        assert_eq!(site("2001:db8:1:2:ffff::"), "2001:db8:1:2::/64");
        assert_ne!(site("2001:db8:1:3::4"), "2001:db8:1:2::/64");
        assert_eq!(site("198.51.100.1"), "198.51.100.1/32");
    }

    #[test]
    fn https_is_a_trusted_proxys_word() {
        let with = |trusted: &TrustedProxies, word: &'static str| {
            trusted.peer(&Request::builder().header("x-forwarded-proto", word).finish()).https
        };
        // A request without a socket is from `::`.
        let everybody: TrustedProxies = "::/0".parse().unwrap();
        assert!(with(&everybody, "https") && with(&everybody, "http, HTTPS"));
        assert!(!with(&everybody, "https, http") && !with(&everybody, ""));
        assert!(!with(&TrustedProxies::default(), "https"));
    }

    fn address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from)]
    }

    proptest! {
        #[test]
        fn who_is_not_trusted_is_itself_whatever_it_says(from in address(), said in ".{0,80}") {
            let trusted = proxies();
            prop_assume!(!trusted.trust(from.to_canonical()));
            prop_assert_eq!(trusted.outermost(from, said.split(',').rev()), from.to_canonical());
        }

        #[test]
        fn what_a_client_makes_up_changes_nothing(client in address(), said in ".{0,80}", hops in 0_usize..4) {
            let trusted = proxies();
            prop_assume!(!trusted.trust(client.to_canonical()));
            let inner = ["10.0.0.1", "192.0.2.7", "2001:db8:1::9"];
            let line = format!("{said},{client},{}", inner[..hops.min(3)].join(","));
            let words = line.trim_end_matches(',').rsplit(',');
            prop_assert_eq!(trusted.outermost("10.0.0.2".parse().unwrap(), words), client.to_canonical());
        }

        #[test]
        fn any_text_is_read_to_some_address(from in address(), said in prop::collection::vec(".{0,20}", 0..5)) {
            let trusted = proxies();
            let found = trusted.outermost(from, said.iter().map(String::as_str));
            prop_assert!(found == from.to_canonical() || said.iter().any(|word| read(word.trim()).map(|ip| ip.to_canonical()) == Some(found)));
        }
    }
}
