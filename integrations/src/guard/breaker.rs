//! When to stop asking a company that does not answer, and when to try it again.
//!
//! Pure: the present comes with each call. None of the crates for this is widely used and lets the
//! caller say what a failure is, admits exactly one probe, and forgets calls that are given up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// When a breaker opens and how long it stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// It opens when so many of the remembered calls failed …
    pub failures: usize,
    /// … and they are at least so many percent of them.
    pub percent: usize,
    /// How long a call is remembered.
    pub window: Duration,
    /// How long nobody is let through before one call may try.
    pub pause: Duration,
}

impl Default for Limits {
    /// Five failures that are half of the calls of 30 seconds; then 5 seconds of rest.
    fn default() -> Self {
        Self { failures: 5, percent: 50, window: Duration::from_secs(30), pause: Duration::from_secs(5) }
    }
}

/// As many calls are remembered, however many the window sees.
const REMEMBERED: usize = 200;

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Calls go through.
    Closed,
    /// One call tries whether the company is back; the others do not go through.
    HalfOpen,
    /// No call goes through.
    Open,
}

/// How a call ended, as far as the company's health goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answered, be it with a no.
    Answered,
    /// It did not answer.
    Failed,
    /// Given up by the caller before there was an answer: tells nothing.
    GivenUp,
}

/// The permission to make one call, which has to be reported with [`Breaker::report`].
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    /// Which closed, open or half-open phase it is of: what is reported of an earlier one is too
    /// late to say anything.
    phase: u64,
}

/// A circuit breaker.
#[derive(Debug)]
pub struct Breaker {
    limits: Limits,
    phase: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The latest calls, oldest first, and whether each failed.
    Closed(VecDeque<(Instant, bool)>),
    Open {
        until: Instant,
    },
    HalfOpen,
}

impl Breaker {
    /// A closed one.
    pub fn new(limits: Limits) -> Self {
        Self { limits, phase: 0, state: State::Closed(VecDeque::new()) }
    }

    /// Asks to make a call at `now`; `None`: it must not be made.
    pub fn ask(&mut self, now: Instant) -> Option<Permit> {
        match self.state {
            State::Closed(_) => {}
            State::Open { until } if until <= now => self.enter(State::HalfOpen),
            State::Open { .. } | State::HalfOpen => return None,
        }
        Some(Permit { phase: self.phase })
    }

    /// How the call of `permit` ended at `now`.
    pub fn report(&mut self, permit: &Permit, health: Health, now: Instant) {
        if permit.phase != self.phase {
            return;
        }
        match (&mut self.state, health) {
            (State::Closed(calls), Health::Answered | Health::Failed) => {
                let window = self.limits.window;
                calls.push_back((now, health == Health::Failed));
                while calls.len() > REMEMBERED
                    || calls.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > window)
                {
                    calls.pop_front();
                }
                let failures = calls.iter().filter(|(_, failed)| *failed).count();
                if failures >= self.limits.failures && failures * 100 >= calls.len() * self.limits.percent {
                    self.open(now);
                }
            }
            (State::HalfOpen, Health::Answered) => self.enter(State::Closed(VecDeque::new())),
            (State::HalfOpen, Health::Failed) => self.open(now),
            // The next to ask tries instead.
            (State::HalfOpen, Health::GivenUp) => self.enter(State::Open { until: now }),
            (State::Closed(_), Health::GivenUp) | (State::Open { .. }, _) => {}
        }
    }

    /// Where it stands; an open one stays so until somebody asks.
    pub fn standing(&self) -> Standing {
        match self.state {
            State::Closed(_) => Standing::Closed,
            State::Open { .. } => Standing::Open,
            State::HalfOpen => Standing::HalfOpen,
        }
    }

    fn open(&mut self, now: Instant) {
        self.enter(State::Open { until: now + self.limits.pause });
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.phase += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits =
        Limits { failures: 3, percent: 50, window: Duration::from_secs(10), pause: Duration::from_secs(5) };

    fn fail(breaker: &mut Breaker, now: Instant) {
        let permit = breaker.ask(now).unwrap();
        breaker.report(&permit, Health::Failed, now);
    }

    #[test]
    fn failures_in_a_window_open_it_and_one_probe_closes_it() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut breaker = Breaker::new(LIMITS);
        fail(&mut breaker, at(0));
        fail(&mut breaker, at(1));
        fail(&mut breaker, at(11));
        assert_eq!(breaker.standing(), Standing::Closed, "the first is forgotten by now");
        fail(&mut breaker, at(11));
        assert_eq!(breaker.standing(), Standing::Open);
        assert_eq!(breaker.ask(at(15)), None);
        let probe = breaker.ask(at(16)).unwrap();
        assert_eq!((breaker.standing(), breaker.ask(at(16))), (Standing::HalfOpen, None));
        breaker.report(&probe, Health::Answered, at(17));
        assert_eq!(breaker.standing(), Standing::Closed);
    }

    #[test]
    fn a_few_failures_among_many_answers_do_not_open_it() {
        let (now, mut breaker) = (Instant::now(), Breaker::new(LIMITS));
        for call in 0..100 {
            let permit = breaker.ask(now).unwrap();
            let health = if call % 3 == 2 { Health::Failed } else { Health::Answered };
            breaker.report(&permit, health, now);
        }
        assert_eq!(breaker.standing(), Standing::Closed);
    }

    #[test]
    fn a_probe_that_is_given_up_lets_the_next_one_try() {
        let (now, mut breaker) = (Instant::now(), Breaker::new(LIMITS));
        (0..3).for_each(|_| fail(&mut breaker, now));
        let later = now + LIMITS.pause;
        let probe = breaker.ask(later).unwrap();
        breaker.report(&probe, Health::GivenUp, later);
        let next = breaker.ask(later).unwrap();
        breaker.report(&probe, Health::Answered, later);
        assert_eq!(breaker.standing(), Standing::HalfOpen, "the first says nothing any more");
        breaker.report(&next, Health::Failed, later);
        assert_eq!((breaker.standing(), breaker.ask(later)), (Standing::Open, None));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Wait(u64),
        Ask,
        Report(usize, Health),
    }

    fn step() -> impl Strategy<Value = Step> {
        let health = prop_oneof![Just(Health::Answered), Just(Health::Failed), Just(Health::GivenUp)];
        prop_oneof![
            1 => (0_u64..7_000).prop_map(Step::Wait),
            4 => Just(Step::Ask),
            4 => (0_usize..8, health).prop_map(|(which, health)| Step::Report(which, health)),
        ]
    }

    proptest! {
        /// Whatever is asked and reported, in whatever order and with whatever delay.
        #[test]
        fn calls_go_through_only_when_they_may(steps in prop::collection::vec(step(), 0..400)) {
            let (mut now, mut breaker) = (Instant::now(), Breaker::new(LIMITS));
            let mut under_way: Vec<Permit> = Vec::new();
            let mut opened = None;
            for step in steps {
                let before = breaker.standing();
                match step {
                    Step::Wait(millis) => now += Duration::from_millis(millis),
                    Step::Ask => match (before, breaker.ask(now)) {
                        (Standing::Closed, permit) => under_way.push(permit.expect("a closed one lets all through")),
                        (Standing::HalfOpen, permit) => prop_assert_eq!(permit, None, "one probe at a time"),
                        (Standing::Open, Some(probe)) => {
                            prop_assert!(opened.is_some_and(|until| until <= now), "it rests first");
                            prop_assert_eq!(breaker.standing(), Standing::HalfOpen);
                            under_way.push(probe);
                        }
                        (Standing::Open, None) => prop_assert!(opened.is_some_and(|until| until > now)),
                    },
                    Step::Report(which, health) if !under_way.is_empty() => {
                        let permit = under_way.swap_remove(which % under_way.len());
                        let current = permit.phase == breaker.phase;
                        breaker.report(&permit, health, now);
                        let after = breaker.standing();
                        match (before, health) {
                            _ if !current => prop_assert_eq!(after, before, "late reports change nothing"),
                            (Standing::Closed, Health::Failed) => prop_assert_ne!(after, Standing::HalfOpen),
                            (Standing::Closed, _) => {}
                            (Standing::HalfOpen, Health::Answered) => prop_assert_eq!(after, Standing::Closed),
                            (Standing::HalfOpen, _) => prop_assert_eq!(after, Standing::Open),
                            (Standing::Open, _) => prop_assert!(false, "an open one has given no permit"),
                        }
                        if before != Standing::Open && after == Standing::Open {
                            opened = Some(if health == Health::GivenUp { now } else { now + LIMITS.pause });
                        }
                    }
                    Step::Report(..) => {}
                }
            }
            // However it went, it is not shut for good.
            now += LIMITS.pause;
            under_way.iter().for_each(|permit| breaker.report(permit, Health::GivenUp, now));
            prop_assert!(breaker.ask(now).is_some());
        }
    }
}
