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

/// Creates a token and keeps it, with the addresses it is for, in a file that only its owner can read.
pub(crate) async fn login(command: Login, api: &mut Api) -> Result<(), Error> {
    let token = users::token(api, &command.email, command.password).await?;
    let config = api.settings.config.clone();
    keep(
        api,
        &[
            ("URL", Some(config.url)),
            ("USERS_URL", config.users_url),
            ("THINGS_URL", config.things_url),
            ("HTTP_URL", config.http_url),
            ("WS_URL", config.ws_url),
            ("READER_URL", config.reader_url),
            ("MQTT_URL", config.mqtt_url),
            ("TOKEN", Some(token)),
        ],
    )?;
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
