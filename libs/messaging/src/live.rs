//! Bounded queues of live records.
