//! Writes the protocol's numbers and texts to the end of a buffer.
//!
//! Writing cannot fail: whoever writes has checked what it writes. Lengths that are known only afterwards are put in
//! front by moving what follows, so that every number is in its shortest form and equal content gives equal bytes.

use bytes::{BufMut, BytesMut};

/// The end of a buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut BytesMut,
}

macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident: $kind:ty),* $(,)?) => {
        $($(#[$doc])*
        #[inline]
        pub fn $name(&mut self, number: $kind) {
            self.out.extend_from_slice(&number.to_le_bytes());
        })*
    };
}

impl<'a> Writer<'a> {
    /// Appends to `out`.
    pub fn new(out: &'a mut BytesMut) -> Self {
        Self { out }
    }

    /// How many bytes the buffer holds, those from before included.
    #[must_use]
    pub fn position(&self) -> usize {
        self.out.len()
    }

    /// Takes back all that was written after `position`.
    pub fn truncate(&mut self, position: usize) {
        self.out.truncate(position);
    }

    /// The buffer itself.
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        self.out
    }

    /// The bytes as they are.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fixed! {
        /// An `u8`.
        u8: u8,
        /// An `u16`.
        u16: u16,
        /// An `u32`.
        u32: u32,
        /// An `u64`.
        u64: u64,
        /// An `i8`.
        i8: i8,
        /// An `i16`.
        i16: i16,
        /// An `f32`.
        f32: f32,
        /// An `f64`.
        f64: f64,
    }

    /// A `varint` in its shortest form.
    #[inline]
    pub fn varint(&mut self, number: u64) {
        if number < 0x80 {
            self.out.put_u8(number as u8);
        } else {
            let (bytes, length) = varint_bytes(number);
            self.out.extend_from_slice(&bytes[..length]);
        }
    }

    /// An `svarint`.
    #[inline]
    pub fn svarint(&mut self, number: i64) {
        self.varint((number << 1 ^ number >> 63) as u64);
    }

    /// A `bool`.
    pub fn bool(&mut self, flag: bool) {
        self.u8(u8::from(flag));
    }

    /// A `blob`.
    #[inline]
    pub fn blob(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.raw(bytes);
    }

    /// A `text`.
    pub fn text(&mut self, text: &str) {
        self.blob(text.as_bytes());
    }

    /// A `blob` of what `content` writes.
    ///
    /// # Errors
    /// What `content` gives; the blob is then taken back.
    pub fn blob_of<E>(&mut self, content: impl FnOnce(&mut Writer<'_>) -> Result<(), E>) -> Result<(), E> {
        let gap = Gap::open(self.out, 1);
        if let Err(error) = content(&mut Writer::new(self.out)) {
            self.out.truncate(gap.at);
            return Err(error);
        }
        let length = gap.filled(self.out);
        gap.close(self.out, length as u64);
        Ok(())
    }
}

/// A place for a `varint` that is known later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gap {
    at: usize,
    reserved: usize,
}

impl Gap {
    /// Leaves `reserved` bytes, 1 to 10, free at the end of `out`: a guess at how long the number will be.
    pub(crate) fn open(out: &mut BytesMut, reserved: usize) -> Self {
        let at = out.len();
        out.put_bytes(0, reserved);
        Self { at, reserved }
    }

    /// How many bytes were written since.
    pub(crate) fn filled(self, out: &BytesMut) -> usize {
        out.len() - self.at - self.reserved
    }

    /// Puts the number in; moves what was written since when the guess was wrong.
    pub(crate) fn close(self, out: &mut BytesMut, number: u64) {
        let (bytes, length) = varint_bytes(number);
        let (start, end) = (self.at + self.reserved, out.len());
        if length > self.reserved {
            out.put_bytes(0, length - self.reserved);
        }
        if length != self.reserved {
            out.copy_within(start..end, self.at + length);
            out.truncate(end - self.reserved + length);
        }
        out[self.at..self.at + length].copy_from_slice(&bytes[..length]);
    }
}

fn varint_bytes(mut number: u64) -> ([u8; 10], usize) {
    let mut bytes = [0; 10];
    let mut length = 0;
    while number >= 0x80 {
        bytes[length] = number as u8 | 0x80;
        number >>= 7;
        length += 1;
    }
    bytes[length] = number as u8;
    (bytes, length + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Reader;

    proptest! {
        #[test]
        fn numbers_come_back(a: u64, b: i64, c: f64, d: i16, s in ".{0,40}") {
            let mut out = BytesMut::new();
            let mut writer = Writer::new(&mut out);
            writer.varint(a);
            writer.svarint(b);
            writer.f64(c);
            writer.i16(d);
            writer.text(&s);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.varint("a"), Ok(a));
            prop_assert_eq!(reader.svarint("b"), Ok(b));
            prop_assert_eq!(reader.f64("c").map(f64::to_bits), Ok(c.to_bits()));
            prop_assert_eq!(reader.i16("d"), Ok(d));
            prop_assert_eq!(reader.text("s"), Ok(s.as_str()));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn a_length_put_in_afterwards_is_as_if_known_before(content in prop::collection::vec(any::<u8>(), 0..400), reserved in 1_usize..4) {
            let mut known = BytesMut::from(&b"before"[..]);
            Writer::new(&mut known).blob(&content);
            let mut later = BytesMut::from(&b"before"[..]);
            let gap = Gap::open(&mut later, reserved);
            later.extend_from_slice(&content);
            let length = gap.filled(&later);
            gap.close(&mut later, length as u64);
            prop_assert_eq!(known, later);
        }
    }

    #[test]
    fn a_failed_blob_leaves_nothing_behind() {
        let mut out = BytesMut::from(&b"x"[..]);
        let failed: Result<(), u8> = Writer::new(&mut out).blob_of(|inner| {
            inner.u32(7);
            Err(3)
        });
        assert_eq!((failed, &out[..]), (Err(3), &b"x"[..]));
    }
}
