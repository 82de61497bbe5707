//! The schema: its steps go forward and backward, the entities describe it, it refuses to rewrite
//! history, and no foreign key is without an index.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use sea_orm::{
    ColumnTrait, ConnectOptions, ConnectionTrait, Database, DatabaseBackend, DatabaseConnection, EntityTrait,
    IdenStatic, Iterable, QueryResult, QuerySelect, Statement,
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::souk::Setup;

/// Steps of the schema; a new one counts here.
const STEPS: u32 = 22;

/// The tables that the database itself keeps from being rewritten.
const APPEND_ONLY: [&str; 5] = ["status_history", "event", "ledger_transaction", "ledger_entry", "audit_entry"];

/// An empty database of the set-up's kind, and `souk migrate` on it.
struct Schema {
    url: String,
    /// The server's own database and the name of this one.
    server: Option<(DatabaseConnection, String)>,
    directory: TempDir,
}

impl Schema {
    async fn empty() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        match Setup::of_environment() {
            Setup::Embedded => {
                let url = format!("sqlite://{}?mode=rwc", directory.path().join("souk.db").display());
                Self { url, server: None, directory }
            }
            Setup::Services => {
                let server = std::env::var("DATABASE_URL").expect("SOUK_TEST_SETUP=services needs DATABASE_URL");
                let name = format!("souk_schema_{}", Uuid::new_v4().simple());
                let (address, _) = server.rsplit_once('/').expect("DATABASE_URL names a database");
                let url = format!("{address}/{name}");
                let server = connect(&server).await;
                server.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database");
                Self { url, server: Some((server, name)), directory }
            }
        }
    }

    async fn migrated() -> Self {
        let schema = Self::empty().await;
        schema.migrate(&[]);
        schema
    }

    /// Runs `souk migrate` with these arguments; returns what it prints.
    fn migrate(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_souk"));
        command.env_clear().arg("migrate").args(arguments).env("DATABASE_URL", &self.url);
        let output = command.env("SOUK_DATA_DIR", self.directory.path()).output().expect("souk runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Steps that are done and steps that are not, as `souk migrate --status` tells them.
    fn status(&self) -> (usize, usize) {
        let told = self.migrate(&["--status"]);
        let count = |word: &str| told.lines().filter(|line| line.starts_with(word)).count();
        assert_eq!(count("done") + count("pending"), told.lines().count(), "{told}");
        (count("done"), count("pending"))
    }

    async fn connect(&self) -> DatabaseConnection {
        connect(&self.url).await
    }

    async fn end(self) {
        if let Some((server, name)) = self.server {
            server.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.expect("it is dropped");
        }
    }
}

async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.expect("the database")
}

async fn rows(connection: &DatabaseConnection, sql: &str) -> Vec<QueryResult> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    connection.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn text(row: &QueryResult, column: usize) -> String {
    row.try_get_by_index(column).expect("text")
}

async fn tables(connection: &DatabaseConnection) -> BTreeSet<String> {
    let sql = match connection.get_database_backend() {
        DatabaseBackend::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        _ => {
            "SELECT table_name::text FROM information_schema.tables \
             WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        }
    };
    let names = rows(connection, sql).await.iter().map(|row| text(row, 0)).collect::<BTreeSet<_>>();
    names.into_iter().filter(|name| name != "seaql_migrations").collect()
}

/// The columns of a table, and whether each may be NULL.
async fn columns(connection: &DatabaseConnection, table: &str) -> BTreeMap<String, bool> {
    let sql = match connection.get_database_backend() {
        DatabaseBackend::Sqlite => format!("SELECT name, 1 - \"notnull\" FROM pragma_table_info('{table}')"),
        _ => format!(
            "SELECT column_name::text, (is_nullable = 'YES')::int FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name = '{table}'"
        ),
    };
    let nullable = |row: &QueryResult| row.try_get_by_index::<i32>(1).expect("a flag") == 1;
    rows(connection, &sql).await.iter().map(|row| (text(row, 0), nullable(row))).collect()
}

/// Everything in the schema that has a name, in words that can be compared.
async fn everything(connection: &DatabaseConnection) -> Vec<String> {
    let sql = match connection.get_database_backend() {
        DatabaseBackend::Sqlite => {
            "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_master \
             WHERE name NOT LIKE 'sqlite_%' ORDER BY 1"
        }
        _ => {
            "SELECT * FROM (\
             SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable AS line \
                 FROM information_schema.columns WHERE table_schema = 'public' \
             UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) \
                 FROM pg_constraint WHERE connamespace = 'public'::regnamespace \
             UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' \
             UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal) AS everything ORDER BY line"
        }
    };
    rows(connection, sql).await.iter().map(|row| text(row, 0)).collect()
}

#[tokio::test]
async fn its_steps_go_up_down_and_up_again() {
    let schema = Schema::empty().await;
    let steps = STEPS as usize;
    assert_eq!(schema.status(), (0, steps), "an empty database");
    schema.migrate(&[]);
    assert_eq!(schema.status(), (steps, 0));
    let first = everything(&schema.connect().await).await;
    assert!(first.len() > 100, "a schema is there: {first:?}");
    schema.migrate(&[]);
    assert_eq!(schema.status(), (steps, 0), "running it again changes nothing");

    for done in (0..steps).rev() {
        schema.migrate(&["--down", "1"]);
        assert_eq!(schema.status(), (done, steps - done));
    }
    assert_eq!(tables(&schema.connect().await).await, BTreeSet::new(), "all steps are undone");
    schema.migrate(&[]);
    assert_eq!(everything(&schema.connect().await).await, first, "one by one down, and up again");

    schema.migrate(&["--down", &STEPS.to_string()]);
    assert_eq!(schema.status(), (0, steps));
    schema.migrate(&[]);
    assert_eq!(everything(&schema.connect().await).await, first, "all at once down, and up again");
    schema.end().await;
}

/// Compares an entity with its table; returns the table's name.
async fn compare<E: EntityTrait>(connection: &DatabaseConnection, entity: E) -> String {
    let table = entity.table_name().to_owned();
    let described: BTreeMap<String, bool> =
        E::Column::iter().map(|column| (column.as_str().to_owned(), column.def().is_null())).collect();
    assert_eq!(described, columns(connection, &table).await, "the columns of {table}, and which may be NULL");
    E::find().limit(1).all(connection).await.unwrap_or_else(|error| panic!("{table}: {error}"));
    table
}

macro_rules! compare_all {
    ($connection:expr, $($entity:ident),+ $(,)?) => {{
        let mut tables = BTreeSet::new();
        $(tables.insert(compare($connection, souk_entity::$entity::Entity).await);)+
        tables
    }};
}

#[tokio::test]
async fn every_entity_is_its_table_and_every_table_has_an_entity() {
    let schema = Schema::migrated().await;
    let connection = schema.connect().await;
    #[rustfmt::skip]
    let described = compare_all!(
        &connection,
        account_token, api_key, audit_entry, audit_head, audit_subject,
        batch, batch_row, cart, cart_line, cart_promotion, cart_shipping, category, commission_rule, event, event_consumer, idempotency_key, inbox,
        installation, inventory_level, job, ledger_entry, ledger_transaction, notification, number_sequence, offer, operator_refund, order, order_address, order_import,
        order_line, order_promotion, payment, payment_share, payout, payout_item, payout_reserve, person_key, price_step, product, promotion, promotion_offer, promotion_shopper, recovery_code, refresh_token, refund, refund_approval, refund_line, reservation, return_line,
        return_request, schedule, seller, seller_check, seller_invitation, seller_member, seller_order, seller_requirement, seller_return_exclusion, shipment, shipment_event, shipment_label, shipment_line,
        shipping_method, shipping_weight_step, shipping_zone, shipping_zone_place, sign_in_throttle, simulated_parcel, simulated_payment, simulated_refund, simulated_scan, simulated_transfer, simulated_webhook,
        status_history, stock_movement, tax_exemption, tax_rate, tax_zone, totp, totp_reset, user, user_address, variant, warehouse, webhook_attempt,
        webhook_delivery, webhook_endpoint,
    );
    assert_eq!(described, tables(&connection).await);
    schema.end().await;
}

#[tokio::test]
async fn history_and_the_ledger_cannot_be_rewritten() {
    let schema = Schema::migrated().await;
    let connection = schema.connect().await;
    let (id, time) = ("00000000-0000-7000-8000-000000000001", "2026-01-02 03:04:05+00:00");
    let inserts = [
        format!(
            "INSERT INTO status_history (id, entity_kind, entity_id, version, to_status, actor_kind, occurred_at) \
             VALUES ('{id}', 'order', '{id}', 1, 'pending', 'system', '{time}')"
        ),
        format!(
            "INSERT INTO event (id, type, entity_kind, entity_id, version, data, occurred_at) \
             VALUES ('{id}', 'order.created', 'order', '{id}', 1, '{{}}', '{time}')"
        ),
        format!(
            "INSERT INTO ledger_transaction (id, source_type, source_id, currency, amount, occurred_at) \
             VALUES ('{id}', 'capture', '{id}', 'USD', 5, '{time}')"
        ),
        format!(
            "INSERT INTO ledger_entry (id, transaction_id, account, currency, amount, occurred_at) \
             VALUES ('{id}', '{id}', 'provider_clearing', 'USD', 5, '{time}')"
        ),
        format!(
            "INSERT INTO audit_entry (id, sequence, occurred_at, actor_kind, operation, changes, previous_hash, hash) \
             VALUES ('{id}', 1, '{time}', 'system', 'cli:jobs redrive', '[]', '', '')"
        ),
    ];
    for (table, insert) in APPEND_ONLY.iter().zip(&inserts) {
        connection.execute_unprepared(insert).await.unwrap_or_else(|error| panic!("{table}: {error}"));
        let before = everything_in(&connection, table).await;
        for change in [
            format!("UPDATE {table} SET occurred_at = '2027-01-02 03:04:05+00:00'"),
            format!("UPDATE {table} SET id = id"),
            format!("DELETE FROM {table}"),
            format!("DELETE FROM {table} WHERE id = '{id}'"),
        ] {
            let error = connection.execute_unprepared(&change).await.expect_err(&change).to_string();
            assert!(error.contains(&format!("{table} is append-only")), "{change}: {error}");
        }
        assert_eq!(everything_in(&connection, table).await, before);
    }
    schema.end().await;
}

#[tokio::test]
async fn what_cannot_be_rewritten_cannot_be_emptied() {
    let schema = Schema::migrated().await;
    let connection = schema.connect().await;
    if connection.get_database_backend() == DatabaseBackend::Sqlite {
        println!("nothing to test: SQLite has no TRUNCATE");
        return schema.end().await;
    }
    let guarded = "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname LIKE '%_append_only'";
    let guarded = rows(&connection, guarded).await.iter().map(|row| text(row, 0)).collect::<BTreeSet<_>>();
    assert!(APPEND_ONLY.iter().all(|table| guarded.contains(*table)), "{guarded:?}");
    for table in guarded {
        let truncate = format!("TRUNCATE {table} CASCADE");
        let error = connection.execute_unprepared(&truncate).await.expect_err(&truncate).to_string();
        assert!(error.contains("is append-only"), "{truncate}: {error}");
    }
    schema.end().await;
}

async fn everything_in(connection: &DatabaseConnection, table: &str) -> Vec<String> {
    let sql = format!("SELECT CAST(occurred_at AS text) FROM {table}");
    rows(connection, &sql).await.iter().map(|row| text(row, 0)).collect()
}

#[tokio::test]
async fn every_foreign_key_begins_an_index() {
    let schema = Schema::migrated().await;
    let connection = schema.connect().await;
    let (keys, indexed) = match connection.get_database_backend() {
        DatabaseBackend::Sqlite => sqlite_keys_and_indexes(&connection).await,
        _ => postgres_keys_and_indexes(&connection).await,
    };
    assert!(keys.len() > 40, "foreign keys are found: {keys:?}");
    let bare: Vec<&(String, String)> = keys.difference(&indexed).collect();
    assert!(bare.is_empty(), "foreign keys that no index begins with: {bare:?}");
    schema.end().await;
}

/// Tables and columns: first columns of foreign keys, and first columns of indexes over all rows.
type Columns = BTreeSet<(String, String)>;

async fn sqlite_keys_and_indexes(connection: &DatabaseConnection) -> (Columns, Columns) {
    let (mut keys, mut indexed) = (BTreeSet::new(), BTreeSet::new());
    for table in tables(connection).await {
        let key = format!("SELECT \"from\" FROM pragma_foreign_key_list('{table}') WHERE seq = 0");
        keys.extend(rows(connection, &key).await.iter().map(|row| (table.clone(), text(row, 0))));
        let index = format!(
            "SELECT i.name FROM pragma_index_list('{table}') AS l, pragma_index_info(l.name) AS i \
             WHERE i.seqno = 0 AND l.partial = 0"
        );
        indexed.extend(rows(connection, &index).await.iter().map(|row| (table.clone(), text(row, 0))));
    }
    (keys, indexed)
}

async fn postgres_keys_and_indexes(connection: &DatabaseConnection) -> (Columns, Columns) {
    let keys = "SELECT c.conrelid::regclass::text, a.attname::text FROM pg_constraint c \
                JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE c.contype = 'f'";
    let indexed = "SELECT i.indrelid::regclass::text, a.attname::text FROM pg_index i \
                   JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] \
                   WHERE i.indpred IS NULL AND i.indisvalid";
    let pairs = async |sql| rows(connection, sql).await.iter().map(|row| (text(row, 0), text(row, 1))).collect();
    (pairs(keys).await, pairs(indexed).await)
}
