//! Rules that are functions of the domain: rows are read in batches and held against them.

use std::collections::BTreeSet;

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ActiveEnum, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, Iterable, QueryFilter, QueryOrder,
    QuerySelect, Statement, Value,
};
use souk_entity::money::MinorUnits;
use souk_entity::status::{
    BatchStatus, EntityKind, OrderStatus, PaymentStatus, RefundStatus, ReturnStatus, SellerStatus, ShipmentStatus,
};
use souk_entity::{job, order_line, seller_order};
use uuid::Uuid;

use super::MOST_OFFENDERS;
use crate::error::Result;
use crate::job::{Task, policy};
use crate::money::{multiply, rate_of, slice, sum};
use crate::order::pricing::commission_base;
use crate::order::transition::{SellerOrderEvent, order_status, progress};
use crate::transition::machines;

/// Rows (or, where rows are grouped, groups) that are read at once.
const BATCH: u64 = 1_000;

/// Which function of the domain rows are held against.
#[derive(Clone, Copy, Debug)]
pub(super) enum Recomputation {
    /// [`order_status`] of the seller orders.
    OrderStatus,
    /// [`progress`] of the lines.
    SellerOrderProgress,
    /// [`rate_of`] the [`commission_base`].
    Commission,
    /// [`slice`] of the lines' totals.
    RefundedUnits,
    /// The edges of [`machines`].
    History,
    /// [`Task::key`], its kind and [`policy`].
    JobKey,
}

/// What breaks the rule, one more than are named at most.
pub(super) async fn offenders(db: &impl ConnectionTrait, which: Recomputation) -> Result<Vec<String>> {
    match which {
        Recomputation::OrderStatus => order_statuses(db).await,
        Recomputation::SellerOrderProgress => seller_order_progress(db).await,
        Recomputation::Commission => commissions(db).await,
        Recomputation::RefundedUnits => refunded_units(db).await,
        Recomputation::History => history(db).await,
        Recomputation::JobKey => job_keys(db).await,
    }
}

/// The offenders so far, and whether enough are known.
#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn add(&mut self, offender: impl ToString) {
        if !self.is_full() {
            self.0.push(offender.to_string());
        }
    }

    fn is_full(&self) -> bool {
        self.0.len() > MOST_OFFENDERS
    }
}

#[derive(FromQueryResult)]
struct OrderPart {
    id: Uuid,
    status: OrderStatus,
    part: Option<OrderStatus>,
}

async fn order_statuses(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT o.id AS id, o.status AS status, s.status AS part \
         FROM orders o LEFT JOIN seller_order s ON s.order_id = o.id \
         WHERE o.id IN (SELECT id FROM orders WHERE id > $1 ORDER BY id LIMIT {BATCH}) ORDER BY o.id"
    );
    let (mut found, mut last) = (Found::default(), Uuid::nil());
    while !found.is_full() {
        let rows = OrderPart::find_by_statement(after(db, &sql, last)).all(db).await?;
        let Some(end) = rows.last() else { break };
        last = end.id;
        for order in rows.chunk_by(|a, b| a.id == b.id) {
            let parts: Vec<OrderStatus> = order.iter().filter_map(|row| row.part).collect();
            if order.iter().any(|row| row.status != order_status(&parts)) {
                found.add(order[0].id);
            }
        }
    }
    Ok(found.0)
}

async fn seller_order_progress(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let (mut found, mut last) = (Found::default(), Uuid::nil());
    while !found.is_full() {
        let batch = Query::select()
            .column(seller_order::Column::Id)
            .from(seller_order::Entity)
            .and_where(Expr::col(seller_order::Column::Id).gt(last))
            .order_by(seller_order::Column::Id, sea_orm::sea_query::Order::Asc)
            .limit(BATCH)
            .to_owned();
        let rows = order_line::Entity::find()
            .find_also_related(seller_order::Entity)
            .filter(order_line::Column::SellerOrderId.in_subquery(batch))
            .order_by_asc(order_line::Column::SellerOrderId)
            .all(db)
            .await?;
        let Some((end, _)) = rows.last() else { break };
        last = end.seller_order_id.into();
        for part in rows.chunk_by(|(a, _), (b, _)| a.seller_order_id == b.seller_order_id) {
            let lines: Vec<order_line::Model> = part.iter().map(|(line, _)| line.clone()).collect();
            let agrees = part.iter().all(|(_, part)| part.as_ref().is_some_and(|part| is_at(part.status, &lines)));
            if !agrees {
                found.add(part[0].0.seller_order_id);
            }
        }
    }
    Ok(found.0)
}

/// Whether a seller order in `status` can have lines with these quantities.
fn is_at(status: OrderStatus, lines: &[order_line::Model]) -> bool {
    use OrderStatus::*;
    match progress(lines) {
        None => matches!(status, Pending | Confirmed | Processing | Cancelled),
        Some(SellerOrderEvent::ShipPart) => status == PartiallyShipped,
        Some(SellerOrderEvent::ShipAll) => status == Shipped,
        Some(SellerOrderEvent::DeliverPart) => status == PartiallyDelivered,
        Some(SellerOrderEvent::DeliverAll) => matches!(status, Delivered | Completed | Refunded),
        // Quantities lead to nothing else.
        Some(_) => false,
    }
}

async fn commissions(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let (mut found, mut last) = (Found::default(), Uuid::nil());
    while !found.is_full() {
        let lines = order_line::Entity::find()
            .filter(order_line::Column::Id.gt(last))
            .order_by_asc(order_line::Column::Id)
            .limit(BATCH)
            .all(db)
            .await?;
        let Some(end) = lines.last() else { break };
        last = end.id.into();
        // A line whose commission cannot be worked out has a wrong one.
        let wrong = |line: &&order_line::Model| !commission(line).is_ok_and(|commission| commission == line.commission);
        lines.iter().filter(wrong).for_each(|line| found.add(line.id));
    }
    Ok(found.0)
}

fn commission(line: &order_line::Model) -> Result<MinorUnits> {
    let gross = multiply(line.unit_price, line.quantity)?;
    rate_of(commission_base(gross, line.discount, line.platform_discount)?, line.commission_rate_ppm)
}

/// A line with what refunds of its whole seller order came to.
#[derive(FromQueryResult)]
struct RefundedLine {
    id: Uuid,
    quantity: i64,
    refunded_quantity: i64,
    total: MinorUnits,
    /// Paid back for units, failed refunds not counted.
    paid: i64,
    /// Goodwill, failed or not: while it counted, it lowered what units were paid back with.
    goodwill: i64,
    /// Lines of failed refunds: the slices of the units that follow are rounded without them.
    failed: i64,
}

async fn refunded_units(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let batch = format!("SELECT id FROM seller_order WHERE id > $1 ORDER BY id LIMIT {BATCH}");
    let sql = format!(
        "SELECT l.seller_order_id AS id, l.quantity AS quantity, l.refunded_quantity AS refunded_quantity, \
             l.total AS total, CAST(coalesce(p.paid, 0) AS bigint) AS paid, \
             CAST(coalesce(p.goodwill, 0) AS bigint) AS goodwill, CAST(coalesce(p.failed, 0) AS bigint) AS failed \
         FROM order_line l \
         LEFT JOIN (SELECT r.seller_order_id AS part_id, \
                 sum(CASE WHEN x.component = 'item' AND r.status <> 'failed' THEN x.amount ELSE 0 END) AS paid, \
                 sum(CASE WHEN x.component = 'goodwill' THEN x.amount ELSE 0 END) AS goodwill, \
                 sum(CASE WHEN x.component = 'item' AND r.status = 'failed' THEN 1 ELSE 0 END) AS failed \
             FROM refund r JOIN refund_line x ON x.refund_id = r.id WHERE r.seller_order_id IN ({batch}) \
             GROUP BY r.seller_order_id) p ON p.part_id = l.seller_order_id \
         WHERE l.seller_order_id IN ({batch}) ORDER BY l.seller_order_id"
    );
    let (mut found, mut last) = (Found::default(), Uuid::nil());
    while !found.is_full() {
        let rows = RefundedLine::find_by_statement(after(db, &sql, last)).all(db).await?;
        let Some(end) = rows.last() else { break };
        last = end.id;
        for part in rows.chunk_by(|a, b| a.id == b.id) {
            let worth = sum(part
                .iter()
                .map(|line| slice(line.total, line.refunded_quantity, line.quantity))
                .collect::<Result<Vec<_>>>()
                .unwrap_or_else(|_| vec![MinorUnits(i64::MAX)]));
            let RefundedLine { paid, goodwill, failed, .. } = part[0];
            let most = paid.saturating_add(goodwill).saturating_add(failed);
            if !worth.is_ok_and(|worth| worth.0 <= most) {
                found.add(part[0].id);
            }
        }
    }
    Ok(found.0)
}

#[derive(FromQueryResult)]
struct Step {
    entity_kind: EntityKind,
    from_status: Option<String>,
    to_status: String,
}

/// The changes that were ever made are few, however long history is: each is looked up once.
async fn history(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let backend = db.get_database_backend();
    let sql = "SELECT DISTINCT entity_kind, from_status, to_status FROM status_history";
    let steps = Step::find_by_statement(Statement::from_string(backend, sql)).all(db).await?;
    let legal: BTreeSet<(&str, String, String)> = machines()
        .into_iter()
        .flat_map(|machine| machine.edges.into_iter().map(move |[from, _, to]| (machine.name, from, to)))
        .collect();
    let mut offenders = BTreeSet::new();
    for step in steps.into_iter().filter(|step| !is_legal(step, &legal)) {
        let sql = "SELECT entity_kind AS what, entity_id AS id FROM status_history \
                   WHERE entity_kind = $1 AND to_status = $2 AND coalesce(from_status, '') = $3";
        let values =
            [step.entity_kind.to_value(), step.to_status, step.from_status.unwrap_or_default()].map(Value::from);
        offenders.extend(super::offenders(db, sql, values).await?);
    }
    Ok(offenders.into_iter().take(MOST_OFFENDERS + 1).collect())
}

fn is_legal(step: &Step, edges: &BTreeSet<(&str, String, String)>) -> bool {
    let kind = step.entity_kind;
    let Some(from) = step.from_status.clone() else { return step.to_status == first(kind) };
    match kind {
        // Follows from its seller orders, whatever they do; only a change is written down.
        EntityKind::Order => from != step.to_status && OrderStatus::iter().any(|to| to.to_string() == step.to_status),
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
    }
}

async fn job_keys(db: &impl ConnectionTrait) -> Result<Vec<String>> {
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

/// `sql` for the rows after `last`.
fn after(db: &impl ConnectionTrait, sql: &str, last: Uuid) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, [last.into()])
}
