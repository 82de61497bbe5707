//! JSON answers with a version, serialized once.

use std::marker::PhantomData;

use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::{ToJSON, Type};

/// An answer whose body is a `T` in JSON: made now, or stored when the same request came first.
#[derive(Debug)]
pub struct Answer<T, const STATUS: u16> {
    /// The status that was answered first.
    pub status: u16,
    /// The body that was answered first, byte for byte.
    pub body: Vec<u8>,
    /// Becomes the ETag.
    pub version: Option<i64>,
    kind: PhantomData<fn() -> T>,
}

/// 200 with a `T`.
pub type Okay<T> = Answer<T, 200>;

/// 201 with a `T`.
pub type Created<T> = Answer<T, 201>;

impl<T: ToJSON, const STATUS: u16> Answer<T, STATUS> {
    /// An answer of `value`.
    pub fn new(value: &T) -> Self {
        Self { status: STATUS, body: value.to_json_string().into_bytes(), version: None, kind: PhantomData }
    }

    /// With the version that If-Match can name.
    #[must_use]
    pub fn with_version(self, version: i64) -> Self {
        Self { version: Some(version), ..self }
    }

    /// With another status than the usual one.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }
}

impl<T, const STATUS: u16> Answer<T, STATUS> {
    /// What was answered before.
    pub fn stored(status: u16, body: Vec<u8>) -> Self {
        Self { status, body, version: None, kind: PhantomData }
    }
}

impl<T: Send, const STATUS: u16> IntoResponse for Answer<T, STATUS> {
    fn into_response(self) -> Response {
        let mut response = Response::builder()
            .status(StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK))
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .body(self.body);
        let etag = self.version.and_then(|version| HeaderValue::from_str(&format!("\"{version}\"")).ok());
        if let Some(etag) = etag {
            response.headers_mut().insert(header::ETAG, etag);
        }
        response
    }
}

impl<T: ToJSON, const STATUS: u16> ApiResponse for Answer<T, STATUS> {
    fn meta() -> MetaResponses {
        let etag = MetaHeader {
            name: "ETag".into(),
            description: Some("The version, for If-Match, of things that have one.".into()),
            required: false,
            deprecated: false,
            schema: String::schema_ref(),
        };
        let content = MetaMediaType { content_type: "application/json; charset=utf-8", schema: schema::<T>() };
        MetaResponses {
            responses: vec![MetaResponse {
                description: if STATUS == 201 { "Made." } else { "Done." },
                status: Some(STATUS),
                status_range: None,
                content: vec![content],
                headers: vec![etag],
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

fn schema<T: Type>() -> MetaSchemaRef {
    T::schema_ref()
}
