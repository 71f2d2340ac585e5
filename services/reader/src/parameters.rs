use config::Period;
use history::{Comparison, Cursor, Interval, Paging, Query};
use model::{ChannelId, PageQuery, Subtopic};
use server::{PageParams, Problem, Query as Parameters};

use crate::Config;

/// The whole of time as one interval, longer than any time there is.
const ALL: f64 = 1e12;

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) query: Query,
    pub(crate) page: PageQuery,
    pub(crate) paging: Paging,
    pub(crate) aggregate: Option<(Aggregate, Interval)>,
    pub(crate) format: Format,
}

/// What is made of the numbers of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregate {
    Min,
    Max,
    Avg,
    Sum,
    Count,
}

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The page of 0.9.
    Json,
    /// A pack of RFC 8428.
    Senml,
    /// A line per message.
    Csv,
}

impl Wanted {
    /// Reads the parameters of a request; what is absent asks for nothing in particular, as in 0.9.
    pub(crate) fn parse(
        parameters: &Parameters,
        channel: ChannelId,
        config: &Config,
    ) -> Result<Self, Problem> {
        let page = PageParams::parse(parameters)?.check_within(config.max_limit.into())?;
        let after = parameters.get("cursor")?.map(cursor).transpose()?;
        if after.is_some() && page.offset > 0 {
            let hint = "a cursor says where to go on; leave out offset";
            return Err(Problem::invalid("cursor_with_offset", hint));
        }
        let format = format(parameters)?;
        let mut query = filter(parameters, channel)?;
        if format == Format::Senml {
            if query.raw == Some(true) {
                let hint = "what could not be decoded is no SenML; use another format";
                return Err(Problem::invalid("raw_is_not_senml", hint));
            }
            query.raw = Some(false);
        }
        Ok(Self {
            query,
            page,
            paging: Paging {
                after,
                offset: page.offset,
                limit: u32::try_from(page.limit).unwrap_or(config.max_limit),
                bytes: config.max_page_bytes,
            },
            aggregate: aggregate(parameters)?,
            format,
        })
    }
}

fn filter(parameters: &Parameters, channel: ChannelId) -> Result<Query, Problem> {
    let text = |name| parameters.get(name).map(|text| text.map(str::to_owned));
    let subtopic = parameters.get("subtopic")?.map(subtopic).transpose()?;
    let publisher = parameters.get("publisher")?.map(str::parse).transpose()?;
    Ok(Query {
        channel,
        subtopic,
        publisher,
        protocol: text("protocol")?,
        name: text("name")?,
        value: value(parameters)?,
        text: text("vs")?,
        bool: boolean(parameters, "vb")?,
        data: text("vd")?,
        from: number(parameters, "from")?,
        to: number(parameters, "to")?,
        raw: boolean(parameters, "raw")?,
    })
}

/// Takes levels separated by `.` or `/`.
fn subtopic(text: &str) -> Result<String, Problem> {
    let levels = Subtopic::from_levels(text).and_then(Subtopic::into_target);
    let levels = levels.map_err(model::Error::from)?;
    Ok(levels.as_str().to_owned())
}

fn value(parameters: &Parameters) -> Result<Option<(Comparison, f64)>, Problem> {
    let value = match (number(parameters, "v")?, number(parameters, "value")?) {
        (Some(_), Some(_)) => return Err(malformed("v and value", "the same; give one of them")),
        (one, other) => one.or(other),
    };
    let comparison = match parameters.get("comparator")? {
        None | Some("eq" | "=") => Comparison::Equal,
        Some("lt" | "<") => Comparison::Less,
        Some("le" | "<=") => Comparison::LessOrEqual,
        Some("gt" | ">") => Comparison::Greater,
        Some("ge" | ">=") => Comparison::GreaterOrEqual,
        Some(_) => return Err(malformed("comparator", "one of eq, lt, le, gt and ge")),
    };
    if value.is_none() && parameters.get("comparator")?.is_some() {
        let hint = "a comparator compares with v; give it";
        return Err(Problem::invalid("comparator_alone", hint));
    }
    Ok(value.map(|value| (comparison, value)))
}

fn aggregate(parameters: &Parameters) -> Result<Option<(Aggregate, Interval)>, Problem> {
    let interval = parameters.get("interval")?.map(interval).transpose()?;
    let Some(name) = parameters.get("aggregation")? else {
        return match interval {
            None => Ok(None),
            Some(_) => {
                let hint = "an interval needs an aggregation: min, max, avg, sum or count";
                Err(Problem::invalid("interval_alone", hint))
            }
        };
    };
    let aggregate = match name.to_ascii_lowercase().as_str() {
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "avg" => Aggregate::Avg,
        "sum" => Aggregate::Sum,
        "count" => Aggregate::Count,
        _ => {
            return Err(malformed(
                "aggregation",
                "one of min, max, avg, sum and count",
            ));
        }
    };
    let interval = interval.or(Interval::seconds(ALL));
    Ok(interval.map(|interval| (aggregate, interval)))
}

fn interval(text: &str) -> Result<Interval, Problem> {
    let period = text.parse::<Period>().ok();
    let interval = period.and_then(|period| Interval::seconds(period.get().as_secs_f64()));
    interval.ok_or_else(|| malformed("interval", "a duration of at least 1ms, such as 30s or 1h"))
}

fn format(parameters: &Parameters) -> Result<Format, Problem> {
    match parameters.get("format")? {
        None | Some("json") => Ok(Format::Json),
        Some("senml") => Ok(Format::Senml),
        Some("csv") => Ok(Format::Csv),
        Some(_) => Err(malformed("format", "one of json, senml and csv")),
    }
}

fn cursor(text: &str) -> Result<Cursor, Problem> {
    Cursor::decode(text).ok_or_else(|| malformed("cursor", "what an earlier page gave as next"))
}

fn number(parameters: &Parameters, name: &'static str) -> Result<Option<f64>, Problem> {
    let Some(text) = parameters.get(name)? else {
        return Ok(None);
    };
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.map_or_else(
        || Err(malformed(name, "a number")),
        |number| Ok(Some(number)),
    )
}

fn boolean(parameters: &Parameters, name: &'static str) -> Result<Option<bool>, Problem> {
    match parameters.get(name)? {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(malformed(name, "true or false")),
    }
}

fn malformed(name: &str, what: &str) -> Problem {
    Problem::invalid("parameter_malformed", format!("{name} must be {what}"))
}
