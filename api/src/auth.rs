//! Who is asking: access tokens, guests' tokens, and what each may be.

use chrono::{DateTime, Utc};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use poem::Request;
use poem_openapi::SecurityScheme;
use poem_openapi::auth::{ApiKey, Bearer};
use sea_orm::EntityTrait;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use souk_domain::account;
use souk_domain::actor::Actor;
use souk_domain::cart::Owner;
use souk_domain::{Code, Error, Result};
use souk_entity::id::{SellerId, UserId};
use souk_entity::status::{MemberRole, SellerStatus, UserRole};
use souk_entity::user;
use std::sync::Arc;

use crate::context::Context;
use crate::http::error::ApiError;

const ISSUER: &str = "souk";
/// What API keys begin with.
const API_KEY: &str = "souk_";

/// What an access token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
}

/// Signs and verifies access tokens.
pub struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl Keys {
    /// Keys for tokens only, derived from the secret.
    pub fn new(secret: &SecretString) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"souk access token\0");
        hash.update(secret.expose_secret().as_bytes());
        let key = hash.finalize();
        Self { encoding: EncodingKey::from_secret(&key), decoding: DecodingKey::from_secret(&key) }
    }

    /// A token for `user` and when it is over.
    ///
    /// # Errors
    /// [`Code::Internal`].
    pub fn sign(&self, user: UserId, now: DateTime<Utc>) -> Result<(String, DateTime<Utc>)> {
        let expires = account::access_expiry(now);
        let claims = Claims {
            sub: user,
            iss: ISSUER.into(),
            aud: ISSUER.into(),
            iat: now.timestamp(),
            exp: expires.timestamp(),
        };
        let token = jsonwebtoken::encode(&Header::default(), &claims, &self.encoding).map_err(Error::internal)?;
        Ok((token, expires))
    }

    /// The user of a token that is ours and not over.
    fn verify(&self, token: &str, now: DateTime<Utc>) -> Option<UserId> {
        let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[ISSUER]);
        // Expiry is checked against the clock that everything here goes by.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &validation).ok()?.claims;
        (claims.exp > now.timestamp()).then_some(claims.sub)
    }
}

fn context(request: &Request) -> poem::Result<&Arc<Context>> {
    request.data::<Arc<Context>>().ok_or_else(|| ApiError::from(Error::internal("no context")).into())
}

fn refuse() -> poem::Error {
    ApiError::from(Error::new(
        Code::Unauthenticated,
        "The access token is missing, not ours, or over; sign in or refresh it.",
    ))
    .into()
}

/// A signed-in person.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", rename = "bearer", bearer_format = "JWT", checker = "signed_in")]
pub struct SignedIn(pub UserId);

async fn signed_in(request: &Request, bearer: Bearer) -> poem::Result<UserId> {
    let context = context(request)?;
    context.keys.verify(&bearer.token, context.store.now()).ok_or_else(refuse)
}

impl SignedIn {
    /// As the owner of carts and orders.
    pub fn owner(&self) -> Owner {
        Owner::User(self.0)
    }
}

/// A guest, by the token that came with their cart.
#[derive(SecurityScheme)]
#[oai(ty = "api_key", rename = "guest", key_name = "X-Guest-Token", key_in = "header", checker = "guest")]
pub struct Guest(pub String);

async fn guest(_: &Request, key: ApiKey) -> poem::Result<String> {
    if (32..=128).contains(&key.key.len()) { Ok(account::token_hash(&key.key)) } else { Err(refuse()) }
}

/// A shopper: signed in, or a guest.
#[derive(SecurityScheme)]
pub enum Shopper {
    /// Signed in.
    SignedIn(SignedIn),
    /// A guest.
    Guest(Guest),
}

impl Shopper {
    /// As the owner of carts and orders.
    pub fn owner(&self) -> Owner {
        match self {
            Self::SignedIn(user) => user.owner(),
            Self::Guest(guest) => Owner::Guest(guest.0.clone()),
        }
    }

    /// As history shows them.
    pub fn actor(&self) -> Actor {
        match self {
            Self::SignedIn(user) => Actor::Shopper(Some(user.0)),
            Self::Guest(_) => Actor::Shopper(None),
        }
    }

    /// Separates the idempotency keys of different shoppers.
    pub fn key_space(&self) -> String {
        match self {
            Self::SignedIn(user) => format!("user:{}", user.0),
            Self::Guest(guest) => format!("guest:{}", guest.0),
        }
    }
}

/// A person acting for a seller; membership and the seller's standing are read at every request,
/// so a change acts at once.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", rename = "bearer", bearer_format = "JWT", checker = "selling")]
pub struct Selling(pub Member);

/// Who acts for which seller.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// The seller.
    pub seller: SellerId,
    /// The person.
    pub user: UserId,
    /// As what.
    pub role: MemberRole,
}

impl Selling {
    /// The seller.
    pub fn seller(&self) -> SellerId {
        self.0.seller
    }

    /// As history shows them.
    pub fn actor(&self) -> Actor {
        Actor::Seller(self.0.seller, self.0.user)
    }

    /// Separates the idempotency keys of different sellers.
    pub fn key_space(&self) -> String {
        format!("seller:{}", self.0.seller)
    }

    /// For what only the seller's owner may do.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub fn owner_only(&self) -> Result<()> {
        match self.0.role {
            MemberRole::Owner => Ok(()),
            MemberRole::Staff => Err(Error::new(Code::Forbidden, "Only the seller's owner may do this.")),
        }
    }
}

async fn selling(request: &Request, bearer: Bearer) -> poem::Result<Member> {
    let user = signed_in(request, bearer).await?;
    let store = &context(request)?.store;
    let found = account::membership(store.read(), user).await.map_err(ApiError::from)?;
    match found {
        Some((member, seller)) if !matches!(seller.status, SellerStatus::Rejected | SellerStatus::Closed) => {
            Ok(Member { seller: seller.id, user, role: member.role })
        }
        _ => Err(ApiError::from(Error::new(
            Code::Forbidden,
            "You act for no seller; apply with POST /api/v1/me/seller.",
        ))
        .into()),
    }
}

/// A person of the marketplace; the role is read at every request, so a change acts at once.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", rename = "bearer", bearer_format = "JWT", checker = "operating")]
pub struct Operating(pub user::Model);

impl Operating {
    /// As history shows them.
    pub fn actor(&self) -> Actor {
        Actor::Operator(self.0.id)
    }

    /// Separates the idempotency keys of different operators.
    pub fn key_space(&self) -> String {
        format!("user:{}", self.0.id)
    }

    /// For what changes something: an operator only reads.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub fn admin(&self) -> Result<()> {
        match self.0.role {
            UserRole::Admin => Ok(()),
            _ => Err(Error::new(Code::Forbidden, "This takes the role admin.")),
        }
    }
}

async fn operating(request: &Request, bearer: Bearer) -> poem::Result<user::Model> {
    let id = signed_in(request, bearer).await?;
    let store = &context(request)?.store;
    let found = user::Entity::find_by_id(id).one(store.read()).await.map_err(|e| ApiError::from(Error::from(e)))?;
    match found {
        Some(user) if user.role != UserRole::Customer => Ok(user),
        _ => Err(ApiError::from(Error::new(Code::Forbidden, "This is for operators of the marketplace.")).into()),
    }
}

/// Whom a request is counted for.
pub enum Caller {
    /// Somebody whose access token is ours.
    User(UserId),
    /// Whoever has an API key of this hash, if there is one.
    Key(String),
    /// A guest whose token has this hash, if there is one.
    Guest(String),
    /// Nobody that we know: no credential, or none that can be one.
    Nobody,
}

/// Whom a request is counted for, by what can be told without the database.
pub fn caller(request: &Request, context: &Context) -> Caller {
    let authorization = request.header("authorization").and_then(|header| header.split_once(' '));
    let bearer = authorization.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token);
    match (bearer.map(str::trim), request.header("x-guest-token")) {
        (Some(key), _) if key.starts_with(API_KEY) => Caller::Key(account::token_hash(key)),
        (Some(token), _) => context.keys.verify(token, context.store.now()).map_or(Caller::Nobody, Caller::User),
        (None, Some(token)) if (32..=128).contains(&token.len()) => Caller::Guest(account::token_hash(token)),
        _ => Caller::Nobody,
    }
}
