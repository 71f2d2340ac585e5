use super::frame::{HEADER, Parsed, parse};

/// How many times the length of what is scanned may be checksummed while looking for the next good frame.
const SEARCH_EFFORT: usize = 64;

/// What is known of some bytes of a file before they are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// The salt of the file.
    pub(crate) salt: u32,
    /// The number that the first frame has at least.
    pub(crate) from: u64,
    /// The number that the last frame has at most.
    pub(crate) until: u64,
    /// Whether the bytes go on to the end of the file, so that what is cut off there is damaged.
    pub(crate) to_end: bool,
}

/// What is found in a file, one after the other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// A good frame at `at`.
    Frame { at: usize, seq: u64, body: &'a [u8] },
    /// Bytes that are no frame, up to the next good one or to the end.
    Damage { at: usize, len: usize },
}

/// Walks over the frames in some bytes; never yields a frame that is damaged or out of order.
pub(crate) struct Scan<'a> {
    bytes: &'a [u8],
    scope: Scope,
    at: usize,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(bytes: &'a [u8], scope: Scope) -> Self {
        Self {
            bytes,
            scope,
            at: 0,
        }
    }

    /// Returns how many bytes have been dealt with.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Returns the number that the next frame has at least.
    pub(crate) fn from(&self) -> u64 {
        self.scope.from
    }

    fn frame(&self, at: usize) -> Option<Item<'a>> {
        match parse(&self.bytes[at..], self.scope.salt) {
            Parsed::Frame { seq, body } if (self.scope.from..=self.scope.until).contains(&seq) => {
                Some(Item::Frame { at, seq, body })
            }
            _ => None,
        }
    }

    /// Finds the next good frame after `at`. A damaged length says nothing about where that is, so every place is tried.
    fn search(&self, at: usize) -> Option<usize> {
        let mut effort = self.bytes.len().saturating_mul(SEARCH_EFFORT);
        let mut places = at + 1..self.bytes.len().saturating_sub(HEADER - 1);
        places.find(|place| {
            let Some(cost) = self.plausible(*place) else {
                return false;
            };
            if cost > effort {
                return false;
            }
            effort -= cost;
            self.frame(*place).is_some()
        })
    }

    /// Returns what the checksum would cost where length and number could be those of a frame.
    fn plausible(&self, at: usize) -> Option<usize> {
        let header = self.bytes.get(at..)?.first_chunk::<HEADER>()?;
        let [l0, l1, l2, l3, _, _, _, _, seq @ ..] = *header;
        let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let fits = HEADER + len <= self.bytes.len() - at;
        let in_order = (self.scope.from..=self.scope.until).contains(&u64::from_le_bytes(seq));
        (fits && in_order).then_some(HEADER + len)
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Item<'a>;

    /// Returns nothing when more bytes are needed to go on, or at the end.
    fn next(&mut self) -> Option<Item<'a>> {
        let at = self.at;
        if at == self.bytes.len() {
            return None;
        }
        if let Some(Item::Frame { seq, body, .. }) = self.frame(at) {
            self.at = at + HEADER + body.len();
            self.scope.from = seq.saturating_add(1);
            return Some(Item::Frame { at, seq, body });
        }
        if !self.scope.to_end {
            return None;
        }
        self.at = self.search(at).unwrap_or(self.bytes.len());
        Some(Item::Damage {
            at,
            len: self.at - at,
        })
    }
}

#[cfg(test)]
mod tests;
