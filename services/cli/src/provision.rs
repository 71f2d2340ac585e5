use std::path::{Path, PathBuf};

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::Api;
use crate::details::{COLUMNS, Kind, connection};
use crate::error::Error;
use crate::output::complain;
use crate::progress::Progress;
use crate::rows::{self, Row};
use crate::table;
use crate::target::escape;
use crate::users;

/// How many things or channels are created by one request.
const BATCH: usize = 100;

/// What can be provisioned.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create things from a file.
    Things {
        /// CSV (names in the first column, or a header with name, key, metadata) or a JSON array; - for the standard input.
        file: PathBuf,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Create channels from a file.
    Channels {
        /// CSV (names in the first column, or a header with name, metadata) or a JSON array; - for the standard input.
        file: PathBuf,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Connect things to channels from a file.
    Connect {
        /// CSV with a thing and a channel a line, or a JSON array of {"thing","channel"}; - for the standard input.
        file: PathBuf,
        /// Token of the owner.
        token: Option<String>,
    },
    /// Create a user with two things and two channels that are connected, to try things out.
    Test,
}

pub(crate) async fn run(command: Command, api: &mut Api) -> Result<(), Error> {
    match command {
        Command::Things { file, token } => create(api, Kind::Things, &file, token).await,
        Command::Channels { file, token } => create(api, Kind::Channels, &file, token).await,
        Command::Connect { file, token } => connect(api, &file, token).await,
        Command::Test => test(api).await,
    }
}

/// What became of the rows of a file.
#[derive(Default)]
struct Outcome {
    done: Vec<Value>,
    /// Rows that the server refused, and why.
    refused: Vec<(u64, Error)>,
}

impl Outcome {
    /// Takes what became of a row; an error that is not the row's own ends it all.
    fn take(&mut self, row: &Row, result: Result<Value, Error>) -> Result<(), Error> {
        match result {
            Ok(done) => self.done.push(done),
            Err(error) if is_of_the_row(&error) => self.refused.push((row.number, error)),
            Err(error) => {
                complain(&format!(
                    "stopped before row {}: what is above is done, the rest is not",
                    row.number
                ));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Tells about the rows that were refused.
    fn finish(self) -> Result<(), Error> {
        for (number, error) in &self.refused {
            complain(&format!("row {number}: {error}"));
        }
        if self.refused.is_empty() {
            return Ok(());
        }
        let all = self.done.len() + self.refused.len();
        Err(Error::Failed(format!(
            "{} of {all} rows were refused",
            self.refused.len()
        )))
    }
}

/// A token that is not taken, or a server that is away, would refuse every row alike.
fn is_of_the_row(error: &Error) -> bool {
    matches!(error, Error::Refused(refusal)
        if matches!(refusal.status, 400 | 404 | 405 | 409 | 413 | 422))
}

async fn create(
    api: &mut Api,
    kind: Kind,
    file: &Path,
    token: Option<String>,
) -> Result<(), Error> {
    let token = api.token(token)?;
    let rows = rows::named(file)?;
    let mut outcome = Outcome::default();
    let mut bar = Progress::new(rows.len() as u64);
    let mut result = Ok(());
    for batch in rows.chunks(BATCH) {
        result = create_batch(api, kind, batch, &token, &mut outcome).await;
        if result.is_err() {
            break;
        }
        bar.show(outcome.done.len() as u64, kind.word());
    }
    drop(bar);
    // What was created is shown whatever happened then: the keys are told nowhere else.
    api.output.objects(&outcome.done, COLUMNS)?;
    result?;
    outcome.finish()
}

/// Creates all of a batch at once; when it is refused, which it is as a whole, one by one to find out whose fault it is.
async fn create_batch(
    api: &mut Api,
    kind: Kind,
    batch: &[Row],
    token: &str,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    let bodies: Value = batch.iter().map(|row| row.body.clone()).collect();
    let path = format!("/{}/bulk", kind.word());
    let bulk = api.things(Method::POST, &path, token, Some(&bodies));
    match bulk.await {
        Ok(reply) => {
            let created = reply.json()?[kind.word()].as_array().cloned();
            outcome.done.extend(created.unwrap_or_default());
            Ok(())
        }
        Err(error) if is_of_the_row(&error) => {
            for row in batch {
                let result = create_one(api, kind, &row.body, token).await;
                outcome.take(row, result)?;
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Creates one and returns it as it is now, with its id and key.
async fn create_one(api: &mut Api, kind: Kind, body: &Value, token: &str) -> Result<Value, Error> {
    let path = format!("/{}", kind.word());
    let reply = api.things(Method::POST, &path, token, Some(body)).await?;
    let path = format!("{path}/{}", escape(&reply.created_id()?));
    api.things(Method::GET, &path, token, None).await?.json()
}

async fn connect(api: &mut Api, file: &Path, token: Option<String>) -> Result<(), Error> {
    let token = api.token(token)?;
    let rows = rows::connections(file)?;
    let mut outcome = Outcome::default();
    let mut bar = Progress::new(rows.len() as u64);
    for row in &rows {
        let id = |name: &str| row.body[name].as_str().unwrap_or_default();
        let path = connection(id("thing"), id("channel"));
        let result = api.things(Method::PUT, &path, &token, None).await;
        outcome.take(row, result.map(|_| row.body.clone()))?;
        bar.show(outcome.done.len() as u64, "connections");
    }
    drop(bar);
    api.output.either(
        &format!("connected: {}", outcome.done.len()),
        &json!({ "connected": outcome.done }),
    )?;
    outcome.finish()
}

async fn test(api: &mut Api) -> Result<(), Error> {
    let email = format!("test_{}@example.com", Uuid::new_v4().simple());
    let password = Uuid::new_v4().simple().to_string();
    let user = json!({ "email": email, "password": password });
    api.users(Method::POST, "/users", None, Some(&user)).await?;
    let token = users::token(api, &email, Some(password)).await?;
    let mut things = Vec::new();
    let mut channels = Vec::new();
    for number in 0..2 {
        let (thing, channel) = (format!("d{number}"), format!("c{number}"));
        things.push(create_one(api, Kind::Things, &json!({ "name": thing }), &token).await?);
        channels.push(create_one(api, Kind::Channels, &json!({ "name": channel }), &token).await?);
    }
    for (thing, channel) in [(0, 0), (0, 1), (1, 1)] {
        let id = |object: &Value| object["id"].as_str().unwrap_or_default().to_owned();
        let path = connection(&id(&things[thing]), &id(&channels[channel]));
        api.things(Method::PUT, &path, &token, None).await?;
    }
    let all = json!({ "user": user, "token": token, "things": things, "channels": channels });
    let text = format!(
        "{}\ntoken  {token}\n\n{}\n{}",
        table::fields(&user).trim_end(),
        table::table(&things, COLUMNS),
        table::table(&channels, COLUMNS)
    );
    api.output.either(text.trim_end(), &all)
}
