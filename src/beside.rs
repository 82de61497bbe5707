//! Routes beside the API: the simulated companies' front doors, and the metrics.

use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::http::StatusCode;
use poem::web::{Data, Json, Path};
use poem::{EndpointExt, IntoResponse, Response, Route, get, handler, post};
use serde::Deserialize;
use serde_json::json;
use souk_domain::error::Kind;
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

/// All measurements in Prometheus' text format.
pub fn metrics_route() -> BoxEndpoint<'static, Response> {
    Route::new().at("/", get(metrics)).map_to_response().boxed()
}

#[handler]
fn metrics() -> Response {
    crate::telemetry::metrics().with_content_type("text/plain; version=0.0.4").into_response()
}

fn answer<T: serde::Serialize + Send>(outcome: souk_domain::Result<T>) -> Response {
    match outcome {
        Ok(value) => Json(value).into_response(),
        Err(error) => {
            let status = match error.code.kind() {
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
