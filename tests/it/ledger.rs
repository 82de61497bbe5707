//! Balances as of any instant, statements of account, and the chart of accounts.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use souk_domain::Clock;

use crate::souk::terms::Goods;
use crate::souk::{Client, Order, Seller, Shopper, Souk, cents, text};

/// An instant as a query names it.
fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// What a seller is owed as of an instant and what is kept back, in cents.
async fn owed(client: &Client, at: DateTime<Utc>) -> (i64, i64) {
    let told = client.get(&format!("/api/v1/seller/balance?as_of={}", instant(at))).await.expect(200);
    let balances = told["balances"].as_array().expect("balances");
    let of_usd = balances.iter().find(|balance| balance["currency"] == "USD");
    of_usd.map_or((0, 0), |balance| (cents(&balance["amount"]), cents(&balance["reserve"])))
}

/// A statement with all its entries, read in pages of `limit`.
async fn statement(client: &Client, path: &str, (from, to): (DateTime<Utc>, DateTime<Utc>), limit: usize) -> Value {
    let address = format!("{path}?currency=USD&from={}&to={}&limit={limit}", instant(from), instant(to));
    let mut whole = client.get(&address).await.expect(200);
    let mut next = whole["entries"]["next_cursor"].take();
    while let Some(cursor) = next.as_str() {
        let mut page = client.get(&format!("{address}&cursor={cursor}")).await.expect(200);
        assert_eq!(page["opening_balance"], whole["opening_balance"]);
        next = page["entries"]["next_cursor"].take();
        let more = page["entries"]["items"].as_array().expect("items").clone();
        assert!(more.len() <= limit);
        whole["entries"]["items"].as_array_mut().expect("items").extend(more);
    }
    whole
}

fn entries(statement: &Value) -> &[Value] {
    statement["entries"]["items"].as_array().expect("items")
}

/// The balances and totals of a statement agree with its entries.
#[track_caller]
fn adds_up(statement: &Value) {
    let mut balance = cents(&statement["opening_balance"]);
    for entry in entries(statement) {
        balance += cents(&entry["amount"]);
        assert_eq!(cents(&entry["balance"]), balance, "{entry}");
    }
    assert_eq!(cents(&statement["closing_balance"]), balance, "{statement}");
    let totals: i64 = statement["totals"].as_object().expect("totals").values().map(cents).sum();
    assert_eq!(cents(&statement["opening_balance"]) + totals, balance, "{statement}");
}

/// A seller who has sold, refunded, and been paid with a reserve; and the instants in between.
struct Trade {
    souk: Souk,
    seller: Seller,
    shopper: Shopper,
    order: Order,
    instants: Vec<DateTime<Utc>>,
}

impl Trade {
    async fn open() -> Self {
        let souk = Souk::start().await;
        let admin = souk.admin().await;
        let zone = admin.tax_zone("US", false).await;
        admin.tax_rate(&zone, "standard", "8.875").await;
        let seller = souk.seller("A Trader").await;
        let terms = json!({"commission_tax_percent": "19", "payout_hold_days": 0, "reserve_percent": "10",
                           "reserve_days": 30});
        admin.client.patch(&format!("/api/v1/admin/sellers/{}", seller.id), terms).await.expect(200);
        seller.client.put("/api/v1/seller/payout-account", json!({"account": "acct_ok"})).await.expect(200);
        let offer = seller.offer_goods(Goods::new("LAMP", "19.99")).await;
        let shopper = souk.guest();
        let mut instants = vec![Clock::System.now()];

        let order = shopper.buy(&[(&offer, 3)]).await;
        souk.settle().await;
        instants.push(Clock::System.now());

        let part = order.part(&seller).id();
        let lines = json!([{"line_id": order.part(&seller).line(), "quantity": 1}]);
        let path = format!("/api/v1/seller/orders/{part}/refunds");
        seller.client.post(&path, json!({"lines": lines})).await.expect(201);
        shopper.refunded(order.id(), 1).await;
        instants.push(Clock::System.now());

        let parcel = seller.ship(part, "Main").await;
        souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
        let delivered = shopper.until(order.id(), "delivered").await;
        let path = format!("/api/v1/admin/orders/{}/status", order.id());
        let complete = admin.client.request(reqwest::Method::PUT, &path).header("If-Match", "*");
        crate::souk::client::send(complete.json(&json!({"status": "completed"}))).await.expect(200);
        let order = delivered;
        let path = format!("/api/v1/admin/sellers/{}/payouts", seller.id);
        let run = admin.client.post_empty(&path).await.expect(200);
        assert_eq!(run["payouts"].as_array().map(Vec::len), Some(1), "{run}");
        souk.settle().await;
        instants.push(Clock::System.now());
        Self { souk, seller, shopper, order, instants }
    }

    fn whole(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.instants[0], self.instants[self.instants.len() - 1])
    }
}

#[tokio::test]
async fn balances_are_as_of_any_instant_and_the_past_never_changes() {
    let trade = Trade::open().await;
    let client = &trade.seller.client;
    let mut known = Vec::new();
    for at in &trade.instants {
        known.push(owed(client, *at).await);
    }
    // 3 * 19.99 and 5.00 for shipping, less 10% of the goods and 19% of that.
    assert_eq!(known[..2], [(0, 0), (5997 + 500 - 600 - 114, 0)]);
    // A third of the goods, less a third of the commission and of its tax.
    assert_eq!(known[2], (5783 - (1999 - 200 - 38), 0));
    assert_eq!(known[3].0, 0, "all that was due is paid or kept in reserve");
    assert!(known[3].1 > 0, "{known:?}");

    let admin = &trade.souk.admin().await.client;
    for at in &trade.instants {
        let books = admin.get(&format!("/api/v1/admin/ledger/trial-balance?as_of={}", instant(*at))).await.expect(200);
        for total in books["totals"].as_array().expect("totals") {
            assert_eq!(cents(&total["total"]), 0, "{books}");
        }
        let rows = books["rows"].as_array().expect("rows");
        let account =
            |name: &str| rows.iter().find(|row| row["account"] == name).map_or(0, |row| -cents(&row["balance"]));
        let told = owed(client, *at).await;
        assert_eq!((account("seller_payable"), account("seller_reserve")), told, "the seller is the only one");
        let path = format!("/api/v1/admin/sellers/{}/balance?as_of={}", trade.seller.id, instant(*at));
        let own = client.get(&format!("/api/v1/seller/balance?as_of={}", instant(*at))).await.expect(200);
        assert_eq!(admin.get(&path).await.expect(200), own);
    }
    let begin = admin
        .get(&format!("/api/v1/admin/ledger/trial-balance?as_of={}", instant(trade.instants[0])))
        .await
        .expect(200);
    assert_eq!(begin["rows"], json!([]));

    // More is sold: what was true then is true now.
    let part = trade.order.part(&trade.seller);
    assert_eq!(part.lines().len(), 1);
    let offer = text(&part.lines()[0]["offer_id"]).to_owned();
    trade.shopper.buy(&[(&offer, 1)]).await;
    trade.souk.settle().await;
    for (at, before) in trade.instants.iter().zip(&known) {
        assert_eq!(owed(client, *at).await, *before);
    }
    assert!(owed(client, Clock::System.now()).await.0 > 0);
}

#[tokio::test]
async fn a_statement_adds_up_and_the_next_begins_where_it_ends() {
    let trade = Trade::open().await;
    let (client, path) = (&trade.seller.client, "/api/v1/seller/statement");
    let whole = statement(client, path, trade.whole(), 100).await;
    adds_up(&whole);
    assert_eq!(cents(&whole["opening_balance"]), 0);
    let sources: Vec<&str> = entries(&whole).iter().map(|entry| text(&entry["source"])).collect();
    for source in ["capture", "commission", "refund", "commission_reversal", "label", "payout", "reserve_hold"] {
        assert_eq!(sources.iter().filter(|told| **told == source).count(), 1, "{source} in {sources:?}");
    }
    let total = |name: &str| cents(&whole["totals"][name]);
    assert_eq!((total("sales"), total("refunds")), (6497, -1999));
    assert_eq!((total("commission"), total("commission_tax")), (-600, -114));
    assert_eq!((total("commission_reversals"), total("commission_tax_reversals")), (200, 38));
    assert!(total("labels") < 0 && total("payouts") < 0 && total("reserve") < 0, "{whole}");
    assert_eq!(cents(&whole["reserve_balance"]), -total("reserve"));
    for entry in entries(&whole).iter().filter(|entry| entry["source"] == "capture") {
        assert_eq!(entry["order_number"], trade.order.part(&trade.seller).0["number"]);
    }

    // Pages of any size are the same entries.
    for limit in [1, 2, 3] {
        assert_eq!(statement(client, path, trade.whole(), limit).await["entries"]["items"], whole["entries"]["items"]);
    }
    // Statements that follow each other are the whole.
    let mut ids = BTreeSet::new();
    let mut closing = whole["opening_balance"].clone();
    for span in trade.instants.windows(2) {
        let next = statement(client, path, (span[0], span[1]), 2).await;
        adds_up(&next);
        assert_eq!(next["opening_balance"], closing);
        assert_eq!(cents(&next["closing_balance"]), owed(client, span[1]).await.0);
        for entry in entries(&next) {
            assert!(ids.insert(text(&entry["id"]).to_owned()), "in two statements: {entry}");
        }
        closing = next["closing_balance"].clone();
    }
    assert_eq!(closing, whole["closing_balance"]);
    assert_eq!(ids.len(), entries(&whole).len());
    // Cut at the very instant of an entry.
    for entry in entries(&whole) {
        let at: DateTime<Utc> = text(&entry["occurred_at"]).parse().expect("an instant");
        let (first, second) = (
            statement(client, path, (trade.whole().0, at), 100).await,
            statement(client, path, (at, trade.whole().1), 100).await,
        );
        adds_up(&first);
        adds_up(&second);
        assert_eq!(first["closing_balance"], second["opening_balance"]);
        assert_eq!(entries(&first).len() + entries(&second).len(), entries(&whole).len());
    }
    // An operator reads the same.
    let path = format!("/api/v1/admin/sellers/{}/statement", trade.seller.id);
    assert_eq!(statement(&trade.souk.admin().await.client, &path, trade.whole(), 100).await, whole);
}

#[tokio::test]
async fn a_statement_is_of_this_month_unless_told_otherwise() {
    let trade = Trade::open().await;
    let client = &trade.seller.client;
    let told = client.get("/api/v1/seller/statement").await.expect(200);
    let (from, to): (DateTime<Utc>, DateTime<Utc>) =
        (text(&told["from"]).parse().expect("an instant"), text(&told["to"]).parse().expect("an instant"));
    assert_eq!((from.day(), from.time()), (1, chrono::NaiveTime::MIN));
    assert!(to >= trade.whole().1 && to <= Clock::System.now());
    assert_eq!((told["currency"].as_str(), told["seller_id"].as_str()), (Some("USD"), Some(trade.seller.id.as_str())));

    let none = client.get("/api/v1/seller/statement?currency=EUR").await.expect(200);
    assert_eq!((text(&none["closing_balance"]), entries(&none).len()), ("0.00", 0));
    let refused = |query: String| async move { client.get(&format!("/api/v1/seller/statement?{query}")).await };
    let (begin, end) = trade.whole();
    refused("currency=XXX".into()).await.refused(422, "INVALID_MONEY");
    refused(format!("from={}&to={}", instant(end), instant(begin))).await.refused(422, "INVALID_VALUE");
    let long_ago = instant(end - TimeDelta::days(367));
    refused(format!("from={long_ago}&to={}", instant(end))).await.refused(422, "INVALID_VALUE");
    refused("from=yesterday".into()).await.refused(400, "MALFORMED_REQUEST");
    refused("cursor=garbage".into()).await.refused(400, "MALFORMED_REQUEST");
    refused(format!("cursor={}", trade.seller.id)).await.refused(400, "MALFORMED_REQUEST");
    refused("limit=101".into()).await.refused(422, "INVALID_VALUE");

    // Of nothing, a currency must be named; and nobody's cursor leads into another's statement.
    let other = trade.souk.seller("Another").await;
    let entry = text(&entries(&told)[0]["id"]).to_owned();
    other.client.get("/api/v1/seller/statement").await.refused(422, "INVALID_VALUE");
    other.client.get("/api/v1/seller/statement?currency=USD").await.expect(200);
    let stolen = format!("/api/v1/seller/statement?currency=USD&cursor={entry}");
    other.client.get(&stolen).await.refused(400, "MALFORMED_REQUEST");
}

#[tokio::test]
async fn a_statement_can_be_had_as_a_file() {
    let trade = Trade::open().await;
    let (from, to) = trade.whole();
    let told = statement(&trade.seller.client, "/api/v1/seller/statement", (from, to), 100).await;
    let query = format!("currency=USD&from={}&to={}", instant(from), instant(to));
    let file = trade.seller.client.get(&format!("/api/v1/seller/statement.csv?{query}")).await;
    assert_eq!(file.status.as_u16(), 200, "{}", file.json());
    assert_eq!(file.header("content-type"), Some("text/csv"));
    assert!(file.header("content-disposition").is_some_and(|value| value.starts_with("attachment; filename=")));
    let written = String::from_utf8(file.body.clone()).expect("text");
    assert!(written.starts_with("occurred_at,source,source_id,order_number,description,currency,amount,balance\r\n"));
    assert_eq!(written.lines().count(), entries(&told).len() + 3, "a header and two balances");

    let mut reader = csv::Reader::from_reader(file.body.as_slice());
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    let (first, last) = (&rows[0], &rows[rows.len() - 1]);
    assert_eq!((&first[1], &first[6], &first[7]), ("opening_balance", "", text(&told["opening_balance"])));
    assert_eq!((&last[1], &last[6], &last[7]), ("closing_balance", "", text(&told["closing_balance"])));
    for (row, entry) in rows[1..rows.len() - 1].iter().zip(entries(&told)) {
        let expected = ["source", "source_id", "order_number", "description"];
        let expected = expected.map(|field| entry[field].as_str().unwrap_or_default());
        assert_eq!([&row[1], &row[2], &row[3], &row[4]], expected);
        assert_eq!([&row[5], &row[6], &row[7]], ["USD", text(&entry["amount"]), text(&entry["balance"])]);
        let at: DateTime<Utc> = row[0].parse().expect("an instant");
        assert_eq!(at, text(&entry["occurred_at"]).parse::<DateTime<Utc>>().expect("an instant"));
    }
    let path = format!("/api/v1/admin/sellers/{}/statement.csv?{query}", trade.seller.id);
    assert_eq!(trade.souk.admin().await.client.get(&path).await.body, file.body);
    let wrong = format!("/api/v1/seller/statement.csv?currency=USD&from={}&to={}", instant(to), instant(from));
    trade.seller.client.get(&wrong).await.refused(422, "INVALID_VALUE");
}

#[tokio::test]
async fn a_long_statement_is_whole() {
    let souk = Souk::start().await;
    let seller = souk.seller("Busy").await;
    let from = Clock::System.now();
    let shopper = souk.guest();
    let offer = seller.offer("BUSY", "10.00", 5).await;
    let order = shopper.buy(&[(&offer, 1)]).await;
    // More than is read at once.
    let path = format!("/api/v1/seller/orders/{}/refunds", order.part(&seller).id());
    let refund = async |_| seller.client.post(&path, json!({"goodwill_amount": "0.01"})).await.expect(201);
    for _ in 0..8 {
        futures::future::join_all((0..28).map(refund)).await;
    }
    souk.settle().await;
    let path = format!("/api/v1/seller/statement.csv?currency=USD&from={}", instant(from));
    let file = seller.client.get(&path).await;
    let mut reader = csv::Reader::from_reader(file.body.as_slice());
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 1 + 2 + 224 + 1, "a sale, its commission, each refund, and two balances");
    let sum: i64 = rows.iter().filter(|row| !row[6].is_empty()).map(|row| cents(&json!(row[6]))).sum();
    assert_eq!(sum, 1500 - 100 - 224);
    assert_eq!(cents(&json!(rows[rows.len() - 1][7])), sum);
}

#[tokio::test]
async fn every_account_says_what_it_is() {
    let souk = Souk::start().await;
    let told = souk.admin().await.client.get("/api/v1/admin/ledger/accounts").await.expect(200);
    let accounts = told["accounts"].as_array().expect("accounts");
    let mut kinds = BTreeSet::new();
    let mut names = BTreeSet::new();
    for account in accounts {
        assert!(text(&account["meaning"]).ends_with('.'), "{account}");
        kinds.insert(text(&account["kind"]));
        names.insert(text(&account["name"]));
    }
    assert_eq!(kinds, BTreeSet::from(["asset", "expense", "income", "liability"]));
    assert_eq!(names.len(), accounts.len());
    let per_seller: Vec<&str> =
        accounts.iter().filter(|account| account["per_seller"] == true).map(|account| text(&account["name"])).collect();
    assert_eq!(per_seller, ["seller_payable", "seller_reserve"]);
}
