//! A seller's endpoint that was told of events, and how that went.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use souk_domain::Store;
use souk_domain::actor::Actor;
use souk_domain::event::Projection;
use souk_domain::job::{Lease, Task};
use souk_domain::port::WebhookAnswer;
use souk_domain::webhook::delivery::{self, Attempt};
use souk_domain::webhook::endpoint::{self, EndpointChange, NewEndpoint};
use souk_domain::webhook::filter::Filter;
use souk_domain::webhook::projection::SellerWebhooks;
use souk_domain::webhook::redelivery;
use souk_domain::webhook::target::Targets;
use souk_entity::id::WebhookEndpointId;
use souk_entity::status::JobStatus;
use souk_entity::{event, job, webhook_delivery};

use crate::shop::Shop;

/// The shop is told of orders; another of its endpoints was changed and disabled.
pub async fn make_endpoints(store: &Store, shop: &Shop) -> WebhookEndpointId {
    let new = |filter: &[String]| NewEndpoint {
        seller: shop.seller,
        url: Targets::Public.read("https://example.com/hooks").unwrap(),
        description: String::new(),
        filter: Filter::read(filter).unwrap(),
    };
    let orders = ["order.*".to_owned(), "seller_order.created".to_owned()];
    let told = store.write(async |tx| endpoint::create(&tx, new(&orders), shop.actor()).await).await.unwrap();
    let left = store.write(async |tx| endpoint::create(&tx, new(&[]), shop.actor()).await).await.unwrap();
    let (seller, id) = (left.seller_id, left.id);
    let change = EndpointChange { description: Some("left".into()), ..EndpointChange::default() };
    store
        .write(async |tx| endpoint::update(&tx, seller, id, change.clone(), Some(1), Actor::System).await)
        .await
        .unwrap();
    store.write(async |tx| endpoint::disable(&tx, seller, id, shop.actor()).await).await.unwrap();
    told.id
}

/// Writes what the log says for the endpoint; of the first two of it one is delivered, and asked
/// for again, and one is not.
pub async fn tell(store: &Store, shop: &Shop, id: WebhookEndpointId) {
    let events = event::Entity::find().order_by_asc(event::Column::Id).all(store.read()).await.unwrap();
    store.write(async |tx| SellerWebhooks.take(&tx, &events).await).await.unwrap();
    let key = Task::DeliverWebhooks { endpoint_id: id }.key();
    let job = job::Entity::find().filter(job::Column::UniqueKey.eq(key)).one(store.read()).await.unwrap().unwrap();
    let lease = Lease { job_id: job.id, attempts: job.attempts + 1 };
    job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Running))
        .col_expr(job::Column::Attempts, Expr::value(lease.attempts))
        .filter(job::Column::Id.eq(job.id))
        .exec(store.read())
        .await
        .unwrap();
    let due = store.write(async |tx| delivery::due(&tx, lease, id, 2).await).await.unwrap().unwrap();
    let outcomes = [Ok(WebhookAnswer { status: 204, body: String::new() }), Err("no connection".to_owned())];
    let mut delivered = None;
    for ((row, _), outcome) in due.deliveries.iter().zip(outcomes) {
        delivered = delivered.or_else(|| outcome.is_ok().then_some(row.id));
        let attempt =
            Attempt { delivery: row.id, number: row.attempts + 1, started_at: store.now(), duration_ms: 9, outcome };
        assert!(store.write(async |tx| delivery::record(&tx, lease, &attempt).await).await.unwrap());
    }
    let delivered = delivered.unwrap();
    let again = store.write(async |tx| redelivery::one(&tx, shop.seller, id, delivered).await).await.unwrap();
    assert_eq!(again.redelivery, 1);
    // Of the others nothing is due any more, as if their time had not come.
    webhook_delivery::Entity::update_many()
        .col_expr(webhook_delivery::Column::NextAttemptAt, Expr::value(Some(store.now() + chrono::TimeDelta::days(1))))
        .filter(webhook_delivery::Column::NextAttemptAt.is_not_null())
        .exec(store.read())
        .await
        .unwrap();
    store.write(async |tx| lease.complete(&tx).await).await.unwrap();
}
