//! Batches that are stopped in the middle, by a crash or by their owner.

use std::fmt::Write;

use serde_json::Value;

use super::{INVENTORY, SELLING, batch, ended, upload};
use crate::souk::{Seller, Souk, eventually, text};

/// Enough rows to be caught in the middle.
const ROWS: i64 = 12_000;

/// Rows each of which changes what is on hand: of two offers in turns, to their own number.
fn rows() -> String {
    let mut csv = String::from(INVENTORY);
    for row in 1..=ROWS {
        write!(csv, "\nLONG-{},Main,{row}", 2 - row % 2).expect("a string");
    }
    csv
}

async fn in_the_middle(seller: &Seller, id: &str) -> Value {
    eventually("some rows are done", async || {
        let batch = batch(&seller.client, SELLING, id).await;
        (batch["processed_rows"].as_i64() > Some(0)).then_some(batch)
    })
    .await
}

#[tokio::test]
async fn after_a_crash_a_batch_goes_on_and_does_no_row_twice() {
    let mut souk = Souk::start().await;
    let seller = souk.seller("Unlucky").await;
    for sku in ["LONG-1", "LONG-2"] {
        seller.offer_without_stock(sku, "1.00").await;
    }
    let uploaded = upload(&seller, "inventory", rows()).await.expect(201);
    in_the_middle(&seller, text(&uploaded["id"])).await;
    souk.kill_workers();
    let done = "SELECT processed_rows FROM batch";
    let processed = souk.database().number(done, []).await;
    assert!((1..ROWS).contains(&processed), "it was caught in the middle: {processed}");
    let moved = "SELECT count(*) FROM stock_movement";
    assert_eq!(souk.database().number(moved, []).await, processed, "what is counted is what is done");
    souk.database().end_leases().await;
    souk.resume().await;
    let batch = ended(&seller.client, SELLING, &uploaded).await;
    assert_eq!((text(&batch["status"]), batch["processed_rows"].as_i64()), ("completed", Some(ROWS)));
    assert_eq!(souk.database().number(moved, []).await, ROWS, "each row has moved stock once");
    souk.settle().await;
}

#[tokio::test]
async fn a_cancelled_batch_keeps_what_is_done_and_does_no_more() {
    let souk = Souk::start().await;
    let seller = souk.seller("Hasty").await;
    for sku in ["LONG-1", "LONG-2"] {
        seller.offer_without_stock(sku, "1.00").await;
    }
    let uploaded = upload(&seller, "inventory", rows()).await.expect(201);
    let id = text(&uploaded["id"]);
    in_the_middle(&seller, id).await;
    let path = format!("{SELLING}/{id}/cancel");
    let cancelled = seller.client.post_empty(&path).await.expect(200);
    assert_eq!(cancelled["status"], "cancelled");
    seller.client.post_empty(&path).await.refused(409, "ILLEGAL_TRANSITION");
    souk.settle().await;
    let after = batch(&seller.client, SELLING, id).await;
    assert_eq!(after, cancelled, "nothing was done after the answer");
    let processed = after["processed_rows"].as_i64().expect("a number");
    assert!((1..ROWS).contains(&processed), "{after}");
    assert_eq!(souk.database().number("SELECT count(*) FROM stock_movement", []).await, processed);
    let pending = souk.database().number("SELECT count(*) FROM batch_row WHERE status = 'pending'", []).await;
    assert_eq!(pending, ROWS - processed);
}
