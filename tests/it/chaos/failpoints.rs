//! A process that ends at any step between two commits, or between a commit and the outside, costs
//! nothing and does nothing twice.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::audit::audit;
use super::end::{self, End};
use super::market::Market;
use crate::souk::{Options, Order, Souk, text};

const FAILPOINT: &str = "SOUK_FAILPOINT";
const TRACE: &str = "SOUK_FAILPOINT_TRACE";

/// How long a piece of business may take to get to the place where its process ends.
const REACHED_WITHIN: Duration = Duration::from_secs(30);

/// The signal of an abort.
const SIGABRT: i32 = 6;

/// Steps of a job that asks somebody outside and commits once.
const ASKING: [&str; 5] = ["claimed", "asking", "asked", "commit", "committed"];
/// Steps of a job that notes that it will ask, asks, and notes the answer.
const SUBMITTING: [&str; 7] = ["claimed", "commit", "committed", "asking", "asked", "commit@2", "committed@2"];
/// Steps of a job that asks nobody.
const ALONE: [&str; 3] = ["claimed", "commit", "committed"];
/// Steps of a request.
const REQUEST: [&str; 2] = ["commit", "committed"];

/// A piece of business and the places that it comes to.
#[derive(Clone, Copy)]
struct Business {
    what: What,
    places: &'static [(&'static str, &'static [&'static str])],
}

#[derive(Clone, Copy)]
enum What {
    /// An order that is led to this end.
    Lead(End),
    /// What is asked about again although a webhook has told of it.
    AskAgain,
    /// Money that a seller is owed is sent.
    PayOut,
    /// A list of stock is uploaded.
    Upload,
    /// The time to pay for an order is over.
    Expire,
    /// Recurring work is due.
    Tick,
}

const SOLD: Business = Business {
    what: What::Lead(End::Completed),
    places: &[
        ("placeOrder", &REQUEST),
        ("startPayment", &["commit", "committed", "asking", "asked", "commit@2", "committed@2"]),
        ("capture_payment", &ASKING),
        ("receiveWebhook", &REQUEST),
    ],
};

const SHIPPED: Business = Business {
    what: What::Lead(End::Completed),
    places: &[
        ("courier", &["commit", "committed", "commit@2", "committed@2"]),
        ("process_webhook", &ASKING),
        ("createShipment", &REQUEST),
        ("buy_label", &ASKING),
        ("complete_seller_order", &ALONE),
    ],
};

const TOLD: Business = Business {
    what: What::Lead(End::Completed),
    places: &[
        ("pump", &REQUEST),
        ("notifications", &["commit", "committed", "commit@2", "committed@2"]),
        ("send_notification", &ASKING),
        ("cache", &["commit", "committed", "asking", "asked"]),
    ],
};

const GIVEN_UP: Business = Business { what: What::Lead(End::Abandoned), places: &[("void_payment", &ASKING)] };

const PAID_BACK: Business = Business {
    what: What::Lead(End::Refunded),
    places: &[("cancelOrder", &REQUEST), ("refund_payment", &SUBMITTING), ("void_label", &ASKING)],
};

const SENT_BACK: Business = Business {
    what: What::Lead(End::Returned),
    places: &[
        ("requestReturn", &REQUEST),
        ("approveReturn", &REQUEST),
        ("receiveReturn", &REQUEST),
        ("process_return", &ALONE),
    ],
};

const ASKED_AGAIN: Business =
    Business { what: What::AskAgain, places: &[("resolve_payment", &ASKING), ("sync_shipment", &ASKING)] };

const PAID_OUT: Business =
    Business { what: What::PayOut, places: &[("paySellerOut", &REQUEST), ("submit_payout", &SUBMITTING)] };

const UPLOADED: Business =
    Business { what: What::Upload, places: &[("uploadInventory", &REQUEST), ("process_batch", &ALONE)] };

const TICKED: Business = Business {
    what: What::Tick,
    places: &[("scheduler", &REQUEST), ("catch_up", &["claimed", "commit", "committed", "commit@2", "committed@2"])],
};

const EXPIRED: Business = Business { what: What::Expire, places: &[("expire_order", &ALONE)] };

/// Goes through with it; returns the orders that were led to an end.
async fn go_through(market: &Market, what: What) -> Vec<(String, End, usize)> {
    let merchant = &market.sellers[0];
    let buyer = market.buyer(&[merchant]).await;
    match what {
        What::Lead(end) => vec![(end::lead(market, &buyer, end).await, end, 1)],
        What::AskAgain => {
            let id = buyer.order().await;
            let payment = buyer.start_payment(&id).await;
            market.pass_through(&format!("resolve:{}", text(&payment["id"]))).await;
            buyer.pay(&id, "pm_ok").await;
            let order = Order(buyer.until(&id, "processing").await);
            let parcel = merchant.pack(order.parts()[0].id()).await;
            let number = merchant.labelled(&parcel).await;
            market.pass_through(&format!("sync:{parcel}")).await;
            market.advance(&number, "delivered").await;
            buyer.until(&id, "delivered").await;
            market.pass(&format!("complete:{}", order.parts()[0].id())).await;
            buyer.until(&id, "completed").await;
            vec![(id, End::Completed, 1)]
        }
        What::PayOut => {
            let led = vec![(end::lead(market, &buyer, End::Completed).await, End::Completed, 1)];
            let path = format!("/api/v1/admin/sellers/{}/payouts", merchant.seller.id);
            market.admin.post(&path, None).await.expect(200);
            let paid = |page: &serde_json::Value| {
                let payouts = page["items"].as_array().expect("items");
                (!payouts.is_empty() && payouts.iter().all(|payout| payout["status"] == "paid")).then_some(())
            };
            merchant.client.until("the payouts are paid", "/api/v1/seller/payouts", paid).await;
            led
        }
        What::Upload => {
            merchant.upload("CHAOS-0", 900_000).await;
            Vec::new()
        }
        What::Tick => {
            market.tick().await;
            Vec::new()
        }
        What::Expire => {
            let id = buyer.order().await;
            market.pass(&format!("expire-order:{id}")).await;
            buyer.until(&id, "cancelled").await;
            vec![(id, End::Abandoned, 1)]
        }
    }
}

/// Ends a process at each place of some business, one after the other, and goes on without it.
async fn survive(businesses: &[Business]) {
    if cfg!(not(feature = "failpoints")) {
        panic!("this souk cannot be ended at a place that a test names; build the tests with `--features failpoints`");
    }
    let mut souk = Souk::with(Options::default().env("SOUK_MAIL", "file")).await;
    let market = Arc::new(Market::open(&souk, 1).await);
    let trace = souk.path("trace");
    let (mut orders, mut ended) = (Vec::new(), 0);
    for Business { what, places } in businesses.iter().copied() {
        for (scope, steps) in places {
            for step in *steps {
                let place = format!("{scope}:{step}");
                market.hurry().await;
                market.rest().await;
                souk.settle().await;
                souk.stop();
                souk.set_env(FAILPOINT, Some(&place));
                souk.launch();
                let going = tokio::spawn({
                    let market = Arc::clone(&market);
                    async move { go_through(&market, what).await }
                });
                let end = timeout(REACHED_WITHIN, async {
                    loop {
                        if let Some(status) = souk.ended() {
                            return status;
                        }
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                })
                .await;
                let Ok(status) = end else {
                    going.abort();
                    panic!("{place} was never reached");
                };
                assert_eq!(status.signal(), Some(SIGABRT), "{place}: {status}");
                souk.kill();
                souk.set_env(FAILPOINT, None);
                souk.set_env(TRACE, trace.to_str());
                souk.database().end_leases().await;
                souk.resume().await;
                orders.extend(going.await.unwrap_or_else(|error| panic!("after {place}: {error}")));
                println!("{place}: ended, and went on");
                ended += 1;
            }
        }
    }
    market.hurry().await;
    market.rest().await;
    audit(&souk, &orders).await;
    println!("{ended} places, each the end of a process, and nothing lost or done twice");
    let listed: BTreeSet<String> = EVERYTHING
        .iter()
        .flat_map(|business| business.places)
        .flat_map(|(scope, steps)| steps.iter().map(move |step| format!("{scope}:{step}")))
        .collect();
    let seen = std::fs::read_to_string(&trace).expect("a trace");
    // What is done again after it failed, and what another test is about, is no step of its own.
    let unlisted: BTreeSet<&str> = seen
        .lines()
        .filter(|name| !name.contains('@') && !listed.contains(*name))
        .filter(|name| !OTHERS.iter().any(|other| name.starts_with(other)))
        .collect();
    assert!(unlisted.is_empty(), "places that no test ends a process at: {unlisted:?}");
}

/// All there is.
const EVERYTHING: [Business; 11] =
    [SOLD, SHIPPED, TOLD, GIVEN_UP, PAID_BACK, SENT_BACK, ASKED_AGAIN, PAID_OUT, UPLOADED, EXPIRED, TICKED];

/// Scopes that need no place: the recording of failures, the companies' own commits, and requests
/// that change one row and ask nobody.
const OTHERS: [&str; 8] =
    ["outcome:", "simulator:", "create", "addCartLine:", "seller_webhooks:", "expire_", "verify:", "clean_up:"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_process_while_goods_are_sold() {
    survive(&[SOLD]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_process_while_goods_are_shipped() {
    survive(&[SHIPPED]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_process_while_people_are_told() {
    survive(&[TOLD, UPLOADED, EXPIRED]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_process_while_money_goes_back() {
    survive(&[PAID_BACK, SENT_BACK]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_process_while_others_are_asked() {
    survive(&[ASKED_AGAIN, PAID_OUT, GIVEN_UP]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_process_while_a_schedule_ticks() {
    survive(&[TICKED]).await;
}
