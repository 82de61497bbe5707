//! Every operation of the document as every kind of actor, on rows of their own, of others and of
//! nobody: what `matrix.txt` says is what happens, and nothing else.

mod ask;
mod file;
mod leaks;
mod market;
mod people;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::stream::iter;
use reqwest::Method;

use self::ask::Asker;
use self::file::{Matrix, Named, Place};
use self::market::Market;
use crate::document::{document, operations};
use crate::souk::Contents;

/// What moves without a request that is let in.
const MOVING: &[(&str, &str)] = &[
    // A key is used to ask, whatever the answer is.
    ("api_key", "last_used_at"),
    // Consumers of the log say that they are there, and take turns.
    ("event_consumer", "lease"),
    ("event_consumer", "leased_until"),
    ("event_consumer", "seen_at"),
    ("event_consumer", "updated_at"),
    // A process takes numbers of orders in blocks, before it knows what becomes of a placement.
    ("number_sequence", "*"),
];

/// So many requests are under way at once.
const AT_ONCE: usize = 16;

#[test]
fn names_every_operation_and_every_row_of_it() {
    let (matrix, document) = (Matrix::read(), document());
    let mut left: BTreeMap<String, _> =
        operations(&document).into_iter().map(|operation| (operation.id().to_owned(), operation)).collect();
    for entry in &matrix.entries {
        let operation = left.remove(&entry.id).unwrap_or_else(|| panic!("{} is no operation, or twice", entry.id));
        let of_path = entry.rows.iter().filter(|(place, _)| matches!(place, Place::Path(_))).count();
        assert_eq!(of_path, operation.parameters(), "the rows that the path of {} names", entry.id);
        let told: BTreeSet<String> = entry.rows.iter().filter_map(|(place, _)| place.field()).collect();
        assert_eq!(told, operation.ids(&document), "the rows that the body and the query of {} name", entry.id);
    }
    assert!(left.is_empty(), "operations that are not in matrix.txt: {:?}", left.keys());
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_is_let_in_to_what_is_meant_for_them_and_to_nothing_else() {
    let (matrix, document) = (Matrix::read(), document());
    let market = Market::open().await;
    let made: BTreeSet<String> = market.people.iter().map(|actor| actor.name.clone()).collect();
    assert_eq!(made, matrix.actors(), "the actors that are made, and those that matrix.txt has in a group");
    let asker = Asker::new(&matrix, &document, &market).await;
    let database = market.souk.database();
    let before = database.contents(MOVING).await;

    let refusals = matrix.entries.iter().flat_map(|entry| market.people.iter().map(move |actor| (entry, actor)));
    let told = iter(refusals).map(|(entry, actor)| asker.refusals(entry, actor)).buffer_unordered(AT_ONCE);
    let told: Vec<Vec<String>> = told.collect().await;
    let mut wrong: Vec<String> = told.into_iter().flatten().collect();
    wrong.extend(changes(&before, &database.contents(MOVING).await));
    assert!(wrong.is_empty(), "{} refusals are not what is meant:\n{}", wrong.len(), wrong.join("\n"));

    let let_in = matrix.entries.iter().flat_map(|entry| market.people.iter().map(move |actor| (entry, actor)));
    let (reads, writes): (Vec<_>, Vec<_>) = let_in.partition(|(entry, _)| asker.method(entry) == Method::GET);
    let told = iter(reads).map(|(entry, actor)| asker.let_in(entry, actor)).buffer_unordered(AT_ONCE);
    let told: Vec<Vec<String>> = told.collect().await;
    let mut wrong: Vec<String> = told.into_iter().flatten().collect();
    for (entry, actor) in writes {
        wrong.extend(asker.let_in(entry, actor).await);
    }
    assert!(
        wrong.is_empty(),
        "{} who are meant to be let in are not, or see too much:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The rows that are there only before or only after.
fn changes(before: &Contents, after: &Contents) -> Vec<String> {
    let mut changes = Vec::new();
    for (table, rows) in before {
        let (old, new): (BTreeSet<_>, BTreeSet<_>) = (rows.iter().collect(), after[table].iter().collect());
        changes.extend(old.difference(&new).map(|row| format!("{table} had {row}")));
        changes.extend(new.difference(&old).map(|row| format!("{table} has {row}")));
    }
    changes
}

impl Place {
    /// What the document calls it, where it is none of the path.
    fn field(&self) -> Option<String> {
        match self {
            Self::Path(_) => None,
            Self::Body(field) => Some(field.clone()),
            Self::Query(name) => Some(format!("?{name}")),
        }
    }

    /// Whether what it names is a row that the answer is about.
    fn is_of_path(&self) -> bool {
        matches!(self, Self::Path(_))
    }
}

impl Named {
    /// The kind of a row that has an owner.
    fn own(&self) -> Option<&str> {
        match self {
            Self::Own(kind) => Some(kind),
            _ => None,
        }
    }
}
