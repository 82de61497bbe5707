//! Text that is taken comes back character by character, and where it is shown it does nothing.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Shop, refused};
use crate::souk::client::send;
use crate::souk::{Answer, eventually, text};

const TEXTS: [&str; 9] = [
    "  two blanks around  ",
    "\u{1F468}\u{200d}\u{1F469}\u{200d}\u{1F467} \u{1F3F3}\u{fe0f}",
    "e\u{301} and \u{e9}, \u{2126} and \u{3a9}, \u{fb01}",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd} (1) \u{200f}\u{627}\u{644}",
    "<script>alert(1)</script> &amp; <b>\"x\"</b>",
    "Robert'); DROP TABLE orders;-- \\ % _ `",
    "=1+1, +1, -1, @x, '=1",
    "^XA^FDx^FS~HS_5E (a)b\\) {{ name }} {% x %}",
    "tab\tand a\r\nline end\n",
];

#[tokio::test]
async fn text_comes_back_as_it_was_given() {
    let shop = Shop::open().await;
    let seller = &shop.seller.client;
    for (at, given) in TEXTS.into_iter().enumerate() {
        // A product's name is one line, without blanks around it, as the document says.
        let name = given.trim().replace(['\r', '\n', '\t'], "_");
        let product = json!({"name": name, "description": given});
        let product = seller.post("/api/v1/seller/products", product).await.expect(201);
        let path = format!("/api/v1/seller/products/{}", text(&product["id"]));
        let shown = seller.get(&path).await.expect(200)["product"].take();
        assert_eq!((&shown["name"], &shown["description"]), (&json!(name), &json!(given)), "{given:?}");

        let address = json!({"name": given, "line1": given, "city": given, "postal_code": "1", "country": "US"});
        let mut warehouse = address.clone();
        // The name of a warehouse is one line, too.
        warehouse["name"] = json!(format!("{name} {at}"));
        let made = seller.post("/api/v1/seller/warehouses", warehouse.clone()).await.expect(201);
        let shown = seller.list("/api/v1/seller/warehouses").await;
        let shown = shown.iter().find(|shown| shown["id"] == made["id"]).expect("the warehouse");
        for field in ["name", "line1", "city"] {
            assert_eq!(shown[field], warehouse[field], "{field} of {given:?}");
        }

        let cart = shop.shopper.cart(&[(&shop.offer, 1)]).await;
        let mut placement = shop.shopper.placement(&cart);
        placement["notes"] = json!(given);
        placement["shipping_address"] = address.clone();
        let order = shop.shopper.client().post("/api/v1/orders", placement).await.expect(201);
        let path = format!("/api/v1/orders/{}", text(&order["id"]));
        let shown = shop.shopper.client().get(&path).await.expect(200);
        assert_eq!(shown["notes"], json!(given), "{given:?}");
        for field in ["name", "line1", "city"] {
            assert_eq!(shown["shipping_address"][field], json!(given), "{field} of {given:?}");
        }
    }
}

#[tokio::test]
async fn text_that_hides_or_turns_what_is_shown_is_refused() {
    let shop = Shop::open().await;
    for hidden in ["a\u{1}b", "\u{1b}[31mred", "\u{7f}", "\u{9b}1m", "x\u{202e}gpj.exe", "\u{2066}open", "\u{202c}"] {
        let answer = shop.place(|body| body["shipping_address"]["name"] = json!(hidden)).await;
        let error = refused(&answer, 422, "INVALID_VALUE");
        assert!(text(&error["message"]).starts_with("shipping_address.name "), "{error}");
        let mut url = reqwest::Url::parse(&shop.souk.anyone().address("/api/v1/catalog/products")).expect("a URL");
        url.query_pairs_mut().append_pair("q", hidden);
        refused(&shop.souk.anyone().get(url.as_str()).await, 422, "INVALID_VALUE");
    }
    assert_eq!(shop.orders().await, 0);
}

#[tokio::test]
async fn a_file_of_errors_runs_nothing_and_can_be_sent_again() {
    let shop = Shop::open().await;
    let seller = &shop.seller;
    let skus = ["=1+1", "+SUM(A1)", "-2", "@x", "'=quoted", "'plain", "a,b", "\"q\""];
    let upload = async |lines: &[[String; 3]]| -> Answer {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        writer.write_record(["sku", "warehouse", "on_hand"]).expect("a row");
        for line in lines {
            writer.write_record(line).expect("a row");
        }
        let request = seller.client.request(Method::POST, "/api/v1/seller/batches/inventory");
        send(request.header("content-type", "text/csv").body(writer.into_inner().expect("a file"))).await
    };
    let ended = async |uploaded: Answer| -> Value {
        let path = format!("/api/v1/seller/batches/{}", text(&uploaded.expect(201)["id"]));
        eventually("the batch has ended", async || {
            let batch = seller.client.get(&path).await.expect(200);
            (!matches!(text(&batch["status"]), "queued" | "running")).then_some(batch)
        })
        .await
    };
    let mut offers = Vec::new();
    for sku in skus {
        offers.push(seller.offer(sku, "1.00", 0).await);
    }
    // Cells as a file of ours has them, with a warehouse that is not there.
    let guarded = |sku: &str| souk_domain::spreadsheet::guarded(sku).into_owned();
    let wrong: Vec<[String; 3]> = skus.iter().map(|sku| [guarded(sku), "=Nowhere".into(), "7".into()]).collect();
    let batch = ended(upload(&wrong).await).await;
    assert_eq!(batch["failed_rows"], json!(skus.len()), "{batch}");
    let path = format!("/api/v1/seller/batches/{}/errors", text(&batch["id"]));
    let file = seller.client.get(&path).await;
    assert_eq!(file.status.as_u16(), 200);
    let mut reader = csv::ReaderBuilder::new().from_reader(&file.body[..]);
    let mut right = Vec::new();
    for (record, sku) in reader.records().map(|record| record.expect("a row")).zip(skus) {
        assert!(record.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "{record:?}");
        let input = souk_domain::spreadsheet::unguarded(&record[2]).to_owned();
        let mut row = csv::ReaderBuilder::new().has_headers(false).from_reader(input.as_bytes());
        let mut cells: Vec<String> =
            row.records().next().expect("a row").expect("a row").iter().map(ToOwned::to_owned).collect();
        assert_eq!(souk_domain::spreadsheet::unguarded(&cells[0]), sku);
        cells[1] = "Main".into();
        right.push([cells[0].clone(), cells[1].clone(), cells[2].clone()]);
    }
    assert_eq!(right.len(), skus.len());
    let batch = ended(upload(&right).await).await;
    assert_eq!((&batch["status"], &batch["failed_rows"]), (&json!("completed"), &json!(0)), "{batch}");
    for offer in &offers {
        assert_eq!(seller.inventory(offer).await, (7, 0));
    }
}
