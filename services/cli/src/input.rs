use std::io::{self, IsTerminal, Read};
use std::path::Path;

use bytes::Bytes;
use serde_json::Value;

use crate::error::Error;

/// Reads a JSON object: the argument itself, `@FILE`, or `-` for the standard input.
pub(crate) fn object(argument: &str) -> Result<Value, Error> {
    let bytes = match argument.strip_prefix('@') {
        Some(path) => read(Path::new(path))?,
        None => text(argument)?,
    };
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|error| Error::Usage(format!("'{}' is no JSON: {error}", shown(argument))))?;
    if value.is_object() {
        return Ok(value);
    }
    Err(Error::Usage(format!(
        "'{}' is no JSON object",
        shown(argument)
    )))
}

/// A message starts with its beginning: the rest may be long, or a key.
fn shown(argument: &str) -> String {
    argument.chars().take(20).collect()
}

/// Returns the argument itself, or the standard input for `-`.
pub(crate) fn text(argument: &str) -> Result<Bytes, Error> {
    if argument != "-" {
        return Ok(Bytes::copy_from_slice(argument.as_bytes()));
    }
    let mut bytes = Vec::new();
    io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| Error::Failed(format!("cannot read the standard input: {error}")))?;
    Ok(bytes.into())
}

/// Reads a file, `-` being the standard input.
pub(crate) fn read(path: &Path) -> Result<Bytes, Error> {
    if path == Path::new("-") {
        return text("-");
    }
    std::fs::read(path)
        .map(Bytes::from)
        .map_err(|error| Error::Usage(format!("cannot read {}: {error}", path.display())))
}

/// Returns a password that was given, or asks for it; without a terminal, the first line of the standard input is it.
pub(crate) fn password(given: Option<String>, prompt: &str) -> Result<String, Error> {
    if let Some(given) = given {
        return Ok(given);
    }
    let read = if io::stdin().is_terminal() {
        rpassword::prompt_password(format!("{prompt}: "))
    } else {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    };
    let password =
        read.map_err(|error| Error::Failed(format!("cannot read a password: {error}")))?;
    let password = password.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Error::Usage("the password is empty".to_owned()));
    }
    Ok(password.to_owned())
}
