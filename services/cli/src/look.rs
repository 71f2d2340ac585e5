//! A look at a platform from outside, for `ferroflux doctor`.

use std::collections::BTreeSet;

use ::config::Environment;
use bytes::Bytes;
use http::{Method, StatusCode};
use tls::{Reason, endpoints};

use crate::client::{Call, Client};
use crate::config::PREFIX;
use crate::dial::{Dialer, Failure};
use crate::error::Error;
use crate::options::Options;
use crate::settings::Settings;
use crate::target::Target;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// The variable it is about.
    pub subject: String,
    /// Whether it is as it should be.
    pub good: bool,
    /// What was seen.
    pub text: String,
}

/// Connects to each service that the client commands use, and asks whether things is ready.
pub async fn look(options: &Options, environment: &Environment) -> Vec<Sight> {
    let fault = |subject: String, text: String| Sight {
        subject,
        good: false,
        text,
    };
    let settings = match Settings::load(options, environment) {
        Ok(settings) => settings,
        Err(Error::Config(problems)) => {
            let problems = problems.iter();
            return problems
                .map(|(name, reason)| fault(name.to_owned(), reason.to_owned()))
                .collect();
        }
        Err(error) => return vec![fault("--config".to_owned(), error.to_string())],
    };
    let dialer = match Dialer::new(&settings) {
        Ok(dialer) => dialer,
        Err(error) => return vec![fault(format!("{PREFIX}TLS"), error.to_string())],
    };
    let config = &settings.config;
    let mut sights = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, own, target) in [
        ("USERS_URL", &config.users_url, &settings.users),
        ("THINGS_URL", &config.things_url, &settings.things),
        ("HTTP_URL", &config.http_url, &settings.http),
        ("WS_URL", &config.ws_url, &settings.ws),
        ("READER_URL", &config.reader_url, &settings.reader),
        ("MQTT_URL", &config.mqtt_url, &settings.mqtt),
    ] {
        let is_front = own.is_none() && name != "MQTT_URL";
        let variable = format!("{PREFIX}{}", if is_front { "URL" } else { name });
        if seen.insert(target.authority()) {
            sights.push(knock(&dialer, &variable, target).await);
        }
    }
    sights.push(ready(dialer, &settings).await);
    sights
}

async fn knock(dialer: &Dialer, variable: &str, target: &Target) -> Sight {
    let (subject, good, text) = match dialer.connect(target).await {
        Ok(_) => (
            variable.to_owned(),
            true,
            format!("leads to {}, which answers", target.url()),
        ),
        Err(failure) => {
            let text = format!("does not work with {}: {}", target.url(), failure.text);
            (subject(&failure, variable), false, text)
        }
    };
    Sight {
        subject,
        good,
        text,
    }
}

/// Returns the variable to change.
fn subject(failure: &Failure, variable: &str) -> String {
    match failure.reason {
        Some(Reason::UnknownCa) => endpoints::CLIENT.variable("SERVER_CA_PEM_FILE"),
        Some(Reason::NoClientCert | Reason::Alert) => endpoints::CLIENT.variable("CERT_PEM_FILE"),
        Some(_) | None => variable.to_owned(),
    }
}

async fn ready(dialer: Dialer, settings: &Settings) -> Sight {
    let mut client = Client::new(dialer, settings.config.timeout.get());
    let target = &settings.things;
    let reply = client.send(Call {
        method: Method::GET,
        target,
        path: "/health/ready",
        credential: None,
        content_type: "",
        body: Bytes::new(),
    });
    let (good, text) = match reply.await {
        Ok(reply) if reply.status == StatusCode::OK => (true, "is ready".to_owned()),
        Ok(reply) => {
            let body = String::from_utf8_lossy(&reply.body);
            (
                false,
                format!("is not ready: {} {}", reply.status, body.trim()),
            )
        }
        Err(error) => (false, error.to_string()),
    };
    Sight {
        subject: target.url(),
        good,
        text,
    }
}
