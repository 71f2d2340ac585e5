//! OpenSSL contexts: one place decides what every connection of the platform accepts.

mod client;
mod common;
mod server;
mod store;

use openssl::error::ErrorStack;

pub(crate) use client::client;
pub(crate) use server::server;
pub(crate) use store::{DEPTH, MAX_INTERMEDIATES, store_builder};

/// A setting that OpenSSL does not take.
#[derive(Debug, thiserror::Error)]
#[error("{setting} is not accepted: {source}")]
pub(crate) struct ContextError {
    /// The end of the variable's name.
    pub(crate) setting: &'static str,
    pub(crate) source: ErrorStack,
}

impl From<ErrorStack> for ContextError {
    fn from(source: ErrorStack) -> Self {
        Self {
            setting: "ENABLED",
            source,
        }
    }
}

/// Names the setting that an error is about.
fn of(setting: &'static str) -> impl Fn(ErrorStack) -> ContextError {
    move |source| ContextError { setting, source }
}
