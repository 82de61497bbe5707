//! Who is asking: access tokens, guests' tokens, and what each may be.

use chrono::{DateTime, Utc};
use poem::Request;
use poem_openapi::SecurityScheme;
use poem_openapi::auth::{ApiKey, Bearer};
use sea_orm::EntityTrait;
use secrecy::{ExposeSecret, SecretString};
use souk_domain::access::{Mode, OperatorArea, Scopes, SellerArea, member_may, role_may};
use souk_domain::account::{self, api_key};
use souk_domain::actor::Actor;
use souk_domain::cart::Owner;
use souk_domain::{Code, Error, Result, audit};
use souk_entity::id::{ApiKeyId, SellerId, UserId};
use souk_entity::status::SellerStatus;
use souk_entity::{seller, user};
use std::sync::Arc;

use crate::access::{Need, Operation};
use crate::context::Context;
use crate::http::error::ApiError;
use crate::http::request::request_id;
use crate::token::{Audience, Token};

fn context(request: &Request) -> Result<&Arc<Context>> {
    request.data::<Arc<Context>>().ok_or_else(|| Error::internal("no context"))
}

/// By what somebody has signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An access token of this sign-in.
    SignIn(uuid::Uuid),
    /// An API key.
    Key(ApiKeyId),
}

/// Says who calls, so that all that an audited operation writes is entered in the audit log.
fn enter(request: &Request, actor: Actor, credential: Credential) -> Result<()> {
    let operation = Operation::of(request)?;
    if !operation.is_audited() {
        return Ok(());
    }
    audit::set(audit::Acting {
        actor,
        credential: Some(match credential {
            Credential::SignIn(id) => audit::Credential::SignIn(id),
            Credential::Key(id) => audit::Credential::ApiKey(id.into()),
        }),
        operation: operation.id.into(),
        request: Some(format!("{} {}", request.method(), request.original_uri().path())),
        request_id: Some(request_id()),
    })
}

/// An access token that was good at this time, where it is for an API.
fn token(context: &Context, bearer: &str, audience: Audience, at: DateTime<Utc>) -> Result<Token> {
    let token = context.keys.verify(bearer, at).ok_or_else(|| {
        Error::new(Code::Unauthenticated, "The access token is missing, not ours, or over; sign in or refresh it.")
    })?;
    if token.is_for(audience) {
        return Ok(token);
    }
    let what = match audience {
        Audience::Admin => "This is for operators of the marketplace.",
        Audience::Seller => "This is for sellers.",
        Audience::Storefront => "This is for shoppers.",
    };
    let audience = audience.word();
    Err(Error::new(Code::Forbidden, format!("{what} The access token is not for the {audience} API; sign in for it.")))
}

/// The account of a token whose sign-in goes on at this moment.
async fn present(context: &Context, token: &Token) -> Result<user::Model> {
    let found = account::signed_in(context.store.read(), token.user, token.sign_in).await?;
    found.ok_or_else(|| Error::new(Code::Unauthenticated, "The sign-in has been ended; sign in again."))
}

/// A signed-in person.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", rename = "bearer", bearer_format = "JWT", checker = "signed_in")]
pub struct SignedIn(pub Person);

/// Who is signed in, and how.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// The person.
    pub user: UserId,
    /// The sign-in.
    pub sign_in: uuid::Uuid,
}

/// Shopping goes by the token alone, which lasts ten minutes; what concerns the account itself looks up
/// whether the sign-in goes on.
async fn signed_in(request: &Request, bearer: Bearer) -> poem::Result<Person> {
    Ok(person(request, &bearer).await.map_err(ApiError::from)?)
}

async fn person(request: &Request, bearer: &Bearer) -> Result<Person> {
    let context = context(request)?;
    let token = token(context, &bearer.token, Audience::Storefront, context.store.now())?;
    match Operation::of(request)?.need {
        Need::Shopper => {}
        Need::Person => {
            let user = present(context, &token).await?.id;
            enter(request, Actor::Shopper(Some(user)), Credential::SignIn(token.sign_in))?;
        }
        _ => return Err(misplaced(request)),
    }
    Ok(Person { user: token.user, sign_in: token.sign_in })
}

/// An operation whose handler takes other people than the access table says: nobody gets in.
fn misplaced(request: &Request) -> Error {
    Error::internal(format!("{} {} takes others than the access table says", request.method(), request.uri().path()))
}

impl SignedIn {
    /// As the owner of carts and orders.
    pub fn owner(&self) -> Owner {
        Owner::User(self.0.user)
    }
}

/// A guest, by the token that came with their cart.
#[derive(SecurityScheme)]
#[oai(ty = "api_key", rename = "guest", key_name = "X-Guest-Token", key_in = "header", checker = "guest")]
pub struct Guest(pub String);

async fn guest(request: &Request, key: ApiKey) -> poem::Result<String> {
    let read = || match Operation::of(request)?.need {
        Need::Shopper if (32..=128).contains(&key.key.len()) => Ok(account::token_hash(&key.key)),
        Need::Shopper => Err(Error::new(Code::Unauthenticated, "X-Guest-Token is not one that we have given.")),
        _ => Err(misplaced(request)),
    };
    Ok(read().map_err(ApiError::from)?)
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
            Self::SignedIn(user) => Actor::Shopper(Some(user.0.user)),
            Self::Guest(_) => Actor::Shopper(None),
        }
    }

    /// Separates the idempotency keys of different shoppers.
    pub fn key_space(&self) -> String {
        match self {
            Self::SignedIn(user) => format!("user:{}", user.0.user),
            Self::Guest(guest) => format!("guest:{}", guest.0),
        }
    }
}

/// Somebody acting for a seller: a member of its team, or a system by an API key. Membership, what it
/// allows and the seller's standing are read at every request, so a change acts at once; of a key, those
/// of whoever made it.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", rename = "bearer", bearer_format = "JWT", checker = "selling")]
pub struct Selling(pub Member);

/// Who acts for which seller.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// The seller.
    pub seller: SellerId,
    /// The person; of an API key, the one who made it.
    pub user: UserId,
    /// By what they have signed in.
    pub credential: Credential,
    /// Whether they may read what concerns the seller's money.
    pub reads_money: bool,
}

impl Selling {
    /// The seller.
    pub fn seller(&self) -> SellerId {
        self.0.seller
    }

    /// The person.
    pub fn user(&self) -> UserId {
        self.0.user
    }

    /// As history shows them.
    pub fn actor(&self) -> Actor {
        Actor::Seller(self.0.seller, self.0.user)
    }

    /// Separates the idempotency keys of different sellers.
    pub fn key_space(&self) -> String {
        format!("seller:{}", self.0.seller)
    }
}

async fn selling(request: &Request, bearer: Bearer) -> poem::Result<Member> {
    let let_in = async {
        let Need::Seller { any_of, mode } = Operation::of(request)?.need else { return Err(misplaced(request)) };
        let context = context(request)?;
        let member = member(context, &bearer.token, context.store.now(), (any_of, mode)).await?;
        enter(request, Actor::Seller(member.seller, member.user), member.credential)?;
        Ok(member)
    };
    Ok(let_in.await.map_err(ApiError::from)?)
}

/// Who has a credential that was good at this time, if they may do this for their seller now.
async fn member(
    context: &Context,
    bearer: &str,
    at: DateTime<Utc>,
    (any_of, mode): (&[SellerArea], Mode),
) -> Result<Member> {
    let db = context.store.read();
    if bearer.starts_with(api_key::MARK) {
        let key = api_key::find_live(db, bearer, context.store.now()).await?;
        let id = key.seller_id.ok_or_else(for_no_seller)?;
        let maker = api_key::maker(db, id, key.user_id).await?.ok_or_else(|| {
            let message = "Who made the API key does not act for the seller any more; an owner has to make a new one.";
            Error::new(Code::Unauthenticated, message)
        })?;
        let (member, seller) = Some(maker).filter(|(_, seller)| acts(seller)).ok_or_else(for_no_seller)?;
        let scopes: Scopes<SellerArea> = key.scopes.parse()?;
        let may = |area: SellerArea, mode| area.for_keys() && scopes.allow(area, mode) && member_may(&member, area);
        if !any_of.is_empty() && !any_of.iter().any(|area| may(*area, mode)) {
            return Err(Error::new(Code::Forbidden, "The API key's scopes do not cover this."));
        }
        api_key::used(&context.store, &key).await?;
        let reads_money = may(SellerArea::Money, Mode::Read);
        return Ok(Member { seller: seller.id, user: key.user_id, credential: Credential::Key(key.id), reads_money });
    }
    let token = token(context, bearer, Audience::Seller, at)?;
    let user = present(context, &token).await?.id;
    let found = account::membership(db, user).await?.filter(|(_, seller)| acts(seller));
    let (member, seller) = found.ok_or_else(for_no_seller)?;
    let may = |area: &SellerArea| member_may(&member, *area);
    if !any_of.is_empty() && !any_of.iter().any(may) {
        let areas = any_of.iter().map(|area| area.word()).collect::<Vec<_>>().join(" or ");
        let message = format!("This is for the seller's owners and for staff who are trusted with {areas}.");
        return Err(Error::new(Code::Forbidden, message));
    }
    let reads_money = may(&SellerArea::Money);
    Ok(Member { seller: seller.id, user, credential: Credential::SignIn(token.sign_in), reads_money })
}

/// A seller who was turned away or has closed has nothing left to do.
fn acts(seller: &seller::Model) -> bool {
    !matches!(seller.status, SellerStatus::Rejected | SellerStatus::Closed)
}

fn for_no_seller() -> Error {
    Error::new(Code::Forbidden, "You act for no seller; apply with POST /api/v1/me/seller.")
}

/// A person of the marketplace, or a system of theirs by an API key. The role is read at every request,
/// so a change acts at once; what it does not allow, no key of theirs does.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", rename = "bearer", bearer_format = "JWT", checker = "operating")]
pub struct Operating(pub Operator);

/// Who operates.
#[derive(Clone, Debug)]
pub struct Operator {
    /// The person.
    pub user: user::Model,
    /// By what they have signed in.
    pub credential: Credential,
}

impl Operating {
    /// The person.
    pub fn user(&self) -> UserId {
        self.0.user.id
    }

    /// As history shows them.
    pub fn actor(&self) -> Actor {
        Actor::Operator(self.user())
    }

    /// Separates the idempotency keys of different operators.
    pub fn key_space(&self) -> String {
        format!("user:{}", self.user())
    }
}

async fn operating(request: &Request, bearer: Bearer) -> poem::Result<Operator> {
    let let_in = async {
        let Need::Operator(area, mode) = Operation::of(request)?.need else { return Err(misplaced(request)) };
        let context = context(request)?;
        let operator = operator(context, &bearer.token, context.store.now(), (area, mode)).await?;
        enter(request, Actor::Operator(operator.user.id), operator.credential)?;
        Ok(operator)
    };
    Ok(let_in.await.map_err(ApiError::from)?)
}

/// Who has a credential that was good at this time, if their role allows this now.
async fn operator(
    context: &Context,
    bearer: &str,
    at: DateTime<Utc>,
    (area, mode): (OperatorArea, Mode),
) -> Result<Operator> {
    let db = context.store.read();
    let operator = if bearer.starts_with(api_key::MARK) {
        let key = api_key::find_live(db, bearer, context.store.now()).await?;
        if key.seller_id.is_some() {
            return Err(Error::new(Code::Forbidden, "This is for operators of the marketplace."));
        }
        let user = user::Entity::find_by_id(key.user_id).one(db).await?.filter(|user| user.is_active);
        let user = user.ok_or_else(|| Error::new(Code::Unauthenticated, "The account of the API key is closed."))?;
        let scopes: Scopes<_> = key.scopes.parse()?;
        if !area.for_keys() || !scopes.allow(area, mode) {
            return Err(Error::new(Code::Forbidden, "The API key's scopes do not cover this."));
        }
        api_key::used(&context.store, &key).await?;
        Operator { user, credential: Credential::Key(key.id) }
    } else {
        let token = token(context, bearer, Audience::Admin, at)?;
        let user = present(context, &token).await?;
        Operator { user, credential: Credential::SignIn(token.sign_in) }
    };
    if role_may(operator.user.role, area, mode) {
        return Ok(operator);
    }
    Err(Error::new(Code::Forbidden, format!("The role {} does not allow this.", operator.user.role)))
}

/// By what a request was let in, for those that take so long that it may be over before they are.
pub struct Admission {
    context: Arc<Context>,
    need: Need,
    bearer: SecretString,
    at: DateTime<Utc>,
}

impl Admission {
    /// That of a request of a seller or an operator.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] without a credential.
    pub fn of(request: &Request) -> Result<Self> {
        let context = context(request)?.clone();
        let bearer =
            bearer(request).ok_or_else(|| Error::new(Code::Unauthenticated, "Sign in, or send an API key."))?;
        let (need, at) = (Operation::of(request)?.need, context.store.now());
        Ok(Self { context, need, bearer: bearer.into(), at })
    }

    /// Refuses who would not be let in any more: the role, the membership, the sign-in or the key may have ended
    /// since. That the access token is over by now does not matter.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`]; [`Code::Forbidden`].
    pub async fn check_again(&self) -> Result<()> {
        let (context, bearer) = (&self.context, self.bearer.expose_secret());
        match self.need {
            Need::Seller { any_of, mode } => drop(member(context, bearer, self.at, (any_of, mode)).await?),
            Need::Operator(area, mode) => drop(operator(context, bearer, self.at, (area, mode)).await?),
            Need::Anybody | Need::Shopper | Need::Person => {
                return Err(Error::internal("this is for sellers and operators"));
            }
        }
        Ok(())
    }
}

/// The bearer token of a request, whatever it is.
pub fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
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
    match (bearer(request), request.header("x-guest-token")) {
        (Some(key), _) if key.starts_with(api_key::MARK) => Caller::Key(account::token_hash(key)),
        (Some(token), _) => {
            let token = context.keys.verify(token, context.store.now());
            token.map_or(Caller::Nobody, |token| Caller::User(token.user))
        }
        (None, Some(token)) if (32..=128).contains(&token.len()) => Caller::Guest(account::token_hash(token)),
        _ => Caller::Nobody,
    }
}
