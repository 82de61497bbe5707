//! Where a seller's own system is told of events.

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use souk_domain::order::detail::history;
use souk_domain::webhook::endpoint::{self, EndpointChange, NewEndpoint};
use souk_domain::webhook::filter::Filter;
use souk_domain::webhook::target::Targets;
use souk_domain::{Error, Result};
use souk_entity::status::EntityKind;
use souk_entity::webhook_endpoint;
use uuid::Uuid;

use crate::auth::Selling;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::{Created, Okay};
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::http::version;
use crate::view::webhook::WebhookEndpoint;

/// An endpoint to be told of events.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct CreateWebhookEndpoint {
    /// `https://`, on any port, without user name, password and fragment; it must lead to the public internet.
    #[oai(validator(min_length = 1, max_length = 2000))]
    url: String,
    /// What it is for, in your words.
    #[oai(validator(max_length = 200))]
    description: Option<String>,
    /// Types of events, or their beginnings such as `seller_order.*`; every type but `webhook_endpoint.*` when left
    /// out.
    #[oai(validator(max_items = 50))]
    event_types: Option<Vec<String>>,
}

impl Example for CreateWebhookEndpoint {
    fn example() -> Self {
        Self {
            url: "https://shop.example.com/hooks/souk".into(),
            description: Some("Warehouse system".into()),
            event_types: Some(vec!["seller_order.*".into(), "payout.paid".into()]),
        }
    }
}

/// What is to be different of an endpoint; what is left out stays.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct ChangeWebhookEndpoint {
    /// `https://`, on any port, without user name, password and fragment; it must lead to the public internet.
    #[oai(validator(min_length = 1, max_length = 2000))]
    url: Option<String>,
    /// What it is for, in your words.
    #[oai(validator(max_length = 200))]
    description: Option<String>,
    /// Types of events, or their beginnings such as `seller_order.*`; an empty list for every type but
    /// `webhook_endpoint.*`.
    #[oai(validator(max_items = 50))]
    event_types: Option<Vec<String>>,
}

impl Example for ChangeWebhookEndpoint {
    fn example() -> Self {
        Self { url: None, description: None, event_types: Some(vec!["seller_order.*".into()]) }
    }
}

/// How a secret is replaced.
#[derive(Clone, Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct RotateWebhookSecret {
    /// Whether the secret before stops signing at once, as when it has leaked; otherwise webhooks carry the signatures
    /// of both for 24 hours.
    expire_now: Option<bool>,
}

impl Example for RotateWebhookSecret {
    fn example() -> Self {
        Self { expire_now: Some(false) }
    }
}

/// What webhooks of an endpoint are signed with.
#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
pub struct WebhookSecret {
    /// `whsec_` and the base64 of the 32 bytes that sign, as libraries for Standard Webhooks take it.
    secret: String,
    /// The one before, while it signs too.
    previous_secret: Option<String>,
    /// Until when it does.
    previous_secret_until: Option<chrono::DateTime<chrono::Utc>>,
}

/// Endpoints of the seller who asks.
pub struct WebhookEndpoints;

#[OpenApi(prefix_path = "/api/v1/seller/webhook-endpoints", tag = "Tag::SellerWebhooks")]
impl WebhookEndpoints {
    /// Make a webhook endpoint
    ///
    /// It is told of events from now on, at least once each and in no promised order: a POST of
    /// `{"type", "timestamp", "data"}`, signed as Standard Webhooks has it, with the event's id as `webhook-id`, by which
    /// receivers know what they have already. Answer with 200 to 299 within 15 seconds; redirects are not followed.
    /// Otherwise it is tried again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h. An answer of 410
    /// disables the endpoint, and so do five days in which it takes nothing. At most 10 endpoints of a seller are
    /// active, and 100 altogether.
    #[oai(path = "/", method = "post", operation_id = "createWebhookEndpoint")]
    async fn create(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        body: Json<CreateWebhookEndpoint>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Created<WebhookEndpoint>> {
        let key = Key::read(who.key_space(), "createWebhookEndpoint", idempotency_key.0.as_deref(), &body.0)?;
        let new = NewEndpoint {
            seller: who.seller(),
            url: ctx.config.webhook_targets.read(&body.url)?,
            description: body.description.clone().unwrap_or_default(),
            filter: Filter::read(body.event_types.as_deref().unwrap_or_default())?,
        };
        let answer = once(&ctx.store, key, async |tx| {
            let row = endpoint::create(&tx, new.clone(), who.actor()).await?;
            let version = row.version;
            Ok(Created::new(&WebhookEndpoint::from(row)).with_version(version))
        })
        .await?;
        Ok(answer)
    }

    /// List the seller's webhook endpoints
    ///
    /// Disabled ones too, newest first.
    #[oai(path = "/", method = "get", operation_id = "listWebhookEndpoints")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<WebhookEndpoint>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let own = page.newest(endpoint::owned_by(who.seller()), webhook_endpoint::Column::Id);
        let rows = own.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), WebhookEndpoint::from)))
    }

    /// Show one of the seller's webhook endpoints
    ///
    /// With its history.
    #[oai(path = "/:id", method = "get", operation_id = "getWebhookEndpoint")]
    async fn get(&self, ctx: Ctx<'_>, who: Selling, id: Path<Uuid>) -> ApiResult<Okay<WebhookEndpoint>> {
        let row = endpoint::find(ctx.store.read(), who.seller(), id.0.into()).await?;
        let changes = history(ctx.store.read(), EntityKind::WebhookEndpoint, row.id).await?;
        let version = row.version;
        Ok(Okay::new(&WebhookEndpoint::with_history(row, changes)).with_version(version))
    }

    /// Change a webhook endpoint
    ///
    /// What waits to be delivered goes to the new URL.
    #[oai(path = "/:id", method = "patch", operation_id = "changeWebhookEndpoint")]
    async fn change(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        body: Json<ChangeWebhookEndpoint>,
        /// The version that the change was decided on.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> ApiResult<Okay<WebhookEndpoint>> {
        let if_version = version::required(if_match.0.as_deref())?;
        let change = read_change(&body.0, ctx.config.webhook_targets)?;
        let row = ctx
            .store
            .write(async |tx| {
                endpoint::update(&tx, who.seller(), id.0.into(), change.clone(), if_version, who.actor()).await
            })
            .await?;
        Ok(show(row))
    }

    /// Disable a webhook endpoint
    ///
    /// What waits to be delivered waits until it is enabled again; what happens meanwhile is never told.
    #[oai(path = "/:id/disable", method = "post", operation_id = "disableWebhookEndpoint")]
    async fn disable(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<WebhookEndpoint>> {
        let key = Key::read(who.key_space(), "disableWebhookEndpoint", idempotency_key.0.as_deref(), &id.0)?;
        let answer = once(&ctx.store, key, async |tx| {
            Ok(show(endpoint::disable(&tx, who.seller(), id.0.into(), who.actor()).await?))
        })
        .await?;
        Ok(answer)
    }

    /// Enable a webhook endpoint
    ///
    /// What has waited is delivered at once. At most 10 endpoints of a seller are active.
    #[oai(path = "/:id/enable", method = "post", operation_id = "enableWebhookEndpoint")]
    async fn enable(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<WebhookEndpoint>> {
        let key = Key::read(who.key_space(), "enableWebhookEndpoint", idempotency_key.0.as_deref(), &id.0)?;
        let answer = once(&ctx.store, key, async |tx| {
            Ok(show(endpoint::enable(&tx, who.seller(), id.0.into(), who.actor()).await?))
        })
        .await?;
        Ok(answer)
    }

    /// Send a webhook endpoint a test
    ///
    /// An event of the type `webhook_endpoint.tested`, whatever the endpoint asks for; its deliveries tell how it went.
    #[oai(path = "/:id/test", method = "post", operation_id = "testWebhookEndpoint")]
    async fn test(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<WebhookEndpoint>> {
        let key = Key::read(who.key_space(), "testWebhookEndpoint", idempotency_key.0.as_deref(), &id.0)?;
        let answer = once(&ctx.store, key, async |tx| {
            Ok(show(endpoint::test(&tx, who.seller(), id.0.into(), who.actor()).await?))
        })
        .await?;
        Ok(answer)
    }

    /// Show what a webhook endpoint's webhooks are signed with
    #[oai(path = "/:id/secret", method = "get", operation_id = "getWebhookSecret")]
    async fn secret(&self, ctx: Ctx<'_>, who: Selling, id: Path<Uuid>) -> ApiResult<Okay<WebhookSecret>> {
        let row = endpoint::find(ctx.store.read(), who.seller(), id.0.into()).await?;
        let reveal = |generation| ctx.webhook_secrets.of(row.id, generation).reveal();
        let until = row.previous_secret_until.filter(|until| *until > ctx.store.now());
        Ok(Okay::new(&WebhookSecret {
            secret: reveal(row.secret_generation),
            previous_secret: until.map(|_| reveal(row.secret_generation - 1)),
            previous_secret_until: until,
        }))
    }

    /// Give a webhook endpoint a new secret
    ///
    /// Read the new one from the endpoint's `secret`.
    #[oai(path = "/:id/rotate-secret", method = "post", operation_id = "rotateWebhookSecret")]
    async fn rotate(
        &self,
        ctx: Ctx<'_>,
        who: Selling,
        id: Path<Uuid>,
        body: Json<RotateWebhookSecret>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<WebhookEndpoint>> {
        let asked = (id.0, &body.0);
        let key = Key::read(who.key_space(), "rotateWebhookSecret", idempotency_key.0.as_deref(), &asked)?;
        let expire_now = body.expire_now.unwrap_or(false);
        let answer = once(&ctx.store, key, async |tx| {
            Ok(show(endpoint::rotate_secret(&tx, who.seller(), id.0.into(), expire_now, who.actor()).await?))
        })
        .await?;
        Ok(answer)
    }
}

fn show(row: webhook_endpoint::Model) -> Okay<WebhookEndpoint> {
    let version = row.version;
    Okay::new(&row.into()).with_version(version)
}

fn read_change(body: &ChangeWebhookEndpoint, targets: Targets) -> Result<EndpointChange> {
    Ok(EndpointChange {
        url: body.url.as_deref().map(|url| targets.read(url)).transpose()?,
        description: body.description.clone(),
        filter: body.event_types.as_deref().map(Filter::read).transpose()?,
    })
}
