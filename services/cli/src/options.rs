use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::config::{Format, PREFIX};

/// What every client command can be told; the names are those of 0.9 where it had one.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Options of every client command")]
pub struct Options {
    /// Address of the platform [default: http://localhost:8080].
    #[arg(
        short = 'm',
        long,
        alias = "mainflux-url",
        value_name = "URL",
        global = true
    )]
    url: Option<String>,
    /// Token of a user, instead of the one that `login` keeps.
    #[arg(
        id = "token-option",
        long = "token",
        value_name = "TOKEN",
        global = true
    )]
    token: Option<String>,
    /// Key of a thing.
    #[arg(id = "key-option", long = "key", value_name = "KEY", global = true)]
    key: Option<String>,
    /// Tables for people or JSON for scripts [default: table].
    #[arg(long, value_name = "FORMAT", global = true)]
    output: Option<Format>,
    /// File with the CAs that sign the server's certificate, instead of the system's.
    #[arg(long, value_name = "FILE", global = true)]
    ca: Option<String>,
    /// File with a client certificate in PEM.
    #[arg(long, value_name = "FILE", global = true)]
    cert: Option<String>,
    /// File with the key of the client certificate in PEM.
    #[arg(long, value_name = "FILE", global = true)]
    cert_key: Option<String>,
    /// Take any certificate of the server.
    #[arg(short = 'i', long, global = true)]
    insecure: bool,
    /// Path of the users service below the address.
    #[arg(short = 'u', long, value_name = "PATH", global = true)]
    users_prefix: Option<String>,
    /// Path of the things service below the address.
    #[arg(short = 't', long, value_name = "PATH", global = true)]
    things_prefix: Option<String>,
    /// Path of the HTTP adapter below the address [default: http].
    #[arg(short = 'a', long, value_name = "PATH", global = true)]
    http_prefix: Option<String>,
    /// How long a request may take [default: 30s].
    #[arg(long, value_name = "TIME", global = true)]
    timeout: Option<String>,
    /// File with variables of the client [default: ~/.config/ferroflux/client.env].
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Content type of messages [default: application/senml+json].
    #[arg(short = 'c', long, value_name = "TYPE", global = true)]
    pub(crate) content_type: Option<String>,
    /// How many to list [default: 100].
    #[arg(short = 'l', long, value_name = "COUNT", global = true)]
    pub(crate) limit: Option<u64>,
    /// How many to leave out at the beginning of a list.
    #[arg(short = 'o', long, value_name = "COUNT", global = true)]
    pub(crate) offset: Option<u64>,
    /// List only what has this in its name.
    #[arg(short = 'n', long, value_name = "TEXT", global = true)]
    pub(crate) name: Option<String>,
}

impl Options {
    /// Returns these options, completed by those that stood further left on the command line.
    #[must_use]
    pub fn over(self, left: &Self) -> Self {
        let left = left.clone();
        Self {
            url: self.url.or(left.url),
            token: self.token.or(left.token),
            key: self.key.or(left.key),
            output: self.output.or(left.output),
            ca: self.ca.or(left.ca),
            cert: self.cert.or(left.cert),
            cert_key: self.cert_key.or(left.cert_key),
            insecure: self.insecure || left.insecure,
            users_prefix: self.users_prefix.or(left.users_prefix),
            things_prefix: self.things_prefix.or(left.things_prefix),
            http_prefix: self.http_prefix.or(left.http_prefix),
            timeout: self.timeout.or(left.timeout),
            config: self.config.or(left.config),
            content_type: self.content_type.or(left.content_type),
            limit: self.limit.or(left.limit),
            offset: self.offset.or(left.offset),
            name: self.name.or(left.name),
        }
    }

    /// Tells whether JSON is asked for.
    pub fn wants_json(&self) -> bool {
        self.output == Some(Format::Json)
    }

    /// Returns the variables that the options stand for.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        let output = self.output.and_then(|format| format.to_possible_value());
        let given = [
            ("URL", self.url.clone()),
            ("TOKEN", self.token.clone()),
            ("KEY", self.key.clone()),
            ("OUTPUT", output.map(|value| value.get_name().to_owned())),
            ("TLS_SERVER_CA_PEM_FILE", self.ca.clone()),
            ("TLS_CERT_PEM_FILE", self.cert.clone()),
            ("TLS_KEY_PEM_FILE", self.cert_key.clone()),
            (
                "TLS_INSECURE_SKIP_VERIFY",
                self.insecure.then(|| "true".to_owned()),
            ),
            ("USERS_PREFIX", self.users_prefix.clone()),
            ("THINGS_PREFIX", self.things_prefix.clone()),
            ("HTTP_PREFIX", self.http_prefix.clone()),
            ("TIMEOUT", self.timeout.clone()),
        ];
        given
            .into_iter()
            .filter_map(|(name, value)| Some((format!("{PREFIX}{name}"), value?)))
            .collect()
    }
}
