//! States that follow from others.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder};
use souk_entity::status::OrderStatus;
use souk_entity::{order_line, seller_order};
use uuid::Uuid;

use super::{BATCH, Found, after};
use crate::error::Result;
use crate::order::transition::{SellerOrderEvent, order_status, progress};

#[derive(FromQueryResult)]
struct OrderPart {
    id: Uuid,
    status: OrderStatus,
    part: Option<OrderStatus>,
}

pub(super) async fn order_statuses(db: &impl ConnectionTrait) -> Result<Vec<String>> {
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

pub(super) async fn seller_order_progress(db: &impl ConnectionTrait) -> Result<Vec<String>> {
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
