//! OpenSSL contexts: one place decides what every connection of the platform accepts.

mod client;
mod common;
mod select;
mod server;
mod staple;
mod store;

use openssl::error::ErrorStack;

pub(crate) use client::client;
pub(crate) use server::server;
pub(crate) use store::{DEPTH, MAX_INTERMEDIATES, store_builder};

/// Why a context cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContextError {
    /// OpenSSL does not take a setting.
    #[error("{setting} is not accepted: {source}")]
    Setting {
        /// The end of the variable's name.
        setting: &'static str,
        source: ErrorStack,
    },
    /// A certificate must have a response beside it, and there is none.
    #[error("there is no OCSP response about the new certificate yet")]
    NoStaple,
}

impl From<ErrorStack> for ContextError {
    fn from(source: ErrorStack) -> Self {
        Self::Setting {
            setting: "ENABLED",
            source,
        }
    }
}

/// Names the setting that an error is about.
fn of(setting: &'static str) -> impl Fn(ErrorStack) -> ContextError {
    move |source| ContextError::Setting { setting, source }
}
