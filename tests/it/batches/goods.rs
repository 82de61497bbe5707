//! Inventory and prices.

use std::fmt::Write;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use serde_json::{Value, json};

use super::{INVENTORY, SELLING, failed, sold, told, upload, upload_json};
use crate::souk::{Seller, Setup, Souk, text};

async fn price(seller: &Seller, offer: &str) -> Value {
    seller.client.get(&format!("/api/v1/seller/offers/{offer}")).await.expect(200)
}

#[tokio::test]
async fn bad_rows_do_not_stop_good_ones() {
    let souk = Souk::start().await;
    let seller = souk.seller("Bulky").await;
    let offers = [seller.offer("BULK-1", "1.00", 1).await, seller.offer("BULK-2", "1.00", 1).await];
    let other = souk.seller("Neighbour").await;
    let foreign = other.offer("FOREIGN-1", "1.00", 7).await;
    let unpaid = souk.guest();
    let cart = unpaid.cart(&[(&offers[0], 1)]).await;
    unpaid.place(&cart).await;

    let csv = [
        INVENTORY,
        "BULK-1,Main,40",
        "UNKNOWN,Main,5",
        "FOREIGN-1,Main,0",
        "BULK-2,Nowhere,5",
        "BULK-2,Main,-3",
        "BULK-2,Main,many",
        "BULK-2,Main",
        "\"BULK-2\",Main,50",
        "BULK-1,Main,0",
    ]
    .join("\r\n");
    let rows = sold(&seller, upload(&seller, "inventory", csv).await, "completed_with_errors", 7).await;
    let outcomes = ["done", "failed", "failed", "failed", "failed", "failed", "failed", "done", "failed"];
    assert_eq!(told(&rows), (2..).zip(outcomes).collect::<Vec<_>>());
    failed(&rows, 1, "\"UNKNOWN\"");
    failed(&rows, 2, "\"FOREIGN-1\"");
    failed(&rows, 3, "\"Nowhere\"");
    failed(&rows, 5, "not a whole number");
    failed(&rows, 6, "2 values and the header names 3");
    failed(&rows, 8, "1 units are reserved");

    assert_eq!(seller.inventory(&offers[0]).await, (40, 1));
    assert_eq!(seller.inventory(&offers[1]).await, (50, 0));
    assert_eq!(other.inventory(&foreign).await, (7, 0));
    let all_bad = upload(&seller, "inventory", format!("{INVENTORY}\nA,B,1\n")).await;
    sold(&seller, all_bad, "failed", 1).await;
    souk.settle().await;
}

#[tokio::test]
async fn two_thousand_rows() {
    const ROWS: i64 = 2_000;
    let souk = Souk::start().await;
    let seller = souk.seller("Huge").await;
    let offers = [
        seller.offer("HUGE-1", "1.00", 1).await,
        seller.offer("HUGE-2", "1.00", 1).await,
        seller.offer_without_stock("HUGE-3", "1.00").await,
    ];
    let mut csv = String::from(INVENTORY);
    for row in 1..=ROWS {
        write!(csv, "\nHUGE-{},Main,{row}", 2 - row % 2).expect("a string");
    }
    csv.push_str("\nHUGE-3,Main,9\n");
    let rows = sold(&seller, upload(&seller, "inventory", csv).await, "completed", 0).await;
    assert_eq!(i64::try_from(rows.len()), Ok(ROWS + 1));
    // The rows are applied in the order of the file: the last ones stand.
    assert_eq!(seller.inventory(&offers[0]).await, (ROWS - 1, 0));
    assert_eq!(seller.inventory(&offers[1]).await, (ROWS, 0));
    assert_eq!(seller.inventory(&offers[2]).await, (9, 0));
    let moved = souk.database().number("SELECT count(*) FROM stock_movement", []).await;
    assert_eq!(moved, 2 + ROWS + 1 - 1, "a movement per row that changes something, and none twice");
    souk.settle().await;
}

#[tokio::test]
async fn prices_change_in_the_offers_currency() {
    let souk = Souk::start().await;
    let seller = souk.seller("Dear").await;
    let offers = [seller.offer("DEAR-1", "1.00", 1).await, seller.offer("DEAR-2", "2.00", 1).await];
    let rows = [
        json!({"sku": "DEAR-1", "price": "3.50"}),
        json!({"sku": "DEAR-2", "price": "4.00", "active": false}),
        json!({"sku": "DEAR-1", "price": "5.55", "active": null}),
        json!({"sku": "DEAR-1", "price": 7}),
        json!({"sku": "DEAR-1", "price": "1.005"}),
        json!({"sku": "DEAR-1", "price": "-1.00"}),
        json!({"sku": "DEAR-1", "price": "1.00", "colour": "red"}),
        json!({"sku": "DEAR-9", "price": "1.00"}),
        json!(["DEAR-1", "1.00"]),
    ];
    let uploaded = upload_json(&seller.client, &format!("{SELLING}/prices"), &rows).await;
    let rows = sold(&seller, uploaded, "completed_with_errors", 6).await;
    let outcomes = ["done", "done", "done", "failed", "failed", "failed", "failed", "failed", "failed"];
    assert_eq!(told(&rows), (1..).zip(outcomes).collect::<Vec<_>>());
    failed(&rows, 6, "\"colour\"");
    let first = price(&seller, &offers[0]).await;
    assert_eq!((text(&first["price"]), &first["active"], &first["version"]), ("5.55", &json!(true), &json!(3)));
    let second = price(&seller, &offers[1]).await;
    assert_eq!((text(&second["price"]), &second["active"], &second["version"]), ("4.00", &json!(false), &json!(2)));

    let csv = "active,price,sku\ntrue,4.50,DEAR-2\n,,DEAR-2\n";
    let rows = sold(&seller, upload(&seller, "prices", csv).await, "completed_with_errors", 1).await;
    failed(&rows, 1, "price is missing");
    let second = price(&seller, &offers[1]).await;
    assert_eq!((text(&second["price"]), &second["active"]), ("4.50", &json!(true)));
    souk.settle().await;
}

#[tokio::test]
async fn a_dry_run_tells_what_would_fail_and_keeps_nothing() {
    let souk = Souk::start().await;
    let seller = souk.seller("Careful").await;
    let offers = [seller.offer("DRY-1", "1.00", 3).await, seller.offer_without_stock("DRY-2", "1.00").await];
    let csv = format!("{INVENTORY}\nDRY-1,Main,9\nDRY-2,Main,9\nDRY-3,Main,9\n");
    let rows = sold(&seller, upload(&seller, "inventory?dry_run=true", csv).await, "completed_with_errors", 1).await;
    assert_eq!(told(&rows), [(2, "done"), (3, "done"), (4, "failed")]);
    let csv = "sku,price,active\nDRY-1,9.00,false\n";
    sold(&seller, upload(&seller, "prices?dry_run=true", csv).await, "completed", 0).await;
    assert_eq!((seller.inventory(&offers[0]).await, seller.inventory(&offers[1]).await), ((3, 0), (0, 0)));
    let first = price(&seller, &offers[0]).await;
    assert_eq!((text(&first["price"]), &first["active"], &first["version"]), ("1.00", &json!(true), &json!(1)));
    assert_eq!(souk.database().number("SELECT count(*) FROM stock_movement", []).await, 1);
    assert_eq!(souk.database().number("SELECT count(*) FROM inventory_level", []).await, 1);
    souk.settle().await;
}

/// A checkout refers to offers and levels in the order of its lines; a round that waited for it
/// could wait in a circle.
#[tokio::test]
async fn a_round_does_not_wait_for_who_only_refers_to_its_goods() {
    if Setup::of_environment() == Setup::Embedded {
        println!("nothing to test: the embedded database has one writer");
        return;
    }
    let souk = Souk::start().await;
    let seller = souk.seller("Referred").await;
    let offer = seller.offer("REFERRED-1", "1.00", 1).await;
    let refer = "DO $$ BEGIN PERFORM 1 FROM offer FOR KEY SHARE; PERFORM 1 FROM inventory_level FOR KEY SHARE; \
                 PERFORM pg_sleep(10); END $$";
    let referring = pin!(souk.database().execute(refer, []));
    let applied = pin!(async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let stock = upload(&seller, "inventory", format!("{INVENTORY}\nREFERRED-1,Main,7")).await;
        sold(&seller, stock, "completed", 0).await;
        let prices = upload(&seller, "prices", "sku,price\nREFERRED-1,2.00").await;
        sold(&seller, prices, "completed", 0).await;
    });
    match select(applied, referring).await {
        Either::Left(((), referring)) => drop(referring.await),
        Either::Right(_) => panic!("a round has waited"),
    }
    assert_eq!(seller.inventory(&offer).await, (7, 0));
    assert_eq!(price(&seller, &offer).await["price"], "2.00");
}
