//! `ferroflux init`: the secrets and certificates that separate services need, made where there are none.
//!
//! Certificates live in one folder, laid out as `ssl/Makefile` does it, so that either can make what the other finds
//! missing. Secrets and what each service may read of all this live in another, one folder per service and owner.

mod authority;
mod certificates;
mod deliver;
mod recipients;

use std::process::ExitCode;

use crate::cli::{InitOptions, complain, print_line};
use certificates::Names;
use recipients::Secrets;

/// Runs the command and returns the exit status of the process.
pub(crate) fn main(options: &InitOptions) -> ExitCode {
    match make(options) {
        Ok(made) => {
            for line in made {
                print_line(&line);
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Makes what is missing, hands out what there is, and tells what was made or should be known.
fn make(options: &InitOptions) -> anyhow::Result<Vec<String>> {
    let InitOptions {
        certs,
        keys,
        name,
        users,
        nats_data,
    } = options;
    let told = certificates::complete(certs, &Names::new(name)?)?;
    let secrets = Secrets::load_or_create(keys)?;
    recipients::deliver(certs, keys, &secrets, *users)?;
    for dir in nats_data {
        deliver::folder(dir, 0o700, recipients::NATS)?;
    }
    Ok(told)
}

#[cfg(test)]
mod tests;
