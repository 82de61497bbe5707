//! How any amount came about.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use souk_domain::explain::explain;
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::view::explain::{ExplainKind, Explanation};

/// How any amount came about.
pub struct Explain;

#[OpenApi(prefix_path = "/api/v1/admin/explain", tag = "Tag::Operators")]
impl Explain {
    /// Explain an amount
    ///
    /// Every amount of an order line, seller order, refund or payout: each step with the rule applied, what it was
    /// worked out of and what rounding added, and the ledger entries that were made.
    #[oai(path = "/:kind/:id", method = "get", operation_id = "explainAmounts")]
    async fn explain(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        kind: Path<ExplainKind>,
        id: Path<Uuid>,
    ) -> ApiResult<Okay<Explanation>> {
        Ok(Okay::new(&explain(ctx.store.read(), kind.0.into(), id.0, None).await?.into()))
    }
}
