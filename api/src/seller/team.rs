//! Who acts for the seller who asks, and who is invited to.

use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::EntityTrait;
use souk_domain::account::{
    self,
    team::{self, Invite},
};
use souk_domain::{Error, Result};
use souk_entity::id::UserId;
use souk_entity::{seller_invitation, seller_member, user};
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::throttle;
use crate::view::team::{Areas, Invitation, Member};

/// Somebody to be invited.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
pub struct CreateInvitation {
    /// Where the invitation is sent; only an account of this address can accept it.
    #[oai(validator(min_length = 3, max_length = 254))]
    email: String,
    /// What they will be trusted with.
    areas: Areas,
}

impl Example for CreateInvitation {
    fn example() -> Self {
        Self { email: "colleague@example.org".into(), areas: Areas::example() }
    }
}

/// Everybody who acts for a seller.
#[derive(Object)]
pub struct Members {
    /// The longest there first, at most 100.
    items: Vec<Member>,
}

/// Who acts for the seller who asks, and who is invited to.
pub struct Team;

#[OpenApi(prefix_path = "/api/v1/seller", tag = "Tag::SellerAccess")]
impl Team {
    /// Invite somebody into the team
    ///
    /// By e-mail, for seven days; an open invitation of the same address is replaced. At most 50 are open at once. Only
    /// owners manage the team, and no key does; they invite once the seller is approved. Five an hour are sent to an
    /// address, and twenty for a seller; more answer 429 with `Retry-After`, and the last one stays good.
    #[oai(path = "/invitations", method = "post", operation_id = "createInvitation")]
    async fn invite(&self, ctx: Ctx<'_>, who: Selling, body: Json<CreateInvitation>) -> ApiResult<Created<Invitation>> {
        let invite =
            Invite { seller: who.seller(), by: who.user(), email: body.0.email, trust: (&body.0.areas).into() };
        let invited = ctx.store.write(async |tx| team::invite(&tx, &ctx.tokens, &ctx.throttle, &invite).await);
        let row = throttle::posted(invited.await?)?;
        Ok(Created::new(&Invitation::new(ctx.store.vault(), &row, ctx.store.now())?))
    }

    /// List invitations
    ///
    /// Newest first, those that are over too.
    #[oai(path = "/invitations", method = "get", operation_id = "listInvitations")]
    async fn invitations(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Invitation>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let own = page.newest(team::invitations_of(who.seller()), seller_invitation::Column::Id);
        let rows = own.all(ctx.store.read()).await.map_err(Error::from)?;
        let now = ctx.store.now();
        let shown: Result<Vec<_>> = rows.iter().map(|row| Invitation::new(ctx.store.vault(), row, now)).collect();
        Ok(Okay::new(&page.page(shown?, |invitation| invitation.id, |invitation| invitation)))
    }

    /// Revoke an invitation
    ///
    /// One that is accepted cannot be revoked: take the member out of the team.
    #[oai(path = "/invitations/:id", method = "delete", operation_id = "revokeInvitation")]
    async fn revoke(&self, ctx: Ctx<'_>, who: Selling, id: Path<Uuid>) -> ApiResult<Okay<Invitation>> {
        let row = ctx.store.write(async |tx| team::revoke(&tx, who.seller(), id.0.into()).await).await?;
        Ok(Okay::new(&Invitation::new(ctx.store.vault(), &row, ctx.store.now())?))
    }

    /// List the team
    #[oai(path = "/members", method = "get", operation_id = "listMembers")]
    async fn members(&self, ctx: Ctx<'_>, who: Selling) -> ApiResult<Okay<Members>> {
        let members = team::members(ctx.store.read(), ctx.store.vault(), who.seller()).await?;
        let items = members.into_iter().map(|(row, profile)| Member::new(&row, profile)).collect();
        Ok(Okay::new(&Members { items }))
    }

    /// Trust a member of the team with other areas
    ///
    /// From now on, also where they are signed in. Owners may do everything.
    #[oai(path = "/members/:user_id", method = "put", operation_id = "setMember")]
    async fn entrust(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        user_id: Path<Uuid>,
        body: Json<Areas>,
    ) -> ApiResult<Okay<Member>> {
        let (seller, user, trust) = (who.seller(), UserId(user_id.0), (&body.0).into());
        let row = ctx.store.write(async |tx| team::entrust(&tx, seller, user, trust).await).await?;
        Ok(Okay::new(&shown(&ctx, &row).await?))
    }

    /// Take somebody out of the team
    ///
    /// What they may do for the seller ends at once. Owners stay.
    #[oai(path = "/members/:user_id", method = "delete", operation_id = "removeMember")]
    async fn remove(&self, ctx: Ctx<'_>, who: Selling, user_id: Path<Uuid>) -> ApiResult<Okay<Member>> {
        let (seller, user) = (who.seller(), UserId(user_id.0));
        let row = ctx.store.write(async |tx| team::remove(&tx, seller, user).await).await?;
        Ok(Okay::new(&shown(&ctx, &row).await?))
    }
}

async fn shown(ctx: &Ctx<'_>, row: &seller_member::Model) -> Result<Member> {
    let user = user::Entity::find_by_id(row.user_id).one(ctx.store.read()).await?;
    let user = user.ok_or_else(|| Error::not_found("member"))?;
    Ok(Member::new(row, account::profile(ctx.store.read(), ctx.store.vault(), &user).await?))
}
