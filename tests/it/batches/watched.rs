//! Batches watched: as a stream of events, as a file of what failed, and only by whose they are.

use reqwest::Method;
use serde_json::{Value, json};

use super::{INVENTORY, OPERATING, SELLING, ended, upload};
use crate::souk::client::send;
use crate::souk::{Client, Souk, eventually, text};

/// The events of a stream, which must end by itself.
async fn events(client: &Client, path: &str, id: &str) -> Vec<Value> {
    let answer = send(client.request(Method::GET, &format!("{path}/{id}/progress"))).await;
    assert_eq!(answer.status.as_u16(), 200);
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream")));
    let told = String::from_utf8(answer.body).expect("UTF-8");
    told.lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .map(|data| serde_json::from_str(data.trim()).unwrap_or_else(|error| panic!("{error}: {data}")))
        .collect()
}

#[tokio::test]
async fn a_stream_tells_how_far_a_batch_is_and_ends_with_it() {
    let souk = Souk::start().await;
    let seller = souk.seller("Watched").await;
    seller.offer_without_stock("WATCH-1", "1.00").await;
    let rows: String = (0..6_000).map(|row| format!("WATCH-1,Main,{row}\n")).collect();
    let uploaded = upload(&seller, "inventory", format!("{INVENTORY}\n{rows}")).await.expect(201);
    let id = text(&uploaded["id"]);
    let told = events(&seller.client, SELLING, id).await;
    let (first, last) = (told.first().expect("an event"), told.last().expect("an event"));
    assert!(["queued", "running"].contains(&text(&first["status"])), "{first}");
    assert_eq!((text(&last["status"]), last["processed_rows"].as_i64()), ("completed", Some(6_000)));
    assert!(told.iter().all(|event| event["id"] == id));
    let processed: Vec<_> = told.iter().map(|event| event["processed_rows"].as_i64()).collect();
    assert!(processed.is_sorted(), "{processed:?}");
    // One that has ended is told once.
    let once = told.last_chunk::<1>().expect("an event");
    assert_eq!(events(&seller.client, SELLING, id).await, *once);
    assert_eq!(events(&souk.admin().await.client, OPERATING, id).await, *once);
    souk.settle().await;
}

#[tokio::test]
async fn failed_rows_come_as_a_file_that_no_spreadsheet_runs() {
    let souk = Souk::start().await;
    let seller = souk.seller("Sloppy").await;
    seller.offer_without_stock("SLOP-1", "1.00").await;
    let many: String = (0..1_200).map(|row| format!("NONE-{row},Main,1\n")).collect();
    let csv = format!("{INVENTORY}\nSLOP-1,Main,1\n=cmd|'/C calc'!A0,Main,1\n\"-1,\"\"x\"\"\",Main,1\n{many}");
    let uploaded = upload(&seller, "inventory", csv).await.expect(201);
    let path = format!("{SELLING}/{}/errors", text(&uploaded["id"]));
    ended(&seller.client, SELLING, &uploaded).await;
    let answer = seller.client.get(&path).await;
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/csv")));
    assert!(answer.header("content-disposition").is_some_and(|name| name.ends_with("-errors.csv\"")));
    let mut reader = csv::Reader::from_reader(answer.body.as_slice());
    assert_eq!(reader.headers().expect("a header"), vec!["line", "error", "input"]);
    let rows: Vec<_> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 1_202, "all pages of them, and no row that is done");
    assert_eq!((&rows[0][0], &rows[0][2]), ("3", "'=cmd|'/C calc'!A0,Main,1"));
    assert_eq!(&rows[1][2], "\"-1,\"\"x\"\"\",Main,1", "as it was uploaded");
    assert!(rows[2][1].contains("\"NONE-0\""));
    assert!(rows.iter().all(|row| !row[2].starts_with(['=', '+', '-', '@'])));
    souk.settle().await;
}

#[tokio::test]
async fn a_batch_is_seen_by_whose_it_is_and_by_operators() {
    let souk = Souk::start().await;
    let (seller, other) = (souk.seller("Mine").await, souk.seller("Theirs").await);
    seller.offer("MINE-1", "1.00", 1).await;
    let uploaded = upload(&seller, "inventory", format!("{INVENTORY}\nMINE-1,Main,2\n")).await.expect(201);
    ended(&seller.client, SELLING, &uploaded).await;
    let id = text(&uploaded["id"]);
    for path in ["", "/rows", "/errors", "/progress"] {
        other.client.get(&format!("{SELLING}/{id}{path}")).await.refused(404, "NOT_FOUND");
    }
    other.client.post_empty(&format!("{SELLING}/{id}/cancel")).await.refused(404, "NOT_FOUND");
    assert!(other.client.list(SELLING).await.is_empty());

    let admin = &souk.admin().await.client;
    let seen = admin.get(&format!("{OPERATING}/{id}")).await.expect(200);
    assert_eq!(seen["seller_id"], json!(seller.id));
    assert_eq!((text(&seen["kind"]), text(&seen["format"]), &seen["dry_run"]), ("inventory", "csv", &json!(false)));
    assert_eq!(admin.list(&format!("{OPERATING}/{id}/rows")).await.len(), 1);
    for (query, count) in [
        (String::new(), 1),
        (format!("?seller_id={}", seller.id), 1),
        (format!("?seller_id={}", other.id), 0),
        ("?kind=inventory&status=completed".to_owned(), 1),
        ("?kind=prices".to_owned(), 0),
        ("?status=queued".to_owned(), 0),
    ] {
        assert_eq!(admin.list(&format!("{OPERATING}{query}")).await.len(), count, "{query}");
    }
    admin.post_empty(&format!("{OPERATING}/{id}/cancel")).await.refused(409, "ILLEGAL_TRANSITION");
    souk.settle().await;
}

#[tokio::test]
async fn a_person_follows_a_few_at_once() {
    let souk = Souk::start().await;
    let (seller, other) = (souk.seller("Curious").await, souk.admin().await);
    seller.offer_without_stock("WATCH-1", "1.00").await;
    let uploaded = upload(&seller, "inventory", format!("{INVENTORY}\nWATCH-1,Main,1\n")).await.expect(201);
    let id = text(&uploaded["id"]);
    ended(&seller.client, SELLING, &uploaded).await;
    souk.settle().await;
    // As while it runs.
    let set = "UPDATE batch SET status = $1";
    souk.database().execute(set, ["running".into()]).await;

    let path = format!("{SELLING}/{id}/progress");
    let follow = async || seller.client.request(Method::GET, &path).send().await.expect("an answer");
    let mut raced = futures::future::join_all((0..20).map(|_| follow())).await;
    raced.retain(|answer| answer.status() == 200);
    assert_eq!(raced.len(), 8);
    let error = seller.client.get(&path).await.refused(429, "RATE_LIMITED");
    assert!(text(&error["message"]).contains("close one of these streams"), "{error}");
    let others = other.client.request(Method::GET, &format!("{OPERATING}/{id}/progress")).send().await;
    assert_eq!(others.expect("an answer").status(), 200, "others follow on");
    raced.pop();
    eventually("a stream that was closed leaves its place", async || (follow().await.status() == 200).then_some(()))
        .await;
    souk.database().execute(set, ["completed".into()]).await;
}
