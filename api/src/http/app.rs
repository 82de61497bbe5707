//! The whole application: routes, the document, and what surrounds every request.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use poem::endpoint::{BoxEndpoint, make_sync};
use poem::http::{HeaderValue, StatusCode};
use poem::middleware::{AddData, CatchPanic};
use poem::web::Html;
use poem::{Body, Endpoint, EndpointExt, IntoResponse, Middleware, Request, Response, Route};
use souk_domain::{Code, Error, audit};
use tokio::time::timeout;

use super::edge::Edge;
use super::error::{ApiError, answer, of_status};
use super::limit::RateLimiting;
use super::peer::TrustedProxies;
use super::request::{choose_request_id, request_id, with_request_id};
use super::secure::{Asked, page_policy};
use super::{refuse, upload};
use crate::context::Context;
use crate::document;

/// What the page of the document may do.
static PAGE_POLICY: LazyLock<String> = LazyLock::new(|| page_policy(document::page()));

/// The API as one endpoint. `beside` are routes of the binary's own, by path.
pub fn app(
    context: Arc<Context>,
    edge: Edge,
    beside: Vec<(&str, BoxEndpoint<'static, Response>)>,
) -> impl Endpoint<Output = Response> {
    let mut routes = Route::new()
        .nest("/", document::service())
        .at("/openapi.json", make_sync(|_| document::document().with_content_type("application/json")))
        .at("/docs", make_sync(|_| Html(document::page()).with_header("content-security-policy", &*PAGE_POLICY)));
    for (path, endpoint) in beside {
        routes = routes.nest(path, endpoint);
    }
    let limits = Limits { body: context.config.body_limit, time: edge.body_time };
    let rates = RateLimiting { context: context.clone(), limits: edge.limits, limiter: edge.limiter };
    routes
        .with(limits)
        .with(rates)
        .with(AddData::new(context))
        .catch_all_error(async |error| answer(error))
        .with(CatchPanic::new().with_handler(|panic: Box<dyn std::any::Any + Send>| {
            let what = panic
                .downcast_ref::<&str>()
                .map(ToString::to_string)
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            ApiError::from(Error::internal(format!("a handler panicked: {what}"))).into_response()
        }))
        .with(edge.origins)
        .with(Surround { proxies: edge.proxies })
}

/// The longest path and query, in bytes: what browsers and proxies carry without trouble.
const LONGEST_ADDRESS: usize = 8 * 1024;

/// Reads bodies up to their limit, whether or not the client says how long they are, and refuses
/// what no operation takes.
struct Limits {
    body: usize,
    time: Duration,
}

impl<E: Endpoint> Middleware<E> for Limits {
    type Output = Limited<E>;

    fn transform(&self, inner: E) -> Self::Output {
        Limited { inner, body: self.body, time: self.time }
    }
}

struct Limited<E> {
    inner: E,
    body: usize,
    time: Duration,
}

impl<E: Endpoint> Endpoint for Limited<E> {
    type Output = E::Output;

    async fn call(&self, mut request: Request) -> poem::Result<Self::Output> {
        let address = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
        if address > LONGEST_ADDRESS {
            let message = format!("The address is longer than {LONGEST_ADDRESS} bytes.");
            return Err(ApiError::from(Error::new(Code::MalformedRequest, message)).into());
        }
        if upload::is_upload(&request) {
            // Its handler reads it piece by piece, to limits of its own.
            refuse::unreadable(&request, &[]).map_err(ApiError::from)?;
            return self.inner.call(request).await;
        }
        let limit = self.body;
        let body = request.take_body();
        if !body.is_empty() {
            let Ok(read) = timeout(self.time, body.into_bytes_limit(limit)).await else {
                let message = format!("The body did not come in within {} s.", self.time.as_secs());
                return Err(ApiError::from(Error::new(Code::MalformedRequest, message)).into());
            };
            let bytes = read.map_err(|error| match error {
                poem::error::ReadBodyError::PayloadTooLarge => {
                    too_large(format!("The body is larger than {limit} bytes."))
                }
                other => {
                    ApiError::from(of_status(StatusCode::BAD_REQUEST, &format!("The body broke off: {other}."))).into()
                }
            })?;
            refuse::unreadable(&request, &bytes).map_err(ApiError::from)?;
            request.set_body(Body::from_bytes(bytes));
        } else {
            refuse::unreadable(&request, &[]).map_err(ApiError::from)?;
        }
        self.inner.call(request).await
    }
}

fn too_large(message: String) -> poem::Error {
    ApiError::from(Error::new(Code::BodyTooLarge, message)).into()
}

/// Gives every request its id, its peer, its log line and its measurement, and every answer what browsers
/// and caches must know.
struct Surround {
    proxies: TrustedProxies,
}

impl<E: Endpoint<Output = Response>> Middleware<E> for Surround {
    type Output = Surrounded<E>;

    fn transform(&self, inner: E) -> Self::Output {
        Surrounded { inner, proxies: self.proxies.clone() }
    }
}

struct Surrounded<E> {
    inner: E,
    proxies: TrustedProxies,
}

impl<E: Endpoint<Output = Response>> Endpoint for Surrounded<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let peer = self.proxies.peer(&request);
        let asked = Asked::by(&request, peer.https);
        request.set_data(peer);
        let id = choose_request_id(request.header("x-request-id"));
        let began = Instant::now();
        let (method, path) = (request.method().clone(), refuse::loggable(request.uri().path()).to_owned());
        let mut response = with_request_id(
            id,
            audit::request(async {
                let response = match self.inner.call(request).await {
                    Ok(response) => response,
                    Err(error) => answer(error),
                };
                let mut response = plain_to_json(response);
                if let Ok(id) = HeaderValue::from_str(&request_id()) {
                    response.headers_mut().insert("x-request-id", id);
                }
                let (status, seconds) = (response.status().as_u16(), began.elapsed().as_secs_f64());
                tracing::info!(target: "souk::http", %method, path, status, seconds, request_id = %request_id());
                response
            }),
        )
        .await;
        metrics::counter!("http_requests_total", "status" => response.status().as_u16().to_string()).increment(1);
        metrics::histogram!("http_request_seconds").record(began.elapsed().as_secs_f64());
        asked.secure(&mut response);
        Ok(response)
    }
}

/// An error that something below answered in its own words gets our body.
fn plain_to_json(response: Response) -> Response {
    let failed = response.status().is_client_error() || response.status().is_server_error();
    let json = response.content_type().is_some_and(|kind| kind.starts_with("application/json"));
    if failed && !json {
        ApiError::from(of_status(response.status(), "The request was refused.")).into_response()
    } else {
        response
    }
}
