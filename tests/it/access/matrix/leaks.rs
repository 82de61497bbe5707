//! What is another's, looked for in every answer.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::file::Realm;
use super::market::Market;
use super::people::Actor;

/// What an owner's answers must not have in them.
#[derive(Default)]
struct Secrets {
    ids: BTreeSet<Uuid>,
    words: BTreeSet<String>,
}

/// What must not be told to whom.
pub struct Leaks(BTreeMap<&'static str, Secrets>);

impl Leaks {
    /// All that belongs to somebody is secret to others of their kind; and who their shoppers are, to
    /// sellers.
    pub async fn of(market: &Market) -> Self {
        let database = market.souk.database();
        let mut belongings = Vec::new();
        for owner in &market.owners {
            let mut ids = BTreeSet::new();
            let mut words = BTreeSet::new();
            let queries = if owner.realm == Realm::Seller {
                ids.extend(
                    database
                        .belonging_to("seller", of(market, "SELECT id FROM seller WHERE id = $1", owner).await)
                        .await,
                );
                vec![
                    "SELECT number FROM seller_order WHERE seller_id = $1",
                    "SELECT tracking_number FROM shipment WHERE seller_id = $1 AND tracking_number IS NOT NULL",
                    "SELECT sku FROM order_line WHERE seller_id = $1",
                    "SELECT code FROM promotion WHERE seller_id = $1",
                    "SELECT payout_account FROM seller WHERE id = $1",
                    "SELECT url FROM webhook_endpoint WHERE seller_id = $1",
                ]
            } else {
                for table in ["orders", "cart"] {
                    let sql = format!("SELECT id FROM {table} WHERE {} = $1", owner.column);
                    ids.extend(database.belonging_to(table, of(market, &sql, owner).await).await);
                }
                if owner.column == "user_id" {
                    let user = of(market, "SELECT id FROM app_user WHERE id = $1", owner).await;
                    ids.extend(database.belonging_to("app_user", user).await);
                }
                vec!["SELECT number FROM orders WHERE {owner} = $1"]
            };
            for sql in queries {
                let sql = sql.replace("{owner}", owner.column);
                words.extend(database.words_of(&sql, [owner.key.clone()]).await);
            }
            words.extend(owner.email.clone());
            assert!(ids.len() > 10 && words.len() > 1, "much belongs to {}", owner.name);
            belongings.push((owner, ids, words));
        }
        let mut all: BTreeMap<&'static str, Secrets> = BTreeMap::new();
        for owner in &market.owners {
            let secrets = all.entry(owner.name).or_default();
            for (_, ids, words) in belongings.iter().filter(|(of, ..)| of.realm == owner.realm && of.name != owner.name)
            {
                secrets.ids.extend(ids);
                secrets.words.extend(words.iter().cloned());
            }
            if owner.realm == Realm::Seller {
                secrets.words.extend(market.owners.iter().filter_map(|shopper| shopper.email.clone()));
                // A payment's id is told: it is what a statement calls the capture by, and opens nothing.
                for sql in ["SELECT id FROM cart", "SELECT user_id FROM orders WHERE user_id IS NOT NULL"] {
                    secrets.ids.extend(database.ids(sql, []).await);
                }
            }
        }
        Self(all)
    }

    /// What an answer to an actor tells that is another's.
    pub fn found<'a>(&'a self, realm: Realm, actor: &Actor, text: &'a str) -> impl Iterator<Item = String> + 'a {
        let own_realm = match actor.owner {
            Some(owner) if owner.starts_with("seller") => Realm::Seller,
            _ => Realm::Shopper,
        };
        let secrets = actor.owner.filter(|_| realm == own_realm).and_then(|owner| self.0.get(owner));
        let ids = ids_in(text).filter(move |id| secrets.is_some_and(|secrets| secrets.ids.contains(id)));
        let words = secrets.into_iter().flat_map(|secrets| &secrets.words).filter(|word| text.contains(word.as_str()));
        ids.map(|id| format!("tells of {id}")).chain(words.map(|word| format!("tells of {word}")))
    }
}

async fn of(market: &Market, sql: &str, owner: &super::rows::Owner) -> Vec<Uuid> {
    market.souk.database().ids(sql, [owner.key.clone()]).await
}

/// Every id in a text.
fn ids_in(text: &str) -> impl Iterator<Item = Uuid> + '_ {
    let hyphens = text.match_indices('-').filter_map(|(at, _)| at.checked_sub(8));
    hyphens.filter_map(|begin| text.get(begin..begin + 36)).filter_map(|word| Uuid::try_parse(word).ok())
}
