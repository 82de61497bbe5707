//! Rows as they were uploaded. They are stored sealed with a key of the installation, as rows of orders
//! hold addresses of persons who have no key yet.

use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use serde_json::Value;
use souk_entity::batch_row;
use souk_entity::id::{BatchId, UserId};
use souk_entity::status::{BatchKind, BatchRowStatus};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::order::contact;
use crate::store::Tx;
use crate::vault::Vault;

/// What is told of a row that is empty, also when its turn comes only then.
pub(super) const ERASED: &str = "What the row told is gone: somebody in it is erased.";

/// A row that can be read.
#[derive(Clone, PartialEq, Eq)]
pub struct Staged {
    /// The line of the file that it begins on.
    pub line: i64,
    /// As it was uploaded; empty once somebody it told of is erased, or a day after its batch has ended when
    /// nobody could be found by it.
    pub input: String,
    /// What became of it.
    pub status: BatchRowStatus,
    /// Done: what was made, such as an order's number.
    pub result: Option<String>,
    /// Failed: why.
    pub error: Option<String>,
}

fn place(batch: BatchId, line: i64) -> String {
    format!("batch_row.input\0{batch}\0{line}")
}

/// Whom a row tells of, as far as they can be found by it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    /// As [`contact::email_index`] of an order; empty for a row of orders without an address.
    pub email_index: Option<String>,
    /// The account that it names.
    pub user: Option<UserId>,
}

/// Whom a row tells of: only rows of orders tell of shoppers. Whether it is an order is seen later; here
/// it may be anything.
pub(super) fn about(vault: &Vault, kind: BatchKind, input: &str) -> About {
    if kind != BatchKind::Orders {
        return About::default();
    }
    let row: Value = serde_json::from_str(input).unwrap_or_default();
    let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    About {
        email_index: Some(text("email").map_or_else(String::new, |email| contact::email_index(vault, email))),
        user: text("user_id").and_then(|id| Uuid::try_parse(id).ok()).map(UserId::from),
    }
}

/// Empties the rows that tell of somebody, whatever became of them: by what their orders are found by, and by
/// their account.
///
/// # Errors
/// The database's.
pub(crate) async fn forget(tx: &Tx, email_indexes: Vec<String>, user: Option<UserId>) -> Result<()> {
    let mut theirs = Condition::any().add(batch_row::Column::EmailIndex.is_in(email_indexes));
    if let Some(user) = user {
        theirs = theirs.add(batch_row::Column::UserId.eq(user));
    }
    let error = CaseStatement::new()
        .case(Expr::col(batch_row::Column::Error).is_not_null(), Expr::value(ERASED))
        .finally(Expr::value(None::<String>));
    batch_row::Entity::update_many()
        .col_expr(batch_row::Column::Input, Expr::value(Vec::<u8>::new()))
        .col_expr(batch_row::Column::Error, error.into())
        .col_expr(batch_row::Column::EmailIndex, Expr::value(None::<String>))
        .col_expr(batch_row::Column::UserId, Expr::value(None::<UserId>))
        .filter(theirs)
        .exec(&**tx)
        .await?;
    Ok(())
}

pub(super) fn seal(vault: &Vault, batch: BatchId, line: i64, input: &str) -> Result<Vec<u8>> {
    vault.keep(&place(batch, line), input.as_bytes())
}

pub(super) fn open(vault: &Vault, row: batch_row::Model) -> Result<Staged> {
    let input = match row.input.is_empty() {
        true => Vec::new(),
        false => vault
            .kept(&place(row.batch_id, row.line), &row.input)
            .ok_or_else(|| Error::internal(format!("line {} of batch {} does not open", row.line, row.batch_id)))?,
    };
    let input = String::from_utf8(input).map_err(Error::internal)?;
    Ok(Staged { line: row.line, input, status: row.status, result: row.result, error: row.error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_orders_is_found_by_whom_it_tells_of() {
        let vault = Vault::new(None, &"a master secret of the unit tests".into()).unwrap();
        let of = |kind, input: &str| about(&vault, kind, input);
        let user = "0194d4b0-0000-7000-8000-000000000001";
        let found = of(BatchKind::Orders, &format!(r#"{{"email":" ANN@b.example ","user_id":"{user}","more":1}}"#));
        assert_eq!(found.email_index, Some(contact::email_index(&vault, "ann@b.example")));
        assert_eq!(found.user, Some(UserId::from(Uuid::try_parse(user).unwrap())));
        for nobody in ["", "{", "[1]", r#"{"email":1,"user_id":"ann"}"#, r#"{"email":" "}"#] {
            assert_eq!(
                of(BatchKind::Orders, nobody),
                About { email_index: Some(String::new()), user: None },
                "{nobody}"
            );
        }
        assert_eq!(of(BatchKind::Inventory, r#"{"email":"ann@b.example"}"#), About::default());
    }
}
