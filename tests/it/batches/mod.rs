//! Bulk uploads: a file in, a row at a time done, whatever happens in between.

mod command;
mod files;
mod goods;
mod interrupted;
mod orders;
mod parcels;
mod watched;

use reqwest::{Body, Method, RequestBuilder};
use serde_json::Value;

use crate::souk::client::send;
use crate::souk::{Answer, Client, Seller, eventually, text};

/// Where sellers upload.
const SELLING: &str = "/api/v1/seller/batches";
/// Where operators upload.
const OPERATING: &str = "/api/v1/admin/batches";
/// What an inventory file begins with.
const INVENTORY: &str = "sku,warehouse,on_hand";

/// A file that is still to be sent.
fn file(client: &Client, path: &str, format: &str, body: impl Into<Body>) -> RequestBuilder {
    client.request(Method::POST, path).header("content-type", format).body(body)
}

/// Uploads CSV for a seller.
async fn upload(seller: &Seller, kind: &str, csv: impl Into<Body>) -> Answer {
    send(file(&seller.client, &format!("{SELLING}/{kind}"), "text/csv", csv)).await
}

/// Uploads lines of JSON.
pub async fn upload_json(client: &Client, path: &str, rows: &[Value]) -> Answer {
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    send(file(client, path, "application/x-ndjson", lines)).await
}

/// A batch as it is now.
async fn batch(client: &Client, path: &str, id: &str) -> Value {
    client.get(&format!("{path}/{id}")).await.expect(200)
}

/// A batch once it has ended; its numbers only grow on the way there.
async fn ended(client: &Client, path: &str, uploaded: &Value) -> Value {
    let (id, mut processed) = (text(&uploaded["id"]), 0);
    eventually("the batch has ended", async || {
        let batch = batch(client, path, id).await;
        let now = batch["processed_rows"].as_i64().expect("a number");
        assert!(now >= processed && now <= batch["total_rows"].as_i64().expect("a number"), "{batch}");
        processed = now;
        (!matches!(text(&batch["status"]), "queued" | "running")).then_some(batch)
    })
    .await
}

/// A batch of a seller that must have ended with this status and so many failed rows.
async fn sold(seller: &Seller, uploaded: Answer, status: &str, failed: i64) -> Vec<Value> {
    outcome(&seller.client, SELLING, uploaded, status, failed).await
}

/// The rows of a batch that must have ended with this status and so many failed rows.
pub async fn outcome(client: &Client, path: &str, uploaded: Answer, status: &str, failed: i64) -> Vec<Value> {
    let uploaded = uploaded.expect(201);
    assert_eq!((text(&uploaded["status"]), uploaded["processed_rows"].as_i64()), ("queued", Some(0)));
    let batch = ended(client, path, &uploaded).await;
    let rows = client.list(&format!("{path}/{}/rows", text(&batch["id"]))).await;
    assert_eq!((text(&batch["status"]), batch["failed_rows"].as_i64()), (status, Some(failed)), "{rows:?}");
    assert_eq!(batch["total_rows"], rows.len());
    assert_eq!(batch["processed_rows"], batch["total_rows"]);
    rows
}

/// Each row's line, and what it made or a word of why it failed.
fn told(rows: &[Value]) -> Vec<(i64, &str)> {
    let word = |row: &'_ Value| match text(&row["status"]) {
        "done" => row["result"].as_str().map_or("done", |_| "made"),
        "failed" => {
            assert!(text(&row["error"]).len() > 10, "{row}");
            "failed"
        }
        _ => "pending",
    };
    rows.iter().map(|row| (row["line"].as_i64().expect("a line"), word(row))).collect()
}

/// A part of the sentence of why a row failed.
#[track_caller]
fn failed(rows: &[Value], at: usize, why: &str) {
    let error = text(&rows[at]["error"]);
    assert!(error.contains(why), "row {at}: {error}");
}
