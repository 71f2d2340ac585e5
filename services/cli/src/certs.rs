use std::path::PathBuf;

use clap::Subcommand;
use http::Method;
use serde_json::json;

use crate::api::Api;
use crate::error::Error;
use crate::input;
use crate::output::Column;
use crate::pages;
use crate::target::escape;

/// What can be done with the certificates of things.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Register a certificate for a thing: from then on it is its credential.
    Create {
        /// Id of the thing.
        thing: String,
        /// File with the certificate in PEM; - for the standard input.
        file: PathBuf,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Show the certificates of a thing.
    Get {
        /// Id of the thing.
        thing: String,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Revoke a certificate; its sessions end.
    Revoke {
        /// Id of the thing.
        thing: String,
        /// SHA-256 of the certificate in hexadecimal digits.
        sha256: String,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Forget a certificate.
    Delete {
        /// Id of the thing.
        thing: String,
        /// SHA-256 of the certificate in hexadecimal digits.
        sha256: String,
        /// Token of the owner.
        token: Option<String>,
    },
}

const COLUMNS: &[Column] = &[
    ("SHA256", &["sha256"]),
    ("SUBJECT", &["subject"]),
    ("CREATED", &["created"]),
    ("EXPIRES", &["not_after"]),
    ("REVOKED", &["revoked"]),
];

pub(crate) async fn run(command: Command, api: &mut Api) -> Result<(), Error> {
    let of = |thing: &str| format!("/things/{}/certs", escape(thing));
    match command {
        Command::Create { thing, file, token } => {
            let token = api.token(token)?;
            let pem = input::read(&file)?;
            let body = json!({ "pem": String::from_utf8_lossy(&pem) });
            let reply = api
                .things(Method::POST, &of(&thing), &token, Some(&body))
                .await?;
            api.output.created("sha256", &reply.created_id()?)
        }
        Command::Get { thing, token } => {
            let token = api.token(token)?;
            let page = pages::list(api, &of(&thing), "certs", &token, false).await?;
            api.output.page(&page, "certs", COLUMNS)
        }
        Command::Revoke {
            thing,
            sha256,
            token,
        } => {
            let token = api.token(token)?;
            let path = format!("{}/{}/revoke", of(&thing), escape(&sha256));
            api.things(Method::POST, &path, &token, None).await?;
            api.output.ok()
        }
        Command::Delete {
            thing,
            sha256,
            token,
        } => {
            let token = api.token(token)?;
            let path = format!("{}/{}", of(&thing), escape(&sha256));
            api.things(Method::DELETE, &path, &token, None).await?;
            api.output.ok()
        }
    }
}
