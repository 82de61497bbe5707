//! All that is in a database: to see that nothing has changed, and what belongs to somebody.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DatabaseBackend, QueryResult, Statement, Value};
use uuid::Uuid;

use super::Database;

/// Every row of every table, as text.
pub type Contents = BTreeMap<String, Vec<String>>;

impl Database {
    /// Runs a query of ids.
    pub async fn ids(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Vec<Uuid> {
        let rows = self.query(sql, values).await;
        rows.iter().map(|row| row.try_get_by_index(0).unwrap_or_else(|error| panic!("{sql}: {error}"))).collect()
    }

    /// Runs a query of text with values.
    pub async fn words_of(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Vec<String> {
        self.query(sql, values).await.iter().map(|row| row.try_get_by_index(0).expect("text")).collect()
    }

    /// Every row of every table but what moves on its own: columns, or with `*` tables.
    pub async fn contents(&self, moving: &[(&str, &str)]) -> Contents {
        let sqlite = self.connection().await.get_database_backend() == DatabaseBackend::Sqlite;
        let mut all = Contents::new();
        for table in self.tables().await {
            let apart: Vec<&str> = moving.iter().filter(|(of, _)| *of == table).map(|(_, column)| *column).collect();
            if apart.contains(&"*") {
                continue;
            }
            let columns = self.columns(&table).await;
            for column in &apart {
                assert!(columns.contains(*column), "{table} has no {column}");
            }
            let text = columns.iter().filter(|column| !apart.contains(&column.as_str())).map(|column| {
                if sqlite { format!("quote(\"{column}\")") } else { format!("coalesce(\"{column}\"::text, '-')") }
            });
            let text = text.collect::<Vec<_>>().join(" || ' ' || ");
            all.insert(table.clone(), self.words(&format!("SELECT {text} FROM \"{table}\" ORDER BY 1")).await);
        }
        all
    }

    /// The ids of all rows that belong to a row, over every foreign key, with the row's own.
    pub async fn belonging_to(&self, table: &str, ids: impl IntoIterator<Item = Uuid>) -> BTreeSet<Uuid> {
        let mut found: BTreeSet<(String, Uuid)> = ids.into_iter().map(|id| (table.to_owned(), id)).collect();
        let rows = self.references().await;
        loop {
            let before = found.len();
            for (table, id, parents) in &rows {
                if parents.iter().any(|parent| found.contains(parent)) {
                    found.insert((table.clone(), *id));
                }
            }
            if found.len() == before {
                return found.into_iter().map(|(_, id)| id).collect();
            }
        }
    }

    /// Every row that has an id, with the rows that it refers to.
    async fn references(&self) -> Vec<(String, Uuid, Vec<(String, Uuid)>)> {
        let sqlite = self.connection().await.get_database_backend() == DatabaseBackend::Sqlite;
        let mut all = Vec::new();
        for table in self.tables().await {
            if !self.columns(&table).await.contains("id") {
                continue;
            }
            let keys = if sqlite {
                format!(
                    "SELECT \"from\" || ' ' || \"table\" FROM pragma_foreign_key_list('{table}') WHERE \"to\" = 'id'"
                )
            } else {
                format!(
                    "SELECT a.attname || ' ' || c.confrelid::regclass FROM pg_constraint c \
                     CROSS JOIN LATERAL unnest(c.conkey, c.confkey) AS k(here, there) \
                     JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.here \
                     JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.there \
                     WHERE c.contype = 'f' AND b.attname = 'id' AND c.conrelid = '\"{table}\"'::regclass"
                )
            };
            let keys = self.words(&keys).await;
            let mut keys: BTreeMap<&str, &str> = keys.iter().filter_map(|key| key.split_once(' ')).collect();
            // What the log and its like keep of something that may go.
            let columns = self.columns(&table).await;
            for (column, parent) in [("seller_id", "seller"), ("user_id", "app_user"), ("order_id", "orders")] {
                if columns.contains(column) {
                    keys.entry(column).or_insert(parent);
                }
            }
            let select: String = keys.keys().map(|column| format!(", \"{column}\"")).collect();
            for row in self.query(&format!("SELECT id{select} FROM \"{table}\""), []).await {
                // The simulated companies have names instead.
                let Ok(id) = row.try_get_by_index::<Uuid>(0) else { continue };
                let parent = |(at, parent): (usize, &&str)| {
                    let id = row.try_get_by_index::<Option<Uuid>>(at + 1).ok().flatten()?;
                    Some(((*parent).to_owned(), id))
                };
                all.push((table.clone(), id, keys.values().enumerate().filter_map(parent).collect()));
            }
        }
        all
    }

    async fn tables(&self) -> Vec<String> {
        let sql = match self.connection().await.get_database_backend() {
            DatabaseBackend::Sqlite => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            }
            _ => "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'",
        };
        self.words(sql).await
    }

    async fn columns(&self, table: &str) -> BTreeSet<String> {
        let sql = match self.connection().await.get_database_backend() {
            DatabaseBackend::Sqlite => format!("SELECT name FROM pragma_table_info('{table}')"),
            _ => format!(
                "SELECT column_name::text FROM information_schema.columns \
                 WHERE table_schema = 'public' AND table_name = '{table}'"
            ),
        };
        self.words(&sql).await.into_iter().collect()
    }

    async fn query(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Vec<QueryResult> {
        let connection = self.connection().await;
        let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
        connection.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}
