//! Turns of those who show a password or a code: waited for here, outside of any transaction. And letters that were
//! asked for too often.

use chrono::TimeDelta;
use souk_domain::account::letters::Posted;
use souk_domain::account::throttle::{self, Taken, Target, Turn};
use souk_domain::{Code, Error};
use tokio::sync::Semaphore;

use crate::context::Context;
use crate::http::error::{ApiError, ApiResult};
use crate::http::peer::Peer;

/// So many wait for their turns at once in this process; whoever comes then is told to come back.
static WAITING: Semaphore = Semaphore::const_new(256);

/// Takes a turn and waits for it, [`throttle::HELD`] at the longest. The attempt is counted as a
/// failure from now on, also when whoever makes it hangs up.
///
/// # Errors
/// 429 when the turn is later than that, or too many wait.
pub async fn turn(ctx: &Context, target: Target<'_>, peer: &Peer) -> ApiResult<Taken> {
    let attempt = ctx.throttle.attempt(target, &peer.site().to_string());
    let taken = match ctx.store.write(async |tx| throttle::take_turn(&tx, &ctx.throttle, &attempt).await).await? {
        Turn::Taken(taken) => taken,
        Turn::Refused(wait) => return Err(later(wait)),
    };
    let wait = taken.wait.to_std().unwrap_or_default();
    if wait.is_zero() {
        return Ok(taken);
    }
    let Ok(_place) = WAITING.try_acquire() else {
        ctx.store.write(async |tx| taken.undone(&tx).await).await?;
        return Err(later(taken.wait));
    };
    tokio::time::sleep(wait).await;
    Ok(taken)
}

/// Whoever took the turn has shown who they are, whatever becomes of what they want.
///
/// # Errors
/// The database's.
pub async fn proven(ctx: &Context, turn: &Taken) -> souk_domain::Result<()> {
    let write = ctx.store.write(async |tx| {
        souk_domain::audit::nothing(&tx);
        turn.succeeded(&tx).await
    });
    write.await
}

/// What a letter that was asked for has become.
///
/// # Errors
/// 429 when there were too many.
pub fn posted<T>(posted: Posted<T>) -> ApiResult<T> {
    match posted {
        Posted::Sent(what) => Ok(what),
        Posted::Later(wait) => {
            let what = |seconds| {
                format!("Too many messages were asked for; try again in {seconds} s. What was sent last stays good.")
            };
            Err(refusal(wait, what))
        }
    }
}

fn later(wait: TimeDelta) -> ApiError {
    metrics::counter!("sign_ins_delayed_total").increment(1);
    refusal(wait, |seconds| format!("Too many failures; try again in {seconds} s. A right password works then."))
}

fn refusal(wait: TimeDelta, message: impl FnOnce(u64) -> String) -> ApiError {
    // Whole seconds, rounded up: whoever comes back then need not wait.
    let seconds = wait.num_milliseconds().max(1).unsigned_abs().div_ceil(1000);
    let message = message(seconds);
    match ApiError::from(Error::new(Code::RateLimited, message)) {
        ApiError::TooManyRequests(body, _) => ApiError::TooManyRequests(body, seconds),
        other => other,
    }
}
