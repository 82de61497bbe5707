//! One row of a batch, read.

use serde_json::{Map, Value};
use souk_entity::batch;
use souk_entity::status::BatchFormat;

use super::columns::columns;
use crate::error::{Error, Result};
use crate::{json, spreadsheet, text};

/// The values of a row, by the names of its columns. What is empty or null is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(Map<String, Value>);

impl Row {
    /// Reads a row of a batch.
    ///
    /// # Errors
    /// [`crate::Code::InvalidValue`] for what the batch's format and kind do not have.
    pub fn read(batch: &batch::Model, input: &str) -> Result<Self> {
        let mut values = match batch.format {
            BatchFormat::Csv => of_csv(batch.header.as_deref().unwrap_or_default(), input)?,
            BatchFormat::Ndjson => of_json(input)?,
        };
        values.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
        let known = columns(batch.kind);
        for name in values.keys() {
            if !known.iter().any(|column| column.name == name) {
                let names: Vec<_> = known.iter().map(|column| column.name).collect();
                let message = format!("There is no value \"{name}\"; the row has these: {}.", names.join(", "));
                return Err(Error::invalid(message));
            }
        }
        match known.iter().find(|column| column.required && !values.contains_key(column.name)) {
            Some(missing) => Err(Error::invalid(format!("The value of {} is missing.", missing.name))),
            None => Ok(Self(values)),
        }
    }

    /// A text that may be left out.
    ///
    /// # Errors
    /// [`crate::Code::InvalidValue`] for what is no text.
    pub fn optional_text(&self, name: &str) -> Result<Option<&str>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim())),
            Some(_) => Err(Error::invalid(format!("The value of {name} is not a text; put it in quotes."))),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// [`crate::Code::InvalidValue`] for what is no text.
    pub fn text(&self, name: &str) -> Result<&str> {
        self.optional_text(name)?.ok_or_else(|| Error::invalid(format!("The value of {name} is missing.")))
    }

    /// A whole number that may be left out, written as a number or as a text.
    ///
    /// # Errors
    /// [`crate::Code::InvalidValue`] for what is none.
    pub fn optional_whole(&self, name: &str) -> Result<Option<i64>> {
        let whole = match self.0.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        whole.map(Some).ok_or_else(|| Error::invalid(format!("The value of {name} is not a whole number.")))
    }

    /// A whole number.
    ///
    /// # Errors
    /// [`crate::Code::InvalidValue`] for what is none.
    pub fn whole(&self, name: &str) -> Result<i64> {
        self.optional_whole(name)?.ok_or_else(|| Error::invalid(format!("The value of {name} is missing.")))
    }

    /// Yes or no, that may be left out: `true` or `false`, with or without quotes.
    ///
    /// # Errors
    /// [`crate::Code::InvalidValue`] for another word.
    pub fn optional_flag(&self, name: &str) -> Result<Option<bool>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.trim().eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(Error::invalid(format!("The value of {name} is neither true nor false."))),
        }
    }
}

/// The cells of a line of CSV.
///
/// # Errors
/// [`crate::Code::InvalidValue`] for what is none.
pub fn cells(line: &str) -> Result<Vec<String>> {
    let mut record = csv::StringRecord::new();
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(line.as_bytes())
        .read_record(&mut record)
        .map_err(|error| Error::invalid(format!("The row is not CSV: {error}.")))?;
    Ok(record.iter().map(ToOwned::to_owned).collect())
}

fn of_csv(header: &str, input: &str) -> Result<Map<String, Value>> {
    let (names, cells): (Vec<&str>, _) = (header.split(',').collect(), cells(input)?);
    if names.len() != cells.len() {
        let message = format!("The row has {} values and the header names {}.", cells.len(), names.len());
        return Err(Error::invalid(message));
    }
    if let Some(why) = cells.iter().find_map(|cell| text::refused(cell)) {
        return Err(Error::invalid(format!("A value {why}.")));
    }
    let values = cells.into_iter().map(|cell| Value::String(spreadsheet::unguarded(cell.trim()).to_owned()));
    Ok(names.into_iter().map(ToOwned::to_owned).zip(values).collect())
}

/// The values of a line of JSON.
///
/// # Errors
/// [`crate::Code::InvalidValue`] for what is no object; what [`json::check`] refuses.
pub fn of_json(input: &str) -> Result<Map<String, Value>> {
    json::check(input.as_bytes())?;
    match serde_json::from_str(input) {
        Ok(Value::Object(values)) => Ok(values),
        Ok(_) => Err(Error::invalid("The row is not a JSON object.")),
        Err(error) => Err(Error::invalid(format!("The row is not JSON: {error}."))),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;
    use souk_entity::id::BatchId;
    use souk_entity::status::{BatchKind, BatchStatus};

    use super::*;

    fn batch(header: Option<&str>) -> batch::Model {
        let at = DateTime::UNIX_EPOCH;
        batch::Model {
            id: BatchId::at(at),
            seller_id: None,
            user_id: None,
            kind: BatchKind::Prices,
            format: if header.is_some() { BatchFormat::Csv } else { BatchFormat::Ndjson },
            header: header.map(ToOwned::to_owned),
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

    #[test]
    fn a_row_is_read_in_both_formats() {
        let csv = batch(Some("price,sku,active"));
        let json = batch(None);
        for row in [
            Row::read(&csv, " 1.50 ,\"A,\"\"1\"\"\",True"),
            Row::read(&json, r#"{"sku":"A,\"1\"","price":"1.50","active":true}"#),
        ] {
            let row = row.unwrap();
            assert_eq!((row.text("sku").unwrap(), row.text("price").unwrap()), ("A,\"1\"", "1.50"));
            assert_eq!(row.optional_flag("active").unwrap(), Some(true));
        }
        assert_eq!(Row::read(&csv, "1,A,").unwrap().optional_flag("active").unwrap(), None);
        assert_eq!(
            Row::read(&json, r#"{"sku":"A","price":"1","active":null}"#).unwrap().optional_flag("active").unwrap(),
            None
        );
        let numbers = Row::read(&json, r#"{"sku":"7","price":7}"#).unwrap();
        assert_eq!((numbers.whole("sku").unwrap(), numbers.whole("price").unwrap()), (7, 7));
        assert!(numbers.text("price").is_err(), "money is never a number of JSON");
    }

    #[test]
    fn what_is_wrong_is_told() {
        let (csv, json) = (batch(Some("sku,price")), batch(None));
        for (batch, input, why) in [
            (&csv, "A", "1 values and the header names 2"),
            (&csv, "A,1,2", "3 values"),
            (&csv, "A,", "price is missing"),
            (&csv, "\"A,1", "1 values"),
            (&json, "[1]", "not a JSON object"),
            (&json, "{\"sku\":", "not JSON"),
            (&json, r#"{"sku":"A","cost":"1"}"#, "no value \"cost\""),
            (&json, r#"{"sku":"A","price":""}"#, "price is missing"),
            (&json, r#"{"sku":"A\u0000","price":"1"}"#, "contains NUL"),
        ] {
            let error = Row::read(batch, input).unwrap_err();
            assert!(error.message.contains(why), "{input}: {error}");
        }
        let row = Row::read(&json, r#"{"sku":"x","price":1.5,"active":"maybe"}"#).unwrap();
        assert!(row.whole("sku").is_err() && row.whole("price").is_err() && row.optional_flag("active").is_err());
    }

    proptest! {
        #[test]
        fn no_row_makes_it_panic(input in "\\PC{0,60}") {
            let _ = Row::read(&batch(Some("sku,price")), &input);
            let _ = Row::read(&batch(None), &input);
        }
    }
}
