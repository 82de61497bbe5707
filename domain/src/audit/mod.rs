//! Who changed what by a privilege: one entry per transaction, written in it, in a chain that shows
//! when somebody has changed it.
//!
//! Nobody has to remember it. Whoever lets a privileged caller in says so once ([`set`], in the
//! checkers of the API; [`acting_as`] around a command), and [`Store::write`](crate::Store::write) puts the entry
//! at the end of every transaction that commits under it. Changes of state come into it by themselves;
//! [`note`] adds what has no history, such as the fields of a setting.
//!
//! A change that history attributes to an operator is entered in any case, also when it was made
//! outside of their request, as the rows of a file are that they have uploaded.
//!
//! Entries are kept for good. So they hold ids and settings, never a name, an address, a secret or
//! what somebody has written; the reason of a change is in its history row.

pub mod chain;
mod trail;

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::actor::Actor;
use crate::error::{Error, Result};

pub(crate) use trail::Trail;
pub use trail::{Change, Fields, note, note_named, nothing};

/// By what somebody has shown who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// By this sign-in.
    SignIn(Uuid),
    /// By this API key.
    ApiKey(Uuid),
}

/// A privileged caller and what they have called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acting {
    /// Who.
    pub actor: Actor,
    /// By what; `None` for a command.
    pub credential: Option<Credential>,
    /// The operation of the API, or `cli:…`.
    pub operation: Cow<'static, str>,
    /// Method and path.
    pub request: Option<String>,
    /// The request's id.
    pub request_id: Option<String>,
}

impl Acting {
    /// Whoever runs a command on the machine.
    pub fn command(operation: &'static str) -> Self {
        Self {
            actor: Actor::System,
            credential: None,
            operation: Cow::Borrowed(operation),
            request: None,
            request_id: None,
        }
    }

    /// An operator whose wish is carried out after their request.
    fn afterwards(actor: Actor) -> Self {
        Self { actor, ..Self::command("afterwards") }
    }
}

tokio::task_local! {
    static ACTING: Mutex<Option<Acting>>;
}

/// Runs a request, of which it is not known yet whether its caller is privileged.
pub async fn request<W: Future>(work: W) -> W::Output {
    ACTING.scope(Mutex::default(), work).await
}

/// Runs `work` as something privileged.
pub async fn acting_as<W: Future>(acting: Acting, work: W) -> W::Output {
    ACTING.scope(Mutex::new(Some(acting)), work).await
}

/// Says who the caller of this request is; all that it writes from now on is entered.
///
/// # Errors
/// [`crate::Code::Internal`] outside of [`request`]: what it wrote would not be entered.
pub fn set(acting: Acting) -> Result<()> {
    let put = |slot: &Mutex<Option<Acting>>| *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(acting);
    ACTING.try_with(put).map_err(|_| Error::internal("a privileged caller outside of a request"))
}

/// The privileged caller, if there is one.
fn current() -> Option<Acting> {
    ACTING.try_with(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner).clone()).ok().flatten()
}
