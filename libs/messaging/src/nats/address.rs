//! The address of a NATS server, with its credentials taken out so that no library can log them.

use std::fmt;
use std::str::FromStr;

use async_nats::{ConnectOptions, ServerAddr};
use model::{Error, ErrorKind, Result, Secret};
use percent_encoding::percent_decode_str;

/// What an URL like `nats://user:pass@one:4222,two:4222` says.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) servers: Vec<ServerAddr>,
    pub(super) credentials: Credentials,
    /// Whether one of them is `tls://`, which goes for all of them.
    pub(super) tls: bool,
}

/// What the server is shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    None,
    Token(Secret),
    Password(String, Secret),
}

impl Credentials {
    pub(super) fn apply(&self, options: ConnectOptions) -> ConnectOptions {
        match self {
            Self::None => options,
            Self::Token(token) => options.token(token.expose().to_owned()),
            Self::Password(user, password) => {
                options.user_and_password(user.clone(), password.expose().to_owned())
            }
        }
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut servers = Vec::new();
        let mut credentials = Credentials::None;
        let mut tls = false;
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (scheme, rest) = part.split_once("://").unwrap_or(("nats", part));
            match scheme {
                "nats" => {}
                "tls" => tls = true,
                _ => return Err(malformed("the scheme is nats:// or tls://")),
            }
            let (login, host) = rest.rsplit_once('@').unwrap_or(("", rest));
            if !login.is_empty() {
                credentials = parse_login(login)?;
            }
            // The error of the parser could quote what it was given, so it is not passed on.
            let server = format!("{scheme}://{host}").parse().ok();
            let server = server.filter(|server: &ServerAddr| !server.host().is_empty());
            servers.push(server.ok_or_else(|| malformed("it is nats://HOST:PORT"))?);
        }
        if servers.is_empty() {
            return Err(malformed("it is empty"));
        }
        Ok(Self {
            servers,
            credentials,
            tls,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, server) in self.servers.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{}:{}", server.host(), server.port())?;
        }
        Ok(())
    }
}

fn parse_login(login: &str) -> Result<Credentials> {
    let decode = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded
            .map(String::from)
            .map_err(|_| malformed("its credentials are not UTF-8"))
    };
    Ok(match login.split_once(':') {
        None => Credentials::Token(Secret::new(decode(login)?)),
        Some((user, password)) => {
            Credentials::Password(decode(user)?, Secret::new(decode(password)?))
        }
    })
}

fn malformed(reason: &str) -> Error {
    Error::new(
        ErrorKind::Invalid,
        "nats_url_malformed",
        format!("the address of the NATS server cannot be read: {reason}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn scheme_and_port_have_defaults() {
        for text in ["nats://localhost:4222", "localhost", "nats://localhost"] {
            assert_eq!(address(text).to_string(), "localhost:4222", "{text}");
        }
        assert_eq!(address("nats://a:1, nats://b:2").to_string(), "a:1, b:2");
    }

    #[test]
    fn tls_of_one_server_goes_for_all() {
        assert!(!address("nats://a, b").tls);
        assert!(address("nats://a, tls://b:1").tls);
        assert_eq!(address("tls://a").to_string(), "a:4222");
    }

    #[test]
    fn credentials_are_taken_out_of_the_address() {
        let address = address("nats://us%40er:p%3Aw:d@host:1");
        assert_eq!(
            address.credentials,
            Credentials::Password("us@er".to_owned(), Secret::from("p:w:d"))
        );
        let shown = format!("{address} {address:?}");
        assert!(!shown.contains("p:w") && !shown.contains("p%3A"), "{shown}");
        assert_eq!(
            "nats://t0ken@host".parse::<Address>().unwrap().credentials,
            Credentials::Token(Secret::from("t0ken"))
        );
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for text in [
            "",
            ",",
            "http://host",
            "nats://us:hunter2@",
            "nats://us:hunter2@ho st",
            "nats://u:%ff@host",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert_eq!(error.kind, ErrorKind::Invalid, "{text}");
            assert!(!error.message.contains("hunter2"), "{error}");
        }
    }
}
