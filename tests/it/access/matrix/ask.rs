//! Asks for one operation as one actor, and tells what is not as it is meant to be.

use std::collections::btree_map::Entry::Vacant;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::file::{Entry, Matrix, Named, Place, Realm};
use super::leaks::Leaks;
use super::market::Market;
use super::people::Actor;
use super::rows;
use crate::document::{Operation, operations};
use crate::souk::client::send;
use crate::souk::{Answer, Client};

/// An id of the right form that is nobody's.
const NOBODY: &str = "00000000-0000-7000-8000-000000000000";
/// Those as whom what is for everybody is tried, where trying changes something: who asks does not matter.
const SOME: [&str; 5] = ["anonymous", "expired", "guest_a", "owner_a", "admin"];
/// A list ends after so many pages.
const PAGES: usize = 100;

/// Asks.
pub struct Asker<'a> {
    matrix: &'a Matrix,
    document: &'a Value,
    operations: HashMap<String, Operation>,
    owners: Vec<(&'static str, Realm)>,
    /// Ids by kind and owner.
    owned: BTreeMap<(Realm, String, &'static str), String>,
    /// Ids of what is everybody's, or the operators'.
    common: BTreeMap<String, String>,
    leaks: Leaks,
}

impl<'a> Asker<'a> {
    /// Finds the rows that the matrix names.
    pub async fn new(matrix: &'a Matrix, document: &'a Value, market: &Market) -> Self {
        let database = market.souk.database();
        let (mut owned, mut common) = (BTreeMap::new(), BTreeMap::new());
        for entry in &matrix.entries {
            let realm = matrix.rule_of(entry).realm();
            for (_, named) in &entry.rows {
                let (Named::Own(kind) | Named::Shared(kind)) = named else { continue };
                let everybodys = matches!(realm, Realm::Public | Realm::Operator)
                    || (matches!(named, Named::Shared(_)) && !rows::is_owned(realm, kind));
                if everybodys {
                    if !common.contains_key(kind) {
                        common.insert(kind.clone(), rows::common(database, kind).await.to_string());
                    }
                    continue;
                }
                let mut having = 0;
                for owner in market.owners.iter().filter(|owner| owner.realm == realm) {
                    let key = (realm, kind.clone(), owner.name);
                    if let Vacant(row) = owned.entry(key) {
                        let Some(id) = rows::owned(database, kind, owner).await else { continue };
                        row.insert(id.to_string());
                    }
                    having += 1;
                }
                assert!(having > 1, "the market has no {kind} of one and of another for {}", entry.id);
            }
        }
        Self {
            matrix,
            document,
            operations: operations(document).into_iter().map(|one| (one.id().to_owned(), one)).collect(),
            owners: market.owners.iter().map(|owner| (owner.name, owner.realm)).collect(),
            owned,
            common,
            leaks: Leaks::of(market).await,
        }
    }

    /// The method of an operation.
    pub fn method(&self, entry: &Entry) -> Method {
        self.operations[&entry.id].method.clone()
    }

    /// What is wrong with how an actor is refused: as one of whom this is not asked, or for what is
    /// another's or nobody's.
    pub async fn refusals(&self, entry: &Entry, actor: &Actor) -> Vec<String> {
        let rule = self.matrix.rule_of(entry);
        let mut wrong = Vec::new();
        let Some(status) = rule.turns_away(&actor.name) else {
            for (there, gone, about) in self.others(entry, actor) {
                let there = self.ask(entry, &actor.client, &there).await;
                let gone = self.ask(entry, &actor.client, &gone).await;
                let says = |what: &str| format!("{} as {}: {about:?}: {what}", entry.id, actor.name);
                if there.told != gone.told {
                    wrong.push(says(&format!("another's answers {} and nobody's {}", there.told, gone.told)));
                }
                let expected: &[u16] = match about {
                    Place::Path(_) => &[404],
                    Place::Body(_) => &[404, 422],
                    Place::Query(_) => &[200, 404],
                };
                if !expected.contains(&gone.status) {
                    wrong.push(says(&format!("nobody's answers {}", gone.told)));
                }
                // Without the ids that were asked for: whoever asked knows them.
                wrong.extend(self.leaks.found(rule.realm(), actor, &there.told).map(|leak| says(&leak)));
            }
            return wrong;
        };
        let there = self.ask(entry, &actor.client, &self.some(entry)).await;
        let gone = self.ask(entry, &actor.client, &nobodys(entry)).await;
        let code = if status == 401 { "UNAUTHENTICATED" } else { "FORBIDDEN" };
        if there.status != status || there.code != code {
            wrong.push(format!("{} as {}: {} instead of {status} {code}", entry.id, actor.name, there.told));
        }
        if there.told != gone.told {
            wrong.push(format!("{} as {}: {} and for nobody's {}", entry.id, actor.name, there.told, gone.told));
        }
        wrong
    }

    /// What is wrong with how an actor is let in to their own.
    pub async fn let_in(&self, entry: &Entry, actor: &Actor) -> Vec<String> {
        let rule = self.matrix.rule_of(entry);
        let of_some = rule.realm() == Realm::Public && self.method(entry) != Method::GET;
        if entry.depends || rule.turns_away(&actor.name).is_some() || (of_some && !SOME.contains(&actor.name.as_str()))
        {
            return Vec::new();
        }
        let Some(mut values) = self.own(entry, actor) else { return Vec::new() };
        let mut wrong = Vec::new();
        for _ in 0..PAGES {
            let answer = self.ask(entry, &actor.client, &values).await;
            let refused = ["UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND"].contains(&answer.code.as_str());
            if refused || answer.status >= 500 {
                wrong.push(format!("{} as {}: {}", entry.id, actor.name, answer.told));
            }
            let leaks = self.leaks.found(rule.realm(), actor, &answer.told);
            wrong.extend(leaks.map(|leak| format!("{} as {}: {leak}", entry.id, actor.name)));
            match answer.next {
                Some(cursor) => {
                    values.retain(|(place, _)| *place != Place::Query("cursor".into()));
                    values.push((Place::Query("cursor".into()), cursor));
                }
                None => return wrong,
            }
        }
        wrong.push(format!("{} as {} has no end", entry.id, actor.name));
        wrong
    }

    /// The rows of a call, each with what stands in its place.
    fn values(&self, entry: &Entry, mut value: impl FnMut(&Named) -> Option<String>) -> Option<Vec<(Place, String)>> {
        entry.rows.iter().map(|(place, named)| Some((place.clone(), value(named)?))).collect()
    }

    /// Rows that are there.
    fn some(&self, entry: &Entry) -> Vec<(Place, String)> {
        let realm = self.matrix.rule_of(entry).realm();
        let first = self.owners.iter().find(|(_, of)| *of == realm).map(|(name, _)| *name);
        self.of(entry, first).unwrap_or_else(|| nobodys(entry))
    }

    /// The rows of an owner.
    fn of(&self, entry: &Entry, owner: Option<&'static str>) -> Option<Vec<(Place, String)>> {
        let realm = self.matrix.rule_of(entry).realm();
        self.values(entry, |named| match named {
            Named::Word(word) => Some(word.clone()),
            Named::Own(kind) | Named::Shared(kind) => {
                match self.common.get(kind).filter(|_| !rows::is_owned(realm, kind)) {
                    Some(id) => Some(id.clone()),
                    None => self.owned.get(&(realm, kind.clone(), owner?)).cloned(),
                }
            }
        })
    }

    /// The rows of an actor, if they have such.
    fn own(&self, entry: &Entry, actor: &Actor) -> Option<Vec<(Place, String)>> {
        let realm = self.matrix.rule_of(entry).realm();
        let owner = actor.owner.filter(|owner| self.owners.contains(&(owner, realm)));
        self.of(entry, owner)
    }

    /// Calls for what is another's, each with the same call for what is nobody's: everything another's,
    /// and one thing another's among one's own.
    fn others(&self, entry: &Entry, actor: &Actor) -> Vec<(Values, Values, Place)> {
        let mut all = Vec::new();
        let places: Vec<&Place> =
            entry.rows.iter().filter(|(_, named)| named.own().is_some()).map(|(place, _)| place).collect();
        let Some(first) = places.first() else { return all };
        let realm = self.matrix.rule_of(entry).realm();
        if realm == Realm::Operator {
            // Nothing is another's to them.
            let some = self.some(entry);
            for place in places {
                let gone = with(&some, place, NOBODY);
                all.push((gone.clone(), gone, place.clone()));
            }
            return all;
        }
        let own = self.own(entry, actor);
        for (owner, _) in self.owners.iter().filter(|(name, of)| *of == realm && Some(*name) != actor.owner) {
            let Some(theirs) = self.of(entry, Some(owner)) else { continue };
            let gone = theirs.iter().zip(&entry.rows).map(|((place, value), (_, named))| {
                (place.clone(), if named.own().is_some() { NOBODY.to_owned() } else { value.clone() })
            });
            all.push((theirs.clone(), gone.collect(), (*first).clone()));
            for place in places.iter().filter(|_| places.len() > 1) {
                let Some(own) = &own else { continue };
                let value = theirs.iter().find(|(of, _)| of == *place).map_or(NOBODY, |(_, value)| value);
                all.push((with(own, place, value), with(own, place, NOBODY), (*place).clone()));
            }
        }
        all
    }

    async fn ask(&self, entry: &Entry, client: &Client, values: &[(Place, String)]) -> Told {
        Told::new(&send(self.request(entry, client, values)).await, values)
    }

    fn request(&self, entry: &Entry, client: &Client, values: &[(Place, String)]) -> RequestBuilder {
        let operation = &self.operations[&entry.id];
        let of_path: Vec<&str> =
            values.iter().filter(|(place, _)| place.is_of_path()).map(|(_, value)| value.as_str()).collect();
        let mut address = operation.address_of(&of_path);
        let mut body = operation.example(self.document);
        for (place, value) in values {
            match place {
                Place::Path(_) => {}
                Place::Query(name) => {
                    let mark = if address.contains('?') { '&' } else { '?' };
                    address.push_str(&format!("{mark}{name}={value}"));
                }
                Place::Body(field) => {
                    let body = body.as_mut().unwrap_or_else(|| panic!("{} has no JSON body", entry.id));
                    *at(body, field) = json!(value);
                }
            }
        }
        let request = client.request(operation.method.clone(), &address).header("If-Match", "*");
        match body {
            Some(body) => request.json(&body),
            None if operation.takes_rows() => request.header("content-type", "application/x-ndjson").body("{}\n"),
            None => request,
        }
    }
}

/// The place of a field, made when it is not there.
fn at<'a>(body: &'a mut Value, field: &str) -> &'a mut Value {
    field.split('/').fold(body, |value, part| match part.parse::<usize>() {
        Ok(index) => {
            if !value.is_array() {
                *value = json!([]);
            }
            let items = value.as_array_mut().expect("an array");
            while items.len() <= index {
                items.push(Value::Null);
            }
            &mut items[index]
        }
        Err(_) => &mut value[part],
    })
}

/// A call with another value in a place.
fn with(values: &[(Place, String)], place: &Place, value: &str) -> Vec<(Place, String)> {
    let replaced =
        values.iter().map(|(of, was)| (of.clone(), if of == place { value.to_owned() } else { was.clone() }));
    replaced.collect()
}

/// The call for what is nobody's.
fn nobodys(entry: &Entry) -> Vec<(Place, String)> {
    let values = entry.rows.iter().map(|(place, named)| {
        let value = if let Named::Word(word) = named { word.clone() } else { NOBODY.to_owned() };
        (place.clone(), value)
    });
    values.collect()
}

/// The rows of a call, each with what stands in its place.
type Values = Vec<(Place, String)>;

/// An answer, as it can be compared.
struct Told {
    status: u16,
    code: String,
    next: Option<String>,
    /// All that is told, without the request's id, the time, and the ids that were asked for.
    told: String,
}

impl Told {
    fn new(answer: &Answer, asked: &[(Place, String)]) -> Self {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let mut body: Value = serde_json::from_str(&text).unwrap_or_else(|_| json!(text));
        if let Some(error) = body.get_mut("error").and_then(Value::as_object_mut) {
            error.remove("request_id");
        }
        let headers: BTreeSet<String> = answer
            .headers
            .iter()
            .filter(|(name, _)| !["date", "x-request-id", "content-length"].contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        let status = answer.status.as_u16();
        let mut told = format!("{status} {body} {headers:?}");
        for (_, id) in asked {
            told = told.replace(id, "ID");
        }
        Self {
            status,
            code: body["error"]["code"].as_str().unwrap_or_default().to_owned(),
            next: body["next_cursor"].as_str().map(str::to_owned),
            told,
        }
    }
}
