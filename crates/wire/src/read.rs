//! Reads the protocol's numbers and texts from a byte slice.
//!
//! Every read names the field it is for, so that an error says what was wrong and where. A read that fails leaves the
//! reader where it was; no claimed length is believed before the bytes are seen to be there.

use crate::{DecodeError, Token};

/// A position in a byte slice.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident: $kind:ty),* $(,)?) => {
        $($(#[$doc])*
        ///
        /// # Errors
        /// [`DecodeError::Truncated`].
        #[inline]
        pub fn $name(&mut self, what: &'static str) -> Result<$kind, DecodeError> {
            self.array(what).map(<$kind>::from_le_bytes)
        })*
    };
}

impl<'a> Reader<'a> {
    /// At the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Whether all was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        self.at = self.bytes.len();
        rest
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    #[inline]
    pub fn take(&mut self, what: &'static str, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, _) = self.bytes[self.at..].split_at_checked(count).ok_or(self.truncated(what))?;
        self.at += count;
        Ok(taken)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    #[inline]
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let taken = *self.bytes[self.at..].first_chunk::<N>().ok_or(self.truncated(what))?;
        self.at += N;
        Ok(taken)
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

    /// A `varint`.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`], or [`DecodeError::OutOfRange`] when it is longer than 10 bytes or wider than 64 bits.
    #[inline]
    pub fn varint(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.varint_of_many(what),
        }
    }

    fn varint_of_many(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        let mut number = 0;
        for (place, &byte) in self.bytes[self.at..].iter().take(10).enumerate() {
            if place == 9 && byte > 1 {
                return Err(self.out_of_range(what));
            }
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                self.at += place + 1;
                return Ok(number);
            }
        }
        Err(self.truncated(what))
    }

    /// A `varint` that fits `T`.
    ///
    /// # Errors
    /// As [`Reader::varint`]; [`DecodeError::OutOfRange`] also when `T` cannot hold it.
    #[inline]
    pub fn varint_as<T: TryFrom<u64>>(&mut self, what: &'static str) -> Result<T, DecodeError> {
        let at = self.at;
        let number = self.varint(what)?;
        T::try_from(number).map_err(|_| {
            self.at = at;
            self.out_of_range(what)
        })
    }

    /// An `svarint`.
    ///
    /// # Errors
    /// As [`Reader::varint`].
    #[inline]
    pub fn svarint(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        let zigzag = self.varint(what)?;
        Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }

    /// A `bool`.
    ///
    /// # Errors
    /// [`DecodeError::OutOfRange`] when the byte is neither 0 nor 1.
    pub fn bool(&mut self, what: &'static str) -> Result<bool, DecodeError> {
        match self.u8(what)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => {
                self.at -= 1;
                Err(self.out_of_range(what))
            }
        }
    }

    /// A `blob`.
    ///
    /// # Errors
    /// As [`Reader::varint`].
    #[inline]
    pub fn blob(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let at = self.at;
        let length = self.varint(what)?;
        let taken = usize::try_from(length).ok().and_then(|length| self.bytes[self.at..].get(..length));
        let Some(taken) = taken else {
            self.at = at;
            return Err(self.truncated(what));
        };
        self.at += taken.len();
        Ok(taken)
    }

    /// A `text`.
    ///
    /// # Errors
    /// As [`Reader::varint`], or [`DecodeError::NotUtf8`].
    pub fn text(&mut self, what: &'static str) -> Result<&'a str, DecodeError> {
        let at = self.at;
        std::str::from_utf8(self.blob(what)?).map_err(|_| {
            self.at = at;
            DecodeError::NotUtf8 { what, at }
        })
    }

    /// A `token`.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn token(&mut self, what: &'static str) -> Result<Token, DecodeError> {
        self.array(what)
    }

    /// The count of a list whose items take at least `item_bytes_min` bytes each. As many fit into what is left, so the
    /// caller may reserve room for them.
    ///
    /// # Errors
    /// As [`Reader::varint`]; [`DecodeError::Truncated`] when so many items cannot be there.
    pub fn count(&mut self, what: &'static str, item_bytes_min: usize) -> Result<usize, DecodeError> {
        let at = self.at;
        let count = self.varint(what)?;
        let fitting = self.remaining() / item_bytes_min.max(1);
        match usize::try_from(count) {
            Ok(count) if count <= fitting => Ok(count),
            _ => {
                self.at = at;
                Err(self.truncated(what))
            }
        }
    }

    fn truncated(&self, what: &'static str) -> DecodeError {
        DecodeError::Truncated { what, at: self.at }
    }

    fn out_of_range(&self, what: &'static str) -> DecodeError {
        DecodeError::OutOfRange { what, at: self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_takes_every_form_up_to_ten_bytes() {
        let read = |bytes: &[u8]| Reader::new(bytes).varint("n");
        assert_eq!(read(&[0x80, 0x00]), Ok(0));
        assert_eq!(read(&[0xac, 0x02]), Ok(300));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Ok(u64::MAX));
        assert_eq!(read(&[0xff; 9]), Err(DecodeError::Truncated { what: "n", at: 0 }));
        assert_eq!(read(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02]), Err(out_of_range()));
        assert_eq!(read(&[0xff; 11]), Err(out_of_range()));
    }

    fn out_of_range() -> DecodeError {
        DecodeError::OutOfRange { what: "n", at: 0 }
    }

    #[test]
    fn a_failed_read_does_not_move_the_reader() {
        let mut reader = Reader::new(&[5, 1, 2]);
        assert!(reader.blob("b").is_err());
        assert!(reader.text("t").is_err());
        assert!(reader.bool("f").is_err());
        assert!(reader.count("c", 1).is_err());
        assert!(reader.u32("u").is_err());
        assert_eq!(reader.position(), 0);
        assert_eq!(reader.rest(), [5, 1, 2]);
    }

    #[test]
    fn a_count_is_believed_only_when_the_items_can_be_there() {
        assert_eq!(Reader::new(&[2, 0, 0]).count("c", 1), Ok(2));
        assert!(Reader::new(&[2, 0, 0]).count("c", 2).is_err());
        assert!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0]).count("c", 1).is_err());
    }
}
