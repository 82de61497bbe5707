//! The tax at the place that goods go to, as the table of zones and rates stands at one instant.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, Statement};
use souk_entity::id::UserId;
use souk_entity::{tax_exemption, tax_rate};

use super::pricing::tax::{TaxRate, TaxTable};
use crate::error::{Error, Result};
use crate::place::Place;

/// The most regions that a refusal names.
const MOST_NAMED: usize = 60;

/// What is known of the tax at a destination.
#[derive(Clone, Debug, Default)]
pub struct DestinationTax {
    /// The rates that apply, and whether the buyer is exempt from them.
    pub table: TaxTable,
    /// Why nobody can say which rates apply.
    unknown: Option<String>,
}

#[derive(FromQueryResult)]
struct Row {
    region: String,
    prices_include_tax: bool,
    #[sea_orm(nested)]
    rate: Option<tax_rate::Model>,
}

/// The zones that the destination is in, with the rates that are valid; or else all of its country.
const ZONES: &str = "SELECT z.region, z.prices_include_tax, r.* FROM tax_zone z \
    LEFT JOIN tax_rate r ON r.tax_zone_id = z.id AND z.region IN ('', $2) \
        AND r.starts_at <= $3 AND (r.ends_at IS NULL OR r.ends_at > $3) \
    WHERE z.country = $1 AND (z.region IN ('', $2) OR NOT EXISTS \
        (SELECT 1 FROM tax_zone o WHERE o.country = $1 AND o.region IN ('', $2))) \
    ORDER BY z.region, r.starts_at";

/// Reads the tax at a destination.
///
/// # Errors
/// The database's.
pub async fn read(
    db: &impl ConnectionTrait,
    to: &Place,
    user: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<DestinationTax> {
    let values = [to.country.clone().into(), to.region.clone().into(), now.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), ZONES, values);
    let rows = Row::find_by_statement(statement).all(db).await?;
    if rows.iter().any(|row| !row.region.is_empty() && row.region != to.region) {
        let regions: Vec<String> = rows.into_iter().map(|row| row.region).collect();
        return Ok(DestinationTax { table: TaxTable::default(), unknown: Some(unknown(to, &regions)) });
    }
    // Of several that are valid the one that started last counts.
    let mut latest: BTreeMap<(bool, String), TaxRate> = BTreeMap::new();
    for row in rows {
        if let Some(rate) = row.rate {
            let of_region = !row.region.is_empty();
            latest.insert((of_region, rate.tax_class.clone()), TaxRate::new(rate, of_region, row.prices_include_tax));
        }
    }
    let rates: Vec<TaxRate> = latest.into_values().collect();
    let exemption = match user {
        Some(user) if !rates.is_empty() => tax_exemption::Entity::find()
            .filter(tax_exemption::Column::UserId.eq(user))
            .filter(tax_exemption::Column::Country.is_in(["", to.country.as_str()]))
            .filter(tax_exemption::Column::StartsAt.lte(now))
            .filter(tax_exemption::Column::EndsAt.is_null().or(tax_exemption::Column::EndsAt.gt(now)))
            .order_by_desc(tax_exemption::Column::Country)
            .order_by_asc(tax_exemption::Column::Id)
            .one(db)
            .await?
            .map(|row| (row.id, row.certificate)),
        _ => None,
    };
    Ok(DestinationTax { table: TaxTable { rates, exemption }, unknown: None })
}

fn unknown(to: &Place, regions: &[String]) -> String {
    let (named, others) = regions.split_at(regions.len().min(MOST_NAMED));
    let mut named = named.join(", ");
    if !others.is_empty() {
        named.push_str(&format!(" and {} more", others.len()));
    }
    let country = &to.country;
    format!("Tax in {country} depends on the region. Write the address's region as one of these: {named}.")
}

impl DestinationTax {
    /// Whether it is known which rates apply. A country that is set up by its regions alone has
    /// none for the rest of it: an address with its region missing or misspelt would go untaxed.
    ///
    /// # Errors
    /// [`crate::Code::InvalidValue`], naming the regions.
    pub fn check(&self) -> Result<()> {
        self.unknown.as_ref().map_or(Ok(()), |why| Err(Error::invalid(why)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_no_more_than_can_be_read() {
        let to = Place::of_address("US", None);
        let regions = |count: usize| (1..=count).map(|at| format!("R{at}")).collect::<Vec<_>>();
        assert!(unknown(&to, &regions(2)).ends_with("one of these: R1, R2."));
        assert!(unknown(&to, &regions(60)).ends_with(", R59, R60."));
        assert!(unknown(&to, &regions(62)).ends_with(", R60 and 2 more."));
    }
}
