//! What a shell and `man` are told about the commands, made from the commands themselves.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

use crate::cli::{self, complain, print_line};

/// For which shell.
#[derive(Args, Debug)]
pub(crate) struct CompletionsOptions {
    /// The shell; put what is printed where it looks for completions.
    shell: Shell,
}

/// Where to.
#[derive(Args, Debug)]
pub(crate) struct ManOptions {
    /// Write a page for each command into this folder, instead of printing the first.
    dir: Option<PathBuf>,
}

/// Prints the completions for a shell.
pub(crate) fn completions(options: &CompletionsOptions) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut cli::command(), "ferroflux", &mut script);
    print_line(String::from_utf8_lossy(&script).trim_end());
    ExitCode::SUCCESS
}

/// Prints the manual page, or writes all of them.
pub(crate) fn man(options: &ManOptions) -> ExitCode {
    let mut page = Vec::new();
    let written = match &options.dir {
        Some(dir) => std::fs::create_dir_all(dir)
            .and_then(|()| clap_mangen::generate_to(cli::command(), dir)),
        None => clap_mangen::Man::new(cli::command()).render(&mut page),
    };
    if let Err(error) = written {
        complain(&format!("cannot write the manual: {error}"));
        return ExitCode::FAILURE;
    }
    if options.dir.is_none() {
        print_line(String::from_utf8_lossy(&page).trim_end());
    }
    ExitCode::SUCCESS
}
