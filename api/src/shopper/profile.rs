//! Who is signed in, as they see and change themselves.

use chrono::{DateTime, Utc};
use poem_openapi::payload::Json;
use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{Object, OpenApi};
use sea_orm::EntityTrait;
use souk_domain::account::contact::{self, ContactChange};
use souk_domain::account::{self, Profile, totp};
use souk_domain::{Code, Error};
use souk_entity::user;
use uuid::Uuid;

use crate::auth::SignedIn;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::view::words::UserRole;

/// A person, as they see themselves.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct OwnProfile {
    /// Their id.
    id: Uuid,
    /// Their sign-in name; `changeEmail` moves it. None once they are erased.
    email: Option<String>,
    /// Whether they have proven that they read what is sent there.
    email_verified: bool,
    /// How to address them; none once they are erased.
    name: Option<String>,
    /// Where they can be called up.
    phone: Option<String>,
    /// What they may do in the marketplace.
    role: UserRole,
    /// The seller they act for.
    seller_id: Option<Uuid>,
    /// Their second factor.
    totp: TotpStatus,
}

/// What a person has of a second factor.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct TotpStatus {
    /// Since when signing in takes a code; left out: it does not.
    enabled_at: Option<DateTime<Utc>>,
    /// Recovery codes that are not used yet.
    recovery_codes: u64,
}

/// What is to be different of oneself; what is left out stays.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct ChangeProfile {
    /// How to be addressed.
    #[oai(validator(min_length = 1, max_length = 200))]
    name: Option<String>,
    /// Where to be called up: 4 to 15 digits with what stands between them; null: nowhere.
    #[oai(validator(max_length = 20))]
    phone: MaybeUndefined<String>,
}

impl Example for ChangeProfile {
    fn example() -> Self {
        Self { name: Some("Ann Example".into()), phone: MaybeUndefined::Value("+1 555 0100".into()) }
    }
}

/// The profile of who asks.
pub struct Profiles;

#[OpenApi(prefix_path = "/api/v1/me", tag = "Tag::Accounts")]
impl Profiles {
    /// Show who is signed in
    #[oai(path = "/", method = "get", operation_id = "getMe")]
    async fn get(&self, ctx: Ctx<'_>, who: SignedIn) -> ApiResult<Okay<OwnProfile>> {
        let user = user::Entity::find_by_id(who.0.user).one(ctx.store.read()).await.map_err(Error::from)?;
        let user = user.ok_or_else(|| Error::new(Code::Unauthenticated, "The account is gone; sign in again."))?;
        Ok(Okay::new(&profile(&ctx, user).await?))
    }

    /// Change one's name and telephone number
    #[oai(path = "/", method = "patch", operation_id = "changeMe")]
    async fn change(&self, ctx: Ctx<'_>, who: SignedIn, body: Json<ChangeProfile>) -> ApiResult<Okay<OwnProfile>> {
        let change = ContactChange {
            name: body.0.name,
            phone: match body.0.phone {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(phone) => Some(Some(phone)),
            },
        };
        let user = ctx.store.write(async |tx| contact::change(&tx, who.0.user, &change).await).await?;
        Ok(Okay::new(&profile(&ctx, user).await?))
    }
}

async fn profile(ctx: &Ctx<'_>, user: user::Model) -> souk_domain::Result<OwnProfile> {
    let db = ctx.store.read();
    let state = totp::state(db, user.id).await?;
    let Profile { email, name, phone } = account::profile(db, ctx.store.vault(), &user).await?;
    let seller = account::membership(db, user.id).await?;
    Ok(OwnProfile {
        id: user.id.into(),
        email,
        email_verified: user.email_verified_at.is_some(),
        name,
        phone,
        role: user.role.into(),
        seller_id: seller.map(|(_, seller)| seller.id.into()),
        totp: TotpStatus { enabled_at: state.enabled_at, recovery_codes: state.recovery_codes },
    })
}
