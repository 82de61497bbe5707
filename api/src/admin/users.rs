//! People: what they are in the marketplace, and whether they may sign in.

use chrono::{DateTime, Utc};
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::account::{self, Profile, role, totp};
use souk_domain::{Error, Result};
use souk_entity::id::UserId;
use souk_entity::status::UserRole as Role;
use souk_entity::{totp_reset, user};
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::shopper::orders::Reason;
use crate::view::words::UserRole;

/// A person, as administrators see them.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Person {
    /// Their id.
    id: Uuid,
    /// Their sign-in name; none once they are erased.
    email: Option<String>,
    /// How to address them; none once they are erased.
    name: Option<String>,
    /// What they may do in the marketplace.
    role: UserRole,
    /// Whether they may sign in.
    is_active: bool,
    /// When they registered.
    created_at: DateTime<Utc>,
}

impl Person {
    fn new(row: user::Model, profile: Profile) -> Self {
        Self {
            id: row.id.into(),
            email: profile.email,
            name: profile.name,
            role: row.role.into(),
            is_active: row.is_active,
            created_at: row.created_at,
        }
    }
}

/// What a person is to be.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct SetUserRole {
    /// Read-only sees everything but who has access; managers run the day; administrators do everything.
    role: UserRole,
}

impl Example for SetUserRole {
    fn example() -> Self {
        Self { role: UserRole::Manager }
    }
}

/// Whether a person may sign in.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct SetUserActive {
    /// Without it, every sign-in and API key of theirs ends at once.
    is_active: bool,
}

impl Example for SetUserActive {
    fn example() -> Self {
        Self { is_active: false }
    }
}

/// A second factor that an administrator has ended for somebody.
#[derive(Debug, Object)]
pub struct TotpReset {
    /// Its id.
    id: Uuid,
    /// Whose second factor it was.
    user_id: Uuid,
    /// The administrator.
    reset_by: Uuid,
    /// Why.
    reason: String,
    /// When.
    reset_at: DateTime<Utc>,
}

impl From<totp_reset::Model> for TotpReset {
    fn from(row: totp_reset::Model) -> Self {
        Self {
            id: row.id.into(),
            user_id: row.user_id.into(),
            reset_by: row.reset_by.into(),
            reason: row.reason,
            reset_at: row.reset_at,
        }
    }
}

/// How often a person's second factor was ended for them.
#[derive(Debug, Object)]
pub struct TotpResetList {
    /// The latest first, at most 100.
    items: Vec<TotpReset>,
}

/// All people.
pub struct Users;

#[OpenApi(prefix_path = "/api/v1/admin/users", tag = "Tag::Operators")]
impl Users {
    /// List people
    ///
    /// Newest first.
    #[oai(path = "/", method = "get", operation_id = "adminListUsers")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only those of this role.
        role: Query<Option<UserRole>>,
        /// Only the one of this e-mail address.
        #[oai(validator(max_length = 254))]
        email: Query<Option<String>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Person>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(user::Entity::find(), user::Column::Id);
        if let Some(role) = role.0 {
            query = query.filter(user::Column::Role.eq(Role::from(role)));
        }
        if let Some(email) = &email.0 {
            query = query.filter(account::has_email(ctx.store.vault(), email));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        let profiles = account::profiles(ctx.store.read(), ctx.store.vault(), &rows).await?;
        let rows = rows.into_iter().zip(profiles).collect();
        Ok(Okay::new(&page.page(rows, |(row, _)| row.id.into(), |(row, profile)| Person::new(row, profile))))
    }

    /// Show a person
    #[oai(path = "/:id", method = "get", operation_id = "adminGetUser")]
    async fn get(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<Person>> {
        let row = user::Entity::find_by_id(UserId(id.0)).one(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&shown(&ctx, row.ok_or_else(|| Error::not_found("user"))?).await?))
    }

    /// Give a person another role
    ///
    /// What it takes away ends at once; what it gives counts from their next sign-in or refresh. Nobody changes their
    /// own, so an administrator always remains.
    #[oai(path = "/:id/role", method = "put", operation_id = "setUserRole")]
    async fn set_role(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        body: Json<SetUserRole>,
    ) -> ApiResult<Okay<Person>> {
        let role = body.role.into();
        let row = ctx.store.write(async |tx| role::set_role(&tx, UserId(id.0), role, who.user()).await).await?;
        Ok(Okay::new(&shown(&ctx, row).await?))
    }

    /// Close or reopen a person's account
    ///
    /// Nobody closes their own.
    #[oai(path = "/:id/active", method = "put", operation_id = "setUserActive")]
    async fn set_active(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        body: Json<SetUserActive>,
    ) -> ApiResult<Okay<Person>> {
        let active = body.is_active;
        let row = ctx.store.write(async |tx| role::set_active(&tx, UserId(id.0), active, who.user()).await).await?;
        Ok(Okay::new(&shown(&ctx, row).await?))
    }

    /// End a person's second factor for them
    ///
    /// For those who have lost their device and their recovery codes, once it is sure who asks. They are told by e-mail.
    /// Nobody ends their own here.
    #[oai(path = "/:id/totp/reset", method = "post", operation_id = "resetTotp")]
    async fn reset_totp(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        body: Json<Reason>,
    ) -> ApiResult<Okay<TotpReset>> {
        let (id, reason) = (UserId(id.0), body.0.reason);
        let reset = ctx.store.write(async |tx| totp::reset(&tx, id, who.user(), reason.clone()).await).await?;
        Ok(Okay::new(&reset.into()))
    }

    /// List how often a person's second factor was ended for them
    #[oai(path = "/:id/totp/resets", method = "get", operation_id = "listTotpResets")]
    async fn totp_resets(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<TotpResetList>> {
        let id = UserId(id.0);
        let user = user::Entity::find_by_id(id).one(ctx.store.read()).await.map_err(Error::from)?;
        user.ok_or_else(|| Error::not_found("user"))?;
        let items = totp::resets(ctx.store.read(), id).await?.into_iter().map(TotpReset::from).collect();
        Ok(Okay::new(&TotpResetList { items }))
    }
}

async fn shown(ctx: &Ctx<'_>, row: user::Model) -> Result<Person> {
    let profile = account::profile(ctx.store.read(), ctx.store.vault(), &row).await?;
    Ok(Person::new(row, profile))
}
