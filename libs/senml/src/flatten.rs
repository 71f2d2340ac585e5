use serde_json::Value as Json;

use crate::{Error, Fault, MAX_NAME, MAX_RECORDS, Record, Value};

/// Reads a JSON object as one record per leaf, all of one moment; the name is the path, joined by `/`.
///
/// `{"room": {"t": 21.5}, "on": [true]}` has the names `room/t` and `on/0`. A null says nothing.
///
/// # Errors
/// When the bytes are no JSON object, or it has no leaf, too many, or one too deep.
pub fn flatten_json(bytes: &[u8], now: f64) -> Result<Vec<Record>, Error> {
    let object: serde_json::Map<String, Json> =
        serde_json::from_slice(bytes).map_err(|error| Error::Malformed(error.to_string()))?;
    let mut flat = Flat {
        now,
        path: String::new(),
        records: Vec::new(),
    };
    for (name, value) in object {
        flat.enter(&name, value)?;
    }
    if flat.records.is_empty() {
        return Err(Error::Empty);
    }
    Ok(flat.records)
}

struct Flat {
    now: f64,
    path: String,
    records: Vec<Record>,
}

impl Flat {
    fn enter(&mut self, name: &str, value: Json) -> Result<(), Error> {
        let length = self.path.len();
        if length > 0 {
            self.path.push('/');
        }
        self.path.push_str(name);
        if self.path.len() > MAX_NAME {
            return Err(Error::Record {
                record: self.records.len(),
                fault: Fault::NameLength,
            });
        }
        self.leaves(value)?;
        self.path.truncate(length);
        Ok(())
    }

    fn leaves(&mut self, value: Json) -> Result<(), Error> {
        match value {
            Json::Null => Ok(()),
            Json::Bool(value) => self.leaf(Value::Bool(value)),
            Json::Number(value) => self.leaf(Value::Number(value.as_f64().unwrap_or_default())),
            Json::String(value) => self.leaf(Value::Text(value)),
            Json::Array(items) => items
                .into_iter()
                .enumerate()
                .try_for_each(|(place, item)| self.enter(&place.to_string(), item)),
            Json::Object(fields) => fields
                .into_iter()
                .try_for_each(|(name, field)| self.enter(&name, field)),
        }
    }

    fn leaf(&mut self, value: Value) -> Result<(), Error> {
        if self.records.len() == MAX_RECORDS {
            return Err(Error::TooManyRecords);
        }
        if self.path.is_empty() {
            return Err(Error::Record {
                record: self.records.len(),
                fault: Fault::NameMissing,
            });
        }
        self.records.push(Record {
            name: self.path.clone(),
            unit: None,
            value: Some(value),
            sum: None,
            time: self.now,
            update_time: None,
            link: None,
        });
        Ok(())
    }
}
