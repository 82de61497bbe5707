//! Recurring work, and when it was last done.

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use souk_domain::schedule::{self, cadence};
use souk_entity::schedule::Model;
use souk_entity::status::ScheduleName as Name;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::replay::{Key, once};
use crate::view::words::ScheduleName;

/// Recurring work.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Schedule {
    /// Its name.
    name: ScheduleName,
    /// What it does.
    purpose: String,
    /// How often it is due.
    cadence: String,
    /// Whether its ticks are run; it can be run by hand in any case.
    enabled: bool,
    /// When it is next due.
    next_tick: DateTime<Utc>,
    /// The tick that was last asked for. Ticks that were missed while no process ran are run once.
    last_tick: Option<DateTime<Utc>>,
    /// When a run last began.
    last_started_at: Option<DateTime<Utc>>,
    /// When a run last ended well.
    last_finished_at: Option<DateTime<Utc>>,
    /// What that run found and did.
    last_outcome: Option<String>,
    /// Why a run has failed since; its job tries again.
    last_error: Option<String>,
}

impl Schedule {
    fn new(name: Name, row: Model) -> Self {
        Self {
            name: name.into(),
            purpose: cadence::purpose(name).to_owned(),
            cadence: cadence::cadence(name).to_string(),
            enabled: row.enabled,
            next_tick: row.next_tick,
            last_tick: row.last_tick,
            last_started_at: row.last_started_at,
            last_finished_at: row.last_finished_at,
            last_outcome: row.last_outcome,
            last_error: row.last_error,
        }
    }
}

/// All recurring work.
#[derive(Debug, Object)]
pub struct ScheduleList {
    /// The schedules; none before a worker has first started on this database.
    items: Vec<Schedule>,
}

/// Whether a schedule's ticks are run.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct ScheduleSwitch {
    /// Switched on again, it goes on with its next tick from now.
    enabled: bool,
}

impl poem_openapi::types::Example for ScheduleSwitch {
    fn example() -> Self {
        Self { enabled: false }
    }
}

/// Recurring work.
pub struct Schedules;

#[OpenApi(prefix_path = "/api/v1/admin/schedules", tag = "Tag::Operators")]
impl Schedules {
    /// List schedules
    ///
    /// With when each last ran, what that came to, and when it is next due. A tick is run once, however many processes
    /// work.
    #[oai(path = "/", method = "get", operation_id = "listSchedules")]
    async fn list(&self, ctx: Ctx<'_>, _who: Operating) -> ApiResult<Okay<ScheduleList>> {
        let rows = schedule::all(ctx.store.read()).await?;
        Ok(Okay::new(&ScheduleList { items: rows.into_iter().map(|(name, row)| Schedule::new(name, row)).collect() }))
    }

    /// Switch a schedule on or off
    #[oai(path = "/:name", method = "put", operation_id = "setSchedule")]
    async fn set(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// The schedule's name.
        name: Path<ScheduleName>,
        body: Json<ScheduleSwitch>,
    ) -> ApiResult<Okay<Schedule>> {
        let name = Name::from(name.0);
        let row = ctx.store.write(async |tx| schedule::set_enabled(&tx, name, body.0.enabled).await).await?;
        Ok(Okay::new(&Schedule::new(name, row)))
    }

    /// Run a schedule now
    ///
    /// Also one that is switched off; its next tick stays where it is. 409 while its last run is still to come or under
    /// way. Answers at once; the outcome shows at the schedule when the run has ended.
    #[oai(path = "/:name/run", method = "post", operation_id = "runSchedule")]
    async fn run(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        /// The schedule's name.
        name: Path<ScheduleName>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Schedule>> {
        let name = Name::from(name.0);
        let key = Key::read(who.key_space(), "runSchedule", idempotency_key.0.as_deref(), &name)?;
        let answer =
            once(&ctx.store, key, async |tx| Ok(Okay::new(&Schedule::new(name, schedule::run_now(&tx, name).await?))))
                .await?;
        Ok(answer)
    }
}
