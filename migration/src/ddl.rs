//! One SQL text for two databases.
//!
//! `{uuid}`, `{timestamp}`, `{json}` and `{bytes}` stand for the column types that differ;
//! everything else in the steps is SQL that PostgreSQL 14+ and SQLite 3.35+ read alike.
//! The SQLite names are the ones that SeaQuery itself would write, so that SeaORM's
//! decoding by declared type works.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseBackend;

/// Runs `sql` after putting in the column types of the connected database.
pub async fn run(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    let types = match manager.get_database_backend() {
        DatabaseBackend::Sqlite => [
            ("{uuid}", "uuid_text"),
            ("{timestamp}", "timestamp_with_timezone_text"),
            ("{json}", "jsonb_text"),
            ("{bytes}", "blob"),
        ],
        _ => [("{uuid}", "uuid"), ("{timestamp}", "timestamptz"), ("{json}", "jsonb"), ("{bytes}", "bytea")],
    };
    let sql = types.iter().fold(sql.to_owned(), |sql, (name, native)| sql.replace(name, native));
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}

/// Makes `table` append-only: the database itself refuses UPDATE and DELETE.
///
/// A correction is a new row (a reversal); a bug or a hand at the console cannot rewrite history.
pub async fn append_only(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    let sql = match manager.get_database_backend() {
        DatabaseBackend::Sqlite => format!(
            "CREATE TRIGGER tr_{table}_no_update BEFORE UPDATE ON {table}
             BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
             CREATE TRIGGER tr_{table}_no_delete BEFORE DELETE ON {table}
             BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;"
        ),
        _ => format!(
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
             CREATE TRIGGER tr_{table}_append_only BEFORE UPDATE OR DELETE ON {table}
             FOR EACH ROW EXECUTE FUNCTION refuse_change();"
        ),
    };
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}

/// [`append_only`], but that `number` may be written once into a row that has none; `fixed` are the
/// other columns.
pub async fn append_only_but_numbered(
    manager: &SchemaManager<'_>,
    table: &str,
    fixed: &str,
    number: &str,
) -> Result<(), DbErr> {
    let sql = match manager.get_database_backend() {
        DatabaseBackend::Sqlite => format!(
            "CREATE TRIGGER tr_{table}_no_update BEFORE UPDATE OF {fixed} ON {table}
             BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
             CREATE TRIGGER tr_{table}_numbered_once BEFORE UPDATE OF {number} ON {table} WHEN OLD.{number} IS NOT NULL
             BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
             CREATE TRIGGER tr_{table}_no_delete BEFORE DELETE ON {table}
             BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;"
        ),
        _ => format!(
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
             CREATE TRIGGER tr_{table}_append_only BEFORE UPDATE OF {fixed} OR DELETE ON {table}
             FOR EACH ROW EXECUTE FUNCTION refuse_change();
             CREATE TRIGGER tr_{table}_numbered_once BEFORE UPDATE OF {number} ON {table}
             FOR EACH ROW WHEN (OLD.{number} IS NOT NULL) EXECUTE FUNCTION refuse_change();"
        ),
    };
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}

/// Refuses TRUNCATE of a table that is append-only, where there is such a statement.
pub async fn never_emptied(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == DatabaseBackend::Sqlite {
        return Ok(());
    }
    let sql = format!(
        "CREATE TRIGGER tr_{table}_no_truncate BEFORE TRUNCATE ON {table}
         FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    );
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}

/// Undoes [`never_emptied`].
pub async fn may_be_emptied(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == DatabaseBackend::Sqlite {
        return Ok(());
    }
    run(manager, &format!("DROP TRIGGER tr_{table}_no_truncate ON {table}")).await
}

/// Drops `tables` in the order given (dependants first).
pub async fn drop_tables(manager: &SchemaManager<'_>, tables: &[&str]) -> Result<(), DbErr> {
    for table in tables {
        run(manager, &format!("DROP TABLE {table}")).await?;
    }
    Ok(())
}
