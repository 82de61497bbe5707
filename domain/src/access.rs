//! What may be done, in areas of work: what roles, capabilities and API keys allow is said in these.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use souk_entity::seller_member;
use souk_entity::status::{MemberRole, UserRole};

use crate::error::{Error, Result};

/// Reading or changing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Looking at what is there.
    Read,
    /// Anything that has an effect.
    Write,
}

macro_rules! areas {
    ($($(#[$doc:meta])* $name:ident { $($(#[$area_doc:meta])* $area:ident = $word:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$area_doc])* $area),+ }

        impl $name {
            /// Every area.
            pub const ALL: &'static [Self] = &[$(Self::$area),+];

            /// The area's word in scopes.
            pub fn word(self) -> &'static str {
                match self { $(Self::$area => $word),+ }
            }
        }

        impl Area for $name {
            fn of_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$area),)+ _ => None }
            }

            fn word(self) -> &'static str {
                Self::word(self)
            }
        }
    )+};
}

/// An area that scopes can be for.
pub trait Area: Copy + Ord + 'static {
    /// The area of a word of [`Scopes`].
    fn of_word(word: &str) -> Option<Self>;

    /// The word of an area.
    fn word(self) -> &'static str;
}

areas! {
    /// What there is to do for a seller.
    SellerArea {
        /// Products, offers, prices, stock, shipping methods, promotions.
        Catalogue = "catalogue",
        /// Accepting, packing, labels, returns.
        Orders = "orders",
        /// Balance, statement, payouts, commission, refunds.
        Money = "money",
        /// Where the seller's own systems are told of events.
        Webhooks = "webhooks",
        /// Settings, team, payout account, API keys: never by an API key.
        Settings = "settings",
    }
    /// What there is to do for the marketplace.
    OperatorArea {
        /// Orders, tracking, imports.
        Orders = "orders",
        /// Paying shoppers back.
        Refunds = "refunds",
        /// Categories, promotions, and products of whichever seller.
        Catalogue = "catalogue",
        /// Who may sell.
        Sellers = "sellers",
        /// Terms, commission, tax, payouts, the ledger.
        Money = "money",
        /// Jobs, schedules, the log of events, notifications, sellers' webhooks.
        Operations = "operations",
        /// People, roles, API keys, the audit log: never by an API key.
        Access = "access",
    }
}

impl SellerArea {
    /// Whether an API key may have it.
    pub fn for_keys(self) -> bool {
        self != Self::Settings
    }
}

impl OperatorArea {
    /// Whether an API key may have it.
    pub fn for_keys(self) -> bool {
        self != Self::Access
    }
}

/// Whether a member of a seller may work in an area. Owners may do everything; staff what they are
/// trusted with.
pub fn member_may(member: &seller_member::Model, area: SellerArea) -> bool {
    member.role == MemberRole::Owner
        || match area {
            SellerArea::Catalogue => member.catalogue,
            SellerArea::Orders => member.orders,
            SellerArea::Money => member.money,
            SellerArea::Webhooks | SellerArea::Settings => false,
        }
}

/// Whether a role of the marketplace may do something. Everybody there reads, but who has access and
/// what they did is for administrators; managers run the day; money's terms are administrators'.
pub fn role_may(role: UserRole, area: OperatorArea, mode: Mode) -> bool {
    match role {
        UserRole::Customer => false,
        UserRole::ReadOnly => mode == Mode::Read && area != OperatorArea::Access,
        UserRole::Manager => match area {
            OperatorArea::Orders | OperatorArea::Refunds | OperatorArea::Catalogue | OperatorArea::Sellers => true,
            OperatorArea::Money | OperatorArea::Operations => mode == Mode::Read,
            OperatorArea::Access => false,
        },
        UserRole::Admin => true,
    }
}

/// What an API key may do: such as `orders:read orders:write`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes<A>(BTreeSet<(A, Mode)>);

impl<A: Area> Scopes<A> {
    /// Reads scopes one by one; writing is granted by itself and does not bring reading.
    ///
    /// # Errors
    /// [`crate::Code::InvalidValue`] for a word that is no scope, and for none at all.
    pub fn read<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let scopes: BTreeSet<_> = words.into_iter().map(scope).collect::<Result<_>>()?;
        if scopes.is_empty() {
            return Err(Error::invalid("scopes names one at least: a key without any may do nothing."));
        }
        Ok(Self(scopes))
    }

    /// Whether they allow something.
    pub fn allow(&self, area: A, mode: Mode) -> bool {
        self.0.contains(&(area, mode))
    }

    /// The areas that they are for.
    pub fn areas(&self) -> impl Iterator<Item = A> + '_ {
        self.0.iter().map(|(area, _)| *area)
    }
}

impl<A: Area> FromStr for Scopes<A> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::read(text.split_whitespace())
    }
}

impl<A: Area> fmt::Display for Scopes<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (area, mode)) in self.0.iter().enumerate() {
            let between = if index == 0 { "" } else { " " };
            let mode = if *mode == Mode::Read { "read" } else { "write" };
            write!(f, "{between}{}:{mode}", area.word())?;
        }
        Ok(())
    }
}

fn scope<A: Area>(word: &str) -> Result<(A, Mode)> {
    let parts = word.split_once(':').and_then(|(area, mode)| {
        let mode = match mode {
            "read" => Mode::Read,
            "write" => Mode::Write,
            _ => return None,
        };
        Some((A::of_word(area)?, mode))
    });
    parts.ok_or_else(|| Error::invalid("scopes are an area and what may be done there, such as `orders:read`."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_written() {
        for area in SellerArea::ALL {
            for mode in ["read", "write"] {
                let text = format!("{}:{mode}", area.word());
                assert_eq!(text.parse::<Scopes<SellerArea>>().unwrap().to_string(), text);
            }
        }
        for area in OperatorArea::ALL {
            let text = format!("{0}:read {0}:write", area.word());
            assert_eq!(text.parse::<Scopes<OperatorArea>>().unwrap().to_string(), text);
        }
        let both: Scopes<SellerArea> = "orders:write catalogue:read orders:write".parse().unwrap();
        assert_eq!(both.to_string(), "catalogue:read orders:write");
        assert!(both.allow(SellerArea::Orders, Mode::Write) && both.allow(SellerArea::Catalogue, Mode::Read));
        assert!(!both.allow(SellerArea::Orders, Mode::Read) && !both.allow(SellerArea::Money, Mode::Read));
        for wrong in
            ["", " ", "orders", "orders:", ":read", "orders:own", "Orders:read", "access:read", "orders:read,x"]
        {
            assert!(wrong.parse::<Scopes<SellerArea>>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_role_may_what_the_one_below_it_may_and_more() {
        let may = |role| {
            let pairs = OperatorArea::ALL.iter().flat_map(|area| [(*area, Mode::Read), (*area, Mode::Write)]);
            pairs.filter(|(area, mode)| role_may(role, *area, *mode)).collect::<BTreeSet<_>>()
        };
        let steps = [UserRole::Customer, UserRole::ReadOnly, UserRole::Manager, UserRole::Admin].map(may);
        for (below, above) in steps.iter().zip(&steps[1..]) {
            assert!(below.is_subset(above) && below.len() < above.len());
        }
        assert!(steps[0].is_empty() && steps[1].iter().all(|(_, mode)| *mode == Mode::Read));
        assert_eq!(steps[3].len(), OperatorArea::ALL.len() * 2);
        assert!(!steps[2].iter().any(|(area, _)| *area == OperatorArea::Access));
    }
}
