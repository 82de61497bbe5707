//! Parcels, labels and seller orders in bulk.

use serde_json::Value;

use super::{SELLING, failed, outcome, sold, told, upload, upload_json};
use crate::souk::{Options, Order, Part, Seller, Souk, eventually, text};

fn number<'a>(part: Part<'a>) -> &'a str {
    text(&part.0["number"])
}

async fn part(seller: &Seller, order: &Order) -> Value {
    let id = order.part(seller).id().to_owned();
    seller.client.get(&format!("/api/v1/seller/orders/{id}")).await.expect(200)
}

fn units(parcel: &Value) -> i64 {
    let lines = parcel["lines"].as_array().expect("lines");
    lines.iter().map(|line| line["quantity"].as_i64().expect("a quantity")).sum()
}

#[tokio::test]
async fn each_row_packs_a_parcel_that_gets_its_label() {
    let souk = Souk::start().await;
    let (seller, other) = (souk.seller("Packer").await, souk.seller("Neighbour").await);
    let offers = [seller.offer("PACK-1", "10.00", 50).await, seller.offer("PACK-2", "10.00", 50).await];
    let foreign = other.offer("THEIRS-1", "10.00", 50).await;
    let shopper = souk.shopper().await;
    let whole = shopper.buy(&[(&offers[0], 2), (&offers[1], 1)]).await;
    let split = shopper.buy(&[(&offers[0], 3), (&foreign, 1)]).await;
    let (whole_number, split_number) = (number(whole.part(&seller)), number(split.part(&seller)));
    let csv = [
        "order_number,warehouse,sku,quantity",
        &format!("{whole_number},Main,,"),
        &format!("{split_number},Main,PACK-1,2"),
        &format!("{whole_number},Main,,"),
        &format!("{split_number},Main,PACK-1,2"),
        &format!("{split_number},Main,PACK-2,1"),
        &format!("{split_number},Main,PACK-1,"),
        &format!("{split_number},Nowhere,,"),
        &format!("{},Main,,", number(split.part(&other))),
        "ORD-1999-1,Main,,",
        &format!("{split_number},Main,PACK-1,1"),
    ]
    .join("\n");
    sold(&seller, upload(&seller, "shipments?dry_run=true", csv.clone()).await, "completed_with_errors", 5).await;
    assert!(seller.client.list("/api/v1/seller/shipments").await.is_empty(), "a dry run packs nothing");

    let rows = sold(&seller, upload(&seller, "shipments", csv).await, "completed_with_errors", 7).await;
    let outcomes = ["made", "made", "failed", "failed", "failed", "failed", "failed", "failed", "failed", "made"];
    assert_eq!(told(&rows), (2..).zip(outcomes).collect::<Vec<_>>());
    failed(&rows, 2, "Nothing of this seller order is left");
    failed(&rows, 3, "1 are allocated");
    failed(&rows, 4, "no item \"PACK-2\"");
    failed(&rows, 5, "sku and quantity together");
    failed(&rows, 7, "no seller order");
    for (row, packed) in [(0, 3), (1, 2), (9, 1)] {
        let parcel = seller.labelled(text(&rows[row]["result"])).await;
        assert_eq!(units(&parcel), packed);
    }
    let history = part(&seller, &whole).await;
    assert_eq!(text(&history["order"]["status"]), "processing");
    souk.audit().await;
}

#[tokio::test]
async fn missing_labels_are_asked_for_again() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Labeller").await;
    let offer = seller.offer("LABEL-1", "10.00", 50).await;
    let shopper = souk.shopper().await;
    let mut orders = Vec::new();
    for _ in 0..4 {
        orders.push(shopper.buy(&[(&offer, 1)]).await);
    }
    let part = |at: usize| orders[at].part(&seller).id().to_owned();
    let labelled = seller.ship(&part(0), "Main").await;
    let cancelled = seller.ship(&part(1), "Main").await;
    let cancelled = text(&cancelled["id"]).to_owned();
    seller.client.post_empty(&format!("/api/v1/seller/shipments/{cancelled}/cancel")).await.expect(200);
    souk.settle().await;

    souk.simulator().fault("buy_label", "refused", 1).await;
    let refused = text(&seller.pack(&part(2), "Main").await.expect(201)["id"]).to_owned();
    seller.shipment_until(&refused, "cancelled").await;
    souk.simulator().fault("buy_label", "unavailable", 1_000).await;
    let waiting = text(&seller.pack(&part(3), "Main").await.expect(201)["id"]).to_owned();
    let job = format!("label:{waiting}:1");
    // As if it had been tried in vain for days.
    let given_up =
        "UPDATE job SET status = 'dead' WHERE unique_key = $1 AND status = 'queued' AND last_error IS NOT NULL";
    eventually("the label is given up", async || {
        (souk.database().execute(given_up, [job.as_str().into()]).await == 1).then_some(())
    })
    .await;
    souk.simulator().fault("buy_label", "unavailable", 0).await;

    let csv = ["shipment_id", text(&labelled["id"]), &cancelled, &refused, &waiting, &refused, "none"].join("\n");
    let rows = sold(&seller, upload(&seller, "labels", csv).await, "completed_with_errors", 3).await;
    let outcomes = ["made", "failed", "made", "made", "failed", "failed"];
    assert_eq!(told(&rows), (2..).zip(outcomes).collect::<Vec<_>>());
    assert_eq!(rows[0]["result"], labelled["tracking_number"]);
    failed(&rows, 1, "was cancelled");
    let anew = text(&rows[2]["result"]).strip_prefix("queued as ").expect("a new parcel");
    assert_eq!(units(&seller.labelled(anew).await), 1);
    assert_eq!(rows[3]["result"], "queued");
    seller.labelled(&waiting).await;
    failed(&rows, 4, "cannot be packed");
    souk.audit().await;
}

#[tokio::test]
async fn seller_orders_are_accepted_and_rejected() {
    let souk = Souk::start().await;
    let seller = souk.seller("Chooser").await;
    seller.configure(serde_json::json!({"auto_accept": false})).await;
    let offer = seller.offer("CHOOSE-1", "10.00", 50).await;
    let shopper = souk.shopper().await;
    let mut orders = Vec::new();
    for _ in 0..3 {
        let cart = shopper.cart(&[(&offer, 1)]).await;
        let order = shopper.place(&cart).await;
        shopper.pay(order.id(), "pm_ok").await;
        orders.push(shopper.until(order.id(), "confirmed").await);
    }
    let cart = shopper.cart(&[(&offer, 1)]).await;
    let unpaid = shopper.place(&cart).await;
    let of = |order: &Order| number(order.part(&seller)).to_owned();
    let rows = [
        serde_json::json!({"number": of(&orders[0]), "action": "accept"}),
        serde_json::json!({"number": of(&orders[1]), "action": "reject", "reason": "sold out"}),
        serde_json::json!({"number": of(&orders[2]), "action": "reject"}),
        serde_json::json!({"number": of(&orders[0]), "action": "accept"}),
        serde_json::json!({"number": of(&orders[0]), "action": "Cancel", "reason": "sold out, too"}),
        serde_json::json!({"number": of(&orders[2]), "action": "ship"}),
        serde_json::json!({"number": of(&unpaid), "action": "accept"}),
        serde_json::json!({"number": "ORD-1999-1", "action": "accept"}),
    ];
    let uploaded = upload_json(&seller.client, &format!("{SELLING}/seller-orders"), &rows).await;
    let rows = outcome(&seller.client, SELLING, uploaded, "completed_with_errors", 5).await;
    let outcomes = ["made", "made", "failed", "failed", "made", "failed", "failed", "failed"];
    assert_eq!(told(&rows), (1..).zip(outcomes).collect::<Vec<_>>());
    let results: Vec<_> = rows.iter().filter_map(|row| row["result"].as_str()).collect();
    assert_eq!(results, ["processing", "cancelled", "cancelled"]);
    failed(&rows, 2, "takes a reason");
    failed(&rows, 5, "no action");
    for (order, status) in [(&orders[0], "cancelled"), (&orders[1], "cancelled"), (&orders[2], "confirmed")] {
        assert_eq!(shopper.until(order.id(), status).await.status(), status);
    }
    // Who uploaded the file is who did it.
    let shown = part(&seller, &orders[0]).await;
    let accepted =
        shown["history"].as_array().expect("history").iter().find(|entry| entry["to_status"] == "processing");
    assert_eq!(accepted.expect("it was accepted")["actor"], "seller");
    for order in &orders[..2] {
        shopper.refunded(order.id(), 1).await;
    }
    souk.audit().await;
}
