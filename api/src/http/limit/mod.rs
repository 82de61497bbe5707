//! How often somebody may ask, by what they ask for.
//!
//! Whoever shows a credential of ours is counted by it, so that nobody else uses up their budget.
//! Everybody else is counted by where they come from: a token that is made up is none.

mod class;
mod known;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use poem::http::HeaderValue;
use poem::{Endpoint, Middleware, Request, Response};
use souk_domain::limit::{Limiter, Rate, Verdict};
use souk_domain::{Code, Error};

use super::error::{ApiError, answer};
use super::peer::Peer;
use crate::auth::{Caller, caller};
use crate::context::Context;
use class::Class;
use known::Known;

pub use class::RateLimits;

/// Counts requests and refuses those beyond their budget, before anything is read or looked up.
pub struct RateLimiting {
    /// What can tell whose a credential is.
    pub context: Arc<Context>,
    /// The budgets.
    pub limits: RateLimits,
    /// Counts.
    pub limiter: Arc<dyn Limiter>,
}

impl<E: Endpoint<Output = Response>> Middleware<E> for RateLimiting {
    type Output = RateLimited<E>;

    fn transform(&self, inner: E) -> Self::Output {
        RateLimited {
            inner,
            context: Arc::clone(&self.context),
            limits: self.limits.clone(),
            limiter: Arc::clone(&self.limiter),
            known: Known::default(),
        }
    }
}

/// See [`RateLimiting`].
pub struct RateLimited<E> {
    inner: E,
    context: Arc<Context>,
    limits: RateLimits,
    limiter: Arc<dyn Limiter>,
    known: Known,
}

/// What a request is counted in.
struct Budget {
    bucket: String,
    class: Class,
    rate: Rate,
}

impl<E: Endpoint<Output = Response>> Endpoint for RateLimited<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let caller = caller(&request, &self.context);
        let budgets = self.budgets(&request, &caller);
        let verdicts = join_all(budgets.iter().map(|budget| self.limiter.take(&budget.bucket, budget.rate))).await;
        // Of several the one that is told is the one that refuses, or is the nearest to it.
        let told = budgets.iter().zip(verdicts).min_by_key(|(_, verdict)| (verdict.allowed, verdict.remaining));
        let Some((budget, verdict)) = told else { return self.inner.call(request).await };
        let mut response = if verdict.allowed {
            let key = match caller {
                Caller::Key(hash) if budget.class.is_for_members_only() => Some(hash),
                _ => None,
            };
            let response = self.inner.call(request).await.unwrap_or_else(answer);
            if let Some(key) = key.filter(|_| response.status().is_success()) {
                self.known.remember(key);
            }
            response
        } else {
            metrics::counter!("rate_limited_total", "class" => budget.class.word()).increment(1);
            answer(refusal(budget.class, verdict).into())
        };
        tell(&mut response, budget.rate, verdict);
        Ok(response)
    }
}

impl<E> RateLimited<E> {
    fn budgets(&self, request: &Request, caller: &Caller) -> Vec<Budget> {
        // API keys are for sellers and operators: to all else whoever shows one is nobody.
        let credential = matches!(caller, Caller::User(_) | Caller::Guest(_));
        let Some(class) = Class::of(request, credential) else { return Vec::new() };
        let site = || {
            let site = request.data::<Peer>().map(|peer| peer.site().to_string());
            format!("peer:{}", site.unwrap_or_default())
        };
        let counted = match caller {
            _ if class.is_by_peer() => vec![(class, site())],
            Caller::User(user) => vec![(class, format!("user:{user}"))],
            Caller::Key(hash) if self.known.knows(hash) => vec![(class, format!("key:{hash}"))],
            // Whether there is such a guest only the database knows, so where they come from counts too.
            // That is all there is to keep: whoever makes up a token could have had one for a request.
            Caller::Guest(hash) => vec![(class, format!("guest:{hash}")), (Class::Guests, site())],
            Caller::Key(_) | Caller::Nobody => vec![(class, site())],
        };
        let budget = |(class, who): (Class, String)| {
            let rate = self.limits.rate(class)?;
            Some(Budget { bucket: format!("{}:{who}", class.word()), class, rate })
        };
        counted.into_iter().filter_map(budget).collect()
    }
}

fn refusal(class: Class, verdict: Verdict) -> ApiError {
    let wait = seconds(verdict.retry_after).max(1);
    let message = format!("Too many requests ({}); try again in {wait} s.", class.word());
    match ApiError::from(Error::new(Code::RateLimited, message)) {
        ApiError::TooManyRequests(body, _) => ApiError::TooManyRequests(body, wait),
        other => other,
    }
}

/// The headers of draft-ietf-httpapi-ratelimit-headers-06, the last version with one plain number a
/// header: what clients read today. The later form is structured and still changes.
fn tell(response: &mut Response, rate: Rate, verdict: Verdict) {
    let window = seconds(Duration::from_micros(rate.capacity())).max(1);
    let headers = response.headers_mut();
    headers.insert("ratelimit-limit", rate.burst().into());
    headers.insert("ratelimit-remaining", verdict.remaining.into());
    headers.insert("ratelimit-reset", seconds(verdict.reset).into());
    if let Ok(policy) = HeaderValue::from_str(&format!("{};w={window}", rate.burst())) {
        headers.insert("ratelimit-policy", policy);
    }
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
