use bytes::Bytes;
use messaging::Message;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// The content type that goes out in binary frames whatever its bytes (contract section 4).
const CBOR: &str = "application/senml+cbor";

/// Makes the frame of a message: text, but binary for CBOR and for what is no text.
pub(crate) fn outgoing(message: &Message) -> Frame {
    let payload = message.payload.clone();
    let (essence, _) = message
        .content_type
        .split_once(';')
        .unwrap_or((&message.content_type, ""));
    if essence.trim().eq_ignore_ascii_case(CBOR) {
        return Frame::Binary(payload);
    }
    match Utf8Bytes::try_from(payload) {
        Ok(text) => Frame::Text(text),
        Err(_) => Frame::Binary(message.payload.clone()),
    }
}

/// Returns the payload of a frame that carries one.
pub(crate) fn incoming(frame: Frame) -> Option<Bytes> {
    match frame {
        Frame::Text(text) => Some(text.into()),
        Frame::Binary(payload) => Some(payload),
        Frame::Ping(_) | Frame::Pong(_) | Frame::Close(_) | Frame::Frame(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use messaging::Protocol;
    use model::{ChannelId, Subtopic, ThingId};

    use super::*;

    fn frame(content_type: &str, payload: &'static [u8]) -> Frame {
        let payload = Bytes::from_static(payload);
        let plain = Message::new(
            ChannelId::random(),
            Subtopic::default(),
            ThingId::random(),
            Protocol::Ws,
            payload,
        );
        outgoing(&Message {
            content_type: content_type.to_owned(),
            ..plain
        })
    }

    #[test]
    fn text_is_text_and_the_rest_is_binary() {
        assert!(frame("", b"on").is_text());
        assert!(frame("application/octet-stream", b"on").is_text());
        assert!(frame("", b"").is_text());
        assert!(frame("", b"\xff\x00").is_binary());
        assert!(frame("application/senml+cbor", b"on").is_binary());
        assert!(frame("Application/SenML+CBOR; x=y", b"on").is_binary());
        assert!(frame("application/senml+json", b"[]").is_text());
    }
}
