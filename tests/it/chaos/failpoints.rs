//! A process that ends at any step between two commits, or between a commit and the outside, costs
//! nothing and does nothing twice.

mod endpoint;
mod requests;

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use souk_domain::Clock;
use tokio::time::timeout;
use uuid::Uuid;

use super::audit::audit;
use super::end::{self, End};
use super::market::{Market, Merchant};
use crate::souk::{Options, Order, Souk, text};
use endpoint::Endpoint;

const FAILPOINT: &str = "SOUK_FAILPOINT";
const TRACE: &str = "SOUK_FAILPOINT_TRACE";

/// How long a piece of business may take to get to the place where its process ends.
const REACHED_WITHIN: Duration = Duration::from_secs(30);

/// The signal of an abort.
const SIGABRT: i32 = 6;

/// Steps of a job that asks somebody outside and commits once.
const ASKING: [&str; 5] = ["claimed", "asking", "asked", "commit", "committed"];
/// The same for a job that, after an end that leaves it in doubt, first asks what has become of it: it
/// ends before it has asked, and again at the second time that it asks.
const IN_DOUBT: [&str; 7] =
    ["claimed", "asking", "asked", "commit", "committed", "asking, asking@2", "asking, asked@2"];
/// Steps of a job that notes that it will ask, asks, and notes the answer, with the same doubt.
const SUBMITTING: [&str; 9] = [
    "claimed",
    "commit",
    "committed",
    "asking",
    "asked",
    "commit@2",
    "committed@2",
    "asking, asking@2",
    "asking, asked@2",
];
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
    /// The time of a cart is over.
    ExpireCart,
    /// A seller's system is told of something.
    Tell,
    /// The day on which sellers are paid out has come.
    PayDay,
    /// A job fails, and is done at its next attempt.
    Retry,
    /// A job cannot be done, and is mended and done again by an operator.
    Redrive,
    /// Recurring work is due.
    Tick,
    /// Recurring work is asked for.
    Run(&'static str),
}

const SOLD: Business = Business {
    what: What::Lead(End::Completed),
    places: &[
        ("placeOrder", &REQUEST),
        ("startPayment", &["commit", "committed", "asking", "asked", "commit@2", "committed@2"]),
        ("capture_payment", &IN_DOUBT),
        ("receiveWebhook", &REQUEST),
    ],
};

const SHIPPED: Business = Business {
    what: What::Lead(End::Completed),
    places: &[
        ("courier", &["commit", "committed", "commit@2", "committed@2"]),
        ("process_webhook", &ASKING),
        ("createShipment", &REQUEST),
        ("buy_label", &IN_DOUBT),
        ("complete_seller_order", &ALONE),
    ],
};

const TOLD: Business = Business {
    what: What::Lead(End::Completed),
    places: &[
        ("pump", &REQUEST),
        ("notifications", &["commit", "committed", "commit@2", "committed@2"]),
        ("send_notification", &ASKING),
        ("cache", &["commit", "committed", "asking", "asked", "commit@2", "committed@2"]),
    ],
};

const GIVEN_UP: Business = Business { what: What::Lead(End::Abandoned), places: &[("void_payment", &ASKING)] };

const PAID_BACK: Business = Business {
    what: What::Lead(End::Refunded),
    places: &[("cancelOrder", &REQUEST), ("refund_payment", &SUBMITTING), ("void_label", &IN_DOUBT)],
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

/// Steps of a schedule's run: it begins, and it ends.
const RUN: [&str; 5] = ["claimed", "commit", "committed", "commit@2", "committed@2"];

const TICKED: Business = Business { what: What::Tick, places: &[("scheduler", &REQUEST)] };

const CAUGHT_UP: Business = Business { what: What::Run("close_returns"), places: &[("catch_up", &RUN)] };

const CHECKED: Business = Business { what: What::Run("verify"), places: &[("verify", &RUN)] };

/// The third commit is the first of those that remove something.
const CLEANED: Business = Business {
    what: What::Run("clean_up"),
    places: &[("clean_up", &RUN), ("clean_up", &["commit@3", "committed@3", "commit@9", "committed@9"])],
};

const EXPIRED_CART: Business = Business { what: What::ExpireCart, places: &[("expire_cart", &ALONE)] };

const UNACCEPTED: Business = Business { what: What::Lead(End::Unaccepted), places: &[("reject_unaccepted", &ALONE)] };

const KEPT: Business = Business { what: What::Lead(End::Kept), places: &[("expire_return", &ALONE)] };

/// What is due is read, each post is written down, nothing more is found to be due, and the job ends.
const SELLERS_TOLD: Business = Business {
    what: What::Tell,
    places: &[
        ("seller_webhooks", &["commit", "committed", "commit@2", "committed@2"]),
        (
            "deliver_webhooks",
            &[
                "claimed",
                "commit",
                "committed",
                "asking",
                "asked",
                "commit@2",
                "committed@2",
                "commit@3",
                "committed@3",
                "commit@4",
                "committed@4",
            ],
        ),
    ],
};

const PAY_DAY: Business = Business { what: What::PayDay, places: &[("pay_out_seller", &ALONE)] };

const RETRIED: Business = Business { what: What::Retry, places: &[("outcome", &REQUEST)] };

const REDRIVEN: Business = Business { what: What::Redrive, places: &[("outcome", &REQUEST), ("redriveJob", &REQUEST)] };

const EXPIRED: Business = Business { what: What::Expire, places: &[("expire_order", &ALONE)] };

/// Goes through with it; returns the orders that were led to an end.
async fn go_through(
    market: &Market,
    endpoint: &Endpoint,
    what: What,
    since: DateTime<Utc>,
) -> Vec<(String, End, usize)> {
    let merchant = &market.sellers[0];
    let buyer = market.buyer(&[merchant]).await;
    match what {
        What::Lead(End::Unaccepted) => {
            merchant.seller.configure(json!({"auto_accept": false})).await;
            let led = vec![(end::lead(market, &buyer, End::Unaccepted).await, End::Unaccepted, 1)];
            merchant.seller.configure(json!({"auto_accept": true})).await;
            led
        }
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
            paid_out(merchant).await;
            led
        }
        What::PayDay => {
            market.forget_pay_day().await;
            let led = vec![(end::lead(market, &buyer, End::Completed).await, End::Completed, 1)];
            market.pay_day().await;
            paid_out(merchant).await;
            led
        }
        What::Tell => {
            tell(merchant, endpoint).await;
            Vec::new()
        }
        What::ExpireCart => {
            market.expire(&buyer.cart).await;
            buyer.cart_expired().await;
            Vec::new()
        }
        What::Retry => {
            let id = buyer.order().await;
            let job = format!("expire-order:{id}");
            market.spoil(&job, json!({"task": "expire_order", "order_id": Uuid::nil()})).await;
            let failed =
                "SELECT count(*) FROM job WHERE unique_key = $1 AND status = 'queued' AND last_error IS NOT NULL";
            market.wait("a job that failed", failed, &[job.as_str().into()]).await;
            market.spoil(&job, json!({"task": "expire_order", "order_id": id})).await;
            buyer.until(&id, "cancelled").await;
            vec![(id, End::Abandoned, 1)]
        }
        What::Redrive => {
            let job = format!("expire-cart:{}", buyer.cart);
            market.spoil(&job, json!({"task": "expire_cart"})).await;
            let dead = |page: &Value| page["items"][0]["id"].as_str().map(str::to_owned);
            let id = market.admin.until("the job is dead", "/api/v1/admin/jobs?status=dead", dead).await;
            market.mend(&job, json!({"task": "expire_cart", "cart_id": buyer.cart}), &buyer.cart).await;
            market.admin.post(&format!("/api/v1/admin/jobs/{id}/redrive"), None).await.expect(200);
            buyer.cart_expired().await;
            Vec::new()
        }
        What::Upload => {
            merchant.upload("CHAOS-0", 900_000).await;
            Vec::new()
        }
        What::Tick => {
            market.tick("close_returns").await;
            market.ran("close_returns", since).await;
            Vec::new()
        }
        What::Run(schedule) => {
            market.admin.post(&format!("/api/v1/admin/schedules/{schedule}/run"), None).await.expect(200);
            market.ran(schedule, since).await;
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

/// Waits until the merchant has payouts, and all are paid.
async fn paid_out(merchant: &Merchant) {
    let paid = |page: &Value| {
        let payouts = page["items"].as_array().expect("items");
        (!payouts.is_empty() && payouts.iter().all(|payout| payout["status"] == "paid")).then_some(())
    };
    merchant.client.until("the payouts are paid", "/api/v1/seller/payouts", paid).await;
}

/// A test is posted to the merchant's endpoint, as one webhook however often.
async fn tell(merchant: &Merchant, endpoint: &Endpoint) {
    const ENDPOINTS: &str = "/api/v1/seller/webhook-endpoints";
    let there = merchant.client.get(ENDPOINTS).await;
    let body = json!({"url": endpoint.url("/"), "event_types": ["payout.failed"]});
    let id = match there["items"][0]["id"].as_str() {
        Some(id) => id.to_owned(),
        None => text(&merchant.client.send(ENDPOINTS, &body).await.expect(201)["id"]).to_owned(),
    };
    let deliveries = format!("{ENDPOINTS}/{id}/deliveries?limit=100");
    let count = |page: &Value| page["items"].as_array().expect("items").len();
    let before = (count(&merchant.client.get(&deliveries).await), endpoint.taken().len());
    merchant.client.post(&format!("{ENDPOINTS}/{id}/test"), None).await.expect(200);
    let delivered =
        |page: &Value| (page["items"][0]["status"] == "delivered" && count(page) > before.0).then(|| count(page));
    let after = merchant.client.until("the test is delivered", &deliveries, delivered).await;
    assert_eq!(after, before.0 + 1, "deliveries");
    let taken = endpoint.taken().split_off(before.1);
    assert!(taken.iter().all(|id| *id == taken[0]) && (1..=2).contains(&taken.len()), "{taken:?}");
}

/// Ends a process at each place of some business, one after the other, and goes on without it.
async fn survive(businesses: &[Business]) {
    if cfg!(not(feature = "failpoints")) {
        panic!("this souk cannot be ended at a place that a test names; build the tests with `--features failpoints`");
    }
    let options = Options::default().env("SOUK_MAIL", "file").env("SOUK_WEBHOOK_PRIVATE_TARGETS", "true");
    let mut souk = Souk::with(options).await;
    let market = Arc::new(Market::open(&souk, 1).await);
    let endpoint = Arc::new(Endpoint::start().await);
    let trace = souk.path("trace");
    let (mut orders, mut ended) = (Vec::new(), 0);
    for Business { what, places } in businesses.iter().copied() {
        for (scope, steps) in places {
            for step in *steps {
                // Of several steps, one after the other.
                let place = format!("{scope}:{}", step.split(", ").next().unwrap_or(step));
                market.hurry().await;
                market.rest().await;
                souk.settle().await;
                souk.stop();
                souk.set_env(FAILPOINT, Some(&place));
                let since = Clock::System.now();
                souk.launch();
                let going = tokio::spawn({
                    let (market, endpoint) = (Arc::clone(&market), Arc::clone(&endpoint));
                    async move { go_through(&market, &endpoint, what, since).await }
                });
                for (nth, step) in step.split(", ").enumerate() {
                    let place = format!("{scope}:{step}");
                    if nth > 0 {
                        souk.kill();
                        souk.set_env(FAILPOINT, Some(&place));
                        souk.database().end_leases().await;
                        souk.launch();
                    }
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
                }
                souk.kill();
                souk.set_env(FAILPOINT, None);
                souk.set_env(TRACE, trace.to_str());
                souk.database().end_leases().await;
                souk.resume().await;
                orders.extend(going.await.unwrap_or_else(|error| panic!("after {scope}:{step}: {error}")));
                println!("{scope}:{step}: ended, and went on");
                ended += 1;
            }
        }
    }
    market.hurry().await;
    market.rest().await;
    audit(&souk, &orders).await;
    println!("{ended} places, each the end of a process, and nothing lost or done twice");
    all_are_listed(&trace);
}

/// Fails for a trace of places at which no test here ends a process.
fn all_are_listed(trace: &Path) {
    let businesses = EVERYTHING.iter().flat_map(|business| business.places.iter().copied());
    let requests = requests::OPERATIONS.iter().map(|operation| (*operation, &REQUEST[..]));
    let listed: BTreeSet<String> = businesses
        .chain(requests)
        .flat_map(|(scope, steps)| {
            steps.iter().flat_map(|steps| steps.split(", ")).map(move |step| format!("{scope}:{step}"))
        })
        .collect();
    let again = |name: &str| name.contains('@') && ROUNDS.iter().any(|scope| name.starts_with(scope));
    let seen = std::fs::read_to_string(trace).expect("a trace");
    let unlisted: BTreeSet<&str> = seen
        .lines()
        .filter(|name| !listed.contains(*name) && !again(name))
        .filter(|name| !OTHERS.iter().any(|other| name.starts_with(other)))
        .collect();
    assert!(unlisted.is_empty(), "places that no test ends a process at: {unlisted:?}");
}

/// All there is.
const EVERYTHING: [Business; 21] = [
    SOLD,
    SHIPPED,
    TOLD,
    GIVEN_UP,
    PAID_BACK,
    SENT_BACK,
    ASKED_AGAIN,
    PAID_OUT,
    UPLOADED,
    EXPIRED,
    TICKED,
    CAUGHT_UP,
    CHECKED,
    CLEANED,
    EXPIRED_CART,
    UNACCEPTED,
    KEPT,
    SELLERS_TOLD,
    PAY_DAY,
    RETRIED,
    REDRIVEN,
];

/// Scopes in which the same step comes once for each of what there is to do; the first times are
/// listed.
const ROUNDS: [&str; 4] = ["pump:", "courier:", "clean_up:", "deliver_webhooks:"];

/// Scopes that need no place: the simulated companies' own commits, which stand for what is not ours,
/// and the stream in Redis, a sink of events that takes the steps of `cache` and is not in every set-up.
const OTHERS: [&str; 2] = ["simulator:", "redis_stream:"];

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
    survive(&[TICKED, CAUGHT_UP, CHECKED, CLEANED]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_process_while_a_time_is_over() {
    survive(&[EXPIRED_CART, UNACCEPTED, KEPT, PAY_DAY]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_process_while_sellers_are_told() {
    survive(&[SELLERS_TOLD, RETRIED, REDRIVEN]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_process_while_people_ask_for_something() {
    requests::survive().await;
}
