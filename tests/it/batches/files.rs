//! What is a file of rows, and what is none; files sent twice and files that break off.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use reqwest::{Body, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{INVENTORY, OPERATING, SELLING, file, outcome, sold, told, upload};
use crate::souk::client::{send, try_send};
use crate::souk::{Answer, Client, Seller, Souk, eventually, text};

#[tokio::test]
async fn a_file_may_be_written_in_any_usual_way() {
    let souk = Souk::start().await;
    let seller = souk.seller("Exporter").await;
    for sku in ["A", "B, \"the best\"", "C", "D"] {
        seller.offer_without_stock(sku, "1.00").await;
    }
    seller.warehouse("Main, north").await;
    let csv = "\u{feff}low_stock_threshold, ON_HAND ,Warehouse,sku\r\n\
               ,1,\"Main, north\",A\r\n\
               \r\n\
               2,\"2\",Main,\"B, \"\"the best\"\"\"\r\n\
               3,3,Main,\"C\n\"\r\n\
               , 4 , Main , D";
    let rows = sold(&seller, upload(&seller, "inventory", csv).await, "completed", 0).await;
    assert_eq!(told(&rows), [(2, "done"), (4, "done"), (5, "done"), (7, "done")]);
    let levels = seller.client.list("/api/v1/seller/inventory").await;
    let number = |level: &Value, field: &str| level[field].as_i64().expect("a number");
    let mut levels: Vec<_> =
        levels.iter().map(|level| (number(level, "on_hand"), number(level, "low_stock_threshold"))).collect();
    levels.sort_unstable();
    assert_eq!(levels, [(1, 0), (2, 2), (3, 3), (4, 0)]);

    // In pieces that end anywhere.
    let pieces = csv.as_bytes().chunks(3).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)));
    let body = Body::wrap_stream(stream::iter(pieces.collect::<Vec<_>>()));
    let again = upload(&seller, "inventory", body).await;
    assert_eq!(told(&sold(&seller, again, "completed", 0).await), told(&rows));

    let json = "\u{feff}{\"sku\":\"A\",\"warehouse\":\"Main\",\"on_hand\":5}\r\n\n  \
                {\"on_hand\":\"6\",\"sku\":\"D\",\"warehouse\":\"Main\"}";
    let uploaded = send(file(&seller.client, &format!("{SELLING}/inventory"), "application/x-ndjson", json)).await;
    let rows = outcome(&seller.client, SELLING, uploaded, "completed", 0).await;
    assert_eq!(told(&rows), [(1, "done"), (3, "done")]);
    souk.settle().await;
}

#[tokio::test]
async fn a_file_that_is_none_is_refused_whole() {
    let souk = Souk::start().await;
    let seller = souk.seller("Clumsy").await;
    let rows = "A,Main,1\n".repeat(3_000);
    let long = "x".repeat(16_001);
    for (csv, status, code) in [
        ("sku,on_hand\nA,1".to_owned(), 422, "INVALID_VALUE"),
        ("sku,warehouse,on_hand,colour\nA,Main,1,red".to_owned(), 422, "INVALID_VALUE"),
        ("A,Main,1\nB,Main,2".to_owned(), 422, "INVALID_VALUE"),
        (INVENTORY.to_owned(), 422, "INVALID_VALUE"),
        (format!("{INVENTORY}\n\n"), 422, "INVALID_VALUE"),
        (String::new(), 422, "INVALID_VALUE"),
        // What comes before is staged already and goes away again.
        (format!("{INVENTORY}\n{rows}{long},Main,1\n"), 422, "INVALID_VALUE"),
        (format!("{INVENTORY}\n{rows}\"A,Main,1\n{rows}"), 422, "INVALID_VALUE"),
        (format!("{INVENTORY}\n{rows}A\0,Main,1\n"), 400, "MALFORMED_REQUEST"),
    ] {
        upload(&seller, "inventory", csv).await.refused(status, code);
    }
    let latin = [format!("{INVENTORY}\n{rows}").as_bytes(), b"caf\xe9,Main,1\n"].concat();
    upload(&seller, "inventory", latin).await.refused(400, "MALFORMED_REQUEST");
    let json = seller.client.post(&format!("{SELLING}/inventory"), serde_json::json!({})).await;
    json.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    let orders = file(&souk.admin().await.client, &format!("{OPERATING}/orders"), "text/csv", "external_id\n1\n");
    send(orders).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    assert!(seller.client.list(SELLING).await.is_empty());
    nothing_is_left(&souk).await;
    souk.settle().await;
}

async fn nothing_is_left(souk: &Souk) {
    eventually("nothing is left of the file", async || {
        let left = "SELECT (SELECT count(*) FROM batch) + (SELECT count(*) FROM batch_row)";
        (souk.database().number(left, []).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_file_that_breaks_off_leaves_nothing() {
    let souk = Souk::start().await;
    let seller = souk.seller("Shaky").await;
    let rows = Bytes::from(format!("{INVENTORY}\n{}", "A,Main,1\n".repeat(3_000)));
    let body = stream::once(async move { Ok::<_, std::io::Error>(rows) }).chain(stream::pending());
    let request = file(&seller.client, &format!("{SELLING}/inventory"), "text/csv", Body::wrap_stream(body));
    let sending = tokio::spawn(try_send(request));
    eventually("rows are staged", async || {
        (souk.database().number("SELECT count(*) FROM batch_row", []).await >= 2_000).then_some(())
    })
    .await;
    assert_eq!(souk.database().number("SELECT count(*) FROM batch WHERE status = 'receiving'", []).await, 1);
    // Nobody sees it: it is no batch yet, and every invariant holds.
    assert!(seller.client.list(SELLING).await.is_empty());
    assert!(souk.admin().await.client.list(OPERATING).await.is_empty());
    sending.abort();
    nothing_is_left(&souk).await;
    assert_eq!(souk.database().number("SELECT count(*) FROM job WHERE kind = 'process_batch'", []).await, 0);
    souk.settle().await;
}

#[tokio::test]
async fn a_person_sends_a_few_files_at_once() {
    let souk = Souk::start().await;
    let (seller, other) = (souk.seller("Busy").await, souk.seller("Other").await);
    let rows = Bytes::from(format!("{INVENTORY}\n{}", "A,Main,1\n".repeat(1_500)));
    let mut sending: Vec<_> = (0..8)
        .map(|_| {
            let rows = rows.clone();
            let body = stream::once(async move { Ok::<_, std::io::Error>(rows) }).chain(stream::pending());
            let body = Body::wrap_stream(body);
            tokio::spawn(try_send(file(&seller.client, &format!("{SELLING}/inventory"), "text/csv", body)))
        })
        .collect();
    let coming_in = async |count: i64| {
        let receiving = "SELECT count(*) FROM batch WHERE status = 'receiving'";
        eventually(&format!("{count} files come in"), async || {
            (souk.database().number(receiving, []).await == count).then_some(())
        })
        .await;
    };
    coming_in(8).await;
    let small = format!("{INVENTORY}\nA,Main,1\n");
    let error = upload(&seller, "inventory", small.clone()).await.refused(429, "RATE_LIMITED");
    assert!(error["message"].as_str().is_some_and(|told| told.contains("8 files already")), "{error}");
    upload(&other, "inventory", small.clone()).await.expect(201);
    // One that breaks off leaves its place.
    sending.remove(0).abort();
    eventually("there is a place", async || {
        (upload(&seller, "inventory", small.clone()).await.status == 201).then_some(())
    })
    .await;
    sending.iter().for_each(tokio::task::JoinHandle::abort);
    coming_in(0).await;
    souk.settle().await;
}

async fn keyed(seller: &Seller, key: &str, path: &str, csv: &str) -> crate::souk::Answer {
    send(file(&seller.client, path, "text/csv", csv.to_owned()).header("Idempotency-Key", key)).await
}

#[tokio::test]
async fn a_file_sent_again_is_one_batch() {
    let souk = Souk::start().await;
    let seller = souk.seller("Insistent").await;
    seller.offer("AGAIN-1", "1.00", 1).await;
    let path = format!("{SELLING}/inventory");
    let csv = format!("{INVENTORY}\nAGAIN-1,Main,5\nAGAIN-1,Main,6\n");
    let at_once = join_all((0..4).map(|_| keyed(&seller, "key", &path, &csv))).await;
    let first = at_once[0].expect(201);
    for answer in &at_once {
        assert_eq!(answer.expect(201), first);
    }
    outcome(&seller.client, SELLING, at_once[0].clone(), "completed", 0).await;
    assert_eq!(keyed(&seller, "key", &path, &csv).await.expect(201), first, "the first answer, byte for byte");
    for (path, csv) in [(path.clone(), format!("{csv}AGAIN-1,Main,7\n")), (format!("{path}?dry_run=true"), csv.clone())]
    {
        keyed(&seller, "key", &path, &csv).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    }
    keyed(&seller, "", &path, &csv).await.refused(422, "INVALID_VALUE");
    eventually("the copies are gone", async || {
        let left = "SELECT (SELECT count(*) FROM batch) * 100 + (SELECT count(*) FROM batch_row)";
        (souk.database().number(left, []).await == 102).then_some(())
    })
    .await;
    assert_eq!(seller.client.list(SELLING).await.len(), 1);
    assert_eq!(souk.database().number("SELECT count(*) FROM stock_movement", []).await, 3, "each row once");
    let second = keyed(&seller, "another-key", &path, &csv).await;
    assert_ne!(second.expect(201)["id"], first["id"]);
    outcome(&seller.client, SELLING, second, "completed", 0).await;
    souk.settle().await;
}

#[tokio::test]
async fn a_file_takes_as_long_as_it_takes() {
    let souk = Souk::start().await;
    let seller = souk.seller("Slow").await;
    seller.offer_without_stock("SLOW-1", "1.00").await;
    // Larger than the limit of all other bodies.
    let note = "x".repeat(300);
    let rows = (0..5_000).map(|row| format!("SLOW-1,Main,{row},\"{}\"\n", if row % 2 == 0 { "" } else { &note }));
    let head = std::iter::once(format!("{INVENTORY},low_stock_threshold\n"));
    let pieces: Vec<String> = head.chain(rows).collect();
    let pieces = stream::iter(pieces).then(async |piece| {
        if piece.contains(",2500,") {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        Ok::<_, std::io::Error>(Bytes::from(piece))
    });
    let uploaded = upload(&seller, "inventory", Body::wrap_stream(pieces)).await;
    sold(&seller, uploaded, "completed_with_errors", 2_500).await;
    souk.settle().await;
}

/// Begins a file, waits until rows of it are staged, has something happen, and ends the file.
async fn meanwhile(souk: &Souk, request: RequestBuilder, rows: Vec<String>, happens: impl AsyncFnOnce()) -> Answer {
    let (end, ends) = oneshot::channel::<()>();
    let last = async move {
        ends.await.expect("it happens");
        Ok(Bytes::from("\n"))
    };
    let pieces = stream::iter(rows.into_iter().map(|row| Ok::<_, std::io::Error>(Bytes::from(row))));
    let sending = tokio::spawn(send(request.body(Body::wrap_stream(pieces.chain(stream::once(last))))));
    let staged = "SELECT count(*) FROM batch WHERE status = 'receiving'";
    eventually("rows are staged", async || (souk.database().number(staged, []).await == 1).then_some(())).await;
    happens().await;
    end.send(()).expect("it is being sent");
    sending.await.expect("an answer")
}

#[tokio::test]
async fn who_may_not_send_a_file_any_more_when_it_ends_has_sent_nothing() {
    let souk = Souk::start().await;
    let seller = souk.seller("Strict").await;
    let begin = |client: &Client, path: &str, format: &str| file(client, path, format, "");
    let selling = format!("{SELLING}/seller-orders");
    let cancel: Vec<String> = std::iter::once("number,action,reason\n".to_owned())
        .chain((0..1_500).map(|row| format!("{row}-1,cancel,Because\n")))
        .collect();
    let database = souk.database();
    let none_is_left = async || {
        let left = "SELECT count(*) FROM batch";
        eventually("it is thrown away", async || (database.number(left, []).await == 0).then_some(())).await;
    };

    // A member who is trusted with something else from then on.
    let request = begin(&seller.client, &selling, "text/csv");
    let answer = meanwhile(&souk, request, cancel.clone(), async || {
        database.execute("UPDATE seller_member SET role = 'staff', orders = FALSE", []).await;
    })
    .await;
    answer.refused(403, "FORBIDDEN");
    none_is_left().await;
    database.execute("UPDATE seller_member SET role = 'owner', orders = TRUE", []).await;

    // A key that is revoked.
    let body = json!({"name": "Files", "scopes": ["orders:write"], "expires_in_days": 1});
    let key = seller.client.post("/api/v1/seller/api-keys", body).await.expect(201);
    let request = begin(&souk.anyone().bearer(text(&key["secret"])), &selling, "text/csv");
    let answer = meanwhile(&souk, request, cancel.clone(), async || {
        let path = format!("/api/v1/seller/api-keys/{}", text(&key["key"]["id"]));
        seller.client.delete(&path).await.expect(200);
    })
    .await;
    answer.refused(401, "UNAUTHENTICATED");
    none_is_left().await;

    // An operator who only reads from then on.
    let (operator, id) = souk.operator("manager").await;
    let orders: Vec<String> = (0..1_500).map(|row| format!("{{\"external_id\":\"{row}\"}}\n")).collect();
    let request = begin(&operator, &format!("{OPERATING}/orders"), "application/x-ndjson");
    let answer = meanwhile(&souk, request, orders, async || souk.set_role(&id, "read_only").await).await;
    answer.refused(403, "FORBIDDEN");
    none_is_left().await;

    // Who still may has sent it.
    let request = begin(&seller.client, &selling, "text/csv");
    meanwhile(&souk, request, cancel, async || {}).await.expect(201);
    souk.settle().await;
}
