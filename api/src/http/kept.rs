//! Answers to reading that are kept for a while.

use souk_domain::Result;
use souk_domain::cache::{Kept, Lookup, Subject};
use souk_domain::cart::Owner;

use super::answer::Okay;
use crate::context::Context;

/// The kept answer of this name about a subject, where there is one for `owner`; otherwise what
/// `read` answers, which is kept. What is kept for somebody else is never shown: then `read`
/// decides, as without a cache.
///
/// # Errors
/// What `read` returned; that is not kept.
pub async fn kept<T>(
    context: &Context,
    owner: &Owner,
    subject: &Subject,
    name: &str,
    read: impl Future<Output = Result<Okay<T>>>,
) -> Result<Okay<T>> {
    let Some(cache) = &context.cache else { return read.await };
    // Before the database is read: the ticket ends with any change from here on.
    let ticket = match cache.find(subject, name).await {
        Lookup::Kept(kept) if kept.owner == *owner => {
            let mut answer = Okay::stored(200, kept.body);
            answer.version = kept.version;
            return Ok(answer);
        }
        Lookup::Kept(_) | Lookup::Away => None,
        Lookup::Missing(ticket) => Some(ticket),
    };
    let answer = read.await?;
    if let Some(ticket) = ticket {
        let kept = Kept { owner: owner.clone(), version: answer.version, body: answer.body.clone() };
        cache.keep(subject, name, ticket, &kept).await;
    }
    Ok(answer)
}
