use clap::Args;

use crate::api::Api;
use crate::config::PREFIX;
use crate::error::Error;
use crate::file;
use crate::users;

/// Whose token to keep.
#[derive(Args, Debug)]
pub struct Login {
    /// E-mail address.
    email: String,
    /// Password; asked for, or read from the standard input, unless given.
    password: Option<String>,
}

/// Creates a token and keeps it, with the address it is for, in a file that only its owner can read.
pub(crate) async fn login(command: Login, api: &mut Api) -> Result<(), Error> {
    let token = users::token(api, &command.email, command.password).await?;
    let url = api.settings.config.url.clone();
    keep(api, &[("URL", Some(url)), ("TOKEN", Some(token))])?;
    api.output.ok()
}

/// Forgets the token.
pub(crate) fn logout(api: &Api) -> Result<(), Error> {
    keep(api, &[("TOKEN", None)])?;
    api.output.ok()
}

fn keep(api: &Api, changes: &[(&str, Option<String>)]) -> Result<(), Error> {
    let path = api.settings.file.as_ref().ok_or_else(|| {
        Error::Usage("there is no home directory: name a file with --config".to_owned())
    })?;
    let changes: Vec<_> = changes
        .iter()
        .map(|(name, value)| (format!("{PREFIX}{name}"), value.clone()))
        .collect();
    file::write(path, &changes)
}
