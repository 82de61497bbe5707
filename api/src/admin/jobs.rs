//! Background work, and the dead among it.

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path, Query};
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
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
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
            query = query.filter(job::Column::Status.eq(Status::from(status)));
        }
        if let Some(kind) = kind.0 {
            query = query.filter(job::Column::Kind.eq(Kind::from(kind)));
        }
        let rows = query.all(ctx.store.read()).await.map_err(Error::from)?;
        Ok(Okay::new(&page.page(rows, |row| row.id.into(), Job::from)))
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
        who.admin()?;
        let key = Key::read(who.key_space(), "redriveJob", idempotency_key.0.as_deref(), &id.0)?;
        let answer =
            once(&ctx.store, key, async |tx| Ok(Okay::new(&work::redrive(&tx, id.0.into()).await?.into()))).await?;
        Ok(answer)
    }
}
