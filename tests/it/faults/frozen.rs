//! A worker that freezes past the end of its lease, and wakes up after another has done its work.

use super::{SLOW_MS, label_job, sold};
use crate::souk::{Options, Setup, text};

#[tokio::test]
async fn a_worker_that_wakes_up_late_changes_nothing() {
    if Setup::of_environment() == Setup::Embedded {
        println!("nothing to test: the embedded set-up has its only worker in the API's process");
        return;
    }
    let (mut souk, seller, _, order) = sold(Options::default().env("SOUK_SIMULATOR_LATENCY_MS", SLOW_MS)).await;
    let parcel = seller.pack(order.parts()[0].id(), "Main").await.expect(201);
    label_job(&souk, "running").await;

    souk.freeze_workers();
    souk.database().end_leases().await;
    souk.resume().await;
    seller.labelled(text(&parcel["id"])).await;
    souk.thaw_workers();
    // Stopping waits for what they still do.
    souk.stop();
    souk.resume().await;
    let job = label_job(&souk, "done").await;
    assert_eq!(job["attempts"], 2);
    let books = souk.audit().await;
    assert_eq!((books.labels, books.voided), (1, 0));
}
