//! What payment providers and carriers send: verified over the raw body, stored once, answered at
//! once, and acted on by a job.

use poem::Request;
use poem_openapi::param::Path;
use poem_openapi::payload::Binary;
use poem_openapi::{Object, OpenApi};
use souk_domain::port::{Headers, WebhookError};
use souk_domain::{Code, Error, Result, failpoint, inbox};
use souk_entity::status::InboxSource;

use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;

/// The event has been taken.
#[derive(Debug, Object)]
pub struct Taken {
    /// Whether it is the first time; a repeated one changes nothing.
    new: bool,
}

/// Inbound webhooks.
pub struct Webhooks;

#[OpenApi(prefix_path = "/api/v1/webhooks", tag = "Tag::Webhooks")]
impl Webhooks {
    /// Take an event of a payment provider
    ///
    /// Signed over the raw body as that provider does it. A forged or stale event is answered 401 and changes nothing.
    #[oai(path = "/payments/:provider", method = "post", operation_id = "receivePaymentWebhook")]
    async fn payment(
        &self,
        ctx: Ctx<'_>,
        request: &Request,
        #[oai(validator(max_length = 40))] provider: Path<String>,
        body: Binary<Vec<u8>>,
    ) -> ApiResult<Okay<Taken>> {
        let gateway = ctx.ports.payment(Some(&provider.0)).map_err(|_| Error::not_found("payment provider"))?;
        let notice = gateway.verify(&headers(request), &body.0, ctx.store.now()).map_err(refused)?;
        Ok(take(&ctx, InboxSource::Payment, gateway.name(), &notice.event_id, &body.0).await?)
    }

    /// Take an event of a carrier
    ///
    /// Signed over the raw body as that carrier does it. A forged or stale event is answered 401 and changes nothing.
    #[oai(path = "/carriers/:carrier", method = "post", operation_id = "receiveCarrierWebhook")]
    async fn carrier(
        &self,
        ctx: Ctx<'_>,
        request: &Request,
        #[oai(validator(max_length = 40))] carrier: Path<String>,
        body: Binary<Vec<u8>>,
    ) -> ApiResult<Okay<Taken>> {
        let carrier = ctx.ports.carrier(Some(&carrier.0)).map_err(|_| Error::not_found("carrier"))?;
        let notice = carrier.verify(&headers(request), &body.0, ctx.store.now()).map_err(refused)?;
        Ok(take(&ctx, InboxSource::Carrier, carrier.name(), &notice.event_id, &body.0).await?)
    }
}

async fn take(ctx: &Ctx<'_>, source: InboxSource, provider: &str, event: &str, body: &[u8]) -> Result<Okay<Taken>> {
    if event.is_empty() || event.len() > 120 || event.contains('\0') {
        return Err(Error::new(Code::MalformedRequest, "The event's id is 1 to 120 bytes without NUL."));
    }
    let stored = ctx.store.write(async |tx| inbox::receive(&tx, source, provider, event, body).await);
    let new = failpoint::within("receiveWebhook", stored).await?;
    Ok(Okay::new(&Taken { new }))
}

fn headers(request: &Request) -> Headers {
    request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect()
}

fn refused(error: WebhookError) -> Error {
    match error {
        WebhookError::BadSignature(why) => {
            Error::new(Code::BadSignature, format!("The signature is not valid: {why}."))
        }
        WebhookError::Unreadable(why) => {
            Error::new(Code::MalformedRequest, format!("The event cannot be read: {why}."))
        }
    }
}
