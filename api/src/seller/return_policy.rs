//! What a seller takes back, and on what terms.

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ConnectionTrait, EntityTrait};
use souk_domain::returns::policy::{self, ReturnPolicy as Terms};
use souk_domain::{Error, Result};
use souk_entity::id::CategoryId;
use souk_entity::seller;
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::{EXAMPLE_ID, Tag};
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::seller::percent;
use crate::view::return_policy::{LabelPayer, ReturnPolicy};

/// On what terms goods are taken back from now on.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct SetReturnPolicy {
    /// Days after delivery in which a return may be asked for: 0 to 365, and not less than the marketplace asks for.
    #[oai(validator(minimum(value = "0"), maximum(value = "365")))]
    window_days: i32,
    /// Who pays the label where it is not the seller's fault.
    label_paid_by: LabelPayer,
    /// What is kept of what was paid for the goods where it is not the seller's fault, 0 to 50, such as `15`.
    #[oai(validator(max_length = 10))]
    restocking_fee_percent: String,
    /// Categories of which, and below which, nothing is taken back where it is not the seller's fault.
    #[oai(validator(max_items = 200))]
    excluded_category_ids: Vec<Uuid>,
}

impl Example for SetReturnPolicy {
    fn example() -> Self {
        Self {
            window_days: 30,
            label_paid_by: LabelPayer::Shopper,
            restocking_fee_percent: "15".into(),
            excluded_category_ids: vec![EXAMPLE_ID],
        }
    }
}

/// The return policy of the seller who asks.
pub struct Policy;

#[OpenApi(prefix_path = "/api/v1/seller/return-policy", tag = "Tag::Returns")]
impl Policy {
    /// Show the return policy
    #[oai(path = "/", method = "get", operation_id = "getOwnReturnPolicy")]
    async fn get(&self, ctx: Ctx<'_>, who: Selling) -> ApiResult<Okay<ReturnPolicy>> {
        let db = ctx.store.read();
        let row = seller::Entity::find_by_id(who.seller()).one(db).await.map_err(Error::from)?;
        Ok(Okay::new(&view(db, &row.ok_or_else(|| Error::not_found("seller"))?).await?))
    }

    /// Set the return policy
    ///
    /// Orders that are placed keep what was set then.
    #[oai(path = "/", method = "put", operation_id = "setReturnPolicy")]
    async fn set(&self, ctx: Ctx<'_>, who: Selling, body: Json<SetReturnPolicy>) -> ApiResult<Okay<ReturnPolicy>> {
        let terms = Terms {
            window_days: body.0.window_days,
            label_paid_by: body.0.label_paid_by.into(),
            restocking: percent::parse(&body.0.restocking_fee_percent)?,
        };
        let excluded: Vec<CategoryId> = body.0.excluded_category_ids.iter().map(|id| CategoryId(*id)).collect();
        let least = ctx.config.least_return_window_days;
        let answer = ctx
            .store
            .write(async |tx| {
                let row = policy::set(&tx, who.seller(), terms, &excluded, least, who.actor()).await?;
                view(&**tx, &row).await
            })
            .await?;
        Ok(Okay::new(&answer))
    }
}

/// A seller's policy as it is shown.
///
/// # Errors
/// The database's.
pub async fn view(db: &impl ConnectionTrait, row: &seller::Model) -> Result<ReturnPolicy> {
    Ok(ReturnPolicy::new(row.into(), policy::excluded(db, row.id).await?))
}
