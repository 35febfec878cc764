//! Reading frames, in place: tables are walked, not copied.

use kuafu_core::{EntityId, SpaceId, TypeNo};

use super::{BlobKind, Event, Frame, LINK_VERSION, LinkError, Record};

/// One tick of one space, as its tables lie in the frame.
#[derive(Debug)]
pub struct WorldFrame<'a> {
    /// The frame's number on its link.
    pub sequence: u32,
    /// Which space.
    pub space: SpaceId,
    /// Milliseconds of the space's clock.
    pub space_time_ms: u64,
    records: &'a [u8],
    /// Blobs by ordinal.
    pub blobs: Vec<BlobRef<'a>>,
    /// What each witness gets.
    pub witnesses: Vec<WitnessRef<'a>>,
    /// What happened besides, in order.
    pub events: Vec<Event>,
}

/// One blob of a world frame.
#[derive(Clone, Copy, Debug)]
pub struct BlobRef<'a> {
    /// What it is.
    pub kind: BlobKind,
    /// The entity's index in its space.
    pub index: u32,
    /// Snapshots only: id, type, record.
    pub head: Option<(EntityId, TypeNo, Record)>,
    /// As on the client protocol: properties, changes, or method number and arguments.
    pub bytes: &'a [u8],
}

/// One entity that enters a witness's view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnterRef {
    /// The slot that it takes.
    pub slot: u16,
    /// Its index in the space.
    pub index: u32,
    /// The ordinal of its snapshot blob.
    pub blob: u32,
}

/// What one witness gets.
#[derive(Clone, Copy, Debug)]
pub struct WitnessRef<'a> {
    /// The base's number.
    pub witness: u32,
    leaves: &'a [u8],
    enters: &'a [u8],
    moved: &'a [u8],
    state: &'a [u8],
    deltas: &'a [u8],
    calls: &'a [u8],
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], LinkError> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(LinkError::Short(what))?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], LinkError> {
        let (head, rest) = self.0.split_first_chunk().ok_or(LinkError::Short(what))?;
        self.0 = rest;
        Ok(*head)
    }

    fn u32(&mut self, what: &'static str) -> Result<u32, LinkError> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// A `u16` count and so many items of `width` bytes.
    fn rows(&mut self, width: usize, what: &'static str) -> Result<&'a [u8], LinkError> {
        let count = u16::from_le_bytes(self.array(what)?);
        self.take(usize::from(count) * width, what)
    }
}

/// Reads either kind of frame.
///
/// # Errors
/// [`LinkError`]: the frame is none of ours, or cut, or names blobs that it does not hold.
pub fn decode(bytes: &[u8]) -> Result<Frame<'_>, LinkError> {
    let mut cursor = Cursor(bytes);
    let [version, kind] = cursor.array("head")?;
    if version != LINK_VERSION {
        return Err(LinkError::Version(version));
    }
    let sequence = cursor.u32("sequence")?;
    match kind {
        1 => read_world(sequence, cursor).map(Frame::World),
        2 => Ok(Frame::Events { sequence, events: read_events(cursor.0)? }),
        _ => Err(LinkError::Wrong("kind")),
    }
}

fn read_world(sequence: u32, mut cursor: Cursor<'_>) -> Result<WorldFrame<'_>, LinkError> {
    let space = SpaceId(cursor.u32("space")?);
    let space_time_ms = u64::from_le_bytes(cursor.array("time")?);
    let record_count = cursor.u32("records")? as usize;
    let records = cursor.take(record_count.checked_mul(11).ok_or(LinkError::Wrong("record count"))?, "records")?;
    let blob_count = cursor.u32("blobs")?;
    let mut blobs = Vec::with_capacity((blob_count as usize).min(cursor.0.len() / 9));
    for _ in 0..blob_count {
        blobs.push(read_blob(&mut cursor)?);
    }
    let witness_count = cursor.u32("witnesses")?;
    let mut witnesses = Vec::with_capacity((witness_count as usize).min(cursor.0.len() / 16));
    for _ in 0..witness_count {
        let witness = read_witness(&mut cursor)?;
        check_ordinals(&witness, blobs.len())?;
        witnesses.push(witness);
    }
    Ok(WorldFrame { sequence, space, space_time_ms, records, blobs, witnesses, events: read_events(cursor.0)? })
}

fn read_blob<'a>(cursor: &mut Cursor<'a>) -> Result<BlobRef<'a>, LinkError> {
    let [kind] = cursor.array("blob")?;
    let kind = match kind {
        0 => BlobKind::DeltaOthers,
        1 => BlobKind::Delta,
        2 => BlobKind::Snapshot,
        3 => BlobKind::Call,
        4 => BlobKind::Record,
        _ => return Err(LinkError::Wrong("blob kind")),
    };
    let index = cursor.u32("blob")?;
    let head = if kind == BlobKind::Snapshot {
        let entity = EntityId(u64::from_le_bytes(cursor.array("snapshot")?));
        let ty = TypeNo(u16::from_le_bytes(cursor.array("snapshot")?));
        Some((entity, ty, cursor.array("snapshot")?))
    } else {
        None
    };
    let length = cursor.u32("blob")? as usize;
    if kind == BlobKind::Record && length != size_of::<Record>() {
        return Err(LinkError::Wrong("length of a record"));
    }
    Ok(BlobRef { kind, index, head, bytes: cursor.take(length, "blob")? })
}

fn read_witness<'a>(cursor: &mut Cursor<'a>) -> Result<WitnessRef<'a>, LinkError> {
    Ok(WitnessRef {
        witness: cursor.u32("witness")?,
        leaves: cursor.rows(2, "leaves")?,
        enters: cursor.rows(10, "enters")?,
        moved: cursor.rows(8, "moved")?,
        state: cursor.rows(8, "state")?,
        deltas: cursor.rows(6, "deltas")?,
        calls: cursor.rows(6, "calls")?,
    })
}

fn check_ordinals(witness: &WitnessRef<'_>, blobs: usize) -> Result<(), LinkError> {
    let enters = witness.enters().map(|enter| enter.blob);
    let pairs = witness.deltas().chain(witness.calls()).map(|(_, blob)| blob);
    if enters.chain(pairs).any(|blob| blob as usize >= blobs) {
        return Err(LinkError::Wrong("blob ordinal"));
    }
    Ok(())
}

fn read_events(bytes: &[u8]) -> Result<Vec<Event>, LinkError> {
    postcard::from_bytes(bytes).map_err(|_| LinkError::Wrong("event list"))
}

impl BlobRef<'_> {
    /// The record that a [`BlobKind::Record`] holds.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        if self.kind == BlobKind::Record { self.bytes.try_into().ok() } else { None }
    }
}

impl<'a> WorldFrame<'a> {
    /// Entity index and record of all that moved.
    pub fn records(&self) -> impl ExactSizeIterator<Item = (u32, Record)> + 'a {
        self.records.chunks_exact(11).map(|row| {
            let (index, record) = row.split_at(4);
            (
                u32::from_le_bytes(index.try_into().expect("rows are cut to 11 bytes")),
                record.try_into().expect("rows are cut to 11 bytes"),
            )
        })
    }
}

fn u16_at(row: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([row[at], row[at + 1]])
}

fn u32_at(row: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]])
}

fn words<'a>(bytes: &'a [u8]) -> impl ExactSizeIterator<Item = u64> + 'a {
    bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("rows are cut to 8 bytes")))
}

fn pairs<'a>(bytes: &'a [u8]) -> impl ExactSizeIterator<Item = (u16, u32)> + 'a {
    bytes.chunks_exact(6).map(|row| (u16_at(row, 0), u32_at(row, 2)))
}

impl<'a> WitnessRef<'a> {
    /// Slots that are free from here.
    pub fn leaves(&self) -> impl ExactSizeIterator<Item = u16> + 'a {
        self.leaves.chunks_exact(2).map(|row| u16_at(row, 0))
    }

    /// Entities that enter.
    pub fn enters(&self) -> impl ExactSizeIterator<Item = EnterRef> + 'a {
        self.enters.chunks_exact(10).map(|row| EnterRef {
            slot: u16_at(row, 0),
            index: u32_at(row, 2),
            blob: u32_at(row, 6),
        })
    }

    /// Slots with a record in this frame, as words of bits.
    pub fn moved(&self) -> impl ExactSizeIterator<Item = u64> + 'a {
        words(self.moved)
    }

    /// Slots with a `DeltaOthers` blob in this frame, as words of bits.
    pub fn state(&self) -> impl ExactSizeIterator<Item = u64> + 'a {
        words(self.state)
    }

    /// Slot and blob ordinal of other changes, and of records for this witness alone.
    pub fn deltas(&self) -> impl ExactSizeIterator<Item = (u16, u32)> + 'a {
        pairs(self.deltas)
    }

    /// Slot and blob ordinal of client calls.
    pub fn calls(&self) -> impl ExactSizeIterator<Item = (u16, u32)> + 'a {
        pairs(self.calls)
    }
}
