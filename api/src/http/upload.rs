//! Files of rows, read while they come in: however long, they take the memory of a piece.

use std::time::Duration;

use futures::{Stream, StreamExt};
use poem::http::Method;
use poem::{Body, Request, RequestBody};
use poem_openapi::ApiRequest;
use poem_openapi::payload::{ParsePayload, Payload};
use poem_openapi::registry::MetaSchemaRef;
use poem_openapi::types::Type;
use sha2::{Digest, Sha256};
use souk_domain::batch::Receiving;
use souk_domain::{Code, Error, Result};
use souk_entity::id::BatchId;
use souk_entity::status::BatchFormat;
use tokio::time::{Instant, timeout_at};

use crate::auth::Admission;
use crate::http::error::ApiError;

/// Where files are uploaded: the kinds of batches below these.
const UPLOADS: [&str; 2] = ["/api/v1/seller/batches/", "/api/v1/admin/batches/"];

/// A client that sends nothing for this long has gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// No file takes longer, so that nobody keeps a connection by sending a byte now and then; the
/// largest comes in with 75 kB a second.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Of a file that is refused no more is read on: the largest there may be.
const REST: usize = 256 * 1024 * 1024;

/// Whether a request's body is a file, which is read by its handler.
pub fn is_upload(request: &Request) -> bool {
    let path = request.uri().path();
    let kind = UPLOADS.iter().find_map(|prefix| path.strip_prefix(prefix));
    request.method() == Method::POST && kind.is_some_and(|kind| !kind.is_empty() && !kind.contains('/'))
}

/// A body, and by what it was let in.
struct Sent {
    by: Admission,
    body: Body,
}

macro_rules! file {
    ($(#[$doc:meta])* $name:ident, $taken:expr) => {
        $(#[$doc])*
        pub struct $name(Sent);

        impl Payload for $name {
            const CONTENT_TYPE: &'static str = $taken[0];

            fn check_content_type(content_type: &str) -> bool {
                let essence = content_type.split(';').next().unwrap_or_default().trim();
                $taken.iter().any(|taken| essence.eq_ignore_ascii_case(taken))
            }

            fn schema_ref() -> MetaSchemaRef {
                String::schema_ref()
            }
        }

        impl ParsePayload for $name {
            const IS_REQUIRED: bool = true;

            async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
                let by = Admission::of(request).map_err(ApiError::from)?;
                Ok(Self(Sent { by, body: body.take()? }))
            }
        }
    };
}

file! {
    /// CSV in UTF-8; plain text is taken for it too, because many tools send it as that.
    Csv, ["text/csv", "text/plain"]
}

file! {
    /// One JSON object a line, in UTF-8.
    Ndjson, ["application/x-ndjson", "application/jsonl"]
}

/// A file of rows: CSV with a first line that names its columns, or one JSON object a line. At most 1000000 rows,
/// 268435456 bytes, and 16000 bytes a row. A person sends at most 8 files at once.
#[derive(ApiRequest)]
pub enum RowsFile {
    /// Lines below a header. A cell that has a comma, a quote or a line end is in quotes. An apostrophe before = + - @
    /// is taken off: files for spreadsheets have it there, so that nothing in them is run as a formula.
    Csv(Csv),
    /// The columns are the keys of each object.
    Ndjson(Ndjson),
}

/// A file of orders: one JSON object a line. At most 1000000 rows, 268435456 bytes, and 16000 bytes a row.
/// A person sends at most 8 files at once.
#[derive(ApiRequest)]
pub enum OrdersFile {
    /// One order a line.
    Ndjson(Ndjson),
}

/// A file that has not been read.
pub struct Unread {
    /// How it is written.
    pub format: BatchFormat,
    sent: Sent,
}

impl From<RowsFile> for Unread {
    fn from(file: RowsFile) -> Self {
        match file {
            RowsFile::Csv(Csv(sent)) => Self { format: BatchFormat::Csv, sent },
            RowsFile::Ndjson(Ndjson(sent)) => Self { format: BatchFormat::Ndjson, sent },
        }
    }
}

impl From<OrdersFile> for Unread {
    fn from(OrdersFile::Ndjson(Ndjson(sent)): OrdersFile) -> Self {
        Self { format: BatchFormat::Ndjson, sent }
    }
}

impl Unread {
    /// Reads the file and stages its rows; returns what they are queued by, and the SHA-256 of the file. Whoever may
    /// not send it any more when it ends is refused as if they began it then.
    ///
    /// # Errors
    /// What [`Admission::check_again`] says.
    /// What [`Receiving::push`] and [`Receiving::finish`] say; [`Code::MalformedRequest`] for a body
    /// that breaks off.
    pub async fn receive(self, receiving: &mut Receiving) -> Result<((BatchId, i64), [u8; 32])> {
        let mut hash = Sha256::new();
        let mut pieces = self.sent.body.into_bytes_stream();
        let until = Instant::now() + LONGEST;
        while let Some(piece) = next(&mut pieces, until).await? {
            hash.update(&piece);
            if let Err(error) = receiving.push(&piece).await {
                // Who is still sending reads no answer; who never ends gets none.
                let mut read = 0;
                while read < REST
                    && let Ok(Some(rest)) = next(&mut pieces, until).await
                {
                    read += rest.len();
                }
                return Err(error);
            }
        }
        let staged = receiving.finish().await?;
        self.sent.by.check_again().await?;
        Ok((staged, hash.finalize().into()))
    }
}

async fn next<B, E: std::fmt::Display>(
    pieces: &mut (impl Stream<Item = Result<B, E>> + Unpin),
    until: Instant,
) -> Result<Option<B>> {
    let broke_off =
        |why: &str| Error::new(Code::MalformedRequest, format!("The file broke off: {why}. Send it again."));
    let quiet = Instant::now() + PATIENCE;
    match timeout_at(Ord::min(quiet, until), pieces.next()).await {
        Ok(Some(Ok(piece))) => Ok(Some(piece)),
        Ok(None) => Ok(None),
        Ok(Some(Err(error))) => Err(broke_off(&error.to_string())),
        Err(_) if quiet <= until => Err(broke_off(&format!("nothing came for {} seconds", PATIENCE.as_secs()))),
        Err(_) => Err(broke_off(&format!("it took longer than {} minutes", LONGEST.as_secs() / 60))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_are_read_by_their_handlers() {
        let asks = |method: Method, path: &str| {
            is_upload(&Request::builder().method(method).uri(path.parse().unwrap()).finish())
        };
        assert!(asks(Method::POST, "/api/v1/seller/batches/inventory?dry_run=true"));
        assert!(asks(Method::POST, "/api/v1/admin/batches/orders"));
        for other in
            ["/api/v1/seller/batches", "/api/v1/seller/batches/", "/api/v1/seller/batches/x/cancel", "/api/v1/orders"]
        {
            assert!(!asks(Method::POST, other), "{other}");
        }
        assert!(!asks(Method::PUT, "/api/v1/seller/batches/inventory"));
    }

    #[tokio::test]
    async fn who_sends_a_byte_now_and_then_does_not_send_for_ever() {
        let mut drops = Box::pin(futures::stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((Ok::<_, std::io::Error>(b"x"), ()))
        }));
        let until = Instant::now() + Duration::from_millis(100);
        let error = loop {
            match next(&mut drops, until).await {
                Ok(piece) => assert!(piece.is_some()),
                Err(error) => break error,
            }
        };
        assert!(Instant::now() >= until);
        assert_eq!(error.code, Code::MalformedRequest);
        assert!(error.message.contains("longer than 60 minutes"), "{error}");
    }
}
