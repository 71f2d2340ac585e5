//! `ferroflux doctor`: looks at a set-up without changing it, and names each fault with the variable or file to change.

mod bus;
mod databases;
mod finding;
mod machine;
mod neighbours;
mod outside;
mod ports;

use std::path::PathBuf;
use std::process::ExitCode;

use ::config::Environment;
use clap::Args;
use finding::Findings;

use crate::EXIT_CONFIG;
use crate::cli::{complain, print_line};
use crate::role::{Role, Shape};
use crate::settings::{self, Settings, Source};

/// What to look at.
#[derive(Args, Debug)]
pub(crate) struct DoctorOptions {
    /// The roles that are to run here as separate services; none: everything, on embedded defaults.
    roles: Vec<Role>,
    /// Where the embedded data lives.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Look at a running platform from outside only, with the addresses and certificates of the client commands.
    #[arg(long, conflicts_with_all = ["roles", "data"])]
    outside: bool,
    #[command(flatten)]
    client: ::cli::Options,
}

/// Runs the command; the exit status is 0 when nothing is wrong, 1 when something is.
pub(crate) fn main(options: &DoctorOptions, left: &::cli::Options) -> ExitCode {
    let environment = Environment::process();
    let client = options.client.clone().over(left);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("no runtime: {error}"));
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let mut findings = Findings::default();
    runtime.block_on(async {
        if options.outside {
            outside::look(&mut findings, &client, &environment).await;
        } else {
            inside(&mut findings, options, &environment).await;
        }
    });
    print_line(&if client.wants_json() {
        findings.json()
    } else {
        findings.text()
    });
    if findings.has_fault() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

async fn inside(findings: &mut Findings, options: &DoctorOptions, environment: &Environment) {
    machine::clock(findings);
    for warning in settings::unknown(environment) {
        findings.warn_sentence(&warning);
    }
    let source = Source {
        environment,
        shape: Shape::new(&options.roles),
        data: options.data.clone(),
        check: true,
    };
    let settings = match Settings::load(source) {
        Ok(settings) => settings,
        Err(problems) => {
            for (name, reason) in problems.iter() {
                findings.fault(name, reason);
            }
            return;
        }
    };
    findings.good(
        "configuration",
        "every variable and file is as it should be",
    );
    for warning in &settings.warnings {
        findings.warn_sentence(warning);
    }
    machine::look(findings, &settings, environment);
    ports::look(findings, &settings);
    bus::look(findings, &settings).await;
    databases::look(findings, &settings, environment).await;
    neighbours::look(findings, &settings).await;
}
