//! A seller's endpoints: made, changed, tested, disabled and enabled; never deleted, as what was
//! told where is history.

use chrono::TimeDelta;
use sea_orm::sea_query::LockType;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QuerySelect, Select,
};
use serde_json::json;
use souk_entity::id::{EventId, SellerId, WebhookEndpointId};
use souk_entity::status::{EntityKind, WebhookDisabledReason, WebhookEndpointStatus};
use souk_entity::{event, webhook_endpoint};
use url::Url;

use super::delivery;
use super::filter::Filter;
use super::transition::{EndpointEvent, WEBHOOK_ENDPOINT};
use crate::account;
use crate::actor::Actor;
use crate::error::{Error, Result};
use crate::history::{self, Change};
use crate::job::{self, Task};
use crate::store::{Tx, check_version};
use crate::transition::next;

/// A seller has at most so many endpoints that are active.
pub const MOST_ACTIVE: u64 = 10;

/// A seller has at most so many endpoints, disabled ones included.
pub const MOST_ENDPOINTS: u64 = 100;

/// How long the secret before goes on signing, unless it is ended at once.
pub const PREVIOUS_SECRET_SIGNS: TimeDelta = TimeDelta::hours(24);

/// An endpoint to be made.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    /// Whose it is.
    pub seller: SellerId,
    /// Where it is.
    pub url: Url,
    /// What it is for, in its owner's words.
    pub description: String,
    /// What it is told of.
    pub filter: Filter,
}

/// What is to be different of an endpoint; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct EndpointChange {
    /// Where it is.
    pub url: Option<Url>,
    /// What it is for.
    pub description: Option<String>,
    /// What it is told of.
    pub filter: Option<Filter>,
}

/// Makes an endpoint, which is told of what happens from now on.
///
/// # Errors
/// [`Code::InvalidValue`](crate::Code::InvalidValue) for more than [`MOST_ACTIVE`] or
/// [`MOST_ENDPOINTS`].
pub async fn create(tx: &Tx, new: NewEndpoint, actor: Actor) -> Result<webhook_endpoint::Model> {
    one_more(tx, new.seller).await?;
    if owned_by(new.seller).count(&**tx).await? >= MOST_ENDPOINTS {
        return Err(Error::invalid(format!("A seller has at most {MOST_ENDPOINTS} endpoints; change one of those.")));
    }
    let endpoint = webhook_endpoint::Model {
        id: WebhookEndpointId::at(tx.now),
        seller_id: new.seller,
        url: new.url.into(),
        description: new.description,
        event_types: new.filter.stored(),
        status: WebhookEndpointStatus::Active,
        disabled_reason: None,
        secret_generation: 1,
        previous_secret_until: None,
        told_since: tx.now,
        failing_since: None,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    webhook_endpoint::Entity::insert(endpoint.clone().into_active_model()).exec_without_returning(&**tx).await?;
    history::record(tx, vec![change(&endpoint, None, "webhook_endpoint.created", actor, None)]).await?;
    Ok(endpoint)
}

/// Changes an endpoint. Deliveries that wait go to its new URL.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound), also for another seller's;
/// [`Code::StaleVersion`](crate::Code::StaleVersion).
pub async fn update(
    tx: &Tx,
    seller: SellerId,
    id: WebhookEndpointId,
    asked: EndpointChange,
    if_version: Option<i64>,
    actor: Actor,
) -> Result<webhook_endpoint::Model> {
    let mut endpoint = lock_own(tx, seller, id).await?;
    check_version(if_version, endpoint.version)?;
    if let Some(url) = asked.url {
        endpoint.url = url.into();
    }
    if let Some(description) = asked.description {
        endpoint.description = description;
    }
    if let Some(filter) = asked.filter {
        endpoint.event_types = filter.stored();
    }
    step(tx, endpoint, EndpointEvent::Update, actor, None).await
}

/// Gives an endpoint a new secret. The one before signs too for [`PREVIOUS_SECRET_SIGNS`], so that
/// its receiver can be changed at any moment in between; or not at all, when it has leaked.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound), also for another seller's.
pub async fn rotate_secret(
    tx: &Tx,
    seller: SellerId,
    id: WebhookEndpointId,
    expire_now: bool,
    actor: Actor,
) -> Result<webhook_endpoint::Model> {
    let mut endpoint = lock_own(tx, seller, id).await?;
    endpoint.secret_generation += 1;
    endpoint.previous_secret_until = if expire_now { None } else { Some(tx.now + PREVIOUS_SECRET_SIGNS) };
    step(tx, endpoint, EndpointEvent::RotateSecret, actor, None).await
}

/// Stops telling an endpoint of anything. What waits to be delivered goes on waiting until it is
/// enabled; what happens meanwhile is never told.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound), also for another seller's;
/// [`Code::IllegalTransition`](crate::Code::IllegalTransition) when it is disabled.
pub async fn disable(
    tx: &Tx,
    seller: SellerId,
    id: WebhookEndpointId,
    actor: Actor,
) -> Result<webhook_endpoint::Model> {
    let mut endpoint = lock_own(tx, seller, id).await?;
    endpoint.disabled_reason = Some(WebhookDisabledReason::Owner);
    step(tx, endpoint, EndpointEvent::Disable, actor, None).await
}

/// Disables an endpoint that must not be asked again, `why` in a sentence.
pub(super) async fn give_up(
    tx: &Tx,
    mut endpoint: webhook_endpoint::Model,
    reason: WebhookDisabledReason,
    why: &str,
) -> Result<webhook_endpoint::Model> {
    endpoint.disabled_reason = Some(reason);
    step(tx, endpoint, EndpointEvent::Disable, Actor::System, Some(why.to_owned())).await
}

/// Tells an endpoint of events again, first of what has waited.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound), also for another seller's;
/// [`Code::IllegalTransition`](crate::Code::IllegalTransition) when it is active;
/// [`Code::InvalidValue`](crate::Code::InvalidValue) for more than [`MOST_ACTIVE`].
pub async fn enable(tx: &Tx, seller: SellerId, id: WebhookEndpointId, actor: Actor) -> Result<webhook_endpoint::Model> {
    find(&**tx, seller, id).await?;
    one_more(tx, seller).await?;
    // The job before the endpoint, as whoever delivers has them.
    job::awaken(tx, &Task::DeliverWebhooks { endpoint_id: id }, tx.now).await?;
    let mut endpoint = lock_own(tx, seller, id).await?;
    endpoint.disabled_reason = None;
    endpoint.failing_since = None;
    endpoint.told_since = tx.now;
    step(tx, endpoint, EndpointEvent::Enable, actor, None).await
}

/// Sends an endpoint an event of its own, `webhook_endpoint.tested`, whatever it asks for.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound), also for another seller's;
/// [`Code::IllegalTransition`](crate::Code::IllegalTransition) when it is disabled.
pub async fn test(tx: &Tx, seller: SellerId, id: WebhookEndpointId, actor: Actor) -> Result<webhook_endpoint::Model> {
    find(&**tx, seller, id).await?;
    job::awaken(tx, &Task::DeliverWebhooks { endpoint_id: id }, tx.now).await?;
    let endpoint = step(tx, lock_own(tx, seller, id).await?, EndpointEvent::Test, actor, None).await?;
    let tested: EventId = event::Entity::find()
        .select_only()
        .column(event::Column::Id)
        .filter(event::Column::EntityKind.eq(EntityKind::WebhookEndpoint))
        .filter(event::Column::EntityId.eq(endpoint.id))
        .filter(event::Column::Version.eq(endpoint.version))
        .into_tuple()
        .one(&**tx)
        .await?
        .ok_or_else(|| Error::internal("a change without its event"))?;
    delivery::create(tx, &[(endpoint.id, tested, name(EndpointEvent::Test), 0)]).await?;
    Ok(endpoint)
}

/// A seller's endpoint.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound), also for another seller's.
pub async fn find(
    db: &impl ConnectionTrait,
    seller: SellerId,
    id: WebhookEndpointId,
) -> Result<webhook_endpoint::Model> {
    let found = owned_by(seller).filter(webhook_endpoint::Column::Id.eq(id)).one(db).await?;
    found.ok_or_else(|| Error::not_found("webhook endpoint"))
}

/// A seller's endpoints.
pub fn owned_by(seller: SellerId) -> Select<webhook_endpoint::Entity> {
    webhook_endpoint::Entity::find().filter(webhook_endpoint::Column::SellerId.eq(seller))
}

/// Whether a seller can have one more that is active; whoever asks at the same moment waits.
async fn one_more(tx: &Tx, seller: SellerId) -> Result<()> {
    account::take_turns(tx, seller).await?;
    let active = owned_by(seller).filter(webhook_endpoint::Column::Status.eq(WebhookEndpointStatus::Active));
    if active.count(&**tx).await? >= MOST_ACTIVE {
        let message = format!("A seller has at most {MOST_ACTIVE} active endpoints; disable one first.");
        return Err(Error::invalid(message));
    }
    Ok(())
}

pub(super) async fn lock_own(tx: &Tx, seller: SellerId, id: WebhookEndpointId) -> Result<webhook_endpoint::Model> {
    // Deliveries that refer to it can be written meanwhile.
    let found =
        owned_by(seller).filter(webhook_endpoint::Column::Id.eq(id)).lock(LockType::NoKeyUpdate).one(&**tx).await?;
    found.ok_or_else(|| Error::not_found("webhook endpoint"))
}

async fn step(
    tx: &Tx,
    mut endpoint: webhook_endpoint::Model,
    event: EndpointEvent,
    actor: Actor,
    note: Option<String>,
) -> Result<webhook_endpoint::Model> {
    let from = endpoint.status;
    endpoint.status = next("webhook endpoint", WEBHOOK_ENDPOINT, from, event)?;
    endpoint.version += 1;
    endpoint.updated_at = tx.now;
    let row = endpoint.clone().into_active_model().reset_all();
    webhook_endpoint::Entity::update(row).exec_without_returning(&**tx).await?;
    history::record(tx, vec![change(&endpoint, Some(from), name(event), actor, note)]).await?;
    Ok(endpoint)
}

fn name(event: EndpointEvent) -> &'static str {
    match event {
        EndpointEvent::Update => "webhook_endpoint.updated",
        EndpointEvent::RotateSecret => "webhook_endpoint.secret_rotated",
        EndpointEvent::Test => "webhook_endpoint.tested",
        EndpointEvent::Disable => "webhook_endpoint.disabled",
        EndpointEvent::Enable => "webhook_endpoint.enabled",
    }
}

fn change(
    endpoint: &webhook_endpoint::Model,
    from: Option<WebhookEndpointStatus>,
    event: &'static str,
    actor: Actor,
    note: Option<String>,
) -> Change {
    let data = match endpoint.disabled_reason {
        Some(reason) => json!({"disabled_reason": reason}),
        None => json!({}),
    };
    Change {
        entity: EntityKind::WebhookEndpoint,
        id: endpoint.id.into(),
        version: endpoint.version,
        from: from.map(|from| from.to_string()),
        to: endpoint.status.to_string(),
        actor,
        note,
        event,
        order_id: None,
        seller_id: Some(endpoint.seller_id),
        data,
    }
}
