//! The carrier.

use std::time::Duration;

use sea_orm::EntityTrait;
use sea_orm::prelude::Expr;
use souk_domain::Code;
use souk_domain::port::{Carrier, PortError};
use souk_entity::simulated_parcel;
use souk_entity::status::{LabelFormat, TrackingStatus};
use tokio::task::JoinSet;

use crate::fixture::{World, parcel, usd};

fn code<T: std::fmt::Debug>(answer: Result<T, PortError>) -> String {
    match answer {
        Err(PortError::Refused { code, .. }) => code,
        other => panic!("not refused: {other:?}"),
    }
}

async fn statuses(carrier: &dyn Carrier, tracking_number: &str) -> Vec<TrackingStatus> {
    carrier.track(tracking_number).await.unwrap().into_iter().map(|scan| scan.status).collect()
}

#[tokio::test]
async fn a_label_is_bought_once_per_key() {
    let world = World::new().await;
    let (carrier, control) = (world.simulator().carrier(), world.simulator().control());
    let label = carrier.buy(&parcel(), "label:1:1").await.unwrap();
    assert!(label.tracking_number.starts_with("SIM") && label.tracking_number.len() == 16);
    assert_eq!(label.cost, usd(600));
    let file = |format| &label.files.iter().find(|(of, _)| *of == format).unwrap().1;
    assert!(file(LabelFormat::Pdf).starts_with(b"%PDF-"));
    assert!(file(LabelFormat::Zpl).starts_with(b"^XA"));
    assert_eq!(carrier.buy(&parcel(), "label:1:1").await.unwrap(), label);
    assert_eq!(statuses(&*carrier, &label.tracking_number).await, [TrackingStatus::PreTransit]);

    let other = carrier.buy(&parcel(), "label:2:1").await.unwrap();
    assert_ne!(other.tracking_number, label.tracking_number);
    let book = control.books().await.unwrap().labels[0];
    assert_eq!((book.bought, book.bought_cost.0, book.voided), (2, 1_200, 0));

    let mut nowhere = parcel();
    nowhere.to.city = " ".into();
    assert_eq!(code(carrier.buy(&nowhere, "label:3:1").await), "address_invalid");
    assert_eq!(code(carrier.track("SIM0000000000000").await), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_purchases_with_one_key_are_one() {
    let world = World::new().await;
    for round in 0..10 {
        let mut purchases = JoinSet::new();
        for _ in 0..10 {
            let carrier = world.simulator().carrier();
            purchases.spawn(async move { carrier.buy(&parcel(), &format!("label:{round}:1")).await.unwrap() });
        }
        let labels = purchases.join_all().await;
        assert!(labels.iter().all(|label| *label == labels[0]));
        assert_eq!(world.simulator().carrier().track(&labels[0].tracking_number).await.unwrap().len(), 1);
    }
    assert_eq!(world.simulator().control().books().await.unwrap().labels[0].bought, 10);
}

#[tokio::test]
async fn a_number_that_is_taken_is_given_to_nobody_else() {
    let world = World::new().await;
    let carrier = world.simulator().carrier();
    let first = carrier.buy(&parcel(), "label:1:1").await.unwrap();
    // As if another key had derived this number before.
    simulated_parcel::Entity::update_many()
        .col_expr(simulated_parcel::Column::IdempotencyKey, Expr::value("label:other"))
        .exec(world.store.read())
        .await
        .unwrap();
    let second = carrier.buy(&parcel(), "label:1:1").await.unwrap();
    assert_ne!(second.tracking_number, first.tracking_number);
    assert_eq!(carrier.buy(&parcel(), "label:1:1").await.unwrap(), second);
    assert_eq!(carrier.buy(&parcel(), "label:other").await.unwrap(), first);
}

#[tokio::test]
async fn an_unused_label_can_be_given_back() {
    let world = World::new().await;
    let (carrier, control) = (world.simulator().carrier(), world.simulator().control());
    let label = carrier.buy(&parcel(), "label:1:1").await.unwrap();
    carrier.void(&label.carrier_ref, "void:1").await.unwrap();
    carrier.void(&label.carrier_ref, "void:1").await.unwrap();
    let book = control.books().await.unwrap().labels[0];
    assert_eq!((book.bought, book.voided, book.voided_cost.0), (1, 1, 600));
    let moved = control.advance_parcel(&label.tracking_number, TrackingStatus::InTransit, false).await;
    assert_eq!(moved.unwrap_err().code, Code::IllegalTransition);

    let used = carrier.buy(&parcel(), "label:2:1").await.unwrap();
    control.advance_parcel(&used.tracking_number, TrackingStatus::InTransit, false).await.unwrap();
    assert_eq!(code(carrier.void(&used.carrier_ref, "void:2").await), "label_used");
    assert_eq!(code(carrier.void(&used.tracking_number, "void:2").await), "not_found");
}

#[tokio::test]
async fn a_parcel_moves_with_every_scan_or_jumps() {
    let world = World::new().await;
    let (carrier, control) = (world.simulator().carrier(), world.simulator().control());
    let label = carrier.buy(&parcel(), "label:1:1").await.unwrap();
    let delivered = control.advance_parcel(&label.tracking_number, TrackingStatus::Delivered, false).await.unwrap();
    assert_eq!(delivered.status, TrackingStatus::Delivered);
    let scans = carrier.track(&label.tracking_number).await.unwrap();
    let road: Vec<_> = scans.iter().map(|scan| (scan.status, scan.location.as_deref().unwrap())).collect();
    assert_eq!(
        road,
        [
            (TrackingStatus::PreTransit, "Austin, US"),
            (TrackingStatus::InTransit, "Austin, US"),
            (TrackingStatus::OutForDelivery, "Boston, US"),
            (TrackingStatus::Delivered, "Boston, US"),
        ]
    );
    assert!(scans.is_sorted_by(|a, b| a.occurred_at < b.occurred_at));
    // Delivered already: nothing to do and nothing to tell.
    control.advance_parcel(&label.tracking_number, TrackingStatus::Delivered, false).await.unwrap();
    assert_eq!(control.undelivered_webhooks().await.unwrap(), 1);

    let other = carrier.buy(&parcel(), "label:2:1").await.unwrap();
    control.advance_parcel(&other.tracking_number, TrackingStatus::Delivered, true).await.unwrap();
    let jumped = statuses(&*carrier, &other.tracking_number).await;
    assert_eq!(jumped, [TrackingStatus::PreTransit, TrackingStatus::Delivered]);
    assert_eq!(control.parcel(&other.tracking_number).await.unwrap().scans.len(), 2);
    assert_eq!(control.parcel("SIM1").await.unwrap_err().code, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_void_and_the_first_scan_at_once_have_one_winner() {
    let world = World::new().await;
    let (carrier, control) = (world.simulator().carrier(), world.simulator().control());
    for n in 0..10 {
        let label = carrier.buy(&parcel(), &format!("label:{n}:1")).await.unwrap();
        let (void, scan) = tokio::join!(
            carrier.void(&label.carrier_ref, "void"),
            control.advance_parcel(&label.tracking_number, TrackingStatus::InTransit, false),
        );
        assert!(void.is_ok() != scan.is_ok(), "{void:?} {scan:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_transit_time_parcels_move_by_themselves() {
    let world = World::new().await;
    let stop = tokio_util::sync::CancellationToken::new();
    let mut couriers = JoinSet::new();
    // Two processes, and still one scan per stop.
    let simulators: Vec<_> =
        (0..2).map(|_| world.simulator_with("http://127.0.0.1:1", Some(Duration::from_millis(50)))).collect();
    for simulator in &simulators {
        couriers.spawn(simulator.courier().unwrap().run(stop.clone()));
    }
    let label = simulators[0].carrier().buy(&parcel(), "label:1:1").await.unwrap();
    let control = simulators[1].control();
    let arrived = tokio::time::timeout(Duration::from_secs(20), async {
        while control.parcel(&label.tracking_number).await.unwrap().status != TrackingStatus::Delivered {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    arrived.await.expect("delivered in time");
    stop.cancel();
    couriers.join_all().await;
    let all = statuses(&*simulators[0].carrier(), &label.tracking_number).await;
    assert_eq!(
        all,
        [
            TrackingStatus::PreTransit,
            TrackingStatus::InTransit,
            TrackingStatus::OutForDelivery,
            TrackingStatus::Delivered
        ]
    );
}
