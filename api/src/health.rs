//! Whether this process lives, and whether it can work.

use poem_openapi::{Enum, Object, OpenApi};
use sea_orm::ConnectionTrait;
use souk_domain::{Code, Error};

use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;

/// How a part of the service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum Condition {
    /// It works.
    Ok,
    /// It works, slower.
    Degraded,
    /// There is none, and none is needed.
    Unused,
}

/// The process is alive.
#[derive(Debug, Object)]
pub struct Alive {
    /// Always ok.
    status: Condition,
    /// The version of souk.
    version: String,
}

/// What requests can count on.
#[derive(Debug, Object)]
pub struct Ready {
    /// All of it.
    status: Condition,
    /// The database; without it the answer is 503.
    database: Condition,
    /// Redis; without it jobs start a little later and nothing is lost.
    redis: Condition,
}

/// The state of the service.
pub struct Health;

#[OpenApi(tag = "Tag::Service")]
impl Health {
    /// Is the process alive?
    #[oai(path = "/healthz", method = "get", operation_id = "getHealth")]
    async fn healthz(&self) -> Okay<Alive> {
        Okay::new(&Alive { status: Condition::Ok, version: env!("CARGO_PKG_VERSION").to_owned() })
    }

    /// Can it work?
    #[oai(path = "/readyz", method = "get", operation_id = "getReadiness")]
    async fn readyz(&self, ctx: Ctx<'_>) -> ApiResult<Okay<Ready>> {
        ctx.store.read().execute_unprepared("SELECT 1").await.map_err(|error| Error {
            source: Some(Box::new(error)),
            ..Error::new(Code::DatabaseUnavailable, "The database does not answer.")
        })?;
        let redis = match &ctx.redis {
            None => Condition::Unused,
            Some(probe) if probe().await => Condition::Ok,
            Some(_) => Condition::Degraded,
        };
        let status = if redis == Condition::Degraded { Condition::Degraded } else { Condition::Ok };
        Ok(Okay::new(&Ready { status, database: Condition::Ok, redis }))
    }
}
