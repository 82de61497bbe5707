//! Orders come to their ends, and everything is done once, whatever dies, freezes or goes away.

mod audit;
mod end;
mod failpoints;
mod market;
mod monkey;
mod patient;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::souk::{Options, Setup, Souk};
use end::End;
use market::Market;
use monkey::Monkey;

/// How long it may take after the last fault until everything is quiet.
const QUIET: Duration = Duration::from_secs(120);

/// A number of the environment.
fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text}")))
}

/// The size of the run: a short one of some seconds, unless the environment says otherwise.
struct Plan {
    orders: usize,
    kills: usize,
    seed: u64,
}

impl Plan {
    fn of_environment() -> Self {
        let number =
            |name, otherwise| setting(name).map_or(otherwise, |number| usize::try_from(number).expect("small"));
        Self {
            orders: number("SOUK_CHAOS_ORDERS", 120),
            kills: number("SOUK_CHAOS_KILLS", 12),
            seed: setting("SOUK_CHAOS_SEED").unwrap_or_else(|| rand::rng().random_range(0..1_000_000)),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_come_to_their_ends_once() {
    let plan = Plan::of_environment();
    println!("chaos: SOUK_CHAOS_SEED={} repeats the blows, though not their moments", plan.seed);
    let mut rng = StdRng::seed_from_u64(plan.seed);
    let options = Options::default().workers(2).env("SOUK_MAIL", "file").env(monkey::TROUBLE, 4);
    let mut souk = Souk::with(options).await;
    let market = Arc::new(Market::open(&souk, 4).await);
    let progress = Arc::new(AtomicUsize::new(0));

    let next = Arc::new(AtomicUsize::new(0));
    let shoppers: Vec<_> = (0..shoppers())
        .map(|_| {
            let (market, next, progress) = (Arc::clone(&market), Arc::clone(&next), Arc::clone(&progress));
            let orders = plan.orders;
            tokio::spawn(async move {
                let mut led = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= orders {
                        return led;
                    }
                    // Every third order is of two sellers.
                    let first = number % market.sellers.len();
                    let count = if number % 3 == 0 { 2 } else { 1 };
                    let sellers: Vec<_> = market.sellers.iter().cycle().skip(first).take(count).collect();
                    let end = End::of(number);
                    let buyer = market.buyer(&sellers).await;
                    led.push((end::lead(&market, &buyer, end).await, end, count));
                    progress.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let clock = {
        let market = Arc::clone(&market);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                market.hurry().await;
            }
        })
    };

    let mut monkey = Monkey::new(plan.orders, plan.kills, &mut rng);
    let mut leading = Box::pin(join_all(shoppers));
    let led = loop {
        tokio::select! {
            led = &mut leading => break led,
            () = tokio::time::sleep(Duration::from_millis(20)) => {
                monkey.strike(&mut souk, progress.load(Ordering::Relaxed), &mut rng).await;
            }
        }
    };
    let orders: Vec<_> = led.into_iter().flat_map(|led| led.expect("a shopper came to an end")).collect();
    assert_eq!(orders.len(), plan.orders);

    monkey.rest(&mut souk).await;
    let begin = Instant::now();
    while souk.database().pending().await > 0 {
        assert!(begin.elapsed() < QUIET, "work is still under way {QUIET:?} after the last fault");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let quiet = begin.elapsed();
    clock.abort();
    let _ = clock.await;
    market.rest().await;
    souk.forget_admin();
    let books = audit::audit(&souk, &orders).await;
    println!(
        "chaos: {} orders, {}, quiet after {:.1} s; {} payments, {} labels, {} messages; nothing twice",
        orders.len(),
        monkey.told(),
        quiet.as_secs_f32(),
        books.payments,
        books.labels,
        souk.mail().len(),
    );
}

/// How many shop at the same time.
fn shoppers() -> usize {
    match Setup::of_environment() {
        Setup::Embedded => 8,
        Setup::Services => 16,
    }
}
