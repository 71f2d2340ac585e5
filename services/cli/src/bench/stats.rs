use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// The longest latency that is told apart.
const LONGEST: u64 = 3_600_000_000;
/// How many kinds of errors are told apart.
const KINDS: usize = 16;

/// Latencies in microseconds, to three digits.
#[derive(Clone, Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        // The bounds are constants that the library takes.
        Self(Histogram::new_with_bounds(1, LONGEST, 3).expect("bounds that are in order"))
    }
}

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    /// Returns the quantiles, or nothing without a value.
    pub(crate) fn json(&self) -> Option<Value> {
        let at = |quantile| self.0.value_at_quantile(quantile);
        (!self.0.is_empty()).then(|| {
            json!({
                "count": self.0.len(), "mean": self.0.mean().round(), "p50": at(0.5), "p90": at(0.9), "p99": at(0.99),
                "p999": at(0.999), "max": self.0.max(),
            })
        })
    }
}

/// What one connection, or all of them, went through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stats {
    pub(crate) connects: Latencies,
    pub(crate) acknowledged: Latencies,
    pub(crate) delivered: Latencies,
    pub(crate) sent: u64,
    /// Messages that were neither acknowledged nor delivered in time.
    pub(crate) missing: u64,
    errors: BTreeMap<String, u64>,
}

impl Stats {
    /// Notes an error by its text.
    pub(crate) fn fail(&mut self, error: &str) {
        self.fail_times(error, 1);
    }

    fn fail_times(&mut self, error: &str, times: u64) {
        let known = self.errors.len() < KINDS || self.errors.contains_key(error);
        let kind = if known { error } else { "others" };
        *self.errors.entry(kind.to_owned()).or_default() += times;
    }

    /// Returns how many errors there were.
    pub(crate) fn failed(&self) -> u64 {
        self.errors.values().sum()
    }

    pub(crate) fn errors(&self) -> Value {
        json!(self.errors)
    }

    /// Adds what another connection went through.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.connects.merge(&other.connects);
        self.acknowledged.merge(&other.acknowledged);
        self.delivered.merge(&other.delivered);
        self.sent += other.sent;
        self.missing += other.missing;
        for (error, times) in &other.errors {
            self.fail_times(error, *times);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_all_connections() {
        let mut all = Stats::default();
        assert_eq!(all.acknowledged.json(), None);
        for millis in 1..=100 {
            let mut one = Stats::default();
            one.acknowledged.add(Duration::from_millis(millis));
            all.merge(&one);
        }
        let json = all.acknowledged.json().unwrap();
        let close = |name: &str, micros: u64| json[name].as_u64().unwrap().abs_diff(micros) < 200;
        assert!(close("p50", 50_000) && close("p99", 99_000) && close("max", 100_000));
    }

    #[test]
    fn kinds_of_errors_are_bounded() {
        let mut stats = Stats::default();
        for number in 0..100 {
            stats.fail(&format!("error {number}"));
        }
        assert_eq!(stats.failed(), 100);
        assert_eq!(stats.errors()["others"], 84);
    }
}
