/// What a CA negotiates when it checks a name by tls-alpn-01.
pub(crate) const ACME: &[u8] = b"acme-tls/1";

/// The application protocols of an endpoint, in the order it prefers them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alpn {
    names: Vec<&'static str>,
    required: bool,
}

impl Alpn {
    /// Negotiates nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// HTTP/2 or HTTP/1.1, the latter without ALPN too; for a WebSocket, clients offer HTTP/1.1 alone.
    pub fn http() -> Self {
        Self {
            names: vec!["h2", "http/1.1"],
            required: false,
        }
    }

    /// HTTP/2 and nothing else, for gRPC.
    pub fn grpc() -> Self {
        Self {
            names: vec!["h2"],
            required: true,
        }
    }

    /// MQTT under its registered name and the one AWS made clients use.
    pub fn mqtt() -> Self {
        Self {
            names: vec!["mqtt", "x-amzn-mqtt-ca"],
            required: false,
        }
    }

    /// Tells whether a peer must agree to one.
    pub(crate) fn is_required(&self) -> bool {
        self.required
    }

    /// Tells whether nothing is negotiated.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Chooses the first of ours that a client offers; the answer points into its offer.
    pub(crate) fn choose<'a>(&self, offered: &'a [u8]) -> Option<&'a [u8]> {
        self.names
            .iter()
            .find_map(|name| find(offered, name.as_bytes()))
    }

    /// Returns the names as they travel, each with its length before it.
    pub(crate) fn wire(&self) -> Vec<u8> {
        let mut wire = Vec::new();
        for name in &self.names {
            wire.extend(u8::try_from(name.len()));
            wire.extend(name.as_bytes());
        }
        wire
    }
}

/// Finds a name in an offer; the answer points into it.
pub(crate) fn find<'a>(offered: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    entries(offered).find(|entry| *entry == name)
}

/// Splits names that have their length before them; what is cut off is left out.
fn entries(mut wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = wire.split_first()?;
        let (entry, rest) = rest.split_at_checked(usize::from(*length))?;
        wire = rest;
        Some(entry)
    })
}

#[cfg(test)]
mod tests {
    use super::Alpn;

    #[test]
    fn names_have_their_length_before_them() {
        assert_eq!(Alpn::http().wire(), b"\x02h2\x08http/1.1");
        assert!(Alpn::none().wire().is_empty() && !Alpn::none().is_required());
        assert!(Alpn::grpc().is_required());
    }

    #[test]
    fn our_order_decides_and_broken_offers_match_nothing() {
        let http = Alpn::http();
        assert_eq!(http.choose(b"\x08http/1.1\x02h2"), Some(&b"h2"[..]));
        assert_eq!(http.choose(b"\x03xh2"), None);
        assert_eq!(http.choose(b"\x09h2"), None);
        assert_eq!(http.choose(b""), None);
    }
}
