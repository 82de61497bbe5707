//! Bulk uploads of inventory.

use std::fmt::Write;

use reqwest::Method;
use serde_json::Value;

use crate::souk::client::send;
use crate::souk::{Answer, Seller, Souk, eventually, text};

const HEADER: &str = "sku,warehouse,on_hand";
const PATH: &str = "/api/v1/seller/batches";

async fn upload(seller: &Seller, csv: String) -> Answer {
    let request = seller.client.request(Method::POST, &format!("{PATH}/inventory"));
    send(request.header("content-type", "text/csv").body(csv)).await
}

/// A batch once it has ended; its numbers only grow on the way there.
async fn ended(seller: &Seller, id: &str) -> Value {
    let mut processed = 0;
    eventually("the batch has ended", async || {
        let batch = seller.client.get(&format!("{PATH}/{id}")).await.expect(200);
        let now = batch["processed_rows"].as_i64().expect("a number");
        assert!(now >= processed && now <= batch["total_rows"].as_i64().expect("a number"), "{batch}");
        processed = now;
        (!matches!(text(&batch["status"]), "queued" | "running")).then_some(batch)
    })
    .await
}

#[tokio::test]
async fn bad_rows_do_not_stop_good_ones() {
    let souk = Souk::start().await;
    let seller = souk.seller("Bulky").await;
    let offers = [seller.offer("BULK-1", "1.00", 1).await, seller.offer("BULK-2", "1.00", 1).await];
    let other = souk.seller("Neighbour").await;
    let foreign = other.offer("FOREIGN-1", "1.00", 7).await;

    let csv = [
        HEADER,
        "BULK-1,Main,40",
        "UNKNOWN,Main,5",
        "FOREIGN-1,Main,0",
        "BULK-2,Nowhere,5",
        "BULK-2,Main,-3",
        "BULK-2,Main,many",
        "BULK-2,Main",
        "\"BULK-2\",Main,50",
    ]
    .join("\r\n");
    let batch = upload(&seller, csv).await.expect(201);
    assert_eq!((&batch["total_rows"], &batch["processed_rows"]), (&8.into(), &0.into()));
    let batch = ended(&seller, text(&batch["id"])).await;
    assert_eq!(batch["status"], "completed_with_errors");
    assert_eq!((&batch["processed_rows"], &batch["failed_rows"]), (&8.into(), &6.into()));

    let rows = format!("{PATH}/{}/rows", text(&batch["id"]));
    let all = seller.client.list(&rows).await;
    let told: Vec<_> = all.iter().map(|row| (row["line"].as_i64(), text(&row["status"]))).collect();
    let outcomes = ["done", "failed", "failed", "failed", "failed", "failed", "failed", "done"];
    assert_eq!(told, (2..).map(Some).zip(outcomes).collect::<Vec<_>>());
    assert!(all.iter().all(|row| row["error"].is_string() == (row["status"] == "failed")), "{all:?}");
    let failed = seller.client.list(&format!("{rows}?status=failed")).await;
    assert_eq!(failed.len(), 6);
    other.client.get(&rows).await.refused(404, "NOT_FOUND");

    assert_eq!(seller.inventory(&offers[0]).await, (40, 0));
    assert_eq!(seller.inventory(&offers[1]).await, (50, 0));
    assert_eq!(other.inventory(&foreign).await, (7, 0));
    souk.settle().await;
}

#[tokio::test]
async fn two_thousand_rows() {
    const ROWS: i64 = 2_000;
    let souk = Souk::start().await;
    let seller = souk.seller("Huge").await;
    let offers = [seller.offer("HUGE-1", "1.00", 1).await, seller.offer("HUGE-2", "1.00", 1).await];

    let mut csv = String::from(HEADER);
    for row in 1..=ROWS {
        write!(csv, "\nHUGE-{},Main,{row}", 2 - row % 2).expect("a string");
    }
    let batch = upload(&seller, csv).await.expect(201);
    let batch = ended(&seller, text(&batch["id"])).await;
    assert_eq!((text(&batch["status"]), batch["processed_rows"].as_i64()), ("completed", Some(ROWS)));
    // The rows are applied in the order of the file: the last ones stand.
    assert_eq!(seller.inventory(&offers[0]).await, (ROWS - 1, 0));
    assert_eq!(seller.inventory(&offers[1]).await, (ROWS, 0));
    let rows = seller.client.list(&format!("{PATH}/{}/rows", text(&batch["id"]))).await;
    assert_eq!(i64::try_from(rows.len()), Ok(ROWS));
    souk.settle().await;
}

#[tokio::test]
async fn a_file_that_is_none_is_refused_whole() {
    let souk = Souk::start().await;
    let seller = souk.seller("Clumsy").await;
    upload(&seller, "sku,on_hand\nA,1".to_owned()).await.refused(422, "INVALID_VALUE");
    upload(&seller, HEADER.to_owned()).await.refused(422, "INVALID_VALUE");
    upload(&seller, String::new()).await.refused(422, "INVALID_VALUE");
    let json = seller.client.post(&format!("{PATH}/inventory"), serde_json::json!({})).await;
    json.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    assert!(seller.client.list(PATH).await.is_empty());
    souk.settle().await;
}
