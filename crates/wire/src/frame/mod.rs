//! The Frame: what one client's entity sees, one a tick.
//!
//! A frame is read in two steps. [`Frame::decode`] walks all of it and refuses what is not sound, so that a client
//! applies a frame wholly or not at all; the iterators then read the same bytes again and cannot fail. Nothing is
//! copied or allocated. [`FrameWriter`] is the other direction.

mod lattice;
mod write;

pub use lattice::{Lattice, Record};
pub use write::FrameWriter;

use kuafu_core::{EntityId, TypeNo};

use crate::{DecodeError, Reader};

/// The number of bytes of a movement record.
pub const RECORD_BYTES: usize = 7;

const LEAVES: u8 = 1 << 0;
const ENTERS: u8 = 1 << 1;
const MOVEMENT: u8 = 1 << 2;
const STATE: u8 = 1 << 3;
const CALLS: u8 = 1 << 4;

/// A bitmap longer than this holds slots that do not fit 16 bits.
const BITMAP_BYTES_MAX: usize = 8192;

/// A frame that was found sound, as a view into its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frame<'a> {
    /// Counts up by one.
    pub sequence: u64,
    /// The tick at which all this was true, in milliseconds of space time.
    pub space_time_ms: u64,
    leaves: Section<'a>,
    enters: Section<'a>,
    bitmap: &'a [u8],
    records: &'a [u8],
    state: Section<'a>,
    calls: Section<'a>,
}

/// An entity comes into view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enter<'a> {
    /// Its slot from here on.
    pub slot: u16,
    /// Its id.
    pub entity: EntityId,
    /// Its type.
    pub type_no: TypeNo,
    /// Where it is.
    pub record: Record,
    /// Its visible properties, see [`crate::decode_properties`].
    pub properties: &'a [u8],
}

/// An entity in view moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Its slot; 0 is the own entity.
    pub slot: u16,
    /// Where it is.
    pub record: Record,
}

/// An entity in view changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State<'a> {
    /// Its slot; the same may come again.
    pub slot: u16,
    /// See [`crate::decode_changes`].
    pub changes: &'a [u8],
}

/// A client method of an entity in view is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// The entity's slot.
    pub slot: u16,
    /// See [`crate::decode_client_call`].
    pub call: &'a [u8],
}

/// The items of a list, known to be sound.
#[derive(Clone, Copy, Debug, Default)]
struct Section<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads the body of a Frame message. Bytes after the sections are ignored.
    ///
    /// # Errors
    /// [`DecodeError`] when any part of it cannot be read; property and change blobs are not looked into.
    pub fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let mut frame = Self {
            sequence: reader.varint("Frame.sequence")?,
            space_time_ms: reader.varint("Frame.space_time_ms")?,
            ..Self::default()
        };
        let sections = reader.u8("Frame.sections")?;
        if sections & LEAVES != 0 {
            frame.leaves = section(&mut reader, body, "Frame.leaves", read_leave)?;
        }
        if sections & ENTERS != 0 {
            frame.enters = section(&mut reader, body, "Frame.enters", read_enter)?;
        }
        if sections & MOVEMENT != 0 {
            (frame.bitmap, frame.records) = movement(&mut reader)?;
        }
        if sections & STATE != 0 {
            frame.state = section(&mut reader, body, "Frame.state", read_slot_blob)?;
        }
        if sections & CALLS != 0 {
            frame.calls = section(&mut reader, body, "Frame.calls", read_slot_blob)?;
        }
        Ok(frame)
    }

    /// The slots that become free.
    pub fn leaves(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.leaves.items(read_leave)
    }

    /// The entities that come into view.
    pub fn enters(&self) -> impl Iterator<Item = Enter<'a>> + use<'a> {
        self.enters.items(read_enter)
    }

    /// The entities that moved, by rising slot.
    pub fn movements(&self) -> impl Iterator<Item = Movement> + use<'a> {
        let records = self.records.as_chunks::<RECORD_BYTES>().0;
        set_bits(self.bitmap).zip(records).map(|(slot, bytes)| Movement { slot, record: Record::from_bytes(*bytes) })
    }

    /// How many entities moved.
    #[must_use]
    pub fn movement_count(&self) -> usize {
        self.records.len() / RECORD_BYTES
    }

    /// The entities that changed.
    pub fn state(&self) -> impl Iterator<Item = State<'a>> + use<'a> {
        self.state.items(read_slot_blob).map(|(slot, changes)| State { slot, changes })
    }

    /// The calls.
    pub fn calls(&self) -> impl Iterator<Item = Call<'a>> + use<'a> {
        self.calls.items(read_slot_blob).map(|(slot, call)| Call { slot, call })
    }
}

impl<'a> Section<'a> {
    fn items<T>(self, read: fn(&mut Reader<'a>) -> Result<T, DecodeError>) -> impl Iterator<Item = T> + use<'a, T> {
        let mut reader = Reader::new(self.bytes);
        (0..self.count).map_while(move |_| read(&mut reader).ok())
    }
}

fn section<'a, T>(
    reader: &mut Reader<'a>,
    body: &'a [u8],
    what: &'static str,
    read: fn(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Section<'a>, DecodeError> {
    let count = reader.count(what, 1)?;
    let start = reader.position();
    for _ in 0..count {
        read(reader)?;
    }
    Ok(Section { count, bytes: &body[start..reader.position()] })
}

fn movement<'a>(reader: &mut Reader<'a>) -> Result<(&'a [u8], &'a [u8]), DecodeError> {
    let at = reader.position();
    let bitmap = reader.blob("Frame.bitmap")?;
    if bitmap.len() > BITMAP_BYTES_MAX {
        return Err(DecodeError::OutOfRange { what: "Frame.bitmap", at });
    }
    let count: usize = bitmap.iter().map(|byte| byte.count_ones() as usize).sum();
    Ok((bitmap, reader.take("Frame.records", count * RECORD_BYTES)?))
}

/// The places of the set bits, rising. The bitmap is no longer than [`BITMAP_BYTES_MAX`].
fn set_bits(bitmap: &[u8]) -> impl Iterator<Item = u16> + use<'_> {
    bitmap.chunks(8).enumerate().flat_map(|(place, chunk)| {
        let mut bytes = [0; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        write::bits_of(place, u64::from_le_bytes(bytes))
    })
}

fn read_leave(reader: &mut Reader<'_>) -> Result<u16, DecodeError> {
    reader.varint_as("leave slot")
}

fn read_enter<'a>(reader: &mut Reader<'a>) -> Result<Enter<'a>, DecodeError> {
    Ok(Enter {
        slot: reader.varint_as("enter slot")?,
        entity: EntityId(reader.varint("enter entity")?),
        type_no: TypeNo(reader.varint_as("enter type")?),
        record: Record::from_bytes(reader.array("enter record")?),
        properties: reader.blob("enter properties")?,
    })
}

fn read_slot_blob<'a>(reader: &mut Reader<'a>) -> Result<(u16, &'a [u8]), DecodeError> {
    Ok((reader.varint_as("slot")?, reader.blob("slot content")?))
}
