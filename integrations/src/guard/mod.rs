//! What stands between souk and every company it calls: time limits, places, a circuit breaker,
//! repetitions where they are safe, and measurements.
//!
//! All of it is per process and per company, so one that is away keeps nobody from another. A call
//! that may have had an effect ends as [`PortError::Unknown`] and is never repeated here: the job
//! asks first what became of it. What was certainly not called, because no place was free or the
//! breaker is open, is [`PortError::Unavailable`].

mod breaker;
mod carrier;
mod payment;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use souk_domain::port::{Carrier, PaymentGateway, PortError};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

pub use breaker::{Breaker, Health, Limits, Permit, Standing};

/// The limits of calls to one company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardConfig {
    /// So many calls at once; the others wait for a place.
    pub places: usize,
    /// How long a call waits for a place.
    pub wait: Duration,
    /// How long a call that moves something may take.
    pub effect: Duration,
    /// How long a shopper waits for a payment session.
    pub session: Duration,
    /// How long one call that only asks may take. With its repetitions and a call that moves
    /// something, a job stays below its own limit of 30 seconds.
    pub read: Duration,
    /// When the breaker opens.
    pub breaker: Limits,
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self {
            places: 32,
            wait: Duration::from_millis(500),
            effect: Duration::from_secs(15),
            session: Duration::from_secs(10),
            read: Duration::from_secs(3),
            breaker: Limits::default(),
        }
    }
}

/// A call that only asks is made at most so often.
const ASKED_AT_MOST: u32 = 3;

/// A payment provider behind a guard of its own.
pub fn payments(company: Arc<dyn PaymentGateway>, config: GuardConfig) -> Arc<dyn PaymentGateway> {
    Arc::new(payment::Guarded::new(company, config))
}

/// A carrier behind a guard of its own.
pub fn carrier(company: Arc<dyn Carrier>, config: GuardConfig) -> Arc<dyn Carrier> {
    Arc::new(carrier::Guarded::new(company, config))
}

/// The guard of one company.
struct Guard {
    /// `payment` or `carrier`, in measurements.
    port: &'static str,
    company: &'static str,
    config: GuardConfig,
    places: Semaphore,
    breaker: Mutex<Breaker>,
}

impl Guard {
    fn new(port: &'static str, company: &'static str, config: GuardConfig) -> Self {
        let guard = Self {
            port,
            company,
            config,
            places: Semaphore::new(config.places),
            breaker: Mutex::new(Breaker::new(config.breaker)),
        };
        guard.show(Standing::Closed);
        guard
    }

    /// Makes a call that moves something, once.
    async fn effect<T>(
        &self,
        operation: &'static str,
        limit: Duration,
        call: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        self.call(operation, limit, call).await
    }

    /// Makes a call that only asks, again when there is no answer: nothing about it stays unknown.
    async fn read<T, W>(&self, operation: &'static str, call: impl Fn() -> W) -> Result<T, PortError>
    where
        W: Future<Output = Result<T, PortError>>,
    {
        let mut asked = 1;
        loop {
            match self.call(operation, self.config.read, call()).await {
                Err(PortError::Unavailable(_) | PortError::Unknown(_))
                    if asked < ASKED_AT_MOST && self.breaker().standing() == Standing::Closed =>
                {
                    let pause = rand::Rng::random_range(&mut rand::rng(), 50..=150_u64 << asked);
                    sleep(Duration::from_millis(pause)).await;
                    asked += 1;
                }
                Err(PortError::Unknown(why)) => return Err(PortError::Unavailable(why)),
                answer => return answer,
            }
        }
    }

    async fn call<T>(
        &self,
        operation: &'static str,
        limit: Duration,
        call: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        let Ok(Ok(_place)) = timeout(self.config.wait, self.places.acquire()).await else {
            self.count(operation, "crowded");
            let message = format!("{} calls to {} are under way already", self.config.places, self.company);
            return Err(PortError::Unavailable(message));
        };
        let started = Instant::now();
        let Some(mut turn) = self.ask(started) else {
            self.count(operation, "not_called");
            let message = format!("{} has not been answering and is left alone for a moment", self.company);
            return Err(PortError::Unavailable(message));
        };
        let answer = timeout(limit, call)
            .await
            .unwrap_or_else(|_| Err(PortError::Unknown(format!("{} gave no answer in {limit:?}", self.company))));
        let (outcome, health) = match &answer {
            Ok(_) => ("ok", Health::Answered),
            Err(PortError::Refused { .. }) => ("refused", Health::Answered),
            Err(PortError::Unavailable(_)) => ("unavailable", Health::Failed),
            Err(PortError::Unknown(_)) => ("unknown", Health::Failed),
        };
        turn.health = health;
        drop(turn);
        self.count(operation, outcome);
        metrics::histogram!("outside_call_seconds", "port" => self.port, "company" => self.company, "operation" => operation)
            .record(started.elapsed());
        answer
    }

    fn ask(&self, now: Instant) -> Option<Turn<'_>> {
        let mut breaker = self.breaker();
        let before = breaker.standing();
        let permit = breaker.ask(now);
        self.tell(before, breaker.standing());
        permit.map(|permit| Turn { guard: self, permit, health: Health::GivenUp })
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, before: Standing, after: Standing) {
        if before == after {
            return;
        }
        self.show(after);
        match after {
            Standing::Open => tracing::warn!(
                port = self.port,
                company = self.company,
                "it does not answer and is not called for a moment; jobs try again later"
            ),
            Standing::HalfOpen => tracing::info!(port = self.port, company = self.company, "one call tries it"),
            Standing::Closed => tracing::info!(port = self.port, company = self.company, "it answers again"),
        }
    }

    fn show(&self, standing: Standing) {
        let value = match standing {
            Standing::Closed => 0.0,
            Standing::HalfOpen => 1.0,
            Standing::Open => 2.0,
        };
        metrics::gauge!("outside_breaker_state", "port" => self.port, "company" => self.company).set(value);
    }

    fn count(&self, operation: &'static str, outcome: &'static str) {
        metrics::counter!(
            "outside_call_total",
            "port" => self.port,
            "company" => self.company,
            "operation" => operation,
            "outcome" => outcome
        )
        .increment(1);
    }
}

/// A call under way; reported when dropped, so that one whose caller goes away is reported, too.
struct Turn<'a> {
    guard: &'a Guard,
    permit: Permit,
    health: Health,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut breaker = self.guard.breaker();
        let before = breaker.standing();
        breaker.report(&self.permit, self.health, Instant::now());
        self.guard.tell(before, breaker.standing());
    }
}

#[cfg(test)]
mod tests;
