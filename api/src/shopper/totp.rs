//! The second factor of a person.

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use souk_domain::account::throttle::{Taken, Target};
use souk_domain::account::{self, totp};
use souk_domain::{Code, Result};

use super::security::check_password;
use crate::auth::SignedIn;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::peer::Peer;
use crate::throttle;

/// A second factor to be begun.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
pub struct BeginTotp {
    /// The password.
    #[oai(validator(max_length = 128))]
    current_password: String,
}

impl Example for BeginTotp {
    fn example() -> Self {
        Self { current_password: "correct horse battery".into() }
    }
}

/// What a device is to know; shown this once.
#[derive(Object)]
pub struct TotpSecret {
    /// For a device that reads it from a picture (a QR code of this text).
    otpauth_uri: String,
    /// For a device that it is typed into, in base32: SHA-1, six digits, 30 seconds.
    secret: String,
}

/// The first code of a device.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
pub struct ConfirmTotp {
    /// Six digits.
    #[oai(validator(max_length = 40))]
    code: String,
}

impl Example for ConfirmTotp {
    fn example() -> Self {
        Self { code: "287082".into() }
    }
}

/// Codes for when the device is lost; shown this once.
#[derive(Object)]
pub struct RecoveryCodes {
    /// Each stands in for a code of the device, once.
    recovery_codes: Vec<String>,
}

/// A second factor to be ended.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
pub struct DisableTotp {
    /// The password.
    #[oai(validator(max_length = 128))]
    current_password: String,
    /// Six digits of the device, or a recovery code.
    #[oai(validator(max_length = 40))]
    code: String,
}

impl Example for DisableTotp {
    fn example() -> Self {
        Self { current_password: "correct horse battery".into(), code: "287082".into() }
    }
}

/// Whether signing in takes a code.
#[derive(Object)]
pub struct TotpEnabled {
    /// Whether it does.
    enabled: bool,
}

/// The second factor of who asks.
pub struct Totp;

#[OpenApi(prefix_path = "/api/v1/me/totp", tag = "Tag::Accounts")]
impl Totp {
    /// Begin a second factor
    ///
    /// For accounts of sellers and operators whose address is confirmed. Answers the secret for the device, this once;
    /// signing in takes no code before `confirmTotp`. Begun again before that, the secret is another one.
    #[oai(path = "/", method = "post", operation_id = "beginTotp")]
    async fn begin(
        &self,
        ctx: Ctx<'_>,
        peer: Data<&Peer>,
        who: SignedIn,
        body: Json<BeginTotp>,
    ) -> ApiResult<Created<TotpSecret>> {
        let (proof, turn) = check_password(&ctx, peer.0, who.0, body.0.current_password).await?;
        throttle::proven(&ctx, &turn).await?;
        let (secret, person) = ctx.store.write(async |tx| totp::begin(&tx, &ctx.totp, &proof).await).await?;
        let email = account::profile(ctx.store.read(), ctx.store.vault(), &person).await?.email.unwrap_or_default();
        Ok(Created::new(&TotpSecret { otpauth_uri: secret.uri(&email)?, secret: secret.reveal() }))
    }

    /// Turn the second factor on
    ///
    /// With a code of the device. Answers ten recovery codes, this once; every other sign-in of the account ends.
    #[oai(path = "/confirm", method = "post", operation_id = "confirmTotp")]
    async fn confirm(
        &self,
        ctx: Ctx<'_>,
        peer: Data<&Peer>,
        who: SignedIn,
        body: Json<ConfirmTotp>,
    ) -> ApiResult<Okay<RecoveryCodes>> {
        let (user, kept, code) = (who.0.user, who.0.sign_in, body.0.code);
        let turn = throttle::turn(&ctx, Target::Person(user), peer.0).await?;
        let confirm = ctx.store.write(async |tx| {
            let codes = totp::confirm(&tx, &ctx.totp, user, kept, &code).await?;
            turn.succeeded(&tx).await?;
            Ok(codes)
        });
        let recovery_codes = settle(&ctx, &turn, confirm.await).await?;
        Ok(Okay::new(&RecoveryCodes { recovery_codes }))
    }

    /// Turn the second factor off
    ///
    /// With the password and a code, or a recovery code; who has neither asks an administrator.
    #[oai(path = "/disable", method = "post", operation_id = "disableTotp")]
    async fn disable(
        &self,
        ctx: Ctx<'_>,
        peer: Data<&Peer>,
        who: SignedIn,
        body: Json<DisableTotp>,
    ) -> ApiResult<Okay<TotpEnabled>> {
        let DisableTotp { current_password, code } = body.0;
        let (proof, turn) = check_password(&ctx, peer.0, who.0, current_password).await?;
        let disable = ctx.store.write(async |tx| {
            totp::disable(&tx, &ctx.totp, &proof, &code).await?;
            turn.succeeded(&tx).await
        });
        settle(&ctx, &turn, disable.await).await?;
        Ok(Okay::new(&TotpEnabled { enabled: false }))
    }
}

/// Only a wrong code counts as a failure, and not that there was nothing to be turned on or off.
async fn settle<T>(ctx: &Ctx<'_>, turn: &Taken, outcome: Result<T>) -> Result<T> {
    if outcome.as_ref().is_err_and(|error| error.code != Code::WrongCode) {
        ctx.store.write(async |tx| turn.undone(&tx).await).await?;
    }
    outcome
}
