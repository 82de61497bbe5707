//! What the marketplace asks of sellers before they may sell.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::EntityTrait;
use souk_domain::Error;
use souk_domain::account::checklist::{self, NewRequirement};
use souk_entity::seller_requirement;
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::seller::checklist::view;
use crate::view::checklist::{Checklist, RequirementKind, SellerRequirement};

/// What is to be asked of sellers.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct CreateSellerRequirement {
    /// How it is seen that it is met; of those that are seen each once.
    kind: RequirementKind,
    /// What it is called.
    #[oai(validator(min_length = 1, max_length = 100, pattern = r"^\S(.*\S)?$"))]
    title: String,
    /// What the seller has to do, or the terms that they accept.
    #[oai(validator(min_length = 1, max_length = 10000))]
    instructions: Option<String>,
    /// Whether nobody is approved without it.
    required: bool,
}

impl Example for CreateSellerRequirement {
    fn example() -> Self {
        Self {
            kind: RequirementKind::Custom,
            title: "Trade register".into(),
            instructions: Some("Send us an extract that is not older than three months.".into()),
            required: true,
        }
    }
}

/// What an operator says of a requirement.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct SetRequirementMet {
    /// Whether the seller meets it.
    met: bool,
    /// Why, for history; the seller reads it.
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: String,
}

impl Example for SetRequirementMet {
    fn example() -> Self {
        Self { met: true, reason: "The extract is of this month.".into() }
    }
}

/// What is asked of sellers, and what is said of each.
pub struct SellerRequirements;

#[OpenApi(prefix_path = "/api/v1/admin", tag = "Tag::Operators")]
impl SellerRequirements {
    /// List what is asked of sellers
    ///
    /// Newest first, with what is retired.
    #[oai(path = "/seller-requirements", method = "get", operation_id = "listSellerRequirements")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<SellerRequirement>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let query = page.newest(seller_requirement::Entity::find(), seller_requirement::Column::Id);
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), SellerRequirement::from)))
    }

    /// Ask something of sellers
    ///
    /// At most 50 things at a time. Sellers who sell already go on; who is suspended is approved again only with it.
    #[oai(path = "/seller-requirements", method = "post", operation_id = "createSellerRequirement")]
    async fn create(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        body: Json<CreateSellerRequirement>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<SellerRequirement>> {
        let key = Key::read(who.key_space(), "createSellerRequirement", idempotency_key.0.as_deref(), &body.0)?;
        let new = NewRequirement {
            kind: body.0.kind.into(),
            title: body.0.title,
            instructions: body.0.instructions,
            required: body.0.required,
        };
        let answer = once(&ctx.store, key, async |tx| {
            Ok(Created::new(&SellerRequirement::from(checklist::ask(&tx, new.clone()).await?)))
        })
        .await?;
        Ok(answer)
    }

    /// Ask it of nobody any more
    #[oai(path = "/seller-requirements/:id/retire", method = "post", operation_id = "retireSellerRequirement")]
    async fn retire(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<SellerRequirement>> {
        let key = Key::read(who.key_space(), "retireSellerRequirement", idempotency_key.0.as_deref(), &id.0)?;
        let answer = once(&ctx.store, key, async |tx| {
            Ok(Okay::new(&SellerRequirement::from(checklist::retire(&tx, id.0.into()).await?)))
        })
        .await?;
        Ok(answer)
    }

    /// Show a seller's checklist
    #[oai(path = "/sellers/:id/checklist", method = "get", operation_id = "getSellerChecklist")]
    async fn checklist(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<Checklist>> {
        Ok(Okay::new(&view(ctx.store.read(), id.0.into()).await?))
    }

    /// Say whether a seller meets a requirement
    ///
    /// Of the kind `custom`; what is seen, and terms, nobody says for the seller.
    #[oai(path = "/sellers/:id/checklist/:requirement_id", method = "put", operation_id = "setSellerRequirementMet")]
    async fn say(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        requirement_id: Path<Uuid>,
        body: Json<SetRequirementMet>,
    ) -> ApiResult<Okay<Checklist>> {
        let SetRequirementMet { met, reason } = body.0;
        let answer = ctx
            .store
            .write(async |tx| {
                let (seller, requirement) = (id.0.into(), requirement_id.0.into());
                let row = checklist::say(&tx, seller, requirement, met, &reason, who.user()).await?;
                Ok(Checklist::from(checklist::of(&**tx, &row).await?))
            })
            .await?;
        Ok(Okay::new(&answer))
    }
}
