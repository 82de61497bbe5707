//! Telling people.

use std::sync::Arc;

use souk_domain::account::token::AccountTokens;
use souk_domain::error::Result;
use souk_domain::failpoint;
use souk_domain::job::Lease;
use souk_domain::notification;
use souk_domain::notification::letter::{Composer, Prepared, prepare};
use souk_domain::port::{Mailer, PortError};
use souk_entity::id::NotificationId;

use super::{Work, try_again};

/// How people are told.
#[derive(Clone)]
pub struct Mail {
    /// What words a message.
    pub composer: Arc<dyn Composer>,
    /// What takes it.
    pub mailer: Arc<dyn Mailer>,
    /// What tokens of accounts are worked out of.
    pub tokens: AccountTokens,
}

impl Work {
    /// Sends a notification: at least once, and always with the same key. A worker that dies
    /// between the sending and the writing down of it leaves one that is sent again.
    pub(super) async fn send_notification(&self, lease: Lease, id: NotificationId) -> Result<()> {
        let (store, tokens) = (&self.store, &self.mail.tokens);
        let letter = match prepare(store.read(), store.vault(), tokens, id, store.now()).await? {
            Prepared::Ready(letter) => letter,
            Prepared::Over => return self.store.write(async |tx| lease.complete(&tx).await).await,
            Prepared::Needless(reason) => {
                return self
                    .store
                    .write(async |tx| {
                        notification::suppress(&tx, id, &reason).await?;
                        lease.complete(&tx).await
                    })
                    .await;
            }
        };
        let email = self.mail.composer.compose(&letter)?;
        failpoint::reach("asking");
        let sent = self.mail.mailer.send(&email).await;
        failpoint::reach("asked");
        match sent {
            Ok(()) => {
                self.store
                    .write(async |tx| {
                        notification::sent(&tx, id).await?;
                        lease.complete(&tx).await
                    })
                    .await
            }
            Err(PortError::Refused { code, message }) => {
                let why = format!("{code}: {message}");
                self.store
                    .write(async |tx| {
                        notification::fail(&tx, id, &why).await?;
                        lease.complete(&tx).await
                    })
                    .await
            }
            Err(error) => Err(try_again(error)),
        }
    }
}
