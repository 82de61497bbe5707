//! A violation of every invariant, as SQL for either database.

mod accounts;
mod audit;
mod batches;
mod events;
mod goods;
mod money;
mod notifications;
mod payouts;
mod prices;
mod privacy;
mod records;
mod webhooks;

use sea_orm::DatabaseBackend;
use souk_domain::order::detail::OrderDetail;
use uuid::Uuid;

use crate::market::Market;

/// What is done to a sound market, and who must be found then.
pub struct Planting {
    pub invariant: &'static str,
    pub sql: String,
    /// Its name or a part of it; or a query for its id, asked before `sql` is done.
    pub offender: String,
}

/// Long ago, as both databases read it.
const LONG_AGO: &str = "'2020-01-01T00:00:00+00:00'";

/// Writes ids as the database does, and collects plantings.
struct Gardener {
    backend: DatabaseBackend,
    plantings: Vec<Planting>,
}

/// Every planting; some invariants have several.
pub fn all(market: &Market, backend: DatabaseBackend) -> Vec<Planting> {
    let mut gardener = Gardener { backend, plantings: Vec::new() };
    gardener.stock(market);
    gardener.orders(market);
    gardener.quantities(market);
    gardener.parcels(market);
    gardener.payments(market);
    gardener.refunds(market);
    gardener.return_terms(market);
    gardener.ledger(market);
    gardener.commission(market);
    gardener.prices(market);
    gardener.promotions(market);
    gardener.payouts(market);
    gardener.history(market);
    gardener.events(market);
    gardener.work(market);
    gardener.batches(market);
    gardener.notifications(market);
    gardener.webhooks(market);
    gardener.audit(market);
    gardener.two_operators();
    gardener.accounts(market);
    gardener.privacy(market);
    gardener.quiet(market);
    gardener.plantings
}

/// The first line of the order's part at `at`.
fn line(order: &OrderDetail, at: usize) -> Uuid {
    order.parts[at].lines[0].id.into()
}

fn part(order: &OrderDetail, at: usize) -> Uuid {
    order.parts[at].seller_order.id.into()
}

impl Gardener {
    fn id(&self, id: impl Into<Uuid>) -> String {
        let id: Uuid = id.into();
        match self.backend {
            DatabaseBackend::Sqlite => format!("x'{}'", id.simple()),
            _ => format!("'{id}'::uuid"),
        }
    }

    fn plant(&mut self, invariant: &'static str, offender: impl ToString, sql: impl Into<String>) {
        self.plantings.push(Planting { invariant, offender: offender.to_string(), sql: sql.into() });
    }

    /// Changes the row of `table` with this id, who is the offender.
    fn change(&mut self, invariant: &'static str, table: &str, id: impl Into<Uuid>, set: &str) {
        let id = id.into();
        self.change_of(invariant, id, table, id, set);
    }

    /// Changes the row of `table` with this id, for which another is the offender.
    fn change_of(
        &mut self,
        invariant: &'static str,
        offender: impl ToString,
        table: &str,
        id: impl Into<Uuid>,
        set: &str,
    ) {
        let sql = format!("UPDATE {table} SET {set} WHERE id = {}", self.id(id));
        self.plant(invariant, offender, sql);
    }

    /// Puts a second row beside the one that `filter` picks of `table`, with `set` changed.
    fn double(&mut self, invariant: &'static str, offender: impl ToString, table: &str, filter: &str, set: &str) {
        let sql = format!(
            "CREATE TEMPORARY TABLE picked AS SELECT * FROM {table} WHERE {filter} LIMIT 1; \
             UPDATE picked SET {set}; INSERT INTO {table} SELECT * FROM picked; DROP TABLE picked"
        );
        self.plant(invariant, offender, sql);
    }

    /// The id of a row that [`Gardener::double`] makes.
    fn new_id(&self) -> (Uuid, String) {
        let id = Uuid::now_v7();
        (id, format!("id = {}", self.id(id)))
    }
}
