//! What was left behind by its own job is found, and asked for again.

use chrono::TimeDelta;
use serde_json::json;
use souk_domain::Clock;

use super::{days_ago, expect, hour_ago, id_of, jobs, lose, run, uuid, without_ticks};
use crate::souk::{Order, Seller, Shopper, Souk, eventually, text};

const NOTHING: &str = "Nothing was left behind.";
const ONE: &str = "Left behind: 1 asked for again.";

/// A cart with one item, past its time.
async fn overdue_cart(souk: &Souk, offer: &str) -> (Shopper, String) {
    let shopper = souk.guest();
    let cart = shopper.cart(&[(offer, 1)]).await;
    let sql = "UPDATE cart SET expires_at = $1 WHERE id = $2";
    assert_eq!(souk.database().execute(sql, [hour_ago(), uuid(&cart)]).await, 1);
    (shopper, cart)
}

async fn cart_is(shopper: &Shopper, cart: &str, status: &str) {
    eventually(&format!("the cart is {status}"), async || {
        let found = shopper.client().get(&format!("/api/v1/carts/{cart}")).await.expect(200);
        (found["status"] == status).then_some(())
    })
    .await;
}

/// Orders a unit that is delivered.
async fn deliver(souk: &Souk, seller: &Seller, offer: &str) -> (Shopper, Order) {
    let shopper = souk.guest();
    let order = shopper.buy(&[(offer, 1)]).await;
    let parcel = seller.ship(order.part(seller).id(), "Main").await;
    souk.simulator().advance(text(&parcel["tracking_number"]), "delivered").await;
    let order = shopper.until(order.id(), "delivered").await;
    (shopper, order)
}

#[tokio::test]
async fn carts_whose_job_is_lost_or_over_are_closed() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let offer = souk.seller("Carts").await.offer("CARTS-1", "10.00", 9).await;
    let (lost_by, lost) = overdue_cart(&souk, &offer).await;
    lose(&souk, &format!("expire-cart:{lost}")).await;
    let (over_by, over) = overdue_cart(&souk, &offer).await;
    let key = format!("expire-cart:{over}");
    let done = "UPDATE job SET status = 'done', updated_at = $1 WHERE unique_key = $2";
    assert_eq!(souk.database().execute(done, [hour_ago(), key.as_str().into()]).await, 1);
    // This one is open for good reason, and this one has its job.
    let open_by = souk.guest();
    let open = open_by.cart(&[(&offer, 1)]).await;
    lose(&souk, &format!("expire-cart:{open}")).await;
    let (own_by, own) = overdue_cart(&souk, &offer).await;

    expect(&souk, "expire_carts", "Left behind: 2 asked for again.").await;
    cart_is(&lost_by, &lost, "expired").await;
    cart_is(&over_by, &over, "expired").await;
    cart_is(&open_by, &open, "open").await;
    cart_is(&own_by, &own, "open").await;
    expect(&souk, "expire_carts", NOTHING).await;
    souk.database().make_due(&format!("expire-cart:{own}")).await;
    cart_is(&own_by, &own, "expired").await;
}

#[tokio::test]
async fn more_than_one_batch_is_found() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let now = Clock::System.now();
    let sql = "INSERT INTO cart (id, guest_token_hash, currency, status, expires_at, version, created_at, updated_at) \
               VALUES ($1, $2, 'USD', 'open', $3, 1, $4, $4)";
    // Many at the same instant, as those are told apart by their ids.
    for n in 0..1_100_i64 {
        let due = now - TimeDelta::hours(1 + n / 700);
        souk.database().execute(sql, [id_of(now), format!("hash-{n}").into(), due.into(), now.into()]).await;
    }
    expect(&souk, "expire_carts", "Left behind: 1100 asked for again.").await;
    eventually("all carts are closed", async || {
        let open = souk.database().number("SELECT count(*) FROM cart WHERE status = 'open'", []).await;
        (open == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn dead_and_discarded_jobs_are_left_to_operators() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let offer = souk.seller("Dead").await.offer("DEAD-1", "10.00", 9).await;
    let (dead_by, dead) = overdue_cart(&souk, &offer).await;
    let (_, discarded) = overdue_cart(&souk, &offer).await;
    for (cart, set) in [
        (&dead, "status = 'dead', last_error = 'too late'"),
        (&discarded, "status = 'discarded', discard_reason = 'why not'"),
    ] {
        let key = format!("expire-cart:{cart}");
        let sql = format!("UPDATE job SET {set}, updated_at = $1 WHERE unique_key = $2");
        assert_eq!(souk.database().execute(&sql, [hour_ago(), key.into()]).await, 1);
    }
    let told = "Left behind: 1 needs an operator, 1 left alone, as its job was discarded.";
    expect(&souk, "expire_carts", told).await;
    assert_eq!(jobs(&souk, &format!("expire-cart:{dead}"), "dead").await, 1);
    assert_eq!(jobs(&souk, &format!("expire-cart:{discarded}"), "discarded").await, 1);
    cart_is(&dead_by, &dead, "open").await;
}

#[tokio::test]
async fn orders_not_paid_and_not_accepted_in_time_are_ended() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let seller = souk.seller("Late").await;
    seller.configure(json!({"auto_accept": false})).await;
    let offer = seller.offer("LATE-1", "10.00", 9).await;
    let unpaid_by = souk.guest();
    let unpaid = unpaid_by.place(&unpaid_by.cart(&[(&offer, 2)]).await).await;
    let unaccepted_by = souk.guest();
    let unaccepted = unaccepted_by.place(&unaccepted_by.cart(&[(&offer, 1)]).await).await;
    unaccepted_by.pay(unaccepted.id(), "pm_ok").await;
    let unaccepted = unaccepted_by.until(unaccepted.id(), "confirmed").await;
    let part = unaccepted.part(&seller).id();
    assert_eq!(seller.inventory(&offer).await, (9, 3));

    lose(&souk, &format!("expire-order:{}", unpaid.id())).await;
    lose(&souk, &format!("reject:{part}")).await;
    expect(&souk, "expire_orders", NOTHING).await;
    let sql = "UPDATE orders SET payment_due_at = $1 WHERE id = $2";
    assert_eq!(souk.database().execute(sql, [hour_ago(), uuid(unpaid.id())]).await, 1);
    let sql = "UPDATE seller_order SET accept_by = $1 WHERE id = $2";
    assert_eq!(souk.database().execute(sql, [hour_ago(), uuid(part)]).await, 1);
    expect(&souk, "expire_orders", "Left behind: 2 asked for again.").await;
    unpaid_by.until(unpaid.id(), "cancelled").await;
    unaccepted_by.until(unaccepted.id(), "cancelled").await;
    assert_eq!(seller.inventory(&offer).await, (9, 0));
    expect(&souk, "expire_orders", NOTHING).await;
    souk.audit().await;
}

#[tokio::test]
async fn stock_held_past_its_time_is_let_go() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let seller = souk.seller("Held").await;
    let offer = seller.offer("HELD-1", "10.00", 9).await;
    let (unpaid_by, cancelled_by, paid_by) = (souk.guest(), souk.guest(), souk.guest());
    let unpaid = unpaid_by.place(&unpaid_by.cart(&[(&offer, 1)]).await).await;
    let cancelled = cancelled_by.place(&cancelled_by.cart(&[(&offer, 2)]).await).await;
    cancelled_by.cancel(cancelled.id()).await.expect(200);
    let paid = paid_by.buy(&[(&offer, 3)]).await;
    assert_eq!(seller.inventory(&offer).await, (9, 4));

    // As a bug would leave it: cancelled, and still held.
    let hold = "UPDATE reservation SET status = 'held', open_quantity = quantity, expires_at = $1 \
                WHERE order_line_id = $2";
    let line = cancelled.part(&seller).line();
    assert_eq!(souk.database().execute(hold, [hour_ago(), uuid(line)]).await, 1);
    souk.database().execute("UPDATE inventory_level SET reserved = reserved + 2", []).await;
    // Not paid, and its job is lost.
    lose(&souk, &format!("expire-order:{}", unpaid.id())).await;
    let due = "UPDATE orders SET payment_due_at = $1 WHERE id = $2";
    souk.database().execute(due, [hour_ago(), uuid(unpaid.id())]).await;
    let expire = "UPDATE reservation SET expires_at = $1 WHERE order_line_id = $2";
    souk.database().execute(expire, [hour_ago(), uuid(unpaid.part(&seller).line())]).await;
    // Paid, and held as if it were not: whose goods they are is for a person to see.
    let line = paid.part(&seller).line();
    assert_eq!(souk.database().execute(hold, [hour_ago(), uuid(line)]).await, 1);

    let told = "Left behind: 1 asked for again, 1 released, 1 needs an operator.";
    expect(&souk, "release_reservations", told).await;
    unpaid_by.until(unpaid.id(), "cancelled").await;
    assert_eq!(seller.inventory(&offer).await, (9, 3));
    expect(&souk, "release_reservations", "Left behind: 1 needs an operator.").await;
    let mend = "UPDATE reservation SET status = 'allocated', expires_at = NULL WHERE order_line_id = $1";
    souk.database().execute(mend, [uuid(line)]).await;
    expect(&souk, "release_reservations", NOTHING).await;
}

#[tokio::test]
async fn parcels_that_nobody_follows_are_followed() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let seller = souk.seller("Moving").await;
    let offer = seller.offer("MOVING-1", "10.00", 9).await;
    let order = souk.guest().buy(&[(&offer, 1)]).await;
    let parcel = seller.ship(order.part(&seller).id(), "Main").await;
    let id = text(&parcel["id"]);
    let key = format!("sync:{id}");
    lose(&souk, &key).await;
    expect(&souk, "sync_shipments", NOTHING).await;
    let sql = "UPDATE shipment SET updated_at = $1 WHERE id = $2";
    souk.database().execute(sql, [hour_ago(), uuid(id)]).await;
    expect(&souk, "sync_shipments", ONE).await;
    eventually("the carrier is asked, and will be again", async || {
        let asked = "SELECT count(*) FROM job WHERE unique_key = $1 AND status = 'queued' AND attempts = 1";
        (souk.database().number(asked, [key.as_str().into()]).await == 1).then_some(())
    })
    .await;
    expect(&souk, "sync_shipments", NOTHING).await;
}

#[tokio::test]
async fn returns_never_sent_are_closed_and_seller_orders_completed() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let seller = souk.seller("Returns").await;
    let offer = seller.offer("RETURNS-1", "10.00", 9).await;
    let (shopper, order) = deliver(&souk, &seller, &offer).await;
    let part = order.part(&seller);
    let asked = shopper.give_back(part, part.line(), 1).await.expect(201);
    let id = text(&asked["id"]);
    seller.approve_return(id).await.expect(200);
    shopper.return_with_label(id).await;
    lose(&souk, &format!("expire-return:{id}")).await;
    let approved = "UPDATE return_request SET updated_at = $1 WHERE id = $2";
    souk.database().execute(approved, [days_ago(20), uuid(id)]).await;
    expect(&souk, "close_returns", NOTHING).await;
    souk.database().execute(approved, [days_ago(22), uuid(id)]).await;
    expect(&souk, "close_returns", ONE).await;
    shopper.return_until(id, "expired").await;

    lose(&souk, &format!("complete:{}", part.id())).await;
    expect(&souk, "complete_seller_orders", NOTHING).await;
    let over = "UPDATE seller_order SET return_window_ends_at = $1 WHERE id = $2";
    souk.database().execute(over, [hour_ago(), uuid(part.id())]).await;
    expect(&souk, "complete_seller_orders", ONE).await;
    shopper.until(order.id(), "completed").await;
    souk.audit().await;
}

#[tokio::test]
async fn sellers_to_whom_money_is_due_are_paid_out() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let seller = souk.seller("Owed").await;
    seller.client.put("/api/v1/seller/payout-account", json!({"account": "acct_owed"})).await.expect(200);
    let offer = seller.offer("OWED-1", "10.00", 9).await;
    let (shopper, order) = deliver(&souk, &seller, &offer).await;
    // Owed, but not due before the return window has closed.
    expect(&souk, "pay_out", NOTHING).await;
    souk.database().make_due(&format!("complete:{}", order.part(&seller).id())).await;
    shopper.until(order.id(), "completed").await;
    let planned = souk.admin().await.jobs("pay_out_seller").await;
    assert_eq!(planned.len(), 1);
    let key = text(&planned[0]["unique_key"]);
    souk.database().execute("UPDATE seller_order SET payable_at = $1", [hour_ago()]).await;
    expect(&souk, "pay_out", NOTHING).await;

    lose(&souk, key).await;
    expect(&souk, "pay_out", ONE).await;
    let again = souk.admin().await.jobs("pay_out_seller").await;
    assert_eq!((again.len(), &again[0]["unique_key"]), (1, &planned[0]["unique_key"]));
    assert_eq!(again[0]["run_at"], planned[0]["run_at"], "on the seller's own day");
    let ran = run(&souk, "pay_out").await;
    assert_eq!(ran["last_outcome"], NOTHING);

    souk.database().make_due(key).await;
    eventually("they are paid", async || {
        let payouts = seller.client.list("/api/v1/seller/payouts").await;
        payouts.iter().any(|payout| payout["status"] == "paid").then_some(())
    })
    .await;
    expect(&souk, "pay_out", NOTHING).await;
    souk.audit().await;
}

#[tokio::test]
async fn sellers_paid_by_hand_are_not_planned() {
    let souk = Souk::start().await;
    without_ticks(&souk).await;
    let seller = souk.seller("By Hand").await;
    let offer = seller.offer("HAND-1", "10.00", 9).await;
    let terms = json!({"payout_interval": "manual"});
    souk.admin().await.client.patch(&format!("/api/v1/admin/sellers/{}", seller.id), terms).await.expect(200);
    let (shopper, order) = deliver(&souk, &seller, &offer).await;
    souk.database().make_due(&format!("complete:{}", order.part(&seller).id())).await;
    shopper.until(order.id(), "completed").await;
    souk.database().execute("UPDATE seller_order SET payable_at = $1", [hour_ago()]).await;
    expect(&souk, "pay_out", NOTHING).await;
    assert!(souk.admin().await.jobs("pay_out_seller").await.is_empty());
}
