//! How the seller's amounts came about.

use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use souk_domain::explain::explain;
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::view::explain::{ExplainKind, Explanation};

/// How the amounts of the seller who asks came about.
pub struct SellerExplain;

#[OpenApi(prefix_path = "/api/v1/seller/explain", tag = "Tag::SellerMoney")]
impl SellerExplain {
    /// Explain an amount of the seller's
    ///
    /// Every amount of one's own order line, seller order, refund or payout: each step with the rule applied, what it
    /// was worked out of and what rounding added, and the ledger entries that were made. Of a promotion that is divided
    /// among several sellers only the seller's own part is told.
    #[oai(path = "/:kind/:id", method = "get", operation_id = "explainSellerAmounts")]
    async fn explain(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        kind: Path<ExplainKind>,
        id: Path<Uuid>,
    ) -> ApiResult<Okay<Explanation>> {
        let told = explain(ctx.store.read(), kind.0.into(), id.0, Some(who.seller())).await?;
        Ok(Okay::new(&told.into()))
    }
}
