//! What must hold after every step.

use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use souk_domain::error::{Error, Result};
use souk_domain::ledger::balance;
use souk_domain::ledger::statement::{self, Period};
use souk_domain::verify::{Scope, verify};
use souk_entity::id::SellerId;
use souk_entity::money::{CurrencyCode, MinorUnits};

use crate::world::World;

#[derive(FromQueryResult)]
struct Moved {
    seller_id: SellerId,
    currency: CurrencyCode,
    owed: MinorUnits,
    since: MinorUnits,
}

impl World {
    pub async fn check(&mut self, scope: Scope) -> Result<()> {
        let violations = verify(self.store.read(), scope).await?;
        if !violations.is_empty() {
            let told: Vec<String> = violations.iter().map(ToString::to_string).collect();
            return Err(Error::internal(told.join("\n")));
        }
        self.trial_balance().await?;
        self.balances_follow().await
    }

    /// How often things of a kind came to each state.
    pub async fn states(&self) -> Result<Vec<(String, u64)>> {
        let sql = "SELECT entity_kind || ' ' || to_status AS state, count(*) AS times FROM status_history \
            GROUP BY entity_kind, to_status";
        let rows = self.store.read().query_all_raw(Statement::from_string(self.store.backend(), sql)).await?;
        rows.iter()
            .map(|row| Ok((row.try_get("", "state")?, u64::try_from(row.try_get::<i64>("", "times")?).unwrap())))
            .collect()
    }

    async fn trial_balance(&self) -> Result<()> {
        let rows = balance::trial(self.store.read(), None).await?;
        let sum: i64 = rows.iter().map(|row| row.debits.0 - row.credits.0).sum();
        if sum == 0 { Ok(()) } else { Err(Error::internal(format!("the trial balance is {sum}: {rows:?}"))) }
    }

    /// What each seller is owed is what they were owed after the last step and the entries since;
    /// and one of them is told the same by their statement.
    async fn balances_follow(&mut self) -> Result<()> {
        let db = self.store.read();
        let sql = "SELECT seller_id, currency, CAST(sum(-amount) AS bigint) AS owed, \
            CAST(sum(CASE WHEN occurred_at > $1 THEN -amount ELSE 0 END) AS bigint) AS since \
            FROM ledger_entry WHERE account = 'seller_payable' GROUP BY seller_id, currency ORDER BY seller_id";
        let statement = Statement::from_sql_and_values(self.store.backend(), sql, [self.checked_at.into()]);
        let rows = Moved::find_by_statement(statement).all(db).await?;
        for row in &rows {
            let opening = self.books.insert((row.seller_id, row.currency), row.owed).unwrap_or_default();
            if opening.0 + row.since.0 != row.owed.0 {
                let message =
                    format!("{} was owed {opening:?}, and {:?} with {:?}", row.seller_id, row.owed, row.since);
                return Err(Error::internal(message));
            }
        }
        let (from, to) = (self.checked_at, self.now());
        self.checked_at = to;
        let Some(at) = (!rows.is_empty()).then(|| self.dice.index(rows.len())) else { return Ok(()) };
        let row = &rows[at];
        let period = Period { seller: row.seller_id, currency: row.currency, from, to };
        let told = statement::summary(self.store.read(), &period).await?;
        if (told.opening.0, told.closing) == (row.owed.0 - row.since.0, row.owed) {
            Ok(())
        } else {
            Err(Error::internal(format!("{} is owed {:?} and told {told:?}", row.seller_id, row.owed)))
        }
    }
}
