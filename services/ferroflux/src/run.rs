//! `ferroflux run`: check everything, open everything, drive it until a signal.

use std::path::Path;
use std::process::ExitCode;

use ::config::Environment;
use anyhow::Context;
use server::{Runtime, trace};

use crate::cli::{RunOptions, complain, print_line};
use crate::role::Shape;
use crate::run_json::RunJson;
use crate::settings::{self, Settings, Source};
use crate::{EXIT_CONFIG, banner, wiring};

/// Where a service manager wants to be told that the process is ready.
const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";

/// Runs the command and returns the exit status of the process.
pub(crate) fn main(options: &RunOptions) -> ExitCode {
    let environment = Environment::process();
    #[cfg(target_env = "gnu")]
    crate::memory::limit_arenas(&environment);
    let source = Source {
        environment: &environment,
        shape: Shape::new(&options.roles),
        data: options.data.clone(),
        check: options.check,
    };
    let settings = match Settings::load(source) {
        Ok(settings) => settings,
        Err(problems) => {
            complain(&format!("the configuration cannot be used:\n{problems}"));
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let unknown = settings::unknown(&environment);
    if options.check {
        for warning in unknown.iter().chain(&settings.warnings) {
            complain(&format!("warning: {warning}"));
        }
        print_line("the configuration is good");
        return ExitCode::SUCCESS;
    }
    match start(&settings, &unknown, environment.get(NOTIFY_SOCKET)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn start(settings: &Settings, warnings: &[String], manager: Option<&str>) -> anyhow::Result<()> {
    trace::init(&settings.log_levels(), trace::Format::auto())
        .map_err(anyhow::Error::from_boxed)?;
    server::metrics::install().map_err(anyhow::Error::from_boxed)?;
    for warning in warnings.iter().chain(&settings.warnings) {
        // The roles log errors only unless told otherwise, and what is unsafe from the start is to be known all the same.
        if tracing::enabled!(tracing::Level::WARN) {
            tracing::warn!("{warning}");
        } else {
            complain(&format!("warning: {warning}"));
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    runtime.block_on(serve(settings, manager))
}

async fn serve(settings: &Settings, manager: Option<&str>) -> anyhow::Result<()> {
    let runtime = Runtime::new(server::Settings {
        shutdown_grace: settings.process.shutdown_grace.get(),
    });
    if let Some(data) = &settings.data {
        create(data)?;
        RunJson::remove(data);
    }
    let started = runtime.open(wiring::start(settings, &runtime)).await?;
    let addresses = match started {
        Some(Ok(addresses)) => addresses,
        None => return Ok(()),
        Some(Err(error)) => {
            runtime.stop().cancel();
            return Err(error);
        }
    };
    if let Some(data) = &settings.data {
        addresses
            .write(data)
            .with_context(|| format!("cannot write run.json into {}", data.display()))?;
    }
    if settings.shape == Shape::Embedded {
        print_line(&banner::text(
            &addresses,
            settings.certificates.encrypts(&tls::endpoints::FRONT),
        ));
    }
    tracing::info!(listeners = ?addresses.listeners, "running");
    if let Some(socket) = manager
        && let Err(error) = server::notify_ready(socket)
    {
        complain(&format!(
            "warning: {NOTIFY_SOCKET} does not answer: {error}"
        ));
    }
    let result = runtime.wait().await.map_err(anyhow::Error::from_boxed);
    if let Some(data) = &settings.data {
        RunJson::remove(data);
    }
    result
}

fn create(data: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(data)
        .with_context(|| format!("cannot create the data folder {}", data.display()))
}
