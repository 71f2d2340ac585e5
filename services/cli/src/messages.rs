use clap::Subcommand;
use http::Method;
use serde_json::Value;

use crate::api::Api;
use crate::client::Call;
use crate::error::Error;
use crate::input;
use crate::output::{self, Column};
use crate::target::{Topic, escape};
use crate::watch::{self, Watch};

/// The content type of messages unless `--content-type` says otherwise, as in 0.9.
const SENML: &str = "application/senml+json";

/// What can be done with messages.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Send a message as a thing.
    Send {
        /// Id of the channel, and perhaps a subtopic: CHANNEL[.SUBTOPIC…].
        channel: String,
        /// The message; - for the standard input.
        payload: String,
        /// Key of the thing.
        key: Option<String>,
    },
    /// Read messages that are kept, the newest first.
    Read {
        /// Id of the channel, and perhaps a subtopic: CHANNEL[.SUBTOPIC…].
        channel: String,
        /// Key of a connected thing; without any, the token of the owner.
        key: Option<String>,
        /// Only those of this thing.
        #[arg(long, value_name = "THING")]
        publisher: Option<String>,
        /// Only those that came by this protocol.
        #[arg(long)]
        protocol: Option<String>,
        /// Only those since then, in seconds since 1970.
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// Only those before then, in seconds since 1970.
        #[arg(long, value_name = "TIME")]
        to: Option<String>,
        /// Any other parameter of the reader.
        #[arg(long, value_name = "NAME=VALUE", value_parser = parameter)]
        filter: Vec<(String, String)>,
    },
    /// Show messages as they come, until Ctrl-C.
    Watch(Watch),
}

const COLUMNS: &[Column] = &[
    ("TIME", &["time"]),
    ("NAME", &["name"]),
    ("VALUE", &["value", "stringValue", "boolValue", "dataValue"]),
    ("UNIT", &["unit"]),
    ("SUM", &["valueSum"]),
    ("SUBTOPIC", &["subtopic"]),
    ("PUBLISHER", &["publisher"]),
    ("PROTOCOL", &["protocol"]),
];

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(crate) async fn run(command: Command, api: &mut Api) -> Result<(), Error> {
    match command {
        Command::Send {
            channel,
            payload,
            key,
        } => send(api, &Topic::parse(&channel), &payload, key).await,
        Command::Read {
            channel,
            key,
            publisher,
            protocol,
            from,
            to,
            filter,
        } => {
            let topic = Topic::parse(&channel);
            let given = |name: &str, value: Option<String>| Some((name.to_owned(), value?));
            let subtopic = Some(topic.dotted()).filter(|subtopic| !subtopic.is_empty());
            let page = |value: Option<u64>| value.map(|value| value.to_string());
            let mut query: Vec<(String, String)> = [
                given("offset", page(api.options.offset)),
                given("limit", page(api.options.limit)),
                given("name", api.options.name.clone()),
                given("subtopic", subtopic),
                given("publisher", publisher),
                given("protocol", protocol),
                given("from", from),
                given("to", to),
            ]
            .into_iter()
            .flatten()
            .collect();
            query.extend(filter);
            read(api, &topic.channel, &query, key).await
        }
        Command::Watch(watch) => watch::run(watch, api).await,
    }
}

async fn send(
    api: &mut Api,
    topic: &Topic,
    payload: &str,
    key: Option<String>,
) -> Result<(), Error> {
    let credential = credential(api, key)?;
    let content_type = api.options.content_type.clone();
    let (target, path) = (api.settings.http.clone(), topic.path());
    let reply = api.client.send(Call {
        method: Method::POST,
        target: &target,
        path: &path,
        credential: credential.as_deref(),
        content_type: content_type.as_deref().unwrap_or(SENML),
        body: input::text(payload)?,
    });
    reply.await?.success()?;
    api.output.ok()
}

/// Returns the key of a thing; whoever shows a certificate needs none.
pub(crate) fn credential(api: &Api, key: Option<String>) -> Result<Option<String>, Error> {
    match api.key(key) {
        Ok(key) => Ok(Some(key)),
        Err(_) if api.settings.has_certificate => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a page; a server of 0.9 takes keys only.
async fn read(
    api: &mut Api,
    channel: &str,
    query: &[(String, String)],
    key: Option<String>,
) -> Result<(), Error> {
    let credential = match api.key(key) {
        Ok(key) => key,
        Err(error) => format!("Bearer {}", api.token(None).map_err(|_| error)?),
    };
    let query: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect();
    let path = format!("/channels/{}/messages?{}", escape(channel), query.join("&"));
    let target = api.settings.reader.clone();
    let reply = api
        .call(
            Method::GET,
            &target,
            path.trim_end_matches('?'),
            Some(&credential),
            None,
        )
        .await?;
    match serde_json::from_slice::<Value>(&reply.body) {
        Ok(page) if page["messages"].is_array() => api.output.page(&page, "messages", COLUMNS),
        // Another format was asked for.
        Ok(_) | Err(_) => output::line(reply.body.trim_ascii_end()),
    }
}
