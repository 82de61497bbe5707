//! Background work, and the dead among it.

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use souk_domain::{Error, job as work};
use souk_entity::id::JobId;
use souk_entity::job;
use souk_entity::status::{JobKind as Kind, JobStatus as Status};
use uuid::Uuid;

use crate::auth::Operating;
use crate::context::Ctx;
use crate::document::Tag;
use crate::http::answer::Okay;
use crate::http::error::ApiResult;
use crate::http::page::{Page, PageRequest};
use crate::http::replay::{Key, once};
use crate::view::words::{JobKind, JobQueue, JobStatus};

/// A piece of background work.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct Job {
    /// Its id.
    id: Uuid,
    /// What it does.
    kind: JobKind,
    /// The workers who do it.
    queue: JobQueue,
    /// Asked for twice under the same key, it is one job.
    unique_key: String,
    /// The ids that it is about.
    payload: serde_json::Value,
    /// Its status.
    status: JobStatus,
    /// How often it was begun.
    attempts: i32,
    /// It is dead after so many.
    max_attempts: i32,
    /// When it is due; while it runs, when another worker may take it over.
    run_at: DateTime<Utc>,
    /// Why it last failed.
    last_error: Option<String>,
    /// Why an operator gave it up, for a discarded one.
    discard_reason: Option<String>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// When it last changed.
    updated_at: DateTime<Utc>,
}

impl From<job::Model> for Job {
    fn from(row: job::Model) -> Self {
        Self {
            id: row.id.into(),
            kind: row.kind.into(),
            queue: row.queue.into(),
            unique_key: row.unique_key,
            payload: row.payload,
            status: row.status.into(),
            attempts: row.attempts,
            max_attempts: row.max_attempts,
            run_at: row.run_at,
            last_error: row.last_error,
            discard_reason: row.discard_reason,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Which dead jobs are put back in the queue.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct RedriveJobs {
    /// Those of this kind.
    kind: JobKind,
    /// At most so many, the oldest first: 1 to 1000; 100 when left out.
    #[oai(validator(minimum(value = "1"), maximum(value = "1000")))]
    limit: Option<u64>,
}

impl Example for RedriveJobs {
    fn example() -> Self {
        Self { kind: JobKind::from(Kind::BuyLabel), limit: Some(100) }
    }
}

/// How many dead jobs were put back in the queue.
#[derive(Debug, Object)]
pub struct RedrivenJobs {
    /// So many. When it is the limit, there may be more: ask again.
    redriven: u64,
}

/// Why a dead job is given up.
#[derive(Debug, Object)]
#[oai(deny_unknown_fields, example)]
pub struct DiscardJob {
    /// For those who ask later: 1 to 500 characters.
    #[oai(validator(min_length = 1, max_length = 500))]
    reason: String,
}

impl Example for DiscardJob {
    fn example() -> Self {
        Self { reason: "The parcel was labelled by hand.".into() }
    }
}

/// How much work of a kind there is.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct JobSummary {
    /// What it does.
    kind: JobKind,
    /// The workers who do it.
    queue: JobQueue,
    /// Queued and due; 10000 means so many or more, as for the other numbers.
    waiting: i64,
    /// Queued for later.
    scheduled: i64,
    /// Running.
    running: i64,
    /// Dead: to be redriven or discarded.
    dead: i64,
    /// Since when the job that has been due the longest is waiting.
    oldest_due_at: Option<DateTime<Utc>>,
    /// For so many seconds it has been waiting; 0 when none is.
    oldest_due_seconds: i64,
}

/// How much work there is.
#[derive(Debug, Object)]
pub struct JobSummaries {
    /// When it was counted.
    at: DateTime<Utc>,
    /// Each kind, also those without any.
    kinds: Vec<JobSummary>,
}

impl JobSummaries {
    fn new(summaries: Vec<work::Summary>, at: DateTime<Utc>) -> Self {
        let kinds = summaries
            .into_iter()
            .map(|summary| JobSummary {
                kind: summary.kind.into(),
                queue: summary.policy.queue.into(),
                waiting: summary.waiting,
                scheduled: summary.scheduled,
                running: summary.running,
                dead: summary.dead,
                oldest_due_at: summary.oldest_due,
                oldest_due_seconds: summary.oldest_due.map_or(0, |due| (at - due).num_seconds().max(0)),
            })
            .collect();
        Self { at, kinds }
    }
}

/// All background work.
pub struct Jobs;

#[OpenApi(prefix_path = "/api/v1/admin/jobs", tag = "Tag::Operators")]
impl Jobs {
    /// List jobs
    ///
    /// Newest first.
    #[oai(path = "/", method = "get", operation_id = "listJobs")]
    async fn list(
        &self,
        ctx: Ctx<'_>,
        _who: Operating,
        /// Only those of this status.
        status: Query<Option<JobStatus>>,
        /// Only those of this kind.
        kind: Query<Option<JobKind>>,
        /// 1 to 100; 20 when left out.
        limit: Query<Option<u64>>,
        /// `next_cursor` of the page before.
        cursor: Query<Option<String>>,
    ) -> ApiResult<Okay<Page<Job>>> {
        let page = PageRequest::read(limit.0, cursor.0.as_deref())?;
        let mut query = page.newest(job::Entity::find(), job::Column::Id);
        if let Some(status) = status.0 {
            query = query.filter(work::in_status(Status::from(status)));
        }
        if let Some(kind) = kind.0 {
            query = query.filter(job::Column::Kind.eq(Kind::from(kind)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), Job::from)))
    }

    /// Summarize jobs
    ///
    /// How many of each kind wait, run or are dead, and for how long the oldest has been due. Each number is counted
    /// to 10000 and no further; those done or discarded are not counted, as there may be millions.
    #[oai(path = "/summary", method = "get", operation_id = "summarizeJobs")]
    async fn summary(&self, ctx: Ctx<'_>, _who: Operating) -> ApiResult<Okay<JobSummaries>> {
        let now = ctx.store.now();
        Ok(Okay::new(&JobSummaries::new(work::summary(ctx.store.read(), now).await?, now)))
    }

    /// Redrive all dead jobs of a kind
    ///
    /// Puts the oldest back in the queue, with their attempts counted anew; at most 1000 at once.
    #[oai(path = "/redrive", method = "post", operation_id = "redriveJobs")]
    async fn redrive_all(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        body: Json<RedriveJobs>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<RedrivenJobs>> {
        let key = Key::read(who.key_space(), "redriveJobs", idempotency_key.0.as_deref(), &body.0)?;
        let (kind, limit) = (Kind::from(body.0.kind), body.0.limit.unwrap_or(100));
        let answer = once(&ctx.store, key, async |tx| {
            Ok(Okay::new(&RedrivenJobs { redriven: work::redrive_all(&tx, kind, limit).await? }))
        })
        .await?;
        Ok(answer)
    }

    /// Show a job
    #[oai(path = "/:id", method = "get", operation_id = "getJob")]
    async fn get(&self, ctx: Ctx<'_>, _who: Operating, id: Path<Uuid>) -> ApiResult<Okay<Job>> {
        let row = job::Entity::find_by_id(JobId(id.0)).one(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&row.ok_or_else(|| Error::not_found("job"))?.into()))
    }

    /// Redrive a job
    ///
    /// Puts a dead one back in the queue, with its attempts counted anew.
    #[oai(path = "/:id/redrive", method = "post", operation_id = "redriveJob")]
    async fn redrive(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Job>> {
        let key = Key::read(who.key_space(), "redriveJob", idempotency_key.0.as_deref(), &id.0)?;
        let answer =
            once(&ctx.store, key, async |tx| Ok(Okay::new(&work::redrive(&tx, id.0.into()).await?.into()))).await?;
        Ok(answer)
    }

    /// Discard a job
    ///
    /// Gives a dead one up for good; the reason is kept with it. What it was to do is not done.
    #[oai(path = "/:id/discard", method = "post", operation_id = "discardJob")]
    async fn discard(
        &self,
        ctx: Ctx<'_>,
        who: Operating,
        id: Path<Uuid>,
        body: Json<DiscardJob>,
        /// Makes a repeated request safe.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
    ) -> ApiResult<Okay<Job>> {
        let key = Key::read(who.key_space(), "discardJob", idempotency_key.0.as_deref(), &(id.0, &body.0))?;
        let answer = once(&ctx.store, key, async |tx| {
            Ok(Okay::new(&work::discard(&tx, id.0.into(), &body.0.reason).await?.into()))
        })
        .await?;
        Ok(answer)
    }
}
