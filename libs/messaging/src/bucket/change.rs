use bytes::Bytes;

const PUT: u8 = 1;
const DELETE: u8 = 2;

/// A change to a bucket, as it is in its file: what it does, the length of the key, the key, the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) key: String,
    /// The new value; nothing when the key goes.
    pub(crate) value: Option<Bytes>,
}

impl Change {
    pub(crate) fn encode(&self) -> Vec<u8> {
        encode(&self.key, self.value.as_deref())
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let ([what, l0, l1], rest) = bytes.split_first_chunk::<3>()?;
        let (key, value) = rest.split_at_checked(u16::from_le_bytes([*l0, *l1]).into())?;
        let key = std::str::from_utf8(key).ok()?.to_owned();
        let value = match *what {
            PUT => Some(Bytes::copy_from_slice(value)),
            DELETE => None,
            _ => return None,
        };
        Some(Self { key, value })
    }
}

/// Encodes a change; keys have been checked, so their length fits.
pub(crate) fn encode(key: &str, value: Option<&[u8]>) -> Vec<u8> {
    let value_bytes = value.unwrap_or_default();
    let mut out = Vec::with_capacity(3 + key.len() + value_bytes.len());
    out.push(if value.is_some() { PUT } else { DELETE });
    out.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(value_bytes);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(key in "[a-z/]{1,256}", value: Option<Vec<u8>>) {
            let change = Change { key, value: value.map(Bytes::from) };
            prop_assert_eq!(Change::decode(&change.encode()), Some(change));
        }

        #[test]
        fn random_bytes_never_panic(bytes: Vec<u8>) {
            let _ = Change::decode(&bytes);
        }
    }
}
