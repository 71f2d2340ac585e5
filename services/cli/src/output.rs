use std::io::{self, ErrorKind, Write};

use serde_json::{Value, json};

use crate::config::Format;
use crate::error::Error;
use crate::table;

/// How the result of a command is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    format: Format,
}

/// A title and the fields whose first value stands below it.
pub(crate) type Column = (&'static str, &'static [&'static str]);

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    /// Tells whether a script reads it.
    pub(crate) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Says that it was done.
    pub(crate) fn ok(self) -> Result<(), Error> {
        self.either("ok", &json!({ "ok": true }))
    }

    /// Says what was created, under a name for scripts.
    pub(crate) fn created(self, name: &str, value: &str) -> Result<(), Error> {
        self.either(&format!("created: {value}"), &json!({ name: value }))
    }

    /// Shows one object.
    pub(crate) fn object(self, object: &Value) -> Result<(), Error> {
        self.either(table::fields(object).trim_end(), object)
    }

    /// Shows objects.
    pub(crate) fn objects(self, objects: &[Value], columns: &[Column]) -> Result<(), Error> {
        let text = table::table(objects, columns);
        self.either(text.trim_end(), &json!(objects))
    }

    /// Shows a page, whose objects are under a name.
    pub(crate) fn page(self, page: &Value, name: &str, columns: &[Column]) -> Result<(), Error> {
        let objects = page[name].as_array().map_or(&[][..], Vec::as_slice);
        let mut text = table::table(objects, columns);
        let total = page["total"].as_u64().unwrap_or_default();
        if objects.is_empty() {
            text = format!("none of {total}");
        } else if total > objects.len() as u64 {
            let first = page["offset"].as_u64().unwrap_or_default() + 1;
            let last = first + objects.len() as u64 - 1;
            text.push_str(&format!("{first} to {last} of {total}"));
        }
        self.either(text.trim_end(), page)
    }

    /// Shows a text to people and JSON to scripts.
    pub(crate) fn either(self, text: &str, json: &Value) -> Result<(), Error> {
        if self.is_json() {
            let pretty = serde_json::to_string_pretty(json).unwrap_or_default();
            return line(pretty.as_bytes());
        }
        line(text.as_bytes())
    }
}

/// Writes a line to the standard output.
pub(crate) fn line(bytes: &[u8]) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    let written = out
        .write_all(bytes)
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Error::Closed,
        _ => Error::Failed(format!("cannot write the output: {error}")),
    })
}

/// Writes a line to the standard error.
pub(crate) fn complain(text: &str) {
    let _nobody_reads_it = writeln!(io::stderr(), "{text}");
}
