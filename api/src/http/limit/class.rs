//! What is asked for, as far as budgets go.

use std::str::FromStr;

use poem::Request;
use poem::http::Method;
use souk_domain::limit::Rate;

use crate::http::upload;

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $per_minute:literal : $burst:literal),+ $(,)?) => {
        /// A class of requests, each with a budget of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Class { $($(#[$doc])* $name),+ }

        impl Class {
            /// Every class.
            const ALL: &'static [Self] = &[$(Self::$name),+];

            /// As the configuration and metrics call it.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }

            /// The budget where nothing else is configured: far above what a busy person or a system that
            /// keeps up with its orders needs.
            const fn usual(self) -> Rate {
                match self { $(Self::$name => Rate::new($per_minute, $burst)),+ }
            }
        }
    };
}

classes! {
    /// Signing in, registering, and all else that proves who somebody is; by peer.
    Credentials = "credentials", 30:20,
    /// Reading without a credential; by peer.
    Browse = "browse", 1_200:300,
    /// All that the guests of one peer do.
    Guests = "guests", 1_200:300,
    /// A shopper reads.
    ShopperRead = "shopper_read", 600:200,
    /// A shopper changes something.
    ShopperWrite = "shopper_write", 240:100,
    /// A seller reads.
    SellerRead = "seller_read", 1_200:300,
    /// A seller changes something.
    SellerWrite = "seller_write", 1_200:300,
    /// An operator reads or changes something.
    Admin = "admin", 1_200:300,
    /// A file of rows.
    Uploads = "uploads", 30:10,
    /// A payment provider or a carrier tells something; by peer.
    Webhooks = "webhooks", 6_000:1_000,
}

impl Class {
    /// The class of a request; `None` for what is never limited: the state of the service, its
    /// document, and what stands beside the API.
    pub fn of(request: &Request, credential: bool) -> Option<Self> {
        let path = request.uri().path();
        let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let either = |read, write| Some(if reads { read } else { write });
        let Some(path) = path.strip_prefix("/api/v1/") else {
            let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
            let free = ["healthz", "readyz", "metrics", "openapi.json", "docs", "simulator"].contains(&first);
            return if free { None } else { either(Self::Browse, Self::ShopperWrite) };
        };
        if upload::is_upload(request) {
            return Some(Self::Uploads);
        }
        match path.split('/').next().unwrap_or_default() {
            // Those who have signed in come back with a token that cannot be guessed.
            "auth" if matches!(path, "auth/refresh" | "auth/sign-out") => Some(Self::ShopperWrite),
            "auth" => Some(Self::Credentials),
            "webhooks" => Some(Self::Webhooks),
            "seller" => either(Self::SellerRead, Self::SellerWrite),
            "admin" => Some(Self::Admin),
            _ if credential => either(Self::ShopperRead, Self::ShopperWrite),
            _ => either(Self::Browse, Self::ShopperWrite),
        }
    }

    /// Whether a credential makes no difference.
    pub fn is_by_peer(self) -> bool {
        matches!(self, Self::Credentials | Self::Webhooks | Self::Guests)
    }

    /// Whether only a credential that was found good is answered with success.
    pub fn is_for_members_only(self) -> bool {
        matches!(self, Self::SellerRead | Self::SellerWrite | Self::Admin | Self::Uploads)
    }
}

/// The budget of each class; without any, nothing is limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimits(Option<Vec<Rate>>);

impl RateLimits {
    /// No limits.
    pub const OFF: Self = Self(None);

    /// The budget of a class.
    pub fn rate(&self, class: Class) -> Option<Rate> {
        self.0.as_ref()?.get(class as usize).copied()
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self(Some(Class::ALL.iter().map(|class| class.usual()).collect()))
    }
}

impl FromStr for RateLimits {
    type Err = String;

    /// `off`, `default`, or `class=per_minute:burst` for some classes, comma-separated.
    fn from_str(text: &str) -> Result<Self, String> {
        let Self(usual) = Self::default();
        let mut rates = usual.unwrap_or_default();
        match text.trim() {
            "off" => return Ok(Self::OFF),
            "default" => return Ok(Self(Some(rates))),
            _ => {}
        }
        for word in text.split(',').map(str::trim) {
            let wrong = || format!("{word} is not of the form class=per_minute:burst, each 1 to {}", Rate::MOST);
            let (name, numbers) = word.split_once('=').ok_or_else(wrong)?;
            let number = |text: &str| text.parse().ok().filter(|number| (1..=Rate::MOST).contains(number));
            let (per_minute, burst) = numbers.split_once(':').ok_or_else(wrong)?;
            let rate = Rate::new(number(per_minute).ok_or_else(wrong)?, number(burst).ok_or_else(wrong)?);
            let class = Class::ALL.iter().find(|class| class.word() == name).ok_or_else(|| {
                let all: Vec<_> = Class::ALL.iter().map(|class| class.word()).collect();
                format!("{name} is no class of requests; there are {}", all.join(", "))
            })?;
            if let Some(slot) = rates.get_mut(*class as usize) {
                *slot = rate;
            }
        }
        Ok(Self(Some(rates)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(method: Method, path: &str, credential: bool) -> Option<&'static str> {
        let request = Request::builder().method(method).uri(path.parse().unwrap()).finish();
        Class::of(&request, credential).map(Class::word)
    }

    #[test]
    fn each_request_has_its_class() {
        for (method, path, nobody, somebody) in [
            (Method::POST, "/api/v1/auth/sign-in", Some("credentials"), Some("credentials")),
            (Method::POST, "/api/v1/auth/anything/new", Some("credentials"), Some("credentials")),
            (Method::POST, "/api/v1/auth/refresh", Some("shopper_write"), Some("shopper_write")),
            (Method::GET, "/api/v1/catalog/products?limit=1", Some("browse"), Some("shopper_read")),
            (Method::POST, "/api/v1/carts", Some("shopper_write"), Some("shopper_write")),
            (Method::GET, "/api/v1/seller/orders", Some("seller_read"), Some("seller_read")),
            (Method::PATCH, "/api/v1/seller/offers/x", Some("seller_write"), Some("seller_write")),
            (Method::GET, "/api/v1/sellers/x/shipping-methods", Some("browse"), Some("shopper_read")),
            (Method::POST, "/api/v1/seller/batches/inventory", Some("uploads"), Some("uploads")),
            (Method::DELETE, "/api/v1/admin/jobs/x", Some("admin"), Some("admin")),
            (Method::POST, "/api/v1/webhooks/payments/x", Some("webhooks"), Some("webhooks")),
            (Method::GET, "/wp-admin", Some("browse"), Some("browse")),
            (Method::GET, "/api/v1", Some("browse"), Some("browse")),
            (Method::GET, "/healthz", None, None),
            (Method::GET, "/readyz", None, None),
            (Method::GET, "/metrics", None, None),
            (Method::GET, "/docs", None, None),
            (Method::GET, "/openapi.json", None, None),
        ] {
            assert_eq!(class(method.clone(), path, false), nobody, "{method} {path}");
            assert_eq!(class(method.clone(), path, true), somebody, "{method} {path} with a credential");
        }
    }

    #[test]
    fn budgets_are_read_from_words() {
        let read = |text: &str| text.parse::<RateLimits>();
        assert_eq!(read("off"), Ok(RateLimits::OFF));
        assert_eq!(read("default"), Ok(RateLimits::default()));
        let some = read("browse=60:5, admin=6000:1000000").unwrap();
        assert_eq!(some.rate(Class::Browse), Some(Rate::new(60, 5)));
        assert_eq!(some.rate(Class::Admin), Some(Rate::new(6_000, 1_000_000)));
        assert_eq!(some.rate(Class::Uploads), Some(Class::Uploads.usual()));
        for wrong in ["", "on", "browse", "browse=60", "browse=0:5", "browse=60:0", "browse=60:1000001", "cats=60:5"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read("cats=60:5").unwrap_err().contains("credentials, browse, guests"));
    }
}
