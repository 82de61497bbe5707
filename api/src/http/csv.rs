//! CSV files (RFC 4180), made while they are sent: however long, they take the memory of a page.

use std::borrow::Cow;
use std::io;

use futures::{Stream, TryStreamExt};
use poem::Body;
use poem_openapi::ApiResponse;
use poem_openapi::payload::Binary;
use souk_domain::{Error, Result, spreadsheet};

/// A CSV file.
#[derive(ApiResponse)]
pub enum CsvFile {
    /// The file: a header line, then a line per row.
    #[oai(status = 200, content_type = "text/csv")]
    File(
        Binary<Body>,
        /// Its name.
        #[oai(header = "Content-Disposition")]
        String,
    ),
}

impl CsvFile {
    /// A file of pieces that are made as they are sent. A failure in the middle breaks the answer
    /// off, so that no client takes what it has for the whole.
    pub fn stream(name: &str, pieces: impl Stream<Item = Result<Vec<u8>>> + Send + 'static) -> Self {
        let pieces = pieces.map_err(|error| {
            tracing::error!(cause = ?error.source, "a file broke off: {error}");
            io::Error::other(error)
        });
        Self::File(Binary(Body::from_bytes_stream(pieces)), format!("attachment; filename=\"{name}\""))
    }
}

/// The lines of some rows. Cells are quoted where they need to be, and lines end as RFC 4180 says.
///
/// # Errors
/// [`souk_domain::Code::Internal`], where rows are of different lengths.
pub fn lines<const COLUMNS: usize>(rows: impl IntoIterator<Item = [Cell; COLUMNS]>) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.iter().map(Cell::as_str)).map_err(Error::internal)?;
    }
    writer.into_inner().map_err(|error| Error::internal(error.to_string()))
}

/// A cell of a CSV file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell(Cow<'static, str>);

impl Cell {
    /// A number, date, id or word of ours, as it is.
    pub fn plain(value: impl Into<Cow<'static, str>>) -> Self {
        Self(value.into())
    }

    /// A text that somebody wrote: where a spreadsheet would run it as a formula, an apostrophe
    /// in front keeps it a text. Files that are uploaded are read without it.
    pub fn text(text: &str) -> Self {
        Self(Cow::Owned(spreadsheet::guarded(text).into_owned()))
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rows: impl IntoIterator<Item = [Cell; 2]>) -> String {
        String::from_utf8(lines(rows).unwrap()).unwrap()
    }

    #[test]
    fn cells_are_quoted_where_they_need_to_be() {
        let rows = [
            [Cell::plain("what"), Cell::plain("amount")],
            [Cell::text("plain"), Cell::plain("-1.50")],
            [Cell::text("a, b"), Cell::plain("2")],
            [Cell::text("the \"best\""), Cell::plain("")],
            [Cell::text("two\nlines"), Cell::plain("3")],
        ];
        let expected = "what,amount\r\nplain,-1.50\r\n\"a, b\",2\r\n\"the \"\"best\"\"\",\r\n\"two\nlines\",3\r\n";
        assert_eq!(told(rows), expected);
    }

    #[test]
    fn no_text_is_run_as_a_formula_and_numbers_stay_numbers() {
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)"] {
            assert_eq!(Cell::text(bad).as_str(), format!("'{bad}"), "{bad:?}");
        }
        assert_eq!(Cell::text("Refund, ORD-2026-00001-1").as_str(), "Refund, ORD-2026-00001-1");
        assert_eq!(Cell::plain("-1.50").as_str(), "-1.50");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let cells = ["a,b", "\"", "\r\n", "ü\u{1F600}", " x ", ""];
        let text = told(cells.iter().map(|cell| [Cell::plain(*cell), Cell::plain("1")]));
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let read: Vec<String> = reader.records().map(|record| record.unwrap()[0].to_owned()).collect();
        assert_eq!(read, cells);
    }
}
