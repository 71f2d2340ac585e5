//! Files to provision from: CSV or a JSON array.

use std::path::Path;

use bytes::Bytes;
use csv::{ReaderBuilder, StringRecord, Trim};
use serde_json::{Value, json};

use crate::details;
use crate::error::Error;
use crate::input;

/// What a line of CSV, or an element of an array, asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    /// Where it stands, counted from 1.
    pub(crate) number: u64,
    pub(crate) body: Value,
}

/// Reads things or channels.
///
/// As in 0.9 a CSV file without a header has names in its first column and nothing else that counts; with one, the columns
/// `name`, `key` and `metadata` (JSON) do.
pub(crate) fn named(path: &Path) -> Result<Vec<Row>, Error> {
    rows(path, &["name"], |record, columns| {
        let metadata = match cell(record, columns, "metadata") {
            Some(text) => {
                Some(serde_json::from_str(text).map_err(|error| format!("metadata: {error}"))?)
            }
            None => None,
        };
        let text = |name| cell(record, columns, name).map(|text| json!(text));
        Ok(details::object([
            ("name", text("name")),
            ("key", text("key")),
            ("metadata", metadata),
        ]))
    })
}

/// Reads connections: a thing and a channel each.
pub(crate) fn connections(path: &Path) -> Result<Vec<Row>, Error> {
    rows(path, &["thing", "channel"], |record, columns| {
        let thing = cell(record, columns, "thing").ok_or("has no thing")?;
        let channel = cell(record, columns, "channel").ok_or("has no channel")?;
        Ok(json!({ "thing": thing, "channel": channel }))
    })
}

/// Reads a file whose CSV has these columns, unless it has a header, which begins with the first of them.
fn rows(
    path: &Path,
    columns: &[&str],
    read: impl Fn(&StringRecord, &[String]) -> Result<Value, String>,
) -> Result<Vec<Row>, Error> {
    let bytes = input::read(path)?;
    let parsed = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => array(&bytes),
        Some(_) => table(&bytes, columns, read),
        None => Err("it is empty".to_owned()),
    };
    parsed.map_err(|reason| Error::Usage(format!("{}: {reason}", path.display())))
}

fn array(bytes: &Bytes) -> Result<Vec<Row>, String> {
    let values: Vec<Value> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let row = |(index, body): (usize, Value)| {
        let number = index as u64 + 1;
        if body.is_object() {
            return Ok(Row { number, body });
        }
        Err(format!("element {number} is no object"))
    };
    values.into_iter().enumerate().map(row).collect()
}

fn table(
    bytes: &Bytes,
    columns: &[&str],
    read: impl Fn(&StringRecord, &[String]) -> Result<Value, String>,
) -> Result<Vec<Row>, String> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(&bytes[..]);
    let first = columns[0];
    let mut columns: Vec<String> = columns.iter().map(|&name| name.to_owned()).collect();
    let mut rows = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| error.to_string())?;
        if index == 0
            && record
                .get(0)
                .is_some_and(|cell| cell.eq_ignore_ascii_case(first))
        {
            columns = record.iter().map(str::to_ascii_lowercase).collect();
            continue;
        }
        let number = record.position().map_or(0, csv::Position::line);
        let body = read(&record, &columns).map_err(|reason| format!("line {number} {reason}"))?;
        rows.push(Row { number, body });
    }
    Ok(rows)
}

fn cell<'a>(record: &'a StringRecord, columns: &[String], name: &str) -> Option<&'a str> {
    let index = columns.iter().position(|column| column == name)?;
    record.get(index).filter(|cell| !cell.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn bodies(text: &str) -> Vec<Value> {
        let rows = named(file(text).path()).unwrap();
        rows.into_iter().map(|row| row.body).collect()
    }

    #[test]
    fn without_a_header_only_names_count() {
        assert_eq!(
            bodies("weio,key 1\n\n\"a, b\", x\n"),
            [json!({"name": "weio"}), json!({"name": "a, b"})]
        );
    }

    #[test]
    fn with_a_header_columns_have_a_meaning() {
        let text = "Name,metadata,other,key\nweio,\"{\"\"a\"\":1}\",x,k\nplain,,,\n";
        assert_eq!(
            bodies(text),
            [
                json!({"name": "weio", "key": "k", "metadata": {"a": 1}}),
                json!({"name": "plain"})
            ]
        );
        let rows = named(file(text).path()).unwrap();
        assert_eq!(rows[1].number, 3);
    }

    #[test]
    fn an_array_is_taken_as_it_is() {
        assert_eq!(bodies(" [{\"name\":\"x\"}]"), [json!({"name": "x"})]);
    }

    #[test]
    fn mistakes_have_a_place() {
        for (text, place) in [
            ("name,metadata\na,{\n", "line 2"),
            ("[1]", "element 1"),
            ("", "empty"),
        ] {
            let error = named(file(text).path()).unwrap_err().to_string();
            assert!(error.contains(place), "{error}");
        }
        let error = connections(file("only-a-thing\n").path()).unwrap_err();
        assert!(error.to_string().contains("line 1 has no channel"));
    }
}
