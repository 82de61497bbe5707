//! The states of a parcel, and how a carrier's scans move it.

use souk_entity::status::ShipmentStatus::{self, *};
use souk_entity::status::TrackingStatus;

use crate::port::Scan;
use crate::transition::{Edge, edge};

/// What happens to a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShipmentEvent {
    /// Its label is bought.
    Label,
    /// It is given up before it left; a label is voided.
    Cancel,
    /// The carrier moves it.
    Move,
    /// It is on the last leg.
    GoOut,
    /// It waits at a pick-up point.
    AwaitPickup,
    /// Nobody was there.
    Miss,
    /// Something is in its way.
    Delay,
    /// It has arrived.
    Deliver,
    /// It is lost or destroyed.
    Fail,
    /// It is on its way back to its sender.
    TurnBack,
    /// It is back at its sender.
    Return,
}

use ShipmentEvent::*;

macro_rules! scans_from {
    ($($from:ident),+) => {&[
        edge(Pending, Label, Labelled),
        edge(Pending, Cancel, Cancelled),
        edge(Labelled, Cancel, Cancelled),
        edge(ReturnToSender, Return, Returned),
        $(
            edge($from, Move, InTransit),
            edge($from, GoOut, OutForDelivery),
            edge($from, AwaitPickup, AvailableForPickup),
            edge($from, Miss, DeliveryAttempted),
            edge($from, Delay, Exception),
            edge($from, Deliver, Delivered),
            edge($from, Fail, Failure),
            edge($from, TurnBack, ReturnToSender),
        )+
    ]};
}

/// Every allowed change of a parcel. Scans are late, doubled and out of order, so a moving parcel
/// may be seen in any moving state next.
pub const SHIPMENT: &[Edge<ShipmentStatus, ShipmentEvent>] =
    scans_from!(Labelled, InTransit, OutForDelivery, AvailableForPickup, DeliveryAttempted, Exception);

/// Whether the parcel has left its sender.
pub fn has_left(status: ShipmentStatus) -> bool {
    !matches!(status, Pending | Labelled | Cancelled)
}

/// Whether a carrier may still have news of it.
pub fn is_moving(status: ShipmentStatus) -> bool {
    SHIPMENT.iter().any(|edge| edge.from == status) && !matches!(status, Pending)
}

/// What the last scan means for the parcel; `None` where it says nothing new.
pub fn event_of(tracking: TrackingStatus) -> Option<ShipmentEvent> {
    match tracking {
        TrackingStatus::Unknown | TrackingStatus::PreTransit | TrackingStatus::Cancelled => None,
        TrackingStatus::InTransit => Some(Move),
        TrackingStatus::OutForDelivery => Some(GoOut),
        TrackingStatus::AvailableForPickup => Some(AwaitPickup),
        TrackingStatus::DeliveryAttempted => Some(Miss),
        TrackingStatus::Exception => Some(Delay),
        TrackingStatus::Failure => Some(Fail),
        TrackingStatus::ReturnToSender => Some(TurnBack),
        TrackingStatus::Delivered => Some(Deliver),
    }
}

/// Where the scans, in any order, say that a parcel is: the latest by `occurred_at`, ties by how
/// far along they are. Delivered stays, whatever is told later, except a return to the sender.
pub fn tracking_status<'a>(scans: impl IntoIterator<Item = &'a Scan>) -> TrackingStatus {
    let mut scans: Vec<&Scan> = scans.into_iter().collect();
    scans.sort_by_key(|scan| (scan.occurred_at, rank(scan.status)));
    scans.into_iter().fold(TrackingStatus::Unknown, |known, scan| match (known, scan.status) {
        (_, TrackingStatus::Unknown) => known,
        (TrackingStatus::Delivered, later) if later != TrackingStatus::ReturnToSender => known,
        (TrackingStatus::ReturnToSender, _) => known,
        (_, later) => later,
    })
}

fn rank(status: TrackingStatus) -> u8 {
    match status {
        TrackingStatus::Unknown => 0,
        TrackingStatus::PreTransit => 1,
        TrackingStatus::InTransit => 2,
        TrackingStatus::Exception => 3,
        TrackingStatus::OutForDelivery => 4,
        TrackingStatus::DeliveryAttempted => 5,
        TrackingStatus::AvailableForPickup => 6,
        TrackingStatus::Failure => 7,
        TrackingStatus::Cancelled => 8,
        TrackingStatus::Delivered => 9,
        TrackingStatus::ReturnToSender => 10,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;
    use sea_orm::Iterable;

    use super::*;
    use crate::transition::next;

    const EVENTS: [ShipmentEvent; 11] =
        [Label, Cancel, Move, GoOut, AwaitPickup, Miss, Delay, Deliver, Fail, TurnBack, Return];

    #[test]
    fn every_pair_is_allowed_at_most_once_and_what_left_never_comes_back_to_the_shelf() {
        for from in ShipmentStatus::iter() {
            for event in EVENTS {
                let edges = SHIPMENT.iter().filter(|edge| edge.from == from && edge.event == event).count();
                let to = next("shipment", SHIPMENT, from, event);
                assert_eq!(to.is_ok(), edges == 1, "{from} {event:?}");
                if let Ok(to) = to {
                    assert!(has_left(to) || !has_left(from), "{from} {event:?} {to}");
                }
            }
        }
        for end in [Delivered, Failure, Returned, Cancelled] {
            assert!(SHIPMENT.iter().all(|edge| edge.from != end));
        }
    }

    fn scan(at: i64, status: TrackingStatus) -> Scan {
        let occurred_at = DateTime::from_timestamp(at, 0).unwrap();
        Scan { status, description: String::new(), location: None, occurred_at }
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_does_not_matter(
            scans in prop::collection::vec((0_i64..5, 0_usize..11), 0..12),
            turn in 0_usize..12,
        ) {
            let all: Vec<TrackingStatus> = TrackingStatus::iter().collect();
            let scans: Vec<Scan> = scans.into_iter().map(|(at, which)| scan(at, all[which])).collect();
            let mut turned = scans.clone();
            turned.rotate_left(turn.min(scans.len()));
            turned.extend(scans.iter().take(3).cloned());
            prop_assert_eq!(tracking_status(&scans), tracking_status(&turned));
        }
    }

    #[test]
    fn delivered_stays_but_for_a_return_to_the_sender() {
        use TrackingStatus as T;
        let told = |scans: &[Scan]| tracking_status(scans);
        assert_eq!(told(&[scan(1, T::Delivered), scan(2, T::InTransit)]), T::Delivered);
        assert_eq!(told(&[scan(1, T::Delivered), scan(2, T::ReturnToSender)]), T::ReturnToSender);
        assert_eq!(told(&[scan(2, T::InTransit), scan(1, T::OutForDelivery)]), T::InTransit);
        assert_eq!(told(&[scan(2, T::InTransit), scan(3, T::Unknown)]), T::InTransit);
    }
}
