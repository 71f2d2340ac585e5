use std::cell::Cell;

use metrics::{Counter, Gauge, counter, gauge};

use crate::packet::Qos;

/// A counter of one shard: counting is an addition in its thread, and the total is passed on once in a while.
#[derive(Debug)]
pub(crate) struct Count {
    since: Cell<u64>,
    total: Counter,
}

impl Count {
    fn new(total: Counter) -> Self {
        Self {
            since: Cell::new(0),
            total,
        }
    }

    pub(crate) fn add(&self, n: u64) {
        self.since.set(self.since.get() + n);
    }

    fn flush(&self) {
        let n = self.since.take();
        if n > 0 {
            self.total.increment(n);
        }
    }
}

/// What one shard counts.
#[derive(Debug)]
pub(crate) struct Counters {
    received: [Count; 3],
    sent: [Count; 3],
    /// QoS 0 messages that a slow client did not get.
    pub(crate) dropped_slow: Count,
    /// Messages larger than the client takes.
    pub(crate) dropped_large: Count,
    /// Messages that waited for longer than they are worth.
    pub(crate) dropped_expired: Count,
    /// QoS 0 messages that found the way to another shard full.
    pub(crate) dropped_mailbox: Count,
    /// Refused publishes and subscriptions.
    pub(crate) denied: Count,
    /// Connections refused because there are as many as there may be.
    pub(crate) over_connections: Count,
    /// Connections refused because their thing connects too often.
    pub(crate) over_connects: Count,
    /// Connections refused because credentials from their address are wrong too often.
    pub(crate) over_failures: Count,
    /// Messages refused because their thing publishes too many.
    pub(crate) over_messages: Count,
    /// Messages refused because their thing publishes too many bytes.
    pub(crate) over_bytes: Count,
    /// Subscriptions refused because their session has as many as it may.
    pub(crate) over_subscriptions: Count,
    /// Connections whose credentials were refused.
    pub(crate) auth_failures: Count,
    /// Connections that were too slow for their QoS 1 and 2 messages.
    pub(crate) cut_slow: Count,
    /// Connections that are open.
    pub(crate) connections: Gauge,
}

impl Counters {
    pub(crate) fn new() -> Self {
        let by_qos = |name: &'static str| {
            ["0", "1", "2"].map(|qos| Count::new(counter!(name, "qos" => qos)))
        };
        let dropped = |reason: &'static str| {
            Count::new(counter!("mqtt_messages_dropped_total", "reason" => reason))
        };
        let over =
            |limit: &'static str| Count::new(counter!("mqtt_over_limit_total", "limit" => limit));
        Self {
            over_connections: over("connections"),
            over_connects: over("connects_per_thing"),
            over_failures: over("failures_per_address"),
            over_messages: over("messages_per_thing"),
            over_bytes: over("bytes_per_thing"),
            over_subscriptions: over("subscriptions"),
            received: by_qos("mqtt_messages_received_total"),
            sent: by_qos("mqtt_messages_sent_total"),
            dropped_slow: dropped("slow_client"),
            dropped_large: dropped("too_large"),
            dropped_expired: dropped("expired"),
            dropped_mailbox: dropped("mailbox_full"),
            denied: Count::new(counter!("mqtt_denied_total")),
            auth_failures: Count::new(counter!("mqtt_auth_failures_total")),
            cut_slow: Count::new(counter!("mqtt_slow_clients_cut_total")),
            connections: gauge!("mqtt_connections"),
        }
    }

    pub(crate) fn received(&self, qos: Qos) {
        self.received[usize::from(qos.as_u8())].add(1);
    }

    pub(crate) fn sent(&self, qos: Qos) {
        self.sent[usize::from(qos.as_u8())].add(1);
    }

    /// Passes on what was counted since the last time.
    pub(crate) fn flush(&self) {
        let single = [
            &self.dropped_slow,
            &self.dropped_large,
            &self.dropped_expired,
            &self.dropped_mailbox,
            &self.denied,
            &self.over_connections,
            &self.over_connects,
            &self.over_failures,
            &self.over_messages,
            &self.over_bytes,
            &self.over_subscriptions,
            &self.auth_failures,
            &self.cut_slow,
        ];
        for count in self.received.iter().chain(&self.sent).chain(single) {
            count.flush();
        }
    }
}
