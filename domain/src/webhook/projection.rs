//! From the domain log to deliveries.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use souk_entity::id::{OrderId, SellerId};
use souk_entity::status::WebhookEndpointStatus;
use souk_entity::{event, seller_order, webhook_endpoint};

use super::delivery;
use super::filter::{Filter, OF_EVERY_PART};
use crate::error::Result;
use crate::event::Projection;
use crate::job::{self, Task};
use crate::store::Tx;

/// Writes a delivery for each active endpoint that an event is for.
#[derive(Clone, Copy, Debug)]
pub struct SellerWebhooks;

#[async_trait]
impl Projection for SellerWebhooks {
    fn name(&self) -> &'static str {
        "seller_webhooks"
    }

    async fn take(&self, tx: &Tx, events: &[event::Model]) -> Result<()> {
        let parts = parts(tx, events).await?;
        let concerned = |event: &event::Model| -> Vec<SellerId> {
            match (event.seller_id, event.order_id) {
                (Some(seller), _) => vec![seller],
                (None, Some(order)) if is_of_every_part(event) => parts
                    .get(&order)
                    .into_iter()
                    .flatten()
                    // Who was taken into the order later was not told then.
                    .filter(|part| part.created_at <= event.occurred_at)
                    .map(|part| part.seller_id)
                    .collect(),
                _ => Vec::new(),
            }
        };
        let sellers: BTreeSet<SellerId> = events.iter().flat_map(&concerned).collect();
        if sellers.is_empty() {
            return Ok(());
        }
        let mut endpoints: HashMap<SellerId, Vec<(webhook_endpoint::Model, Filter)>> = HashMap::new();
        let active = webhook_endpoint::Entity::find()
            .filter(webhook_endpoint::Column::SellerId.is_in(sellers))
            .filter(webhook_endpoint::Column::Status.eq(WebhookEndpointStatus::Active))
            .order_by_asc(webhook_endpoint::Column::Id)
            .all(&**tx)
            .await?;
        for endpoint in active {
            let filter = Filter::of(&endpoint.event_types);
            endpoints.entry(endpoint.seller_id).or_default().push((endpoint, filter));
        }
        let (mut wanted, mut told) = (Vec::new(), BTreeSet::new());
        for event in events {
            for (endpoint, filter) in concerned(event).iter().filter_map(|seller| endpoints.get(seller)).flatten() {
                // What happened before the endpoint was active is not told, however late it comes here.
                if endpoint.told_since <= event.occurred_at && filter.lets_through(&event.r#type) {
                    wanted.push((endpoint.id, event.id, event.r#type.as_str(), 0));
                    told.insert(endpoint.id);
                }
            }
        }
        delivery::create(tx, &wanted).await?;
        let jobs: Vec<_> =
            told.into_iter().map(|endpoint_id| (Task::DeliverWebhooks { endpoint_id }, tx.now)).collect();
        job::awaken_all(tx, &jobs).await?;
        Ok(())
    }
}

fn is_of_every_part(event: &event::Model) -> bool {
    OF_EVERY_PART.contains(&event.r#type.as_str())
}

/// The parts of the orders of which every seller is told.
async fn parts(tx: &Tx, events: &[event::Model]) -> Result<HashMap<OrderId, Vec<seller_order::Model>>> {
    let orders: BTreeSet<OrderId> =
        events.iter().filter(|event| is_of_every_part(event)).filter_map(|event| event.order_id).collect();
    let mut parts: HashMap<OrderId, Vec<seller_order::Model>> = HashMap::new();
    if !orders.is_empty() {
        let rows = seller_order::Entity::find().filter(seller_order::Column::OrderId.is_in(orders)).all(&**tx).await?;
        for part in rows {
            parts.entry(part.order_id).or_default().push(part);
        }
    }
    Ok(parts)
}
