//! History held against the state machines, and jobs against their tasks.

use std::collections::BTreeSet;

use sea_orm::{
    ActiveEnum, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, Iterable, QueryFilter, QueryOrder,
    QuerySelect, Statement, Value,
};
use souk_entity::job;
use souk_entity::status::{
    BatchStatus, EntityKind, OrderStatus, PaymentStatus, PayoutStatus, RefundApprovalStatus, RefundStatus,
    ReturnStatus, SellerStatus, ShipmentStatus, WebhookEndpointStatus,
};
use uuid::Uuid;

use super::{BATCH, Found};
use crate::error::Result;
use crate::job::{Task, policy};
use crate::transition::machines;
use crate::verify::{MOST_OFFENDERS, offenders};

#[derive(FromQueryResult)]
struct Step {
    entity_kind: EntityKind,
    from_status: Option<String>,
    to_status: String,
}

/// The changes that were ever made are few, however long history is: each is looked up once.
pub(super) async fn history(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let backend = db.get_database_backend();
    let sql = "SELECT DISTINCT entity_kind, from_status, to_status FROM status_history";
    let steps = Step::find_by_statement(Statement::from_string(backend, sql)).all(db).await?;
    let legal: BTreeSet<(&str, String, String)> = machines()
        .into_iter()
        .flat_map(|machine| machine.edges.into_iter().map(move |[from, _, to]| (machine.name, from, to)))
        .collect();
    let mut found = BTreeSet::new();
    for step in steps.into_iter().filter(|step| !is_legal(step, &legal)) {
        let sql = "SELECT entity_kind AS what, entity_id AS id FROM status_history \
                   WHERE entity_kind = $1 AND to_status = $2 AND coalesce(from_status, '') = $3";
        let values =
            [step.entity_kind.to_value(), step.to_status, step.from_status.unwrap_or_default()].map(Value::from);
        found.extend(offenders(db, sql, values).await?);
    }
    Ok(found.into_iter().take(MOST_OFFENDERS + 1).collect())
}

fn is_legal(step: &Step, edges: &BTreeSet<(&str, String, String)>) -> bool {
    let kind = step.entity_kind;
    let Some(from) = step.from_status.clone() else { return step.to_status == first(kind) };
    match kind {
        // Its items are changed before it is paid.
        EntityKind::Order if from == step.to_status => from == OrderStatus::Pending.to_value(),
        // Follows from its seller orders, whatever they do; only a change is written down.
        EntityKind::Order => OrderStatus::iter().any(|to| to.to_string() == step.to_status),
        // New settings are a change, too.
        EntityKind::Seller if from == step.to_status => true,
        _ => edges.contains(&(kind.to_value().as_str(), from, step.to_status.clone())),
    }
}

/// The state in which a thing is made.
fn first(kind: EntityKind) -> String {
    match kind {
        EntityKind::Order | EntityKind::SellerOrder => OrderStatus::Pending.to_value(),
        EntityKind::Payment => PaymentStatus::Pending.to_value(),
        EntityKind::Refund => RefundStatus::Pending.to_value(),
        EntityKind::Shipment => ShipmentStatus::Pending.to_value(),
        EntityKind::ReturnRequest => ReturnStatus::Requested.to_value(),
        EntityKind::Seller => SellerStatus::Applied.to_value(),
        EntityKind::Batch => BatchStatus::Queued.to_value(),
        EntityKind::Payout => PayoutStatus::Pending.to_value(),
        EntityKind::WebhookEndpoint => WebhookEndpointStatus::Active.to_value(),
        EntityKind::RefundApproval => RefundApprovalStatus::Pending.to_value(),
    }
}

pub(super) async fn job_keys(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let (mut found, mut last) = (Found::default(), Uuid::nil());
    while !found.is_full() {
        let jobs = job::Entity::find()
            .filter(job::Column::Id.gt(last))
            .order_by_asc(job::Column::Id)
            .limit(BATCH)
            .all(db)
            .await?;
        let Some(end) = jobs.last() else { break };
        last = end.id.into();
        for job in &jobs {
            let agrees = serde_json::from_value::<Task>(job.payload.clone()).is_ok_and(|task| {
                task.key() == job.unique_key && task.kind() == job.kind && policy(task.kind()).queue == job.queue
            });
            if !agrees {
                found.add(format!("{} {}", job.kind, job.id));
            }
        }
    }
    Ok(found.0)
}
