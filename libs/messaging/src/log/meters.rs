use metrics::{Counter, Gauge};

/// The figures of one log, looked up once.
pub(crate) struct Meters {
    /// Records accepted.
    pub(crate) published: Counter,
    /// Records refused to a publisher that was told so.
    pub(crate) refused: Counter,
    /// Records dropped that nobody was promised anything about.
    pub(crate) dropped: Counter,
    /// Bytes kept for consumers.
    pub(crate) bytes: Gauge,
    /// How far the slowest consumer is behind, in records.
    pub(crate) lag: Gauge,
    /// How many durable consumers there are.
    pub(crate) consumers: Gauge,
}

impl Meters {
    pub(crate) fn new(stream: &'static str) -> Self {
        Self {
            published: metrics::counter!("messaging_published_total", "stream" => stream),
            refused: metrics::counter!("messaging_refused_total", "stream" => stream),
            dropped: metrics::counter!("messaging_dropped_total", "stream" => stream),
            bytes: metrics::gauge!("messaging_kept_bytes", "stream" => stream),
            lag: metrics::gauge!("messaging_consumer_lag_records", "stream" => stream),
            consumers: metrics::gauge!("messaging_consumers", "stream" => stream),
        }
    }
}
