//! What must hold of an uploaded file whatever is in it: shared by a fuzz target and the tests beside
//! this file.

use chrono::DateTime;
use souk_domain::batch::columns::{columns, header};
use souk_domain::batch::file::{LONGEST_ROW, Line, Splitter};
use souk_domain::batch::row::Row;
use souk_domain::error::Code;
use souk_entity::batch;
use souk_entity::id::BatchId;
use souk_entity::status::{BatchFormat, BatchKind, BatchStatus};

const KINDS: [BatchKind; 5] =
    [BatchKind::Inventory, BatchKind::Prices, BatchKind::Shipments, BatchKind::Labels, BatchKind::SellerOrders];

/// Takes the bytes for a file in each format and of each kind.
///
/// # Panics
/// When what is read depends on how the file was cut into pieces, or a row is not as promised.
pub fn check(bytes: &[u8]) {
    for format in [BatchFormat::Csv, BatchFormat::Ndjson] {
        let whole = split(format, [bytes]);
        for size in [1, 2, 3, 7, 61] {
            assert_eq!(split(format, bytes.chunks(size)), whole, "in pieces of {size}");
        }
        // Each cut of a short file, and some of a long one.
        for cut in (0..bytes.len()).step_by(bytes.len() / 32 + 1) {
            let (begin, end) = bytes.split_at(cut);
            assert_eq!(split(format, [begin, end]), whole, "cut at {cut}");
        }
        let (rows, _) = whole;
        assert!(rows.windows(2).all(|pair| pair[0].number < pair[1].number));
        for row in &rows {
            assert!(!row.text.is_empty() && row.text.len() <= LONGEST_ROW && !row.text.contains('\0'));
            assert!(!row.text.starts_with(['\r', '\n']) && !row.text.ends_with(['\r', '\n']));
        }
        for kind in KINDS {
            rows_are_read(kind, format, &rows);
        }
    }
}

/// The rows, and how the file was refused after them.
fn split<'a>(format: BatchFormat, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Line>, Option<(Code, String)>) {
    let (mut splitter, mut rows) = (Splitter::new(format), Vec::new());
    let mut pieces = pieces.into_iter();
    let result = pieces.try_for_each(|piece| splitter.push(piece, &mut rows)).and_then(|()| splitter.finish(&mut rows));
    (rows, result.err().map(|error| (error.code, error.message)))
}

fn rows_are_read(kind: BatchKind, format: BatchFormat, rows: &[Line]) {
    let (names, rows) = match (format, rows) {
        (BatchFormat::Ndjson, rows) => (None, rows),
        (BatchFormat::Csv, [first, rows @ ..]) => match header(kind, &first.text) {
            Ok(names) => {
                assert_eq!(header(kind, &names).unwrap(), names);
                (Some(names), rows)
            }
            Err(error) => return assert_eq!(error.code, Code::InvalidValue),
        },
        (BatchFormat::Csv, []) => return,
    };
    let batch = batch(kind, format, names);
    for row in rows {
        let Ok(read) = Row::read(&batch, &row.text) else { continue };
        for column in columns(kind) {
            let text = read.optional_text(column.name);
            assert!(!column.required || !matches!(text, Ok(None)), "{} is missing in {:?}", column.name, row.text);
            if let Ok(Some(whole)) = read.optional_whole(column.name)
                && let Ok(Some(text)) = text
            {
                assert_eq!(text.parse::<i64>().unwrap(), whole);
            }
            let _: Option<Option<bool>> = read.optional_flag(column.name).ok();
        }
    }
}

fn batch(kind: BatchKind, format: BatchFormat, header: Option<String>) -> batch::Model {
    let at = DateTime::UNIX_EPOCH;
    batch::Model {
        id: BatchId::at(at),
        seller_id: None,
        user_id: None,
        kind,
        format,
        header,
        dry_run: false,
        status: BatchStatus::Running,
        total_rows: 1,
        processed_rows: 0,
        failed_rows: 0,
        done_line: 0,
        version: 1,
        rows_removed_at: None,
        created_at: at,
        updated_at: at,
    }
}
