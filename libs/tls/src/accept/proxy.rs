//! The PROXY protocol, read only from proxies that are trusted.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use proxy_header::{Error, ParseConfig, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::settings::ProxyProtocol;
use crate::{Reason, Refused};

/// The most bytes of a header; it has to fit in the smallest segment.
const MAX_HEADER: usize = 536;

/// The most bytes of a header of version 1.
const MAX_LINE: usize = 107;

const SIGNATURE_V1: &[u8] = b"PROXY ";
const SIGNATURE_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What a proxy said before the connection began.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Who connected to it; `None` when it connects for itself.
    pub(super) source: Option<SocketAddr>,
    /// What came after the header.
    pub(super) rest: Bytes,
}

/// What the bytes so far are.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    /// The beginning of a header.
    More,
    /// No header.
    Absent,
    /// A header and its length.
    Whole(Option<SocketAddr>, usize),
    /// A header that is wrong.
    Broken,
}

/// Reads a header, and takes care of what was read beyond it.
pub(super) async fn read<R>(io: &mut R, mode: ProxyProtocol) -> Result<Header, Refused>
where
    R: AsyncRead + Unpin,
{
    let refused = |text: &str| Refused::new(Reason::ProxyHeader, text);
    let mut buffer = BytesMut::with_capacity(MAX_HEADER);
    loop {
        match look(&buffer, mode) {
            Look::Whole(source, length) => {
                let rest = buffer.split_off(length).freeze();
                return Ok(Header { source, rest });
            }
            Look::Absent if mode == ProxyProtocol::Require => {
                return Err(refused("the PROXY protocol header is missing"));
            }
            Look::Absent => {
                return Ok(Header {
                    source: None,
                    rest: buffer.freeze(),
                });
            }
            Look::Broken => return Err(refused("the PROXY protocol header is malformed")),
            Look::More if buffer.len() == MAX_HEADER => {
                return Err(refused("the PROXY protocol header is too long"));
            }
            Look::More => {
                let room = MAX_HEADER - buffer.len();
                if (&mut *io).take(room as u64).read_buf(&mut buffer).await? == 0 {
                    return Err(match buffer.is_empty() {
                        true => Refused::new(Reason::Io, "the peer went away without a word"),
                        false => refused("the PROXY protocol header is cut off"),
                    });
                }
            }
        }
    }
}

fn look(bytes: &[u8], mode: ProxyProtocol) -> Look {
    let config = ParseConfig {
        include_tlvs: false,
        allow_v1: mode != ProxyProtocol::V2,
        allow_v2: mode != ProxyProtocol::V1,
    };
    let begins = |signature: &[u8]| signature.starts_with(bytes);
    let is = |signature: &[u8]| bytes.starts_with(signature);
    let (v1, v2) = (config.allow_v1, config.allow_v2);
    if (v1 && begins(SIGNATURE_V1)) || (v2 && begins(SIGNATURE_V2)) {
        return Look::More;
    }
    if !((v1 && is(SIGNATURE_V1)) || (v2 && is(SIGNATURE_V2))) {
        return Look::Absent;
    }
    match ProxyHeader::parse(bytes, config) {
        // In pieces it would have been refused at its longest form.
        Ok((_, length)) if is(SIGNATURE_V1) && length > MAX_LINE => Look::Broken,
        Ok((header, length)) => {
            let source = header.proxied_address().map(|address| address.source);
            Look::Whole(source, length)
        }
        // The parser asks for more of a whole line that is too short for it.
        Err(Error::BufferTooShort) if is(SIGNATURE_V1) && is_line(bytes) => Look::Broken,
        Err(Error::BufferTooShort) => Look::More,
        Err(_) => Look::Broken,
    }
}

/// Tells whether all of version 1 is there: it ends with the line, at the latest after its longest form.
fn is_line(bytes: &[u8]) -> bool {
    bytes.len() >= MAX_LINE || bytes.windows(2).any(|pair| pair == b"\r\n")
}

#[cfg(test)]
mod tests {
    use super::{Look, MAX_LINE, ProxyProtocol, look, read};

    const V1: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";
    const V2: &[u8] =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x12\x67\x01\xbb";
    const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

    #[test]
    fn a_header_is_recognised_at_any_length() {
        let source = "192.0.2.7:4711".parse().ok();
        for header in [V1, V2] {
            for length in 0..header.len() {
                assert_eq!(
                    look(&header[..length], ProxyProtocol::Any),
                    Look::More,
                    "{length}"
                );
            }
            let whole = Look::Whole(source, header.len());
            assert_eq!(look(header, ProxyProtocol::Any), whole);
            assert_eq!(look(&[header, b"\x16"].concat(), ProxyProtocol::Any), whole);
        }
        assert_eq!(
            look(LOCAL, ProxyProtocol::Any),
            Look::Whole(None, LOCAL.len())
        );
    }

    #[test]
    fn other_versions_and_other_protocols_are_no_header() {
        assert_eq!(look(V1, ProxyProtocol::V2), Look::Absent);
        assert_eq!(look(V2, ProxyProtocol::V1), Look::Absent);
        for other in [
            &b"\x16\x03\x01"[..],
            b"GET / ",
            b"PRI * HTTP/2.0\r\n",
            b"\x10\x0c",
        ] {
            assert_eq!(look(other, ProxyProtocol::Any), Look::Absent, "{other:?}");
        }
        assert_eq!(
            look(b"PROXY TCP4 nonsense\r\n", ProxyProtocol::Any),
            Look::Broken
        );
    }

    #[test]
    fn a_line_has_a_longest_form_in_one_piece_too() {
        let line = |length: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(length - 16));
        let longest = line(MAX_LINE);
        let look = |line: &str| look(line.as_bytes(), ProxyProtocol::Any);
        assert_eq!(look(&longest), Look::Whole(None, MAX_LINE));
        assert_eq!(look(&line(MAX_LINE + 1)), Look::Broken);
    }

    #[tokio::test]
    async fn what_follows_is_kept_and_what_is_missing_is_refused() {
        let mut both = &[V1, b"hello"].concat()[..];
        let header = read(&mut both, ProxyProtocol::Require).await.unwrap();
        assert_eq!(header.rest, "hello");
        assert_eq!(header.source, "192.0.2.7:4711".parse().ok());
        assert!(read(&mut &V2[..20], ProxyProtocol::Any).await.is_err());
        assert!(
            read(&mut &b"GET /"[..], ProxyProtocol::Require)
                .await
                .is_err()
        );
        let without = read(&mut &b"GET /"[..], ProxyProtocol::Any).await.unwrap();
        assert_eq!((without.source, &without.rest[..]), (None, &b"GET /"[..]));
        let endless = [&b"PROXY "[..], &[b'x'; 1000]].concat();
        assert!(read(&mut &endless[..], ProxyProtocol::Any).await.is_err());
    }
}
