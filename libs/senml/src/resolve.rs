use crate::error::Fault;
use crate::fields::Fields;
use crate::{Error, MAX_NAME, MAX_RECORDS, MAX_UNIT, Record, Value};

/// The version of the RFC; lower ones are drafts.
const VERSION: i64 = 10;
/// Smaller times are relative to now (RFC 8428 section 4.5.3).
const ABSOLUTE: f64 = 268_435_456.0;
/// The first second of the year 10000.
const END: f64 = 253_402_300_800.0;

/// What later records inherit from the ones before.
#[derive(Debug, Default)]
struct Base {
    name: String,
    time: f64,
    unit: Option<String>,
    value: Option<f64>,
    sum: Option<f64>,
    version: Option<i64>,
}

/// Puts into each record what it inherits; one that breaks a rule is the end of the pack.
pub(crate) fn resolve(pack: Vec<Fields>, now: f64) -> Result<Vec<Record>, Error> {
    match pack.len() {
        0 => return Err(Error::Empty),
        length if length > MAX_RECORDS => return Err(Error::TooManyRecords),
        _ => {}
    }
    let mut base = Base::default();
    let mut records = Vec::with_capacity(pack.len());
    for (place, fields) in pack.into_iter().enumerate() {
        let resolved = base.resolve(fields, now);
        records.extend(resolved.map_err(|fault| Error::Record {
            record: place,
            fault,
        })?);
    }
    if records.is_empty() {
        return Err(Error::Empty);
    }
    Ok(records)
}

impl Base {
    /// Returns nothing for a record that is there for those after it only (RFC 8428 section 5.1.7).
    fn resolve(&mut self, mut fields: Fields, now: f64) -> Result<Option<Record>, Fault> {
        fields.understood()?;
        finite(&fields)?;
        self.update(&mut fields)?;
        if fields.is_base_only() {
            return Ok(None);
        }
        let name = self.name(fields.name.take())?;
        let value = self.value(&mut fields)?;
        let sum = match (self.sum, fields.sum) {
            (None, None) => None,
            (base, own) => Some(base.unwrap_or_default() + own.unwrap_or_default()),
        };
        if value.is_none() && sum.is_none() {
            return Err(Fault::ValueMissing);
        }
        if sum.is_some_and(|sum| !sum.is_finite()) {
            return Err(Fault::NotFinite);
        }
        let unit = fields.unit.filter(|unit| !unit.is_empty());
        if unit.as_ref().is_some_and(|unit| unit.len() > MAX_UNIT) {
            return Err(Fault::UnitLength);
        }
        Ok(Some(Record {
            name,
            unit: unit.or_else(|| self.unit.clone()),
            value,
            sum,
            time: self.time(fields.time, now)?,
            update_time: fields.update_time,
            link: fields.link,
        }))
    }

    fn update(&mut self, fields: &mut Fields) -> Result<(), Fault> {
        if let Some(version) = fields.base_version {
            if version > VERSION {
                return Err(Fault::Version(version));
            }
            if self.version.is_some_and(|before| before != version) {
                return Err(Fault::VersionChanged);
            }
            self.version = Some(version);
        }
        if let Some(name) = fields.base_name.take() {
            if name.len() > MAX_NAME {
                return Err(Fault::NameLength);
            }
            self.name = name;
        }
        if let Some(unit) = fields.base_unit.take() {
            if unit.len() > MAX_UNIT {
                return Err(Fault::UnitLength);
            }
            self.unit = Some(unit).filter(|unit| !unit.is_empty());
        }
        self.time = fields.base_time.unwrap_or(self.time);
        self.value = fields.base_value.or(self.value);
        self.sum = fields.base_sum.or(self.sum);
        Ok(())
    }

    fn name(&self, own: Option<String>) -> Result<String, Fault> {
        let own = own.unwrap_or_default();
        if self.name.len() + own.len() > MAX_NAME {
            return Err(Fault::NameLength);
        }
        let name = format!("{}{own}", self.name);
        let legal = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':' | b'.' | b'/' | b'_')
        };
        match name.as_bytes() {
            [] => Err(Fault::NameMissing),
            [first, rest @ ..]
                if first.is_ascii_alphanumeric() && rest.iter().all(|byte| legal(*byte)) =>
            {
                Ok(name)
            }
            _ => Err(Fault::NameCharacter),
        }
    }

    fn value(&self, fields: &mut Fields) -> Result<Option<Value>, Fault> {
        let base = self.value.unwrap_or_default();
        let mut values = [
            fields.value.map(|value| Value::Number(base + value)),
            fields.text.take().map(Value::Text),
            fields.bool.map(Value::Bool),
            fields.data.take().map(Value::Data),
        ]
        .into_iter()
        .flatten();
        match (values.next(), values.next()) {
            (Some(Value::Number(number)), None) if !number.is_finite() => Err(Fault::NotFinite),
            // A missing value counts as zero where there is a base to add it to.
            (None, None) if fields.sum.is_none() => Ok(self.value.map(Value::Number)),
            (value, None) => Ok(value),
            (_, Some(_)) => Err(Fault::ValueRepeated),
        }
    }

    /// The drafts told relative times by their sign alone, and packs of drafts say their version.
    fn time(&self, own: Option<f64>, now: f64) -> Result<f64, Fault> {
        let time = self.time + own.unwrap_or_default();
        let is_draft = self.version.is_some_and(|version| version < VERSION);
        let is_relative = if is_draft {
            time <= 0.0
        } else {
            time < ABSOLUTE
        };
        let time = if is_relative { now + time } else { time };
        (0.0..END)
            .contains(&time)
            .then_some(time)
            .ok_or(Fault::Time)
    }
}

fn finite(fields: &Fields) -> Result<(), Fault> {
    let numbers = [
        fields.base_time,
        fields.base_value,
        fields.base_sum,
        fields.value,
        fields.sum,
        fields.time,
        fields.update_time,
    ];
    let finite = numbers.into_iter().flatten().all(f64::is_finite);
    finite.then_some(()).ok_or(Fault::NotFinite)
}
