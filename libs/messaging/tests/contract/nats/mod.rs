//! What only the bus on NATS has to get right: a server that goes away, others on the same server, how it is set up.

mod others;
mod outage;
mod setup;
mod tls;
