//! Everything that an installation has written down, searched for what it must not hold.

use std::collections::BTreeSet;

use redis::AsyncCommands;

use crate::souk::{Setup, Souk};

/// What is searched for, in small letters.
pub struct Traces<'a> {
    souk: &'a Souk,
    words: Vec<String>,
}

impl<'a> Traces<'a> {
    pub fn of(souk: &'a Souk, words: &[&str]) -> Self {
        Self { souk, words: words.iter().map(|word| word.to_lowercase()).collect() }
    }

    /// Where any of the words is: columns of tables and views, keys of Redis, the log.
    pub async fn find(&self) -> BTreeSet<String> {
        let mut found = self.in_columns().await;
        found.extend(self.in_redis().await);
        let log = self.souk.log().to_lowercase();
        found.extend(self.words.iter().filter(|word| log.contains(*word)).map(|word| format!("the log: {word}")));
        found
    }

    /// Every column of every table and view there is, whatever its type.
    async fn in_columns(&self) -> BTreeSet<String> {
        let embedded = Setup::of_environment() == Setup::Embedded;
        let columns = match embedded {
            true => {
                "SELECT m.name || ' ' || p.name || ' ' || p.type FROM sqlite_master m, pragma_table_info(m.name) p \
                 WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%'"
            }
            false => {
                "SELECT table_name || ' ' || column_name || ' ' || data_type FROM information_schema.columns \
                 WHERE table_schema = 'public'"
            }
        };
        let columns = self.souk.database().words(columns).await;
        assert!(columns.len() > 400, "the schema is read: {} columns", columns.len());
        let mut found = BTreeSet::new();
        for column in columns {
            let mut parts = column.splitn(3, ' ');
            let (table, name) = (parts.next().expect("a table"), parts.next().expect("a column"));
            let bytes = parts.next() == Some("bytea");
            // Bytes are searched as bytes: in whatever they begin with, a text may follow.
            let within = |word: &str| match (embedded, bytes) {
                (true, _) => format!(
                    "instr(CAST(lower(CAST(\"{name}\" AS text)) AS blob), CAST('{word}' AS blob)) > 0 \
                     OR instr(CAST(\"{name}\" AS blob), CAST('{word}' AS blob)) > 0"
                ),
                (false, true) => format!("position(convert_to('{word}', 'UTF8') IN \"{name}\") > 0"),
                (false, false) => format!("position('{word}' IN lower(\"{name}\"::text)) > 0"),
            };
            let any: Vec<String> = self.words.iter().map(|word| within(word)).collect();
            let sql = format!("SELECT count(*) FROM {table} WHERE {}", any.join(" OR "));
            if self.souk.database().number(&sql, []).await > 0 {
                found.insert(format!("{table}.{name}"));
            }
        }
        found
    }

    async fn in_redis(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let Some(url) = self.souk.database().redis() else { return found };
        let client = redis::Client::open(url).expect("Redis' address");
        let mut connection = client.get_multiplexed_async_connection().await.expect("Redis");
        let keys: Vec<String> =
            connection.keys(format!("souk:{}:*", self.souk.database().name())).await.expect("the keys");
        for key in keys {
            let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut connection).await.expect("a type");
            let mut read = match kind.as_str() {
                "string" => redis::cmd("GET"),
                "hash" => redis::cmd("HGETALL"),
                "set" => redis::cmd("SMEMBERS"),
                "list" => redis::cmd("LRANGE"),
                "zset" => redis::cmd("ZRANGE"),
                "stream" => redis::cmd("XRANGE"),
                other => panic!("{key} is a {other}"),
            };
            read.arg(&key);
            match kind.as_str() {
                "list" | "zset" => drop(read.arg(0).arg(-1)),
                "stream" => drop(read.arg("-").arg("+")),
                _ => {}
            }
            let value: redis::Value = read.query_async(&mut connection).await.expect("a value");
            let mut text = key.to_lowercase();
            flatten(&value, &mut text);
            found.extend(self.words.iter().filter(|word| text.contains(*word)).map(|word| format!("{key}: {word}")));
        }
        found
    }
}

/// All text of a value of Redis, in small letters.
fn flatten(value: &redis::Value, text: &mut String) {
    match value {
        redis::Value::BulkString(bytes) => text.push_str(&String::from_utf8_lossy(bytes).to_lowercase()),
        redis::Value::SimpleString(words) => text.push_str(&words.to_lowercase()),
        redis::Value::Array(values) | redis::Value::Set(values) => values.iter().for_each(|each| flatten(each, text)),
        redis::Value::Map(pairs) => pairs.iter().for_each(|(key, value)| {
            flatten(key, text);
            flatten(value, text);
        }),
        _ => {}
    }
    text.push('\n');
}
