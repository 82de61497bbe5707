//! One error body for everything that can go wrong, parse errors and panics included.

use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::error::{
    AuthorizationError, ContentTypeError, ParseParamError, ParsePathError, ParseRequestPayloadError,
};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use souk_domain::error::Kind;
use souk_domain::{Code, Error};

use super::request::request_id;

/// The body of every error answer.
#[derive(Debug, Object)]
#[oai(rename = "Error")]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong: a code for programs, a sentence for people.
#[derive(Debug, Object)]
pub struct ErrorDetail {
    /// Stable code, such as `INVENTORY_UNAVAILABLE`; the list is in the description of this API.
    pub code: String,
    /// A sentence that says what to do.
    pub message: String,
    /// Facts per item, such as requested and available quantity.
    pub details: Vec<serde_json::Value>,
    /// Finds the request in our log.
    pub request_id: String,
}

/// The errors of every operation.
#[derive(Debug, ApiResponse)]
pub enum ApiError {
    /// The request cannot be read.
    #[oai(status = 400)]
    BadRequest(Json<ErrorBody>),
    /// Not signed in, or not any more.
    #[oai(status = 401)]
    Unauthorized(Json<ErrorBody>),
    /// Signed in, but not for this.
    #[oai(status = 403)]
    Forbidden(Json<ErrorBody>),
    /// Not there, or somebody else's.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// The state of things does not allow it, or it changed at the same moment.
    #[oai(status = 409)]
    Conflict(Json<ErrorBody>),
    /// If-Match does not name the present version.
    #[oai(status = 412)]
    PreconditionFailed(Json<ErrorBody>),
    /// The body is larger than the limit.
    #[oai(status = 413)]
    PayloadTooLarge(Json<ErrorBody>),
    /// The body is of another media type.
    #[oai(status = 415)]
    UnsupportedMediaType(Json<ErrorBody>),
    /// Well-formed and refused.
    #[oai(status = 422)]
    Unprocessable(Json<ErrorBody>),
    /// If-Match is needed.
    #[oai(status = 428)]
    PreconditionRequired(Json<ErrorBody>),
    /// Too many requests.
    #[oai(status = 429)]
    TooManyRequests(Json<ErrorBody>, #[oai(header = "Retry-After")] u64),
    /// Our fault.
    #[oai(status = 500)]
    Internal(Json<ErrorBody>),
    /// A service that we need is away; try again.
    #[oai(status = 503)]
    Unavailable(Json<ErrorBody>, #[oai(header = "Retry-After")] u64),
}

/// The result of every handler.
pub type ApiResult<T> = Result<T, ApiError>;

/// Seconds after which a refused request may be worth repeating.
const RETRY_AFTER: u64 = 2;

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        if error.code.kind() == Kind::Internal {
            tracing::error!(cause = ?error.source, request_id = %request_id(), "{error}");
        } else if let Some(cause) = &error.source {
            tracing::debug!(%cause, "{error}");
        }
        let body = Json(ErrorBody {
            error: ErrorDetail {
                code: error.code.as_str().to_owned(),
                message: error.message,
                details: error.details,
                request_id: request_id(),
            },
        });
        match error.code.kind() {
            Kind::Malformed => Self::BadRequest(body),
            Kind::Unauthenticated => Self::Unauthorized(body),
            Kind::Forbidden => Self::Forbidden(body),
            Kind::NotFound => Self::NotFound(body),
            Kind::Conflict => Self::Conflict(body),
            Kind::Stale => Self::PreconditionFailed(body),
            Kind::PreconditionRequired => Self::PreconditionRequired(body),
            Kind::TooLarge => Self::PayloadTooLarge(body),
            Kind::UnsupportedMediaType => Self::UnsupportedMediaType(body),
            Kind::Unprocessable => Self::Unprocessable(body),
            Kind::TooMany => Self::TooManyRequests(body, RETRY_AFTER),
            Kind::Unavailable => Self::Unavailable(body, RETRY_AFTER),
            Kind::Internal => Self::Internal(body),
        }
    }
}

/// The answer to a framework error: a request that no handler has seen, or a handler's own.
pub fn answer(error: poem::Error) -> Response {
    let told = if let Some(e) = error.downcast_ref::<ParseRequestPayloadError>() {
        unreadable(&e.reason)
    } else if let Some(e) = error.downcast_ref::<ParseParamError>() {
        unreadable(&format!("{}: {}", e.name, e.reason))
    } else if error.downcast_ref::<ParsePathError>().is_some() {
        // An id that cannot be one names nothing.
        Error::new(Code::NotFound, "There is nothing at this address: an id in it is malformed.")
    } else if let Some(e) = error.downcast_ref::<ContentTypeError>() {
        Error::new(Code::UnsupportedMediaType, format!("{e}; /docs tells what the operation reads."))
    } else if error.downcast_ref::<AuthorizationError>().is_some() {
        Error::new(Code::Unauthenticated, "Sign in and send the access token as a bearer token.")
    } else if error.is_from_response() {
        return error.into_response();
    } else {
        of_status(error.status(), &error.to_string())
    };
    ApiError::from(told).into_response()
}

/// The framework's words for a refused body, with our code: a value that is well-formed and
/// outside its limits is refused, anything else cannot be read. What was found in place of the type that is
/// expected is left out, as it may be a password.
fn unreadable(reason: &str) -> Error {
    let reason =
        reason.split_once("\", found ").map_or_else(|| reason.to_owned(), |(expected, _)| format!("{expected}\""));
    let refused = reason.contains("verification failed");
    let code = if refused { Code::InvalidValue } else { Code::MalformedRequest };
    Error::new(code, format!("{}.", reason.trim_end_matches('.')))
}

/// The answer for a status that something below the handlers chose.
pub fn of_status(status: StatusCode, message: &str) -> Error {
    let (code, message) = match status {
        StatusCode::NOT_FOUND => (Code::RouteNotFound, "There is no such route; /docs lists all.".to_owned()),
        StatusCode::METHOD_NOT_ALLOWED => {
            (Code::RouteNotFound, "The route does not take this method; /docs lists all.".to_owned())
        }
        StatusCode::PAYLOAD_TOO_LARGE => (Code::BodyTooLarge, message.to_owned()),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (Code::UnsupportedMediaType, message.to_owned()),
        StatusCode::UNAUTHORIZED => (Code::Unauthenticated, message.to_owned()),
        status if status.is_client_error() => (Code::MalformedRequest, message.to_owned()),
        _ => return Error::internal(message.to_owned()),
    };
    Error::new(code, message)
}
