use clap::Subcommand;
use http::Method;
use serde_json::json;

use crate::api::Api;
use crate::error::Error;
use crate::input;

/// What can be done with users.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a user.
    Create {
        /// E-mail address.
        email: String,
        /// Password; asked for, or read from the standard input, unless given.
        password: Option<String>,
    },
    /// Create a token and show it; `login` keeps one instead.
    Token {
        /// E-mail address.
        email: String,
        /// Password; asked for, or read from the standard input, unless given.
        password: Option<String>,
    },
    /// Show the user a token is of.
    Get {
        /// Token of the user.
        token: Option<String>,
    },
    /// Replace the metadata of a user.
    Update {
        /// JSON such as {"metadata":{}}; @FILE or - for the standard input.
        json: String,
        /// Token of the user.
        token: Option<String>,
    },
    /// Change the password, which ends all tokens of the user.
    Password {
        /// The old password.
        old: String,
        /// The new password.
        new: String,
        /// Token of the user.
        token: Option<String>,
    },
    /// Delete the user a token is of, with all things and channels.
    Delete {
        /// Token of the user.
        token: Option<String>,
    },
}

pub(crate) async fn run(command: Command, api: &mut Api) -> Result<(), Error> {
    match command {
        Command::Create { email, password } => {
            let password = input::password(password, "Password of the new user")?;
            let body = json!({ "email": email, "password": password });
            api.users(Method::POST, "/users", None, Some(&body)).await?;
        }
        Command::Token { email, password } => {
            let token = token(api, &email, password).await?;
            return api.output.created("token", &token);
        }
        Command::Get { token } => {
            let token = api.token(token)?;
            let reply = api.users(Method::GET, "/users", Some(&token), None).await?;
            return api.output.object(&reply.json()?);
        }
        Command::Update { json, token } => {
            let (token, body) = (api.token(token)?, input::object(&json)?);
            api.users(Method::PUT, "/users", Some(&token), Some(&body))
                .await?;
        }
        Command::Password { old, new, token } => {
            let token = api.token(token)?;
            let body = json!({ "old_password": old, "password": new });
            api.users(Method::PATCH, "/password", Some(&token), Some(&body))
                .await?;
        }
        Command::Delete { token } => {
            let token = api.token(token)?;
            api.users(Method::DELETE, "/users", Some(&token), None)
                .await?;
        }
    }
    api.output.ok()
}

/// Creates a token.
pub(crate) async fn token(
    api: &mut Api,
    email: &str,
    password: Option<String>,
) -> Result<String, Error> {
    let password = input::password(password, &format!("Password of {email}"))?;
    let body = json!({ "email": email, "password": password });
    let reply = api
        .users(Method::POST, "/tokens", None, Some(&body))
        .await?;
    let answer = reply.json()?;
    let token = answer["token"].as_str();
    token
        .map(str::to_owned)
        .ok_or_else(|| Error::Failed("the answer has no token".to_owned()))
}
