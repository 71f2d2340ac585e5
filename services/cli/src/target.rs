use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a segment of a path, or a value of a query, may hold as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Where a service is: `SCHEME://HOST[:PORT][/PATH]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Whether it is spoken to over TLS.
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// What stands before every path, without a slash at the end.
    path: String,
}

impl Target {
    /// Reads an URL; without a scheme it is `http://`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, _) = text.split_once("://").unwrap_or(("http", text));
        let (tls, port) = match scheme {
            "http" | "ws" => (false, 80),
            "https" | "wss" => (true, 443),
            "mqtt" => (false, 1883),
            "mqtts" => (true, 8883),
            _ => {
                return Err(
                    "is wrong: the scheme is http, https, ws, wss, mqtt or mqtts".to_owned(),
                );
            }
        };
        let full = if text.contains("://") {
            text.to_owned()
        } else {
            format!("http://{text}")
        };
        let uri: Uri = full
            .parse()
            .map_err(|_| "is wrong: it is no URL".to_owned())?;
        let authority = uri
            .authority()
            .filter(|authority| !authority.host().is_empty())
            .ok_or("is wrong: it names no host")?;
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err("is wrong: it must have neither a user nor a query".to_owned());
        }
        Ok(Self {
            tls,
            host: authority.host().to_owned(),
            port: authority.port_u16().unwrap_or(port),
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Returns what is at this path below it.
    pub(crate) fn below(&self, prefix: &str) -> Self {
        let mut below = self.clone();
        for part in prefix.split('/').filter(|part| !part.is_empty()) {
            below.path.push('/');
            below.path.push_str(part);
        }
        below
    }

    /// Returns where MQTT is spoken on the same host.
    pub(crate) fn mqtt(&self) -> Self {
        Self {
            port: if self.tls { 8883 } else { 1883 },
            ..self.clone()
        }
    }

    /// Returns the full path of one of its resources.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.path)
    }

    /// Returns the host and the port, as in a `Host` header.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Returns the URL for messages.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority(), self.path)
    }
}

/// Escapes what is to be one segment of a path or one value of a query.
pub(crate) fn escape(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// The channel and the subtopic of `CHANNEL[.SUBTOPIC…]`; slashes separate as well.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) channel: String,
    /// The elements of the subtopic.
    pub(crate) subtopic: Vec<String>,
}

impl Topic {
    /// Splits a topic as 0.9 writes it.
    pub(crate) fn parse(text: &str) -> Self {
        let mut parts = text.split(['.', '/']).filter(|part| !part.is_empty());
        Self {
            channel: parts.next().unwrap_or_default().to_owned(),
            subtopic: parts.map(str::to_owned).collect(),
        }
    }

    /// Returns the path of its messages.
    pub(crate) fn path(&self) -> String {
        let mut path = format!("/channels/{}/messages", escape(&self.channel));
        for element in &self.subtopic {
            path.push('/');
            path.push_str(&escape(element));
        }
        path
    }

    /// Returns the subtopic as it is stored.
    pub(crate) fn dotted(&self) -> String {
        self.subtopic.join(".")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_defaults() {
        let target = Target::parse("https://example.com/iot/").unwrap();
        assert_eq!((target.tls, target.port), (true, 443));
        assert_eq!(
            target.below("/http").path("/channels"),
            "/iot/http/channels"
        );
        assert_eq!(Target::parse("localhost:1").unwrap().port, 1);
        assert_eq!(Target::parse("mqtts://[::1]").unwrap().port, 8883);
        for bad in [
            "",
            "ftp://x",
            "http://u:p@x",
            "http://x?y",
            "http://",
            "a b",
        ] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_topic_is_a_channel_and_elements() {
        let topic = Topic::parse("c.a/b c");
        assert_eq!(topic.path(), "/channels/c/messages/a/b%20c");
        assert_eq!(topic.dotted(), "a.b c");
        assert_eq!(Topic::parse("c").path(), "/channels/c/messages");
    }
}
