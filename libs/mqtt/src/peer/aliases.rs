use std::collections::HashMap;

use crate::codec::Alias;

/// The topic aliases that a client was given on this connection: the first topics it gets have them.
#[derive(Debug, Default)]
pub(crate) struct Aliases {
    known: HashMap<Box<[u8]>, u16>,
    /// The most the client takes and the server keeps.
    maximum: u16,
}

impl Aliases {
    pub(crate) fn new(maximum: u16) -> Self {
        Self {
            known: HashMap::new(),
            maximum,
        }
    }

    /// Returns how a topic is to be abbreviated.
    pub(super) fn find(&self, topic: &[u8]) -> Option<Alias> {
        if self.maximum == 0 {
            return None;
        }
        match self.known.get(topic) {
            Some(alias) => Some(Alias::Use(*alias)),
            None => self.next().map(Alias::Define),
        }
    }

    /// Notes that a topic was sent with what [`Self::find`] has returned.
    pub(super) fn sent(&mut self, topic: &[u8], alias: Alias) {
        if let Alias::Define(alias) = alias {
            self.known.insert(topic.into(), alias);
        }
    }

    fn next(&self) -> Option<u16> {
        let next = u16::try_from(self.known.len() + 1).ok()?;
        (next <= self.maximum).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_topics_have_the_aliases() {
        let mut aliases = Aliases::new(2);
        assert_eq!(aliases.find(b"a"), Some(Alias::Define(1)));
        assert_eq!(
            aliases.find(b"a"),
            Some(Alias::Define(1)),
            "it was not sent"
        );
        aliases.sent(b"a", Alias::Define(1));
        assert_eq!(aliases.find(b"a"), Some(Alias::Use(1)));
        aliases.sent(b"b", Alias::Define(2));
        assert_eq!(aliases.find(b"b"), Some(Alias::Use(2)));
        assert_eq!(aliases.find(b"c"), None);
        assert_eq!(Aliases::new(0).find(b"a"), None);
    }
}
