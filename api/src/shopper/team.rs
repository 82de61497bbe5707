//! Joining a seller's team.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use souk_domain::account::team;
use uuid::Uuid;

use super::security::known;
use crate::auth::SignedIn;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::view::team::Areas;

/// An invitation that was sent by e-mail.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
pub struct AcceptInvitation {
    /// The token of the message.
    #[oai(validator(max_length = 128))]
    token: String,
}

impl Example for AcceptInvitation {
    fn example() -> Self {
        Self { token: "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9".into() }
    }
}

/// What somebody may do for a seller.
#[derive(Object)]
pub struct Membership {
    /// The seller's id.
    seller_id: Uuid,
    /// The seller's name.
    seller_name: String,
    /// What they are trusted with.
    areas: Areas,
}

/// Joining a seller's team.
pub struct Joining;

#[OpenApi(prefix_path = "/api/v1/me", tag = "Tag::Accounts")]
impl Joining {
    /// Accept an invitation
    ///
    /// To act for a seller, with the token that an owner had sent: by the account of that address, which has to be
    /// confirmed. Tokens for the seller's API come with the next sign-in or refresh. Nobody acts for two sellers.
    #[oai(path = "/invitations/accept", method = "post", operation_id = "acceptInvitation")]
    async fn accept(&self, ctx: Ctx<'_>, who: SignedIn, body: Json<AcceptInvitation>) -> ApiResult<Okay<Membership>> {
        let user = who.0.user;
        let joined = ctx.store.write(async |tx| {
            let joined = team::accept(&tx, user, &body.0.token).await?;
            known("acceptInvitation", user)?;
            Ok(joined)
        });
        let (member, seller) = joined.await?;
        Ok(Okay::new(&Membership {
            seller_id: seller.id.into(),
            seller_name: seller.name,
            areas: Areas { catalogue: member.catalogue, orders: member.orders, money: member.money },
        }))
    }
}
