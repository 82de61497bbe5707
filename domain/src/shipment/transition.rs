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
        // What was told last wins, but what happened last is true: scans come in any order.
        edge(ReturnToSender, Deliver, Delivered),
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
    scans_from!(Labelled, InTransit, OutForDelivery, AvailableForPickup, DeliveryAttempted, Exception, Failure);

/// Whether the parcel has left its sender.
pub fn has_left(status: ShipmentStatus) -> bool {
    !matches!(status, Pending | Labelled | Cancelled)
}

/// Whether a carrier may still have news of it.
pub fn is_moving(status: ShipmentStatus) -> bool {
    SHIPMENT.iter().any(|edge| edge.from == status) && !matches!(status, Pending)
}

/// What all scans together mean for the parcel; `None` where they say nothing yet.
pub fn event_of(scans: &[Scan]) -> Option<ShipmentEvent> {
    use TrackingStatus::{Cancelled as CancelledAtCarrier, PreTransit, Unknown};
    // What does not tell of a movement does not undo one either.
    let moves = scans.iter().filter(|scan| !matches!(scan.status, Unknown | PreTransit | CancelledAtCarrier));
    match tracking_status(moves) {
        Unknown | PreTransit | CancelledAtCarrier => None,
        TrackingStatus::InTransit => Some(Move),
        TrackingStatus::OutForDelivery => Some(GoOut),
        TrackingStatus::AvailableForPickup => Some(AwaitPickup),
        TrackingStatus::DeliveryAttempted => Some(Miss),
        TrackingStatus::Exception => Some(Delay),
        TrackingStatus::Failure => Some(Fail),
        TrackingStatus::ReturnToSender => {
            let turned = scans.iter().filter(|scan| scan.status == TrackingStatus::ReturnToSender);
            let turned = turned.map(|scan| scan.occurred_at).min();
            let back = scans.iter().any(|scan| {
                scan.status == TrackingStatus::Delivered && turned.is_some_and(|turned| scan.occurred_at > turned)
            });
            Some(if back { Return } else { TurnBack })
        }
        TrackingStatus::Delivered => Some(Deliver),
    }
}

/// Where the scans, in any order, say that a parcel is: the latest by `occurred_at`, ties by how
/// far along they are. Delivered stays, whatever is told later: a parcel that comes back after
/// that is a return. One that was turned back stays so, too: what is delivered then is delivered
/// to its sender.
pub fn tracking_status<'a>(scans: impl IntoIterator<Item = &'a Scan>) -> TrackingStatus {
    let mut scans: Vec<&Scan> = scans.into_iter().collect();
    scans.sort_by_key(|scan| (scan.occurred_at, rank(scan.status)));
    scans.into_iter().fold(TrackingStatus::Unknown, |known, scan| match (known, scan.status) {
        (_, TrackingStatus::Unknown) => known,
        (TrackingStatus::Delivered | TrackingStatus::ReturnToSender, _) => known,
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
        for end in [Delivered, Returned, Cancelled] {
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

    /// The state after scans were told one after the other.
    fn status_after(told: &[Scan]) -> ShipmentStatus {
        let mut status = Labelled;
        for upto in 1..=told.len() {
            if let Some(event) = event_of(&told[..upto]) {
                status = next("shipment", SHIPMENT, status, event).unwrap_or(status);
            }
        }
        status
    }

    proptest! {
        #[test]
        fn the_state_converges_whatever_the_order_of_arrival(
            scans in prop::collection::vec((0_i64..6, 0_usize..11), 1..8),
            keys in prop::collection::vec(any::<u32>(), 8),
        ) {
            let all: Vec<TrackingStatus> = TrackingStatus::iter().collect();
            let scans: Vec<Scan> = scans.into_iter().map(|(at, which)| scan(at, all[which])).collect();
            // With a parcel that is turned back, an end can be told that a later scan of an earlier
            // moment cannot take back: the shopper's rights begin with it.
            prop_assume!(scans.iter().all(|scan| scan.status != TrackingStatus::ReturnToSender));
            let mut shuffled: Vec<(u32, Scan)> = keys.into_iter().zip(scans.iter().cloned()).collect();
            shuffled.sort_by_key(|(key, _)| *key);
            let shuffled: Vec<Scan> = shuffled.into_iter().map(|(_, scan)| scan).collect();
            prop_assert_eq!(status_after(&scans), status_after(&shuffled));
        }
    }

    #[test]
    fn delivered_before_it_was_turned_back_is_delivered_whichever_is_told_first() {
        let (delivered, turned) = (scan(1, TrackingStatus::Delivered), scan(2, TrackingStatus::ReturnToSender));
        assert_eq!(status_after(&[delivered.clone(), turned.clone()]), Delivered);
        assert_eq!(status_after(&[turned.clone(), delivered]), Delivered);
        assert_eq!(status_after(&[turned, scan(3, TrackingStatus::Delivered)]), Returned);
    }

    #[test]
    fn delivered_stays_and_a_parcel_turned_back_is_delivered_to_its_sender() {
        use TrackingStatus as T;
        let told = |scans: &[Scan]| (tracking_status(scans), event_of(scans));
        assert_eq!(told(&[scan(1, T::Delivered), scan(2, T::InTransit)]), (T::Delivered, Some(Deliver)));
        assert_eq!(told(&[scan(1, T::Delivered), scan(2, T::ReturnToSender)]), (T::Delivered, Some(Deliver)));
        assert_eq!(told(&[scan(2, T::Delivered), scan(1, T::ReturnToSender)]), (T::ReturnToSender, Some(Return)));
        assert_eq!(told(&[scan(1, T::ReturnToSender)]), (T::ReturnToSender, Some(TurnBack)));
        assert_eq!(told(&[scan(2, T::InTransit), scan(1, T::OutForDelivery)]), (T::InTransit, Some(Move)));
        assert_eq!(told(&[scan(2, T::InTransit), scan(3, T::Unknown)]), (T::InTransit, Some(Move)));
    }
}
