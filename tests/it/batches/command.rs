//! `souk import`.

use std::io::Write;
use std::process::{Output, Stdio};

use super::SELLING;
use crate::souk::{Souk, text};

fn import(souk: &Souk, arguments: &[&str], input: &str) -> Output {
    let mut command = souk.souk(&[&["import"], arguments].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("souk runs");
    // It may refuse its arguments before it has read anything.
    let _ = child.stdin.take().expect("stdin is piped").write_all(input.as_bytes());
    child.wait_with_output().expect("souk ends")
}

fn told(output: &Output) -> (i32, String) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (output.status.code().expect("an exit code"), String::from_utf8(text).expect("UTF-8"))
}

#[tokio::test]
async fn a_file_is_imported_without_a_server() {
    let mut souk = Souk::start().await;
    let seller = souk.seller("The Importer").await;
    let offer = seller.offer("CLI-1", "1.00", 1).await;
    souk.settle().await;
    souk.kill();
    let csv = "sku,price\nCLI-1,2.00\nCLI-2,2.00\n";

    let (code, text_of) = told(&import(&souk, &["prices", "-", "--format", "csv", "--seller", "The Importer"], csv));
    assert_eq!(code, 1, "{text_of}");
    assert!(text_of.contains("line 3: You do not offer the SKU \"CLI-2\"."), "{text_of}");
    assert!(text_of.contains("1 of 2 rows are done, 1 failed"), "{text_of}");
    let rows = "{\"sku\":\"CLI-1\",\"warehouse\":\"Main\",\"on_hand\":7}\n";
    let arguments = ["inventory", "-", "--format", "ndjson", "--seller", &seller.id];
    let (code, text_of) = told(&import(&souk, &arguments, rows));
    assert_eq!(code, 0, "{text_of}");
    let (code, text_of) = told(&import(&souk, &[&arguments[..], &["--dry-run"]].concat(), &rows.replace('7', "9")));
    assert_eq!(code, 0, "{text_of}");
    assert!(text_of.contains("1 of 1 rows could be done"), "{text_of}");
    for wrong in [
        &["prices", "-", "--format", "csv"][..],
        &["prices", "-", "--seller", "The Importer"],
        &["prices", "-", "--format", "csv", "--seller", "Nobody"],
        &["prices", "nowhere.csv", "--seller", "The Importer"],
        &["inventory", "-", "--format", "csv", "--seller", "The Importer"],
        &["orders", "-", "--format", "csv"],
        &["orders", "-", "--format", "ndjson", "--seller", "The Importer"],
        &["socks", "-"],
    ] {
        let (code, text) = told(&import(&souk, wrong, csv));
        assert_eq!(code, 2, "{wrong:?}: {text}");
    }

    souk.resume().await;
    let shown = seller.client.get(&format!("/api/v1/seller/offers/{offer}")).await.expect(200);
    assert_eq!(shown["price"], "2.00");
    assert_eq!(seller.inventory(&offer).await, (7, 0));
    // The seller sees what was imported for them.
    let batches = seller.client.list(SELLING).await;
    let seen: Vec<_> = batches.iter().map(|batch| (text(&batch["kind"]), text(&batch["status"]))).collect();
    assert_eq!(seen, [("inventory", "completed"), ("inventory", "completed"), ("prices", "completed_with_errors")]);
    souk.settle().await;
}
