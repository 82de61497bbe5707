//! Routes beside the API: the simulated companies' front doors, and the metrics.

use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::http::StatusCode;
use poem::web::{Data, Json, Path};
use poem::{EndpointExt, IntoResponse, Request, Response, Route, get, handler, post};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use souk_api::Peer;
use souk_domain::account::token_hash;
use souk_domain::error::Kind;
use souk_domain::{Code, Error};
use souk_entity::status::TrackingStatus;
use souk_integrations::simulated::{ConfirmOutcome, Control, Fault, Operation};

/// What a shopper's browser, a carrier's depot and a test send to the simulated companies.
pub fn routes(control: Control) -> BoxEndpoint<'static, Response> {
    Route::new()
        .at("/payments/:id", get(payment))
        .at("/payments/:id/confirm", post(confirm))
        .at("/payments/:id/action", post(action))
        .at("/transfers/:id/return", post(return_transfer))
        .at("/parcels/:tracking_number", get(parcel))
        .at("/parcels/:tracking_number/advance", post(advance))
        .at("/books", get(books))
        .at("/faults", post(faults))
        .data(Arc::new(control))
        .map_to_response()
        .boxed()
}

/// All measurements in Prometheus' text format, for who has the token; without one, for this machine.
pub fn metrics_route(token: Option<SecretString>) -> BoxEndpoint<'static, Response> {
    Route::new().at("/", get(metrics)).data(MetricsToken(token)).map_to_response().boxed()
}

#[derive(Clone)]
struct MetricsToken(Option<SecretString>);

/// How much is sold is no matter of everybody's.
fn may_measure(token: &MetricsToken, peer: &Peer, request: &Request) -> souk_domain::Result<()> {
    let Some(token) = &token.0 else {
        // A proxy on this machine that is not known as one speaks for somebody else.
        let forwarded =
            request.headers().contains_key("x-forwarded-for") || request.headers().contains_key("forwarded");
        if peer.address.is_loopback() && !forwarded {
            return Ok(());
        }
        let message = "Measurements are for the machine itself, or for who has the token of SOUK_METRICS_TOKEN.";
        return Err(Error::new(Code::Forbidden, message));
    };
    let shown = souk_api::bearer(request).unwrap_or_default();
    // Of hashes, how far they are alike tells nothing.
    if token_hash(shown) == token_hash(token.expose_secret()) {
        return Ok(());
    }
    Err(Error::new(Code::Unauthenticated, "Send the token of SOUK_METRICS_TOKEN as a bearer token."))
}

#[handler]
fn metrics(token: Data<&MetricsToken>, peer: Data<&Peer>, request: &Request) -> Response {
    match may_measure(&token, &peer, request) {
        Ok(()) => crate::telemetry::metrics().with_content_type("text/plain; version=0.0.4").into_response(),
        Err(error) => answer::<()>(Err(error)),
    }
}

fn answer<T: serde::Serialize + Send>(outcome: souk_domain::Result<T>) -> Response {
    match outcome {
        Ok(value) => Json(value).into_response(),
        Err(error) => {
            let status = match error.code.kind() {
                Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
                Kind::Forbidden => StatusCode::FORBIDDEN,
                Kind::NotFound => StatusCode::NOT_FOUND,
                Kind::Conflict => StatusCode::CONFLICT,
                Kind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            let body =
                json!({"error": {"code": error.code, "message": error.message, "details": [], "request_id": ""}});
            Json(body).with_status(status).into_response()
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirm {
    payment_method: ConfirmOutcome,
}

#[handler]
async fn payment(control: Data<&Arc<Control>>, id: Path<String>) -> Response {
    answer(control.payment(&id).await)
}

#[handler]
async fn confirm(control: Data<&Arc<Control>>, id: Path<String>, body: Json<Confirm>) -> Response {
    answer(control.confirm_payment(&id, body.payment_method).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    approve: bool,
}

#[handler]
async fn action(control: Data<&Arc<Control>>, id: Path<String>, body: Json<Action>) -> Response {
    answer(control.complete_action(&id, body.approve).await)
}

#[handler]
async fn return_transfer(control: Data<&Arc<Control>>, id: Path<String>) -> Response {
    answer(control.return_transfer(&id).await)
}

#[handler]
async fn parcel(control: Data<&Arc<Control>>, tracking_number: Path<String>) -> Response {
    answer(control.parcel(&tracking_number).await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    to: TrackingStatus,
    #[serde(default)]
    jump: bool,
}

#[handler]
async fn advance(control: Data<&Arc<Control>>, tracking_number: Path<String>, body: Json<Advance>) -> Response {
    answer(control.advance_parcel(&tracking_number, body.to, body.jump).await)
}

#[handler]
async fn books(control: Data<&Arc<Control>>) -> Response {
    answer(control.books().await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultRequest {
    operation: Operation,
    fault: Fault,
    calls: u32,
}

#[handler]
async fn faults(control: Data<&Arc<Control>>, body: Json<FaultRequest>) -> Response {
    control.fail_next(body.operation, body.fault, body.calls);
    StatusCode::NO_CONTENT.into_response()
}
