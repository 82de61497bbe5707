//! Whose turn it is to order an offer whose price changes from order to order.
//!
//! Such orders are placed one after the other, in the order of their purchase, each after its own
//! price is set; all others go in parallel.

use std::collections::{BTreeSet, HashMap, HashSet};

use tokio::sync::watch;

use crate::cents::Cents;
use crate::source::{OfferKey, Order};

/// The queues of the offers that need one.
pub struct Turns {
    queues: HashMap<OfferKey, Queue>,
}

struct Queue {
    /// Each order's place.
    places: HashMap<String, usize>,
    /// How many have had their turn.
    done: watch::Sender<usize>,
}

/// The turn of one order; dropped, it is the next one's, however this one ended.
#[derive(Default)]
pub struct Turn<'a> {
    queues: Vec<&'a Queue>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        for queue in &self.queues {
            queue.done.send_modify(|done| *done += 1);
        }
    }
}

/// The offers that are sold at more than one price.
pub fn changing(orders: &[Order]) -> HashSet<OfferKey> {
    let mut prices: HashMap<&OfferKey, BTreeSet<Cents>> = HashMap::new();
    for line in orders.iter().flat_map(|order| &order.lines) {
        prices.entry(&line.offer).or_default().insert(line.price);
    }
    prices.into_iter().filter(|(_, prices)| prices.len() > 1).map(|(offer, _)| offer.clone()).collect()
}

impl Turns {
    /// Queues for `orders`, all of which must take their turn, begun in this order.
    pub fn new(orders: &[&Order], changing: &HashSet<OfferKey>) -> Self {
        let mut queues: HashMap<OfferKey, Queue> = HashMap::new();
        for order in orders {
            for line in order.lines.iter().filter(|line| changing.contains(&line.offer)) {
                let queue = queues
                    .entry(line.offer.clone())
                    .or_insert_with(|| Queue { places: HashMap::new(), done: watch::Sender::new(0) });
                let place = queue.places.len();
                queue.places.insert(order.id.clone(), place);
            }
        }
        Self { queues }
    }

    /// Waits until all earlier orders of each of this order's changing offers have had their turn.
    ///
    /// Nobody waits in a circle: an order waits for earlier ones only.
    pub async fn take(&self, order: &Order) -> Turn<'_> {
        let mut turn = Turn::default();
        for line in &order.lines {
            let Some(queue) = self.queues.get(&line.offer) else { continue };
            let Some(place) = queue.places.get(&order.id) else { continue };
            // The sender is in the same queue, so it is there for as long as anybody waits.
            let _ = queue.done.subscribe().wait_for(|done| done >= place).await;
            turn.queues.push(queue);
        }
        turn
    }

    /// Whether the offer's price may be another one than this order's.
    pub fn is_changing(&self, offer: &OfferKey) -> bool {
        self.queues.contains_key(offer)
    }
}
