//! Who causes a change, as history records it.

use souk_entity::id::{SellerId, UserId};
use souk_entity::status::ActorKind;
use uuid::Uuid;

/// The cause of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A shopper; a guest has no id.
    Shopper(Option<UserId>),
    /// A person acting for a seller.
    Seller(SellerId, UserId),
    /// A person of the marketplace.
    Operator(UserId),
    /// The payment provider, through a webhook or an answer.
    Provider,
    /// The carrier, through a webhook or an answer.
    Carrier,
    /// souk itself: a deadline, a follow-up.
    System,
}

impl Actor {
    /// The kind that history shows.
    pub fn kind(self) -> ActorKind {
        match self {
            Self::Shopper(_) => ActorKind::Shopper,
            Self::Seller(..) => ActorKind::Seller,
            Self::Operator(_) => ActorKind::Operator,
            Self::Provider => ActorKind::Provider,
            Self::Carrier => ActorKind::Carrier,
            Self::System => ActorKind::System,
        }
    }

    /// The person, where one is known.
    pub fn id(self) -> Option<Uuid> {
        match self {
            Self::Shopper(user) => user.map(Into::into),
            Self::Seller(_, user) | Self::Operator(user) => Some(user.into()),
            Self::Provider | Self::Carrier | Self::System => None,
        }
    }
}
