//! The query parameters that each operation declares; others are refused, as unknown fields are: a
//! filter that is spelled wrong would otherwise list everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use poem::Request;
use poem::http::Method;
use serde_json::Value;
use souk_domain::{Code, Error, Result};
use url::form_urlencoded;

use crate::document;

/// Of the document's operations.
static DECLARED: LazyLock<Declared> = LazyLock::new(|| Declared::of(document::built()));

/// Refuses query parameters that the operation does not declare, and one that is there twice.
/// Addresses that are no operation's are left alone.
///
/// # Errors
/// [`Code::MalformedRequest`].
pub fn query(request: &Request) -> Result<()> {
    match request.uri().query() {
        None | Some("") => Ok(()),
        Some(query) => DECLARED.check(request.method(), request.uri().path(), query),
    }
}

struct Declared {
    operations: Vec<Operation>,
}

struct Operation {
    method: String,
    /// Its parts; `None` for a parameter.
    path: Vec<Option<String>>,
    /// Its parameters, and whether each may be there more than once.
    query: BTreeMap<String, bool>,
}

impl Declared {
    fn of(document: &Value) -> Self {
        let paths = document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, methods)| {
            let methods = methods.as_object().into_iter().flatten();
            methods.map(|(method, operation)| Operation::of(method, path, operation))
        });
        Self { operations: operations.collect() }
    }

    fn check(&self, method: &Method, path: &str, query: &str) -> Result<()> {
        let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let found = self.operations.iter().filter(|operation| operation.is_at(method, &parts));
        // A word goes before a parameter, as in the router.
        let Some(operation) = found.min_by_key(|operation| operation.path.iter().filter(|part| part.is_none()).count())
        else {
            return Ok(());
        };
        let mut seen = BTreeSet::new();
        for (name, _) in form_urlencoded::parse(query.as_bytes()) {
            match operation.query.get(name.as_ref()) {
                None => return Err(operation.unknown(&name)),
                Some(false) if seen.contains(&name) => {
                    return Err(malformed(format!("The query parameter \"{name}\" is there twice.")));
                }
                Some(_) => seen.insert(name),
            };
        }
        Ok(())
    }
}

impl Operation {
    fn of(method: &str, path: &str, operation: &Value) -> Self {
        let part = |part: &str| if part.starts_with('{') { None } else { Some(part.to_owned()) };
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let query = parameters.filter(|parameter| parameter["in"] == "query").map(|parameter| {
            let name = parameter["name"].as_str().unwrap_or_default();
            (name.to_owned(), parameter["schema"]["type"] == "array")
        });
        Self {
            method: method.to_uppercase(),
            path: path.trim_matches('/').split('/').map(part).collect(),
            query: query.collect(),
        }
    }

    fn is_at(&self, method: &str, parts: &[&str]) -> bool {
        let fits = |(part, given): (&Option<String>, &&str)| part.as_deref().is_none_or(|part| part == *given);
        self.method == method && self.path.len() == parts.len() && self.path.iter().zip(parts).all(fits)
    }

    fn unknown(&self, name: &str) -> Error {
        let name: String = name.chars().take(50).collect();
        let known: Vec<&str> = self.query.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        malformed(format!("There is no query parameter \"{}\" here; known: {known}.", name.escape_debug()))
    }
}

fn malformed(message: String) -> Error {
    Error::new(Code::MalformedRequest, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_declared_is_taken_and_once() {
        let parameter = |name: &str, kind: &str| json!({"in": "query", "name": name, "schema": {"type": kind}});
        let declared = Declared::of(&json!({"paths": {
            "/a/{id}": {"get": {"parameters": [parameter("limit", "integer"), parameter("status", "array"),
                                               {"in": "header", "name": "If-Match"}]},
                        "put": {}},
            "/a/find": {"get": {"parameters": [parameter("q", "string")]}},
        }}));
        let check = |method: Method, path: &str, query: &str| declared.check(&method, path, query);
        for (path, query) in
            [("/a/1", "limit=1"), ("/a/1/", "status=x&status=y&limit=2"), ("/a/find", "q=%26x=1"), ("/b", "any=1")]
        {
            assert!(check(Method::GET, path, query).is_ok(), "{path}?{query}");
            assert!(check(Method::HEAD, path, query).is_ok(), "{path}?{query}");
        }
        for (method, path, query, named) in [
            (Method::GET, "/a/1", "limits=1", "\"limits\""),
            (Method::GET, "/a/1", "limit=1&limit=2", "\"limit\" is there twice"),
            (Method::GET, "/a/1", "If-Match=1", "\"If-Match\""),
            (Method::GET, "/a/1", "%6Cimit=1&=", "\"\""),
            (Method::GET, "/a/find", "limit=1", "known: q"),
            (Method::PUT, "/a/1", "limit=1", "known: none"),
            (Method::PUT, "/a/1", "x", "\"x\""),
        ] {
            let error = check(method, path, query).unwrap_err();
            assert_eq!(error.code, Code::MalformedRequest);
            assert!(error.message.contains(named), "{query}: {error}");
        }
    }
}
