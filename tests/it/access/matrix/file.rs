//! Reads `matrix.txt`; its top says how it is written.

use std::collections::{BTreeMap, BTreeSet};

const TEXT: &str = include_str!("../matrix.txt");

/// Whose rows an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Realm {
    /// The public's.
    Public,
    /// Shoppers', each their own.
    Shopper,
    /// Sellers', each their own.
    Seller,
    /// The marketplace's: all there are.
    Operator,
}

/// Who may do what the operations below it do.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Those who are let in.
    pub may: BTreeSet<String>,
    /// Those who count as nobody.
    pub unknown: BTreeSet<String>,
}

impl Rule {
    /// The status by which an actor is turned away, or nothing when they are let in.
    pub fn turns_away(&self, actor: &str) -> Option<u16> {
        if self.may.contains(actor) {
            return None;
        }
        Some(if self.unknown.contains(actor) { 401 } else { 403 })
    }

    /// Whose rows it is about.
    pub fn realm(&self) -> Realm {
        match self.name.split('.').next() {
            Some("seller") => Realm::Seller,
            Some("operator") => Realm::Operator,
            Some("shopper" | "begin" | "person") => Realm::Shopper,
            _ => Realm::Public,
        }
    }
}

/// Where an operation names a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A parameter of the path, by its number.
    Path(usize),
    /// A field of the body, such as `lines/0/line_id`.
    Body(String),
    /// A parameter of the query.
    Query(String),
}

/// What is named there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A word that stays.
    Word(String),
    /// A row of this kind that has an owner.
    Own(String),
    /// A row of this kind that is for everybody.
    Shared(String),
}

/// An operation, its rule, and the rows that it names.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The operation's id.
    pub id: String,
    /// Its rule's name.
    pub rule: String,
    /// Whether more than its rule decides on who is let in.
    pub depends: bool,
    /// The rows.
    pub rows: Vec<(Place, Named)>,
}

/// The file.
#[derive(Debug, Default)]
pub struct Matrix {
    /// The actors of each group.
    pub groups: BTreeMap<String, BTreeSet<String>>,
    /// The rules by name.
    pub rules: BTreeMap<String, Rule>,
    /// The operations in the order of the file.
    pub entries: Vec<Entry>,
}

impl Matrix {
    /// Reads it.
    pub fn read() -> Self {
        let (mut matrix, mut section, mut below) = (Self::default(), "", String::new());
        for line in logical_lines() {
            if line.starts_with('[') {
                section = match line.as_str() {
                    "[groups]" => "groups",
                    "[rules]" => "rules",
                    "[operations]" => "operations",
                    other => panic!("{other} is no section"),
                };
                continue;
            }
            match section {
                "groups" => matrix.group(&line),
                "rules" => matrix.rule(&line),
                "operations" => match line.strip_suffix(':') {
                    Some(rule) => {
                        assert!(matrix.rules.contains_key(rule), "{rule} is no rule");
                        below = rule.to_owned();
                    }
                    None => matrix.entries.push(entry(&line, &below)),
                },
                _ => panic!("{line} is in no section"),
            }
        }
        matrix
    }

    /// The rule of an entry.
    pub fn rule_of(&self, entry: &Entry) -> &Rule {
        &self.rules[&entry.rule]
    }

    /// The actors that groups name.
    pub fn actors(&self) -> BTreeSet<String> {
        self.groups.values().flatten().cloned().collect()
    }

    fn group(&mut self, line: &str) {
        let (name, words) = line.split_once('=').unwrap_or_else(|| panic!("{line} is no group"));
        let actors = self.all(words);
        let before = self.groups.insert(name.trim().to_owned(), actors);
        assert!(before.is_none(), "{name} is there twice");
    }

    fn rule(&mut self, line: &str) {
        let (name, rest) = line.split_once("may:").unwrap_or_else(|| panic!("{line} is no rule"));
        let (may, unknown) = rest.split_once("unknown:").unwrap_or((rest, ""));
        let (may, unknown, name) = (self.all(may), self.all(unknown), name.trim().to_owned());
        assert!(may.is_disjoint(&unknown), "{name} lets in whom it does not know");
        let before = self.rules.insert(name.clone(), Rule { name, may, unknown });
        assert!(before.is_none(), "{line} is there twice");
    }

    /// The actors of words, which are actors or groups.
    fn all(&self, words: &str) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for word in words.split_whitespace() {
            match self.groups.get(word) {
                Some(group) => all.extend(group.iter().cloned()),
                None => drop(all.insert(word.to_owned())),
            }
        }
        all
    }
}

/// The lines without comments; what is indented below a group goes on with it.
fn logical_lines() -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in TEXT.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        match lines.last_mut() {
            Some(before) if line.starts_with(' ') && before.contains(" = ") => {
                before.push(' ');
                before.push_str(line.trim());
            }
            _ => lines.push(line.trim().to_owned()),
        }
    }
    lines
}

fn entry(line: &str, rule: &str) -> Entry {
    let mut words = line.split_whitespace();
    let id = words.next().expect("a word");
    let (id, depends) = id.strip_suffix('!').map_or((id, false), |id| (id, true));
    let mut of_path = 0;
    let rows = words.map(|word| {
        let (place, named) = match word.split_once(['=', '~']) {
            Some((place, kind)) if !kind.is_empty() => {
                let shared = word[place.len()..].starts_with('~');
                let place = match place.strip_prefix('?') {
                    Some(name) => Place::Query(name.to_owned()),
                    None => Place::Body(place.to_owned()),
                };
                (place, if shared { Named::Shared(kind.to_owned()) } else { Named::Own(kind.to_owned()) })
            }
            _ => {
                of_path += 1;
                let named = match (word.strip_prefix('/'), word.strip_suffix('~')) {
                    (Some(word), _) => Named::Word(word.to_owned()),
                    (None, Some(kind)) => Named::Shared(kind.to_owned()),
                    (None, None) => Named::Own(word.to_owned()),
                };
                (Place::Path(of_path - 1), named)
            }
        };
        (place, named)
    });
    Entry { id: id.to_owned(), rule: rule.to_owned(), depends, rows: rows.collect() }
}
