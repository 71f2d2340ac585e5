use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Protocol;
use super::stats::{Latencies, Stats};
use crate::api::Api;
use crate::error::Error;
use crate::table;

/// What came out of a benchmark.
pub(crate) struct Report(Map<String, Value>);

impl Report {
    /// Begins the report on published messages.
    pub(crate) fn publish(
        protocol: Protocol,
        connections: usize,
        rate: f64,
        size: usize,
        stats: &Stats,
    ) -> Self {
        let mut report = Self(Map::new());
        report.put("benchmark", "publish");
        report.put("protocol", protocol);
        report.put("connections", connections);
        report.put("rate", rate);
        report.put("size", size);
        report.put("sent", stats.sent);
        report.put("missing", stats.missing);
        report.latencies("acknowledged", &stats.acknowledged);
        report.latencies("delivered", &stats.delivered);
        report
    }

    /// Begins the report on connections.
    pub(crate) fn connect(
        protocol: Protocol,
        opened: usize,
        lasting: usize,
        stats: &Stats,
    ) -> Self {
        let mut report = Self(Map::new());
        report.put("benchmark", "connect");
        report.put("protocol", protocol);
        report.put("connections", opened);
        report.put("lasting", lasting);
        report.latencies("connected", &stats.connects);
        report
    }

    fn put(&mut self, name: &str, value: impl serde::Serialize) {
        self.0.insert(name.to_owned(), json!(value));
    }

    fn latencies(&mut self, name: &str, latencies: &Latencies) {
        if let Some(json) = latencies.json() {
            self.put(&format!("{name}_us"), json);
        }
    }

    /// Completes it with rates and errors, and shows it.
    ///
    /// # Errors
    /// When something failed or is missing: then the figures are not worth much.
    pub(crate) fn show(mut self, api: &Api, took: Duration, stats: &Stats) -> Result<(), Error> {
        let seconds = took.as_secs_f64().max(1e-9);
        let tls = api.settings.tls.is_enabled();
        let tls = match (tls, api.settings.has_certificate) {
            (false, _) => "none",
            (true, false) => "server",
            (true, true) => "mutual",
        };
        self.put("tls", tls);
        self.put("seconds", (seconds * 1000.0).round() / 1000.0);
        let rates: Vec<(String, Value)> = self
            .0
            .iter()
            .filter_map(|(name, value)| {
                let count = value.get("count")?.as_f64()?;
                let name = format!("{}_per_s", name.trim_end_matches("_us"));
                Some((name, json!((count / seconds).round())))
            })
            .collect();
        self.0.extend(rates);
        self.put("errors", stats.errors());
        let report = Value::Object(self.0);
        let text = table::fields(&readable(&report));
        api.output.either(text.trim_end(), &report)?;
        if stats.failed() == 0 && stats.missing == 0 {
            return Ok(());
        }
        Err(Error::Failed(format!(
            "{} errors, {} messages missing",
            stats.failed(),
            stats.missing
        )))
    }
}

/// Returns the report with each distribution on one line, in milliseconds.
fn readable(report: &Value) -> Value {
    let line = |value: &Value| {
        let at = |name: &str| Some(value.get(name)?.as_f64()? / 1000.0);
        let (p50, p90, p99, max) = (at("p50")?, at("p90")?, at("p99")?, at("max")?);
        Some(json!(format!(
            "p50 {p50:.1} ms, p90 {p90:.1} ms, p99 {p99:.1} ms, at most {max:.1} ms"
        )))
    };
    let fields = report.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| {
            let name = name.trim_end_matches("_us").to_owned();
            (name, line(value).unwrap_or_else(|| value.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_milliseconds() {
        let latencies = json!({"count": 9, "p50": 640, "p90": 1431, "p99": 2905, "max": 8207});
        let report = json!({"sent": 9, "acknowledged_us": latencies, "errors": {}});
        assert_eq!(
            readable(&report),
            json!({
                "sent": 9,
                "acknowledged": "p50 0.6 ms, p90 1.4 ms, p99 2.9 ms, at most 8.2 ms",
                "errors": {},
            })
        );
    }
}
