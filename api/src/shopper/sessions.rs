//! The sign-ins of a person.

use chrono::{DateTime, Utc};
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use souk_domain::account::{self, session};
use uuid::Uuid;

use super::account::SignedOut;
use crate::auth::SignedIn;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;

/// A sign-in that goes on.
#[derive(Object)]
pub struct LiveSession {
    /// Its id.
    id: Uuid,
    /// Whether it is the one that asks.
    current: bool,
    /// When it was last refreshed, or begun.
    refreshed_at: DateTime<Utc>,
    /// When it ends if it is not refreshed.
    expires_at: DateTime<Utc>,
}

/// The sign-ins of a person.
#[derive(Object)]
pub struct SessionList {
    /// The latest first, at most 100.
    items: Vec<LiveSession>,
}

/// The sign-ins of who asks.
pub struct Sessions;

#[OpenApi(prefix_path = "/api/v1/me/sessions", tag = "Tag::Accounts")]
impl Sessions {
    /// List one's sign-ins
    ///
    /// Those that go on.
    #[oai(path = "/", method = "get", operation_id = "listSessions")]
    async fn list(&self, ctx: Ctx<'_>, who: SignedIn) -> ApiResult<Okay<SessionList>> {
        let live = session::live(ctx.store.read(), who.0.user, ctx.store.now()).await?;
        let items = live.into_iter().map(|live| LiveSession {
            id: live.id,
            current: live.id == who.0.sign_in,
            refreshed_at: live.refreshed_at,
            expires_at: live.expires_at,
        });
        Ok(Okay::new(&SessionList { items: items.collect() }))
    }

    /// Sign out everywhere
    ///
    /// Every sign-in ends, this one too. Access tokens that were given are refused at once for what is done for a
    /// seller, for the marketplace or to the account; for shopping they last their ten minutes.
    #[oai(path = "/", method = "delete", operation_id = "signOutEverywhere")]
    async fn end_all(&self, ctx: Ctx<'_>, who: SignedIn) -> ApiResult<Okay<SignedOut>> {
        ctx.store.write(async |tx| account::revoke_sessions(&tx, who.0.user).await).await?;
        Ok(Okay::new(&SignedOut::NOW))
    }

    /// End one of one's sign-ins
    #[oai(path = "/:id", method = "delete", operation_id = "endSession")]
    async fn end(&self, ctx: Ctx<'_>, who: SignedIn, id: Path<Uuid>) -> ApiResult<Okay<SignedOut>> {
        ctx.store.write(async |tx| session::end(&tx, who.0.user, id.0).await).await?;
        Ok(Okay::new(&SignedOut::NOW))
    }
}
