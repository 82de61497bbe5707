//! A CSV file by the names of its columns, where a bad row is an answer and not the end.

use std::fmt;
use std::fs::File;
use std::path::Path;

/// Something in the source that cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file's name.
    pub file: &'static str,
    /// The line in it, as an editor counts.
    pub line: u64,
    /// What is wrong, in a sentence.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// A row whose cells are there.
pub struct Row {
    file: &'static str,
    line: u64,
    cells: Vec<String>,
    columns: &'static [&'static str],
}

impl Row {
    /// The line in the file.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// A problem of this row.
    pub fn problem(&self, what: impl Into<String>) -> Problem {
        Problem { file: self.file, line: self.line, what: what.into() }
    }

    /// The cell of a column that was asked for; empty when the cell is.
    pub fn cell(&self, column: &str) -> &str {
        let at = self.columns.iter().position(|name| *name == column);
        at.and_then(|at| self.cells.get(at)).map_or("", String::as_str)
    }

    /// The cell of a column, which must not be empty.
    pub fn filled(&self, column: &str) -> Result<&str, Problem> {
        match self.cell(column) {
            "" => Err(self.problem(format!("{column} is empty"))),
            cell => Ok(cell),
        }
    }

    /// An id: short and of letters, digits, `-` and `_`, because it goes into addresses and keys.
    pub fn id(&self, column: &str) -> Result<&str, Problem> {
        let cell = self.filled(column)?;
        let plain = cell.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if plain && cell.len() <= 64 {
            Ok(cell)
        } else {
            Err(self.problem(format!("{column} is not an id of at most 64 letters and digits")))
        }
    }
}

/// A row that cannot be read.
pub struct BadRow {
    /// What is wrong with it.
    pub problem: Problem,
    /// Its first asked-for cell where that can be read, to know whose row it was.
    pub key: Option<String>,
}

/// Reads the asked-for columns of a file, in whatever order the file has them.
///
/// # Errors
/// A sentence, when the file cannot be read or a column is missing.
pub fn read(
    folder: &Path,
    file: &'static str,
    columns: &'static [&'static str],
) -> Result<Vec<Result<Row, BadRow>>, String> {
    let path = folder.join(file);
    let broken = |error: &dyn fmt::Display| format!("{}: {error}", path.display());
    let opened = File::open(&path).map_err(|error| broken(&error))?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(opened);
    let header = reader.headers().map_err(|error| broken(&error))?.clone();
    let mut places = Vec::with_capacity(columns.len());
    for column in columns {
        let place = header.iter().position(|name| name == *column);
        places.push(place.ok_or_else(|| broken(&format!("the header has no column {column}")))?);
    }
    let mut rows = Vec::new();
    for record in reader.byte_records() {
        let record = record.map_err(|error| broken(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let text = |place: &usize| record.get(*place).and_then(|cell| str::from_utf8(cell).ok()).map(str::to_owned);
        let cells: Option<Vec<String>> = places.iter().map(text).collect();
        let bad = |what: String| BadRow { problem: Problem { file, line, what }, key: places.first().and_then(text) };
        rows.push(match cells {
            _ if record.len() != header.len() => {
                Err(bad(format!("the row has {} fields and the header {}", record.len(), header.len())))
            }
            None => Err(bad("the row is not UTF-8".to_owned())),
            Some(cells) => Ok(Row { file, line, cells, columns }),
        });
    }
    Ok(rows)
}
