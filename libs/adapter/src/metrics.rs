//! The numbers of this crate; the hot path uses handles that were made once.

use messaging::Protocol;
use metrics::{Counter, Gauge, counter, gauge};

use crate::CutReason;

/// How questions were answered.
pub(crate) struct Answers {
    pub(crate) hit: Counter,
    pub(crate) miss: Counter,
}

impl Answers {
    pub(crate) fn new() -> Self {
        Self {
            hit: counter!("adapter_answers_total", "from" => "cache"),
            miss: counter!("adapter_answers_total", "from" => "registry"),
        }
    }
}

/// How many messages were taken in.
pub(crate) struct Messages {
    http: Counter,
    ws: Counter,
    mqtt: Counter,
    coap: Counter,
    other: Counter,
    pub(crate) refused: Counter,
}

impl Messages {
    pub(crate) fn new() -> Self {
        let accepted =
            |protocol: &'static str| counter!("adapter_messages_total", "protocol" => protocol);
        Self {
            http: accepted("http"),
            ws: accepted("ws"),
            mqtt: accepted("mqtt"),
            coap: accepted("coap"),
            other: accepted("other"),
            refused: counter!("adapter_messages_refused_total"),
        }
    }

    pub(crate) fn accepted(&self, protocol: &Protocol) -> &Counter {
        match protocol {
            Protocol::Http => &self.http,
            Protocol::Ws => &self.ws,
            Protocol::Mqtt => &self.mqtt,
            Protocol::Coap => &self.coap,
            Protocol::Other(_) => &self.other,
        }
    }
}

/// How many devices were refused because it is not known who they are.
pub(crate) fn refusals(code: &str) -> Counter {
    counter!("adapter_refusals_total", "reason" => code.to_owned())
}

/// How many certificates were taken for the key in their CN.
pub(crate) fn keys_in_names() -> Counter {
    counter!("adapter_legacy_cn_total")
}

/// How many sessions are live.
pub(crate) fn sessions(protocol: &Protocol) -> Gauge {
    gauge!("adapter_sessions", "protocol" => protocol.as_str().to_owned())
}

/// How many sessions were cut.
pub(crate) fn cuts(protocol: &Protocol, reason: CutReason) -> Counter {
    counter!("adapter_sessions_cut_total", "protocol" => protocol.as_str().to_owned(), "reason" => reason.code())
}
