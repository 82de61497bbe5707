//! Different numbers for different rows in one statement.

use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait, SimpleExpr};
use sea_orm::{ColumnTrait, Value};

/// `CASE id WHEN … THEN …`: for each row its own number, 0 for rows that are not named.
pub fn by_id<I: Into<Value> + Copy>(column: impl ColumnTrait, numbers: &[(I, i64)]) -> SimpleExpr {
    numbers
        .iter()
        .fold(CaseStatement::new(), |case, (id, number)| {
            case.case(Expr::col(column).eq(Expr::value(*id)), Expr::value(*number))
        })
        .finally(Expr::value(0_i64))
        .into()
}
