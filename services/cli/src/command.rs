use std::process::ExitCode;

use ::config::Environment;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::json;

use crate::api::Api;
use crate::config::Format;
use crate::error::Error;
use crate::login::Login;
use crate::options::Options;
use crate::output::complain;
use crate::settings::Settings;
use crate::{bench, certs, channels, login, messages, provision, things, users};

/// The client commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create users and tokens.
    Users(Group<users::Command>),
    /// Create, show, change, delete and connect things.
    Things(Group<things::Command>),
    /// Create, show, change and delete channels.
    Channels(Group<channels::Command>),
    /// Send, read and watch messages.
    Messages(Group<messages::Command>),
    /// Create many things, channels and connections at once.
    Provision(Group<provision::Command>),
    /// Register and revoke the certificates of things.
    Certs(Group<certs::Command>),
    /// Create a token and keep it for the commands to come.
    Login(Leaf<Login>),
    /// Forget the token that `login` keeps.
    Logout(Leaf<Nothing>),
    /// Put load on a platform and measure what it does.
    Bench(Group<bench::Command>),
}

/// A command of commands; its options may stand behind any of them.
#[derive(Args, Debug)]
pub struct Group<C: Subcommand> {
    #[command(subcommand)]
    command: C,
    #[command(flatten)]
    options: Options,
}

/// A command without commands.
#[derive(Args, Debug)]
pub struct Leaf<A: Args> {
    #[command(flatten)]
    arguments: A,
    #[command(flatten)]
    options: Options,
}

/// No arguments.
#[derive(Args, Debug)]
pub struct Nothing {}

impl Command {
    fn options(&self) -> &Options {
        match self {
            Self::Users(group) => &group.options,
            Self::Things(group) => &group.options,
            Self::Channels(group) => &group.options,
            Self::Messages(group) => &group.options,
            Self::Provision(group) => &group.options,
            Self::Certs(group) => &group.options,
            Self::Login(leaf) => &leaf.options,
            Self::Logout(leaf) => &leaf.options,
            Self::Bench(group) => &group.options,
        }
    }

    async fn perform(self, api: &mut Api) -> Result<(), Error> {
        match self {
            Self::Users(group) => users::run(group.command, api).await,
            Self::Things(group) => things::run(group.command, api).await,
            Self::Channels(group) => channels::run(group.command, api).await,
            Self::Messages(group) => messages::run(group.command, api).await,
            Self::Provision(group) => provision::run(group.command, api).await,
            Self::Certs(group) => certs::run(group.command, api).await,
            Self::Login(leaf) => login::login(leaf.arguments, api).await,
            Self::Logout(_) => login::logout(api),
            Self::Bench(group) => bench::run(group.command, api).await,
        }
    }
}

/// Carries out a client command, and returns 0 if it was done, 1 if it was refused, 2 for a wrong command line, 64 for a
/// wrong configuration and 69 when no server answers.
///
/// `left` are options that stood before the command.
pub fn run(command: Command, left: &Options, environment: &Environment) -> ExitCode {
    let options = command.options().clone().over(left);
    with_api(options, environment, async move |api| {
        command.perform(api).await
    })
}

/// Shows the version of the server.
pub fn version(options: Options, environment: &Environment) -> ExitCode {
    with_api(options, environment, async |api| {
        let target = api.settings.things.clone();
        let reply = api.call(Method::GET, &target, "/version", None, None);
        let reply = reply.await?.json()?;
        let version = reply["version"].as_str().unwrap_or("unknown");
        api.output.either(version, &json!(version))
    })
}

fn with_api(
    options: Options,
    environment: &Environment,
    work: impl AsyncFnOnce(&mut Api) -> Result<(), Error>,
) -> ExitCode {
    let mut json = false;
    let result = Settings::load(&options, environment).and_then(|settings| {
        json = settings.config.output == Format::Json;
        for warning in &settings.warnings {
            complain(&format!("ferroflux: warning: {warning}"));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::Failed(format!("no runtime: {error}")))?;
        let mut api = Api::new(settings, options)?;
        runtime.block_on(work(&mut api))
    });
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    match &error {
        Error::Closed => {}
        error if json => complain(&error.json().to_string()),
        error => complain(&format!("ferroflux: {error}")),
    }
    ExitCode::from(error.status())
}
