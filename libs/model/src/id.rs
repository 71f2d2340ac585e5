use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Error, ErrorKind};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $new:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub(crate) Uuid);

        impl $name {
            /// Makes a new id that nobody has.
            pub fn random() -> Self {
                Self($new)
            }

            /// Returns the id as a UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.hyphenated(), f)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// Accepts the canonical text of 36 characters only, in either case.
            fn from_str(text: &str) -> Result<Self, Error> {
                if text.len() == 36 {
                    if let Ok(id) = Uuid::try_parse(text) {
                        return Ok(Self(id));
                    }
                }
                Err(Error::new(ErrorKind::Invalid, "id_malformed", "an id is a UUID of 36 characters"))
            }
        }
    };
}

id!(
    /// Identifies a user.
    UserId,
    Uuid::new_v4()
);
id!(
    /// Identifies a thing.
    ThingId,
    Uuid::new_v4()
);
id!(
    /// Identifies a channel.
    ChannelId,
    Uuid::new_v4()
);
id!(
    /// Identifies a message; later ids sort after earlier ones.
    MessageId,
    Uuid::now_v7()
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_form_is_an_id() {
        let id = ThingId::random();
        assert_eq!(id.to_string().parse::<ThingId>(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse::<ThingId>(), Ok(id));
        for bad in [
            "",
            "1",
            "{67e55044-10b1-426f-9247-bb680e5fe0c8}",
            "67e5504410b1426f9247bb680e5fe0c8",
        ] {
            assert_eq!(
                bad.parse::<ThingId>().unwrap_err().kind,
                ErrorKind::Invalid,
                "{bad}"
            );
        }
    }
}
