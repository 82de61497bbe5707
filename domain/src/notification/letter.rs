//! What a notification says and whom it goes to, read when it is sent.
//!
//! A seller's message holds what is the seller's: their part of the order, and nothing of the
//! shopper or of other sellers.

mod facts;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use souk_entity::id::{NotificationId, UserId};
use souk_entity::status::{MemberRole, NotificationKind, NotificationStatus};
use souk_entity::{account_token, notification, order, seller_member, user};

use super::About;
use crate::account::{
    self, team,
    token::{self, AccountTokens},
};
use crate::error::{Error, Result};
use crate::order::contact;
use crate::vault::Vault;

pub use facts::{
    EndpointFacts, Facts, KeyFacts, LineFacts, OrderFacts, ParcelFacts, ReturnFacts, SellerFacts, StockFacts,
    TokenFact, TotalFacts,
};

/// A message before it is worded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The notification's key, the same however often it is sent.
    pub key: String,
    /// What it tells of.
    pub kind: NotificationKind,
    /// The address.
    pub to: String,
    /// When the notification was made, the same however often it is sent.
    pub written_at: DateTime<Utc>,
    /// What it says.
    pub facts: Facts,
}

/// What is to be done about a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// Nothing: it is sent, suppressed or failed.
    Over,
    /// Nobody needs it any more, for this reason.
    Needless(String),
    /// This is to be sent.
    Ready(Box<Letter>),
}

/// Reads what a notification says and whom it goes to.
///
/// # Errors
/// [`crate::Code::NotFound`]; the database's.
pub async fn prepare(
    db: &impl ConnectionTrait,
    vault: &Vault,
    tokens: &AccountTokens,
    id: NotificationId,
    now: DateTime<Utc>,
) -> Result<Prepared> {
    let row = notification::Entity::find_by_id(id).one(db).await?.ok_or_else(|| Error::not_found("notification"))?;
    if row.status != NotificationStatus::Pending {
        return Ok(Prepared::Over);
    }
    let about: About = serde_json::from_value(row.data.clone()).map_err(Error::internal)?;
    let Some(to) = recipient(db, vault, &row, &about, now).await? else {
        return Ok(Prepared::Needless("There is nobody to be told any more.".to_owned()));
    };
    let mut facts = facts::read(db, &row, &about).await?;
    if let Some(id) = about.account_token_id
        && row.kind != NotificationKind::EmailChanged
    {
        if token::sendable(db, id, now).await?.is_none() {
            return Ok(Prepared::Needless("The token is used, over, or not the newest.".to_owned()));
        }
        facts.token = Some(TokenFact::new(tokens.of(id)));
    }
    if let Some(id) = about.seller_invitation_id {
        facts.token = Some(TokenFact::new(tokens.of_invitation(id)));
    }
    if let Some(stock) = &facts.stock
        && stock.available > stock.threshold
    {
        return Ok(Prepared::Needless("The stock is not low any more.".to_owned()));
    }
    let letter = Letter { key: row.unique_key, kind: row.kind, to, written_at: row.created_at, facts };
    Ok(Prepared::Ready(Box::new(letter)))
}

/// The order's address, that of an owner who still is one, that of an account, or of who is invited; what
/// proves an address goes there.
async fn recipient(
    db: &impl ConnectionTrait,
    vault: &Vault,
    row: &notification::Model,
    about: &About,
    now: DateTime<Utc>,
) -> Result<Option<String>> {
    if let Some(id) = about.seller_invitation_id {
        let open = team::sendable(db, id, now).await?;
        return open.map_or(Ok(None), |invitation| team::open_email(vault, &invitation));
    }
    match (row.seller_id, about.user_id, row.order_id) {
        (Some(seller), Some(user), _) => {
            let owner = seller_member::Entity::find()
                .filter(seller_member::Column::SellerId.eq(seller))
                .filter(seller_member::Column::UserId.eq(user))
                .filter(seller_member::Column::Role.eq(MemberRole::Owner))
                .one(db)
                .await?;
            if owner.is_none() {
                return Ok(None);
            }
            email_of(db, vault, user).await
        }
        (None, Some(user), None) => {
            let token = match about.account_token_id {
                Some(id) => account_token::Entity::find_by_id(id).one(db).await?,
                None => None,
            };
            match (row.kind, token) {
                (NotificationKind::EmailChanged, Some(token)) => token::open_previous_email(db, vault, &token).await,
                (NotificationKind::EmailChanged, None) => Ok(None),
                (_, Some(token)) => token::open_email(db, vault, &token).await,
                (_, None) => email_of(db, vault, user).await,
            }
        }
        (None, None, Some(order)) => match order::Entity::find_by_id(order).one(db).await? {
            Some(order) => contact::open_email(&vault.person(db, order.person()).await?, &order),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

async fn email_of(db: &impl ConnectionTrait, vault: &Vault, id: UserId) -> Result<Option<String>> {
    match user::Entity::find_by_id(id).one(db).await? {
        Some(user) => Ok(account::profile(db, vault, &user).await?.email),
        None => Ok(None),
    }
}

/// Words a letter.
pub trait Composer: Send + Sync {
    /// The message that says what `letter` tells of.
    ///
    /// # Errors
    /// What is wrong with its template.
    fn compose(&self, letter: &Letter) -> Result<crate::port::Email>;
}

/// An amount with its currency, such as `19.90 EUR`.
fn amount(amount: souk_entity::money::MinorUnits, currency: souk_entity::money::CurrencyCode) -> String {
    format!("{} {currency}", crate::money::Money { amount, currency })
}

/// A word of ours as people read it: `no_longer_wanted` is "no longer wanted".
fn plain(word: impl std::fmt::Display) -> String {
    word.to_string().replace('_', " ")
}

/// What is read of a thing that a foreign key says is there.
fn there<T>(found: Option<T>, what: &str) -> Result<T> {
    found.ok_or_else(|| Error::internal(format!("a notification about a {what} that is not there")))
}
