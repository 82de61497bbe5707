//! A file taken apart into its rows while it comes in, in whatever pieces it comes.

use csv_core::ReadRecordResult;
use souk_entity::status::BatchFormat;

use crate::error::{Code, Error, Result};

/// The longest row, in bytes of UTF-8.
pub const LONGEST_ROW: usize = 16_000;

/// The most bytes of a file: 256 MiB.
pub const MOST_BYTES: u64 = 256 * 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A row of a file as it was written, without its line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The line that it begins on, as an editor counts; at least one more than that of the row before.
    pub number: i64,
    /// Its text.
    pub text: String,
}

/// Takes a file apart. Keeps no more of it than the row that is incomplete.
pub struct Splitter {
    format: Format,
    bytes: u64,
    /// The first bytes, until there are enough of them to tell a byte order mark.
    start: Option<Vec<u8>>,
    /// The row that is incomplete, with the line ends before it.
    row: Vec<u8>,
    /// Line ends before `row`.
    line_ends: i64,
    last: i64,
}

enum Format {
    Csv(Box<Csv>),
    Ndjson,
}

/// The machine that knows where a record of CSV ends, with room for what it writes, which nobody
/// reads: a row is stored as it was written.
struct Csv {
    reader: csv_core::Reader,
    fields: [u8; 4_096],
    ends: [usize; 256],
}

impl Splitter {
    /// For a file of this format.
    pub fn new(format: BatchFormat) -> Self {
        let format = match format {
            BatchFormat::Csv => {
                let mut csv = Box::new(Csv { reader: csv_core::Reader::new(), fields: [0; 4_096], ends: [0; 256] });
                // The machine takes a byte order mark off whatever it reads first. The file's own is off by then,
                // and another one is of the first row; so it reads an empty line before.
                csv.reader.read_record(b"\n", &mut csv.fields, &mut csv.ends);
                Format::Csv(csv)
            }
            BatchFormat::Ndjson => Format::Ndjson,
        };
        Self { format, bytes: 0, start: Some(Vec::new()), row: Vec::new(), line_ends: 0, last: 0 }
    }

    /// Takes the next piece; rows that are complete with it are added to `rows`.
    ///
    /// # Errors
    /// [`Code::BodyTooLarge`] beyond [`MOST_BYTES`]; [`Code::InvalidValue`] for a row longer than
    /// [`LONGEST_ROW`]; [`Code::MalformedRequest`] for text that is not UTF-8 or contains NUL.
    pub fn push(&mut self, piece: &[u8], rows: &mut Vec<Line>) -> Result<()> {
        self.bytes += u64::try_from(piece.len()).map_err(Error::internal)?;
        if self.bytes > MOST_BYTES {
            let message = format!("A file has at most {MOST_BYTES} bytes; split it and send the parts one by one.");
            return Err(Error::new(Code::BodyTooLarge, message));
        }
        let Some(mut start) = self.start.take() else { return self.split(piece, rows) };
        start.extend_from_slice(piece);
        if start.len() < BYTE_ORDER_MARK.len() {
            self.start = Some(start);
            return Ok(());
        }
        self.split(start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&start), rows)
    }

    /// The file is over; its last row may have no line end.
    ///
    /// # Errors
    /// As [`Splitter::push`].
    pub fn finish(&mut self, rows: &mut Vec<Line>) -> Result<()> {
        if let Some(start) = self.start.take() {
            self.split(&start, rows)?;
        }
        self.end_row(rows)
    }

    fn split(&mut self, mut piece: &[u8], rows: &mut Vec<Line>) -> Result<()> {
        // The CSV machine takes an empty piece for the end of the file.
        while !piece.is_empty() {
            let (taken, ended) = match &mut self.format {
                Format::Csv(csv) => {
                    let (result, taken, ..) = csv.reader.read_record(piece, &mut csv.fields, &mut csv.ends);
                    (taken, result == ReadRecordResult::Record)
                }
                Format::Ndjson => match piece.iter().position(|byte| *byte == b'\n') {
                    Some(at) => (at + 1, true),
                    None => (piece.len(), false),
                },
            };
            let (row, rest) = piece.split_at(taken);
            self.row.extend_from_slice(row);
            piece = rest;
            self.pass_line_ends();
            // Carriage returns before the line end count here, wherever the piece ends.
            if self.row.len() > LONGEST_ROW + 2 {
                return Err(self.too_long());
            }
            if ended {
                self.end_row(rows)?;
            }
        }
        Ok(())
    }

    /// Line ends before a row are not of it; a row that is none but for them is no row.
    fn pass_line_ends(&mut self) {
        let before = self.row.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.line_ends += line_ends(self.row.drain(..before));
    }

    fn number(&self) -> i64 {
        // Where lines end with a carriage return alone, rows are counted.
        Ord::max(self.line_ends + 1, self.last + 1)
    }

    fn end_row(&mut self, rows: &mut Vec<Line>) -> Result<()> {
        let number = self.number();
        let row = without_line_end(&self.row);
        if row.len() > LONGEST_ROW {
            return Err(self.too_long());
        }
        if !row.is_empty() {
            let text = std::str::from_utf8(row).ok().filter(|text| !text.contains('\0')).ok_or_else(|| {
                let message = format!("Line {number} is not text in UTF-8, or contains NUL; save the file as UTF-8.");
                Error::new(Code::MalformedRequest, message)
            })?;
            rows.push(Line { number, text: text.to_owned() });
            self.last = number;
        }
        self.line_ends += line_ends(self.row.iter().copied());
        self.row.clear();
        Ok(())
    }

    fn too_long(&self) -> Error {
        Error::invalid(format!(
            "The row of line {} is longer than {LONGEST_ROW} bytes; shorten it, or close the quote that it opens.",
            self.number()
        ))
    }
}

fn without_line_end(row: &[u8]) -> &[u8] {
    let end = row.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
    row.get(..end).unwrap_or_default()
}

fn line_ends(bytes: impl IntoIterator<Item = u8>) -> i64 {
    bytes.into_iter().map(|byte| i64::from(byte == b'\n')).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(format: BatchFormat, pieces: &[&[u8]]) -> Result<Vec<(i64, String)>> {
        let (mut splitter, mut rows) = (Splitter::new(format), Vec::new());
        for piece in pieces {
            splitter.push(piece, &mut rows)?;
        }
        splitter.finish(&mut rows)?;
        Ok(rows.into_iter().map(|row| (row.number, row.text)).collect())
    }

    fn told(rows: &[(i64, &str)]) -> Vec<(i64, String)> {
        rows.iter().map(|(number, text)| (*number, (*text).to_owned())).collect()
    }

    #[test]
    fn rows_are_numbered_as_an_editor_numbers_them() {
        let csv = "\u{feff}sku,note\r\nA,\"two\nlines\"\r\n\r\nB,\"say \"\"x\"\"\"\nC,last";
        let expected = told(&[(1, "sku,note"), (2, "A,\"two\nlines\""), (5, "B,\"say \"\"x\"\"\""), (6, "C,last")]);
        assert_eq!(split(BatchFormat::Csv, &[csv.as_bytes()]).unwrap(), expected);
        assert_eq!(split(BatchFormat::Csv, &[b"a\rb\rc"]).unwrap(), told(&[(1, "a"), (2, "b"), (3, "c")]));
        let json = b"\n{\"a\":1}\r\n\n{\"b\":2}";
        assert_eq!(split(BatchFormat::Ndjson, &[json]).unwrap(), told(&[(2, "{\"a\":1}"), (4, "{\"b\":2}")]));
        // Of two byte order marks the second is text, wherever the pieces are cut.
        let twice = "\u{feff}\u{feff}\na".as_bytes();
        for format in [BatchFormat::Csv, BatchFormat::Ndjson] {
            for cut in 0..=twice.len() {
                let (begin, end) = twice.split_at(cut);
                assert_eq!(split(format, &[begin, end]).unwrap(), told(&[(1, "\u{feff}"), (2, "a")]), "{cut}");
            }
        }
        for nothing in [&b""[..], b"\n\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"] {
            assert_eq!(split(BatchFormat::Csv, &[nothing]).unwrap(), []);
            assert_eq!(split(BatchFormat::Ndjson, &[nothing]).unwrap(), []);
        }
    }

    #[test]
    fn what_cannot_be_a_row_is_refused() {
        let long = format!("a\n{}\nb", "x".repeat(LONGEST_ROW));
        let longer = format!("a\n{}\nb", "x".repeat(LONGEST_ROW + 1));
        let open = format!("a\n\"{}", "x\n".repeat(LONGEST_ROW));
        for format in [BatchFormat::Csv, BatchFormat::Ndjson] {
            assert_eq!(split(format, &[long.as_bytes()]).unwrap().len(), 3);
            let error = split(format, &[longer.as_bytes()]).unwrap_err();
            assert_eq!(error.code, Code::InvalidValue);
            assert!(error.message.contains("line 2"), "{error}");
            assert_eq!(split(format, &[b"a\n\xff"]).unwrap_err().code, Code::MalformedRequest);
            assert_eq!(split(format, &[b"a\nb\0"]).unwrap_err().code, Code::MalformedRequest);
        }
        assert_eq!(split(BatchFormat::Csv, &[open.as_bytes()]).unwrap_err().code, Code::InvalidValue);
        // A row of nearly nothing but carriage returns is too long in one piece as in several.
        let returns = [b"a".as_slice(), &[b'\r'; LONGEST_ROW + 2], b"\n"].concat();
        for pieces in [&[returns.as_slice()][..], &[&returns[..LONGEST_ROW + 3], b"\n"]] {
            assert_eq!(split(BatchFormat::Ndjson, pieces).unwrap_err().code, Code::InvalidValue);
        }
        let many = ",".repeat(5_000);
        assert_eq!(split(BatchFormat::Csv, &[many.as_bytes()]).unwrap(), told(&[(1, &many)]));
    }

    proptest! {
        #[test]
        fn however_a_file_comes_in_its_rows_are_the_same(text in "[ab,\"\r\n\u{e9}\u{feff}]{0,60}", cuts in prop::collection::vec(0_usize..60, 0..6)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= bytes.len()).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts {
                pieces.push(&bytes[from..cut]);
                from = cut;
            }
            pieces.push(&bytes[from..]);
            for format in [BatchFormat::Csv, BatchFormat::Ndjson] {
                let whole = split(format, &[bytes]).unwrap();
                prop_assert_eq!(&split(format, &pieces).unwrap(), &whole);
                prop_assert!(whole.windows(2).all(|pair| pair[0].0 < pair[1].0));
                let no_line_ends = |text: &str| text.replace(['\r', '\n'], "");
                let all: String = whole.iter().map(|(_, text)| text.as_str()).collect();
                let rest = text.strip_prefix('\u{feff}').unwrap_or(&text);
                prop_assert_eq!(no_line_ends(&all), no_line_ends(rest));
            }
        }
    }
}
