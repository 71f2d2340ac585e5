use std::num::NonZeroU16;
use std::str;

use super::error::{DecodeError, Result};
use super::varint;

/// A cursor over the body of one packet that cannot leave it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns all that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or(DecodeError::malformed(
                "a packet ends in the middle of a field",
            ))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn varint(&mut self) -> Result<usize> {
        let (value, size) = varint::read(self.0)?.ok_or(DecodeError::malformed(
            "a packet ends in the middle of a length",
        ))?;
        self.take(size)?;
        Ok(value)
    }

    pub(crate) fn packet_id(&mut self) -> Result<NonZeroU16> {
        NonZeroU16::new(self.u16()?).ok_or(DecodeError::malformed("a packet identifier is 0"))
    }

    /// Reads bytes with a length of two bytes before them.
    pub(crate) fn binary(&mut self) -> Result<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    /// Reads text (MQTT 5.0 section 1.5.4); U+0000 is never allowed.
    pub(crate) fn text(&mut self) -> Result<&'a str> {
        let bytes = self.binary()?;
        if memchr::memchr(0, bytes).is_some() {
            return Err(DecodeError::malformed("a text contains U+0000"));
        }
        str::from_utf8(bytes).map_err(|_| DecodeError::malformed("a text is not UTF-8"))
    }

    /// Refuses bytes that nothing has asked for.
    pub(crate) fn finish(self) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        Err(DecodeError::malformed("a packet is longer than its fields"))
    }
}
