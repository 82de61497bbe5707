//! Rows as they were uploaded. They are stored sealed with a key of the installation, as rows of orders
//! hold addresses of persons who have no key yet.

use souk_entity::batch_row;
use souk_entity::id::BatchId;
use souk_entity::status::BatchRowStatus;

use crate::error::{Error, Result};
use crate::vault::Vault;

/// A row that can be read.
#[derive(Clone, PartialEq, Eq)]
pub struct Staged {
    /// The line of the file that it begins on.
    pub line: i64,
    /// As it was uploaded; empty once somebody it told of is erased.
    pub input: String,
    /// What became of it.
    pub status: BatchRowStatus,
    /// Done: what was made, such as an order's number.
    pub result: Option<String>,
    /// Failed: why.
    pub error: Option<String>,
}

fn place(batch: BatchId, line: i64) -> String {
    format!("batch_row.input\0{batch}\0{line}")
}

pub(super) fn seal(vault: &Vault, batch: BatchId, line: i64, input: &str) -> Result<Vec<u8>> {
    vault.keep(&place(batch, line), input.as_bytes())
}

pub(super) fn open(vault: &Vault, row: batch_row::Model) -> Result<Staged> {
    let input = match row.input.is_empty() {
        true => Vec::new(),
        false => vault
            .kept(&place(row.batch_id, row.line), &row.input)
            .ok_or_else(|| Error::internal(format!("line {} of batch {} does not open", row.line, row.batch_id)))?,
    };
    let input = String::from_utf8(input).map_err(Error::internal)?;
    Ok(Staged { line: row.line, input, status: row.status, result: row.result, error: row.error })
}
