//! The encodings that message tables name: how one field of a message is read and written.
//!
//! An encoding is a unit struct with the name that the protocol page uses; which Rust types can be carried by it is
//! said by its `Codec` implementations.

use std::fmt;

use bytes::{Bytes, BytesMut};
use kuafu_core::{AccountId, EntityId, MethodNo, RecordId, SpaceId, TypeNo};
use kuafu_def::Part;

use crate::write::Gap;
use crate::{DecodeError, Reader, Token, Writer};

/// How a field of type `T` travels.
pub(super) trait Codec<T> {
    fn read(&self, body: &mut Body<'_>, what: &'static str) -> Result<T, DecodeError>;
    fn write(&self, value: &T, writer: &mut Writer<'_>);
}

/// The body of a message that is being read; what stays as bytes is shared with it.
pub(super) struct Body<'a> {
    pub(super) reader: Reader<'a>,
    bytes: &'a Bytes,
}

impl<'a> Body<'a> {
    pub(super) fn new(bytes: &'a Bytes) -> Self {
        Self { reader: Reader::new(bytes), bytes }
    }

    pub(super) fn rest(&mut self) -> Bytes {
        self.bytes.slice_ref(self.reader.rest())
    }
}

/// The place of a message's length, after its opcode.
#[derive(Debug)]
pub(crate) struct MessageGap(Gap);

impl MessageGap {
    pub(crate) fn open(out: &mut BytesMut, opcode: u8) -> Self {
        Writer::new(out).u8(opcode);
        Self(Gap::open(out, 1))
    }

    /// For a message that is most likely longer than 127 bytes.
    pub(crate) fn open_long(out: &mut BytesMut, opcode: u8) -> Self {
        Writer::new(out).u8(opcode);
        Self(Gap::open(out, 2))
    }

    pub(crate) fn close(self, out: &mut BytesMut) {
        let length = self.0.filled(out);
        self.0.close(out, length as u64);
    }
}

/// A password: never shown in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

pub(super) struct Fixed;
pub(super) struct Finite;
pub(super) struct Varint;
pub(super) struct Flag;
pub(super) struct Text;
pub(super) struct Bytes16;
pub(super) struct PartCode;
/// All that is left of the body.
pub(super) struct Rest;

macro_rules! fixed {
    ($($kind:ident),*) => {
        $(impl Codec<$kind> for Fixed {
            fn read(&self, body: &mut Body<'_>, what: &'static str) -> Result<$kind, DecodeError> {
                body.reader.$kind(what)
            }

            fn write(&self, value: &$kind, writer: &mut Writer<'_>) {
                writer.$kind(*value);
            }
        })*
    };
}
fixed!(u8, u16, u32, u64, f32, f64);

impl<T: Copy + Default, const N: usize> Codec<[T; N]> for Fixed
where
    Fixed: Codec<T>,
{
    fn read(&self, body: &mut Body<'_>, what: &'static str) -> Result<[T; N], DecodeError> {
        let mut items = [T::default(); N];
        for item in &mut items {
            *item = self.read(body, what)?;
        }
        Ok(items)
    }

    fn write(&self, value: &[T; N], writer: &mut Writer<'_>) {
        for item in value {
            self.write(item, writer);
        }
    }
}

impl Codec<f32> for Finite {
    fn read(&self, body: &mut Body<'_>, what: &'static str) -> Result<f32, DecodeError> {
        let at = body.reader.position();
        let number = body.reader.f32(what)?;
        if number.is_finite() { Ok(number) } else { Err(DecodeError::OutOfRange { what, at }) }
    }

    fn write(&self, value: &f32, writer: &mut Writer<'_>) {
        writer.f32(*value);
    }
}

impl Codec<[f32; 3]> for Finite {
    fn read(&self, body: &mut Body<'_>, what: &'static str) -> Result<[f32; 3], DecodeError> {
        Ok([self.read(body, what)?, self.read(body, what)?, self.read(body, what)?])
    }

    fn write(&self, value: &[f32; 3], writer: &mut Writer<'_>) {
        Codec::write(&Fixed, value, writer);
    }
}

macro_rules! varint {
    ($($kind:ty: $inner:ty = $into:expr, $from:expr;)*) => {
        $(impl Codec<$kind> for Varint {
            fn read(&self, body: &mut Body<'_>, what: &'static str) -> Result<$kind, DecodeError> {
                body.reader.varint_as::<$inner>(what).map($into)
            }

            fn write(&self, value: &$kind, writer: &mut Writer<'_>) {
                let inner: fn(&$kind) -> $inner = $from;
                writer.varint(u64::from(inner(value)));
            }
        })*
    };
}
varint! {
    u32: u32 = |n| n, |n| *n;
    u64: u64 = |n| n, |n| *n;
    AccountId: u64 = AccountId, |id| id.0;
    EntityId: u64 = EntityId, |id| id.0;
    RecordId: u64 = RecordId, |id| id.0;
    SpaceId: u32 = SpaceId, |id| id.0;
    TypeNo: u16 = TypeNo, |no| no.0;
    MethodNo: u16 = MethodNo, |no| no.0;
}

impl Codec<bool> for Flag {
    fn read(&self, body: &mut Body<'_>, what: &'static str) -> Result<bool, DecodeError> {
        body.reader.bool(what)
    }

    fn write(&self, value: &bool, writer: &mut Writer<'_>) {
        writer.bool(*value);
    }
}

impl Codec<String> for Text {
    fn read(&self, body: &mut Body<'_>, what: &'static str) -> Result<String, DecodeError> {
        body.reader.text(what).map(str::to_owned)
    }

    fn write(&self, value: &String, writer: &mut Writer<'_>) {
        writer.text(value);
    }
}

impl Codec<Password> for Text {
    fn read(&self, body: &mut Body<'_>, what: &'static str) -> Result<Password, DecodeError> {
        self.read(body, what).map(Password)
    }

    fn write(&self, value: &Password, writer: &mut Writer<'_>) {
        writer.text(&value.0);
    }
}

impl Codec<Token> for Bytes16 {
    fn read(&self, body: &mut Body<'_>, what: &'static str) -> Result<Token, DecodeError> {
        body.reader.token(what)
    }

    fn write(&self, value: &Token, writer: &mut Writer<'_>) {
        writer.raw(value);
    }
}

impl Codec<Part> for PartCode {
    fn read(&self, body: &mut Body<'_>, what: &'static str) -> Result<Part, DecodeError> {
        let at = body.reader.position();
        match body.reader.u8(what)? {
            0 => Ok(Part::Base),
            1 => Ok(Part::Cell),
            _ => Err(DecodeError::OutOfRange { what, at }),
        }
    }

    fn write(&self, value: &Part, writer: &mut Writer<'_>) {
        writer.u8(value.code());
    }
}

impl Codec<Bytes> for Rest {
    fn read(&self, body: &mut Body<'_>, _what: &'static str) -> Result<Bytes, DecodeError> {
        Ok(body.rest())
    }

    fn write(&self, value: &Bytes, writer: &mut Writer<'_>) {
        writer.raw(value);
    }
}
