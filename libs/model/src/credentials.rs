use crate::{Secret, ThingId};

/// What a device presents to say which thing it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A thing's key alone.
    Key(Secret),
    /// A thing's id and key, which must belong together.
    Pair(ThingId, Secret),
}

impl Credentials {
    /// Returns the key that was presented.
    pub fn key(&self) -> &Secret {
        match self {
            Self::Key(key) | Self::Pair(_, key) => key,
        }
    }
}
