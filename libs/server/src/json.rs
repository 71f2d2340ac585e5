use std::io;

use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};

/// A JSON body as Go's encoder wrote it in 0.9: `<`, `>` and `&` escaped, a newline at the end.
#[derive(Clone, Debug)]
pub struct Json<T>(
    /// What is written.
    pub T,
);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        ([(CONTENT_TYPE, JSON)], encode(&self.0)).into_response()
    }
}

/// Encodes a value that serialises without failing: structs, maps with text keys, no foreign `Serialize`.
pub(crate) fn encode<T: Serialize>(value: &T) -> Bytes {
    let mut out = Vec::with_capacity(128);
    let mut serializer = Serializer::with_formatter(&mut out, GoFormatter(CompactFormatter));
    if let Err(error) = value.serialize(&mut serializer) {
        tracing::error!(%error, "a response body cannot be encoded");
        out.clear();
    }
    out.push(b'\n');
    Bytes::from(out)
}

struct GoFormatter(CompactFormatter);

impl Formatter for GoFormatter {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        // Most texts have none of them, which this tells many bytes at a time.
        if !fragment
            .bytes()
            .fold(false, |found, byte| found | is_special(byte))
        {
            return writer.write_all(fragment.as_bytes());
        }
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (plain, tail) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut chars = tail.chars();
            if let Some(special) = chars.next() {
                write!(writer, "\\u{:04x}", u32::from(special))?;
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        // Go has no short form for these two.
        match escape {
            CharEscape::Backspace => writer.write_all(b"\\u0008"),
            CharEscape::FormFeed => writer.write_all(b"\\u000c"),
            other => self.0.write_char_escape(writer, other),
        }
    }
}

/// Tells whether a character that Go escapes may begin with a byte.
fn is_special(byte: u8) -> bool {
    matches!(byte, b'<' | b'>' | b'&' | 0xe2)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::encode;

    #[test]
    fn bytes_are_those_of_go() {
        assert_eq!(
            encode(&json!({"a": "<b>&\u{2028}\u{8}\"é\n"})),
            "{\"a\":\"\\u003cb\\u003e\\u0026\\u2028\\u0008\\\"é\\n\"}\n"
        );
        assert_eq!(encode(&json!({"<": []})), "{\"\\u003c\":[]}\n");
    }

    #[test]
    fn what_is_written_reads_back() {
        let value = json!({"k&": ["<>", 1.5, null, true, "\u{2029}x"]});
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&encode(&value)).unwrap(),
            value
        );
    }
}
