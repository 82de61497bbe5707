//! What a person can ask about their own data: all of it, and to be forgotten.

use chrono::{DateTime, Utc};
use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use souk_domain::privacy;

use super::security::check_password;
use crate::auth::SignedIn;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::PageRequest;
use crate::http::peer::Peer;
use crate::throttle;
use crate::view::person_data::{self, PersonData};

/// The wish to be forgotten.
#[derive(Object)]
#[oai(deny_unknown_fields, example)]
pub struct EraseMe {
    /// The account's present password.
    #[oai(validator(max_length = 200))]
    current_password: String,
}

impl Example for EraseMe {
    fn example() -> Self {
        Self { current_password: "the present one".into() }
    }
}

/// The data is erased.
#[derive(Debug, Object)]
pub struct Erased {
    /// When.
    pub erased_at: DateTime<Utc>,
}

/// A person's own data.
pub struct OwnData;

#[OpenApi(prefix_path = "/api/v1/me", tag = "Tag::Accounts")]
impl OwnData {
    /// Export one's data
    ///
    /// The account, and a page of its orders, newest first, each with its addresses, payments, refunds, returns and
    /// what was told about it by e-mail.
    #[oai(path = "/data", method = "get", operation_id = "exportMyData")]
    async fn export(
        &self,
        ctx: Ctx<'_>,
        who: SignedIn,
        /// Orders: 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<PersonData>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        Ok(Okay::new(&person_data::read(&ctx.store, who.0.user, page).await?))
    }

    /// Erase one's account
    ///
    /// Name, addresses, e-mail address, telephone numbers and words to sellers cannot be read by anybody any more;
    /// amounts, goods, and the country and region that tax went by stay. Refused while orders, returns or refunds are
    /// under way, and for who owns a seller or works for the marketplace: the details name each. It cannot be undone.
    #[oai(path = "/erase", method = "post", operation_id = "eraseMe")]
    async fn erase(
        &self,
        ctx: Ctx<'_>,
        peer: Data<&Peer>,
        who: SignedIn,
        body: Json<EraseMe>,
    ) -> ApiResult<Okay<Erased>> {
        let (proof, turn) = check_password(&ctx, peer.0, who.0, body.0.current_password).await?;
        throttle::proven(&ctx, &turn).await?;
        let erased_at = ctx.store.write(async |tx| privacy::erase_own(&tx, &proof).await).await?;
        Ok(Okay::new(&Erased { erased_at }))
    }
}
