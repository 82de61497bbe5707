//! Registration, sign-in, and applying to sell.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Enum, Object, OpenApi};
use secrecy::SecretString;
use souk_domain::account::sign_in::{self, Entered, Known};
use souk_domain::account::throttle::Target;
use souk_domain::account::{self, Rotation, address};
use souk_domain::{Code, Error};
use souk_entity::status::UserRole as Role;
use souk_entity::user;
use uuid::Uuid;

use crate::auth::SignedIn;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::peer::Peer;
use crate::password::{hash_password, verify_password};
use crate::view::words::{SellerStatus, UserRole};
use crate::{throttle, token};

/// Who registers.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
pub struct Register {
    /// The sign-in name.
    #[oai(validator(max_length = 254))]
    email: String,
    /// 10 to 128 characters.
    #[oai(validator(min_length = 10, max_length = 128))]
    password: String,
    /// How to be addressed.
    #[oai(validator(min_length = 1, max_length = 200))]
    name: String,
}

impl Example for Register {
    fn example() -> Self {
        Self { email: "ann@example.org".into(), password: "correct horse battery".into(), name: "Ann".into() }
    }
}

/// Who signs in.
#[derive(Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct SignIn {
    /// The sign-in name.
    #[oai(validator(max_length = 254))]
    email: String,
    /// The password.
    #[oai(validator(max_length = 128))]
    password: String,
    /// The APIs that the access tokens of this sign-in are for; all that the account may use when left out.
    #[oai(validator(min_items = 1, max_items = 3))]
    audience: Option<Vec<Audience>>,
    /// Of an account with a second factor: six digits of the device, or a recovery code.
    #[oai(validator(max_length = 40))]
    totp_code: Option<String>,
}

impl Example for SignIn {
    fn example() -> Self {
        Self {
            email: "ann@example.org".into(),
            password: "correct horse battery".into(),
            audience: None,
            totp_code: None,
        }
    }
}

/// An API that access tokens can be for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum Audience {
    /// What shoppers do, and everybody's own account.
    Storefront,
    /// What is done for a seller.
    Seller,
    /// What operators do.
    Admin,
}

impl From<Audience> for token::Audience {
    fn from(audience: Audience) -> Self {
        match audience {
            Audience::Storefront => Self::Storefront,
            Audience::Seller => Self::Seller,
            Audience::Admin => Self::Admin,
        }
    }
}

/// A refresh token.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
pub struct Refresh {
    /// As the last sign-in or refresh gave it.
    #[oai(validator(max_length = 128))]
    refresh_token: String,
}

impl Example for Refresh {
    fn example() -> Self {
        Self { refresh_token: "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9".into() }
    }
}

/// A sign-in.
#[derive(Object)]
pub struct Session {
    /// Send it as a bearer token.
    access_token: String,
    /// When it is over.
    expires_at: DateTime<Utc>,
    /// Gets the next session, once.
    refresh_token: String,
    /// Who is signed in.
    user: User,
}

/// A person.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct User {
    /// Their id.
    id: Uuid,
    /// Their sign-in name; none once they are erased.
    email: Option<String>,
    /// Whether they have proven that they read what is sent there.
    email_verified: bool,
    /// How to address them; none once they are erased.
    name: Option<String>,
    /// What they may do in the marketplace.
    role: UserRole,
    /// The seller they act for.
    seller_id: Option<Uuid>,
}

/// Who wants to sell.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
pub struct ApplyToSell {
    /// The shop's name, unique in the marketplace.
    #[oai(validator(min_length = 2, max_length = 200))]
    name: String,
}

impl Example for ApplyToSell {
    fn example() -> Self {
        Self { name: "Lamps of Lyon".into() }
    }
}

/// An application to sell.
#[derive(Object)]
pub struct SellerApplication {
    /// The seller's id.
    id: Uuid,
    /// The shop's name.
    name: String,
    /// An operator decides it.
    status: SellerStatus,
}

/// People.
pub struct Accounts;

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Accounts")]
impl Accounts {
    /// Register
    ///
    /// Makes an account, signs in, and sends a token to the address, which proves it with `confirmEmail`.
    #[oai(path = "/auth/register", method = "post", operation_id = "register")]
    async fn register(&self, ctx: Ctx<'_>, body: Json<Register>) -> ApiResult<Created<Session>> {
        let body = body.0;
        let hash = hash_password(SecretString::from(body.password)).await?;
        let (user, sign_in, refresh_token) = ctx
            .store
            .write(async |tx| {
                let user = account::register(&tx, &body.email, &body.name, hash.clone(), Role::Customer).await?;
                // Without a letter when too many went there lately, of accounts that were erased since.
                address::ask_to_verify(&tx, &ctx.tokens, &ctx.throttle, user.id).await?;
                let sign_in = account::SignIn::begin(&tx, None);
                let token = account::issue_refresh_token(&tx, user.id, &sign_in).await?;
                Ok((user, sign_in, token))
            })
            .await?;
        Ok(Created::new(&session(&ctx, user, &sign_in, refresh_token).await?))
    }

    /// Sign in
    ///
    /// The access token lasts ten minutes and is for the APIs that were asked for. An administrator's role that was
    /// given since the last sign-in or refresh counts from the next one; one that was taken away ends at once.
    ///
    /// An account with a second factor answers `TOTP_REQUIRED` to the right password alone; a code and a recovery code
    /// work once each. After five failures at an account, or thirty from a network, attempts are let wait, up to five
    /// seconds; whoever would wait longer gets 429 and `Retry-After`. Nobody is locked out.
    #[oai(path = "/auth/sign-in", method = "post", operation_id = "signIn")]
    async fn sign_in(&self, ctx: Ctx<'_>, peer: Data<&Peer>, body: Json<SignIn>) -> ApiResult<Okay<Session>> {
        let body = body.0;
        let turn = throttle::turn(&ctx, Target::Address(&body.email), peer.0).await?;
        let user = account::find_by_email(ctx.store.read(), ctx.store.vault(), &body.email).await?;
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let right = verify_password(SecretString::from(body.password), hash).await?;
        let wrong = |what: &str| Err(Error::new(Code::BadCredentials, what).into());
        let Some(user) = user.filter(|user| right && user.is_active) else {
            return wrong(WRONG);
        };
        let audience = body.audience.map(|asked| {
            let mut words: Vec<_> = asked.into_iter().map(|audience| token::Audience::from(audience).word()).collect();
            words.sort_unstable();
            words.dedup();
            words.join(" ")
        });
        let known = Known { user, code: body.totp_code, audience, turn };
        match ctx.store.write(async |tx| sign_in::enter(&tx, &ctx.totp, &known).await).await? {
            Entered::In(user, sign_in, token) => Ok(Okay::new(&session(&ctx, *user, &sign_in, token).await?)),
            Entered::CodeMissing => {
                let what = "The account has a second factor: send totp_code, a code of the device or a recovery code.";
                Err(Error::new(Code::TotpRequired, what).into())
            }
            Entered::CodeWrong => wrong("The code is wrong, over or used; wait for the next one."),
            Entered::Changed => wrong(WRONG),
        }
    }

    /// Refresh a session
    ///
    /// A refresh token works once. Using one a second time ends the whole sign-in, because somebody else may have it.
    #[oai(path = "/auth/refresh", method = "post", operation_id = "refreshSession")]
    async fn refresh(&self, ctx: Ctx<'_>, body: Json<Refresh>) -> ApiResult<Okay<Session>> {
        let shown = body.0.refresh_token;
        match ctx.store.write(async |tx| account::rotate_refresh_token(&tx, &shown).await).await? {
            Rotation::Next(user, sign_in, token) => Ok(Okay::new(&session(&ctx, *user, &sign_in, token).await?)),
            Rotation::Refused => {
                Err(Error::new(Code::Unauthenticated, "The refresh token is used, over or unknown; sign in.").into())
            }
        }
    }

    /// Sign out
    ///
    /// Ends the sign-in that the refresh token belongs to.
    #[oai(path = "/auth/sign-out", method = "post", operation_id = "signOut")]
    async fn sign_out(&self, ctx: Ctx<'_>, body: Json<Refresh>) -> ApiResult<Okay<SignedOut>> {
        ctx.store.write(async |tx| account::sign_out(&tx, &body.0.refresh_token).await).await?;
        Ok(Okay::new(&SignedOut::NOW))
    }

    /// Apply to sell
    ///
    /// An operator approves or rejects the application; offers can be prepared meanwhile. Who was rejected applies again
    /// with the same seller.
    #[oai(path = "/me/seller", method = "post", operation_id = "applyToSell")]
    async fn apply(
        &self,
        ctx: Ctx<'_>,
        who: SignedIn,
        body: Json<ApplyToSell>,
    ) -> ApiResult<Created<SellerApplication>> {
        let seller = ctx.store.write(async |tx| account::apply(&tx, who.0.user, body.0.name.trim()).await).await?;
        Ok(Created::new(&SellerApplication { id: seller.id.into(), name: seller.name, status: seller.status.into() }))
    }
}

/// The same for an unknown account, a wrong password and a closed account.
const WRONG: &str = "E-mail address or password is wrong.";

/// The sign-in is over.
#[derive(Object)]
pub struct SignedOut {
    /// Always true.
    signed_out: bool,
}

impl SignedOut {
    pub(super) const NOW: Self = Self { signed_out: true };
}

async fn session(
    ctx: &Ctx<'_>,
    user: user::Model,
    sign_in: &account::SignIn,
    refresh_token: String,
) -> souk_domain::Result<Session> {
    let (access_token, expires_at) = ctx.keys.sign(&user, sign_in, ctx.store.now())?;
    Ok(Session { access_token, expires_at, refresh_token, user: view(ctx, user).await? })
}

pub(super) async fn view(ctx: &Ctx<'_>, user: user::Model) -> souk_domain::Result<User> {
    let seller = account::membership(ctx.store.read(), user.id).await?;
    let profile = account::profile(ctx.store.read(), ctx.store.vault(), &user).await?;
    Ok(User {
        id: user.id.into(),
        email: profile.email,
        email_verified: user.email_verified_at.is_some(),
        name: profile.name,
        role: user.role.into(),
        seller_id: seller.map(|(_, seller)| seller.id.into()),
    })
}
