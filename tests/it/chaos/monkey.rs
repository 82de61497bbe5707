//! What goes wrong.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

use crate::souk::{Setup, Souk};

/// The percentage of calls and webhooks that have bad luck.
pub const TROUBLE: &str = "SOUK_SIMULATOR_TROUBLE_PERCENT";

/// Commands that strike at the servers, from whoever has started them; they come back by themselves.
const POSTGRES: &str = "SOUK_CHAOS_STOP_POSTGRES";
const REDIS: &str = "SOUK_CHAOS_STOP_REDIS";

/// Long beyond the longest usual lease.
const FROZEN: Duration = Duration::from_secs(50);

/// Whether leases end by themselves, as they do outside of tests, instead of being ended after each
/// blow; and whether the frozen stay so for longer than a lease.
const PATIENT: &str = "SOUK_CHAOS_PATIENT";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Blow {
    Everything,
    Api,
    Worker,
    Freeze,
    RedisFlushed,
    RedisStopped,
    PostgresStopped,
}

/// Strikes when so many orders have come to their end.
pub struct Monkey {
    blows: Vec<(usize, Blow)>,
    struck: BTreeMap<Blow, usize>,
    patient: bool,
}

impl Monkey {
    /// So many kills over so many orders; and, where there are such servers, theirs.
    pub fn new(orders: usize, kills: usize, rng: &mut StdRng) -> Self {
        let mut blows = Vec::new();
        for kill in 0..kills {
            let blow = match (Setup::of_environment(), rng.random_range(0..10)) {
                (Setup::Embedded, _) | (_, 0) => Blow::Everything,
                (_, 1..5) => Blow::Api,
                (_, _) => Blow::Worker,
            };
            blows.push((kill * orders / kills.max(1), blow));
        }
        let rounds = kills.div_ceil(50);
        for round in 0..rounds {
            let mut at = || (round * orders + rng.random_range(0..orders)) / rounds;
            if Setup::of_environment() == Setup::Services {
                blows.push((at(), Blow::Freeze));
            }
            if std::env::var_os(REDIS).is_some() {
                blows.push((at(), Blow::RedisFlushed));
                blows.push((at(), Blow::RedisStopped));
            }
            if std::env::var_os(POSTGRES).is_some() {
                blows.push((at(), Blow::PostgresStopped));
            }
        }
        // The next is the last.
        blows.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        Self { blows, struck: BTreeMap::new(), patient: std::env::var_os(PATIENT).is_some() }
    }

    /// Strikes, if it is time.
    pub async fn strike(&mut self, souk: &mut Souk, progress: usize, rng: &mut StdRng) {
        let Some((_, blow)) = self.blows.pop_if(|(at, _)| *at <= progress) else { return };
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..300))).await;
        let away = Duration::from_millis(rng.random_range(0..500));
        match blow {
            Blow::Everything => souk.kill(),
            Blow::Api => souk.kill_api(),
            Blow::Worker => souk.kill_worker(rng.random_range(0..100)),
            Blow::Freeze => {
                souk.freeze_worker(rng.random_range(0..100));
                self.recover(souk).await;
                tokio::time::sleep(if self.patient { FROZEN } else { Duration::from_secs(2) }).await;
                souk.thaw_workers();
            }
            Blow::RedisFlushed => flush().await,
            Blow::RedisStopped => run(REDIS),
            Blow::PostgresStopped => {
                run(POSTGRES);
                while souk.database().try_execute("SELECT 1", []).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        tokio::time::sleep(away).await;
        self.recover(souk).await;
        *self.struck.entry(blow).or_default() += 1;
    }

    /// Ends what goes wrong: all processes are started anew without bad luck.
    pub async fn rest(&mut self, souk: &mut Souk) {
        souk.kill();
        souk.set_env(TROUBLE, None);
        self.recover(souk).await;
    }

    /// What it has done.
    pub fn told(&self) -> String {
        let kills: usize = self.struck.values().sum();
        let each: Vec<String> = self.struck.iter().map(|(blow, times)| format!("{blow:?} {times}")).collect();
        format!("{kills} blows ({})", each.join(", "))
    }

    async fn recover(&self, souk: &mut Souk) {
        if !self.patient {
            souk.database().end_leases().await;
        }
        souk.resume().await;
    }
}

fn run(variable: &str) {
    let command = std::env::var(variable).expect("it was there before");
    let done = Command::new("bash").args(["-c", &command]).status().expect("bash runs");
    assert!(done.success(), "{variable}: {done}");
}

/// Everything in Redis is lost.
async fn flush() {
    let url = std::env::var("REDIS_URL").expect("services have REDIS_URL");
    let client = redis::Client::open(url).expect("an address of Redis");
    loop {
        if let Ok(mut connection) = client.get_multiplexed_async_connection().await
            && redis::cmd("FLUSHALL").query_async::<()>(&mut connection).await.is_ok()
        {
            return;
        }
        // It is being restarted.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
