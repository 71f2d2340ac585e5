use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::schema::{Field, fields};
use crate::{Environment, Problems};

/// Fills a config struct from the variables that start with `prefix`; unset ones keep their default.
///
/// Every mistake goes to `problems` under the variable's full name, and the field keeps its default: the caller
/// can look for further mistakes, and must not use the result unless there are none. The struct must be
/// `serde(default)` as a whole.
pub fn load<T: DeserializeOwned + JsonSchema>(
    environment: &Environment,
    prefix: &str,
    problems: &mut Problems,
) -> Option<T> {
    let mut variables = Vec::new();
    for field in fields::<T>() {
        let name = field.variable(prefix);
        let Some(value) = environment.resolve(&name, problems) else {
            continue;
        };
        match normalise(&field, &value).and_then(|value| check::<T>(&field, value)) {
            Ok(value) => variables.push((field.name, value)),
            Err(reason) => problems.push(name, reason),
        }
    }
    match envy::from_iter(variables) {
        Ok(config) => Some(config),
        Err(error) => {
            problems.push(format!("{prefix}*"), error.to_string());
            None
        }
    }
}

/// Tries a variable by itself, so that one wrong value does not hide the next.
fn check<T: DeserializeOwned>(field: &Field, value: String) -> Result<String, String> {
    match envy::from_iter::<_, T>([(field.name.clone(), value.clone())]) {
        Ok(_) => Ok(value),
        Err(_) if field.is_secret() => Err("is not accepted".to_owned()),
        Err(error) => Err(reason(&error, field)),
    }
}

/// Takes the field's name out of what envy says: the full name is printed before it.
fn reason(error: &envy::Error, field: &Field) -> String {
    let text = error.to_string();
    let text = text.trim_end_matches(&format!(" provided by {}", field.name));
    format!("is wrong: {text}")
}

fn normalise(field: &Field, value: &str) -> Result<String, String> {
    if field.is_bool() {
        return boolean(value).map(|value| value.to_string());
    }
    if field.is_list() {
        let items = value.split([',', '\n']).map(str::trim);
        return Ok(items
            .filter(|item| !item.is_empty())
            .collect::<Vec<_>>()
            .join(","));
    }
    Ok(value.to_owned())
}

/// Reads Go's spellings, as 0.9 did, and the words people try.
fn boolean(value: &str) -> Result<bool, String> {
    match value {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => return Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => return Ok(false),
        _ => {}
    }
    match value.to_ascii_lowercase().as_str() {
        "yes" | "on" => Ok(true),
        "no" | "off" => Ok(false),
        _ => Err(format!("is wrong: '{value}' is neither true nor false")),
    }
}

#[cfg(test)]
mod tests;
