//! What secures an account: its password and its e-mail address.

use std::time::Duration;

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::EntityTrait;
use secrecy::SecretString;
use souk_domain::account::proof::Proof;
use souk_domain::account::throttle::{Taken, Target};
use souk_domain::account::{address, password};
use souk_domain::actor::Actor;
use souk_domain::{Code, Error, Result, audit};
use souk_entity::id::UserId;
use souk_entity::user;

use super::account::{User, view};
use crate::auth::{Person, SignedIn};
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::peer::Peer;
use crate::http::request::request_id;
use crate::password::{hash_password, verify_password};
use crate::throttle;

/// A token from an e-mail.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
pub struct ConfirmEmail {
    /// As the e-mail says it.
    #[oai(validator(max_length = 128))]
    token: String,
}

impl Example for ConfirmEmail {
    fn example() -> Self {
        Self { token: "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9".into() }
    }
}

/// Whose password is forgotten.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
pub struct ForgotPassword {
    /// The sign-in name.
    #[oai(validator(max_length = 254))]
    email: String,
}

impl Example for ForgotPassword {
    fn example() -> Self {
        Self { email: "ann@example.org".into() }
    }
}

/// A new password for whom the token was sent to.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
pub struct ResetPassword {
    /// As the e-mail says it.
    #[oai(validator(max_length = 128))]
    token: String,
    /// 10 to 128 characters.
    #[oai(validator(min_length = 10, max_length = 128))]
    password: String,
}

impl Example for ResetPassword {
    fn example() -> Self {
        Self { token: ConfirmEmail::example().token, password: "correct horse battery".into() }
    }
}

/// Another password.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
pub struct ChangePassword {
    /// The one until now.
    #[oai(validator(max_length = 128))]
    current_password: String,
    /// 10 to 128 characters.
    #[oai(validator(min_length = 10, max_length = 128))]
    new_password: String,
}

impl Example for ChangePassword {
    fn example() -> Self {
        Self { current_password: "correct horse battery".into(), new_password: "another horse battery".into() }
    }
}

/// Another e-mail address.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
pub struct ChangeEmail {
    /// Where the account is to move.
    #[oai(validator(max_length = 254))]
    email: String,
    /// The password, as proof that it is not just somebody at an open screen.
    #[oai(validator(max_length = 128))]
    current_password: String,
}

impl Example for ChangeEmail {
    fn example() -> Self {
        Self { email: "ann@example.com".into(), current_password: "correct horse battery".into() }
    }
}

/// What was asked for is under way.
#[derive(Object)]
pub struct Asked {
    /// Always true; whether something is sent is known to those who read it.
    accepted: bool,
}

const ASKED: Asked = Asked { accepted: true };

/// How long an answer takes that must not tell by its time whether there was something to send: longer
/// than the writing of it.
const EQUAL_TIME: Duration = Duration::from_millis(300);

/// Passwords and addresses.
pub struct Security;

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Accounts")]
impl Security {
    /// Confirm an e-mail address
    ///
    /// With the token that registering, `sendVerification` or `changeEmail` sent, within 24 hours; for a change, the
    /// account moves to the address now, and the address before is told.
    #[oai(path = "/auth/confirm-email", method = "post", operation_id = "confirmEmail")]
    async fn confirm_email(&self, ctx: Ctx<'_>, body: Json<ConfirmEmail>) -> ApiResult<Okay<User>> {
        let confirmed = ctx.store.write(async |tx| {
            let user = address::confirm(&tx, &body.0.token).await?;
            known("confirmEmail", user.id)?;
            Ok(user)
        });
        let user = confirmed.await?;
        Ok(Okay::new(&view(&ctx, user).await?))
    }

    /// Send the token for the present address again
    ///
    /// The one before is good no more. Nothing is sent to an address that is proven. Five an hour are sent to an address;
    /// more answer 429 with `Retry-After`, and the last one stays good.
    #[oai(path = "/me/verification", method = "post", operation_id = "sendVerification")]
    async fn send_verification(&self, ctx: Ctx<'_>, who: SignedIn) -> ApiResult<Okay<Asked>> {
        let user = who.0.user;
        let asked = ctx.store.write(async |tx| address::ask_to_verify(&tx, &ctx.tokens, &ctx.throttle, user).await);
        throttle::posted(asked.await?)?;
        Ok(Okay::new(&ASKED))
    }

    /// Ask for a new password
    ///
    /// If the address has an account, a token is sent to it, which is good once and for 30 minutes; the ones before are
    /// good no more. The answer is the same where there is none, and where five were sent in the last half hour: no
    /// other one is sent then, and the last one stays good.
    #[oai(path = "/auth/forgot-password", method = "post", operation_id = "forgotPassword")]
    async fn forgot_password(&self, ctx: Ctx<'_>, body: Json<ForgotPassword>) -> ApiResult<Okay<Asked>> {
        let enough = tokio::time::Instant::now() + EQUAL_TIME;
        let email = body.0.email;
        ctx.store.write(async |tx| password::forgotten(&tx, &ctx.tokens, &ctx.throttle, &email).await).await?;
        tokio::time::sleep_until(enough).await;
        Ok(Okay::new(&ASKED))
    }

    /// Set a new password with a token
    ///
    /// Every sign-in of the account ends. Where the address was not confirmed, it is now, and a second factor and keys
    /// that were made before are gone.
    #[oai(path = "/auth/reset-password", method = "post", operation_id = "resetPassword")]
    async fn reset_password(&self, ctx: Ctx<'_>, body: Json<ResetPassword>) -> ApiResult<Okay<User>> {
        let ResetPassword { token, password } = body.0;
        // Hashing takes long, and whoever has no token gets none of it.
        password::check_token(ctx.store.read(), &token, ctx.store.now()).await?;
        let hash = hash_password(SecretString::from(password)).await?;
        let reset = ctx.store.write(async |tx| {
            let user = password::reset(&tx, &token, hash.clone()).await?;
            known("resetPassword", user.id)?;
            Ok(user)
        });
        let user = reset.await?;
        Ok(Okay::new(&view(&ctx, user).await?))
    }

    /// Change the password
    ///
    /// Every other sign-in of the account ends.
    #[oai(path = "/me/password", method = "put", operation_id = "changePassword")]
    async fn change_password(
        &self,
        ctx: Ctx<'_>,
        peer: Data<&Peer>,
        who: SignedIn,
        body: Json<ChangePassword>,
    ) -> ApiResult<Okay<Asked>> {
        let ChangePassword { current_password, new_password } = body.0;
        let (proof, turn) = check_password(&ctx, peer.0, who.0, current_password).await?;
        throttle::proven(&ctx, &turn).await?;
        let hash = hash_password(SecretString::from(new_password)).await?;
        ctx.store.write(async |tx| password::change(&tx, &proof, hash.clone()).await).await?;
        Ok(Okay::new(&ASKED))
    }

    /// Move the account to another e-mail address
    ///
    /// A token is sent there; until it comes back with `confirmEmail`, the account keeps its address. Five an hour are
    /// sent to an address, and twenty for an account; more answer 429 with `Retry-After`.
    #[oai(path = "/me/email", method = "put", operation_id = "changeEmail")]
    async fn change_email(
        &self,
        ctx: Ctx<'_>,
        peer: Data<&Peer>,
        who: SignedIn,
        body: Json<ChangeEmail>,
    ) -> ApiResult<Okay<Asked>> {
        let ChangeEmail { email, current_password } = body.0;
        let (proof, turn) = check_password(&ctx, peer.0, who.0, current_password).await?;
        throttle::proven(&ctx, &turn).await?;
        let asked =
            ctx.store.write(async |tx| address::ask_to_change(&tx, &ctx.tokens, &ctx.throttle, &proof, &email).await);
        throttle::posted(asked.await?)?;
        Ok(Okay::new(&ASKED))
    }
}

/// Says for the audit log who it is that a token has shown.
pub(super) fn known(operation: &'static str, user: UserId) -> Result<()> {
    audit::set(audit::Acting {
        actor: Actor::Shopper(Some(user)),
        credential: None,
        operation: operation.into(),
        request: None,
        request_id: Some(request_id()),
    })
}

/// For what takes more than an open screen: the turn is for the caller to end.
pub(super) async fn check_password(
    ctx: &Ctx<'_>,
    peer: &Peer,
    who: Person,
    password: String,
) -> ApiResult<(Proof, Taken)> {
    let turn = throttle::turn(ctx, Target::Person(who.user), peer).await?;
    let found = user::Entity::find_by_id(who.user).one(ctx.store.read()).await.map_err(Error::from)?;
    let hash = found.map(|user| user.password_hash);
    let right = verify_password(SecretString::from(password), hash.clone()).await?;
    match hash.filter(|_| right) {
        Some(hash) => Ok((Proof::new(who.user, who.sign_in, hash), turn)),
        None => Err(Error::new(Code::WrongPassword, "The current password is wrong.").into()),
    }
}
