//! The states of a webhook endpoint.

use souk_entity::status::WebhookEndpointStatus::{self, *};

use crate::transition::{Edge, edge};

/// What happens to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointEvent {
    /// Its seller changes where and of what it is told.
    Update,
    /// It gets a new secret.
    RotateSecret,
    /// Its seller has an event sent to it.
    Test,
    /// Its seller wants no more, it is gone, or it has failed for too long.
    Disable,
    /// Its seller wants it to be told again.
    Enable,
}

/// Every allowed change of an endpoint.
pub const WEBHOOK_ENDPOINT: &[Edge<WebhookEndpointStatus, EndpointEvent>] = &[
    edge(Active, EndpointEvent::Update, Active),
    edge(Disabled, EndpointEvent::Update, Disabled),
    edge(Active, EndpointEvent::RotateSecret, Active),
    edge(Disabled, EndpointEvent::RotateSecret, Disabled),
    edge(Active, EndpointEvent::Test, Active),
    edge(Active, EndpointEvent::Disable, Disabled),
    edge(Disabled, EndpointEvent::Enable, Active),
];

#[cfg(test)]
mod tests {
    use sea_orm::Iterable;

    use super::*;
    use crate::transition::next;

    #[test]
    fn every_pair_is_allowed_at_most_once_and_a_disabled_one_can_be_mended() {
        use EndpointEvent::*;
        for from in WebhookEndpointStatus::iter() {
            for event in [Update, RotateSecret, Test, Disable, Enable] {
                let edges = WEBHOOK_ENDPOINT.iter().filter(|edge| edge.from == from && edge.event == event).count();
                assert_eq!(next("endpoint", WEBHOOK_ENDPOINT, from, event).is_ok(), edges == 1);
            }
        }
        assert!(next("endpoint", WEBHOOK_ENDPOINT, Disabled, Test).is_err(), "nothing is sent to a disabled one");
    }
}
