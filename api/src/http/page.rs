//! Keyset pages: the next page begins after the last id of this one, so rows that come or go in
//! between are neither skipped nor shown twice.

use poem_openapi::Object;
use poem_openapi::types::{ParseFromJSON, ToJSON, Type};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use souk_domain::{Code, Error, Result};
use uuid::Uuid;

/// A page of a list.
#[derive(Debug, Object)]
pub struct Page<T: Type + ParseFromJSON + ToJSON + Send + Sync> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last one.
    #[oai(skip_serializing_if_is_none)]
    pub next_cursor: Option<String>,
}

/// Where a page begins and how long it is.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// After this id.
    pub after: Option<Uuid>,
    /// 1 to 100.
    pub limit: u64,
}

/// The length of a page when none is asked for.
pub const DEFAULT_LIMIT: u64 = 20;

/// The longest page.
pub const LONGEST: u64 = 100;

impl PageRequest {
    /// Reads `limit` and `cursor`.
    ///
    /// # Errors
    /// [`Code::InvalidValue`], [`Code::MalformedRequest`].
    pub fn read(limit: Option<u64>, cursor: Option<&str>) -> Result<Self> {
        let limit = read_limit(limit)?;
        let after = cursor.map(|cursor| Uuid::try_parse(cursor).map_err(|_| malformed())).transpose()?;
        Ok(Self { after, limit })
    }

    /// Limits a query to this page, the newest first, and to one row more than fit, which tells
    /// whether there is a next page. Ids are UUIDv7, so their order is that of making.
    pub fn newest<E: EntityTrait>(&self, query: Select<E>, id: E::Column) -> Select<E> {
        let query = query.order_by_desc(id).limit(self.limit + 1);
        match self.after {
            Some(after) => query.filter(Expr::col((E::default(), id)).lt(after)),
            None => query,
        }
    }

    /// Makes a page of `rows`, which were read one beyond the limit.
    pub fn page<R, T>(&self, rows: Vec<R>, id: impl Fn(&R) -> Uuid, view: impl FnMut(R) -> T) -> Page<T>
    where
        T: Type + ParseFromJSON + ToJSON + Send + Sync,
    {
        page(rows, self.limit, id, view)
    }
}

/// [`PageRequest`] for a list in the order of a number, such as the lines of a file.
#[derive(Clone, Copy, Debug)]
pub struct NumberedPageRequest {
    /// After this number; 0: from the beginning.
    pub after: i64,
    /// 1 to 100.
    pub limit: u64,
}

impl NumberedPageRequest {
    /// Reads `limit` and `cursor`.
    ///
    /// # Errors
    /// [`Code::InvalidValue`], [`Code::MalformedRequest`].
    pub fn read(limit: Option<u64>, cursor: Option<&str>) -> Result<Self> {
        let limit = read_limit(limit)?;
        let after = cursor.map_or(Ok(0), |cursor| cursor.parse().map_err(|_| malformed()))?;
        Ok(Self { after, limit })
    }

    /// Makes a page of `rows`, which were read one beyond the limit.
    pub fn page<R, T>(&self, rows: Vec<R>, number: impl Fn(&R) -> i64, view: impl FnMut(R) -> T) -> Page<T>
    where
        T: Type + ParseFromJSON + ToJSON + Send + Sync,
    {
        page(rows, self.limit, number, view)
    }
}

fn read_limit(limit: Option<u64>) -> Result<u64> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if (1..=LONGEST).contains(&limit) { Ok(limit) } else { Err(Error::invalid(format!("limit is 1 to {LONGEST}."))) }
}

fn malformed() -> Error {
    Error::new(Code::MalformedRequest, "cursor must be a next_cursor of the page before.")
}

fn page<R, T, K: std::fmt::Display>(
    mut rows: Vec<R>,
    limit: u64,
    key: impl Fn(&R) -> K,
    view: impl FnMut(R) -> T,
) -> Page<T>
where
    T: Type + ParseFromJSON + ToJSON + Send + Sync,
{
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = if more { rows.last().map(|row| key(row).to_string()) } else { None };
    Page { items: rows.into_iter().map(view).collect(), next_cursor }
}
