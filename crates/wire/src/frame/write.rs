//! Assembles a frame from what was encoded once for all who see it.
//!
//! It writes straight into the buffer of the client's connection and allocates nothing of its own. Sections that stay
//! empty are left out. Movement is the hot part (a record for every entity in view, every tick, for every client): room
//! for all records is made at once, then each is one copy of seven bytes.

use bytes::{BufMut, BytesMut};
use kuafu_core::{EntityId, TypeNo};

use super::{CALLS, ENTERS, LEAVES, MOVEMENT, RECORD_BYTES, STATE};
use crate::Writer;
use crate::message::codec::MessageGap;
use crate::write::Gap;

/// The opcode of the Frame message.
const OPCODE: u8 = 0x91;

/// A Frame message that is being written to the end of a buffer.
///
/// Sections go in the order leaves, enters, movement, state, calls; those without content need no call.
/// [`FrameWriter::finish`] must come last.
#[derive(Debug)]
pub struct FrameWriter<'a> {
    out: &'a mut BytesMut,
    message: MessageGap,
    sections_at: usize,
    sections: u8,
    open: Option<OpenSection>,
}

/// A list whose count is known when it is done.
#[derive(Debug)]
struct OpenSection {
    bit: u8,
    count: u64,
    gap: Gap,
}

impl<'a> FrameWriter<'a> {
    /// Begins a frame: `sequence` counts up by one a client, `space_time_ms` is the space time of the tick.
    pub fn begin(out: &'a mut BytesMut, sequence: u64, space_time_ms: u64) -> Self {
        let message = MessageGap::open_long(out, OPCODE);
        let mut writer = Writer::new(out);
        writer.varint(sequence);
        writer.varint(space_time_ms);
        let sections_at = writer.position();
        writer.u8(0);
        Self { out, message, sections_at, sections: 0, open: None }
    }

    /// The entity in `slot` leaves the view.
    pub fn leave(&mut self, slot: u16) {
        self.item(LEAVES).varint(u64::from(slot));
    }

    /// An entity enters the view. `properties` is a snapshot of what the client may see of it.
    pub fn enter(
        &mut self,
        slot: u16,
        entity: EntityId,
        type_no: TypeNo,
        record: &[u8; RECORD_BYTES],
        properties: &[u8],
    ) {
        let mut writer = self.item(ENTERS);
        writer.varint(u64::from(slot));
        writer.varint(entity.0);
        writer.varint(u64::from(type_no.0));
        writer.raw(record);
        writer.blob(properties);
    }

    /// The movement of every slot whose bit is set (bit `n % 64` of word `n / 64` is slot `n`); `record` gives the
    /// record of a slot, asked once each by rising slot. Nothing is written when no bit is set.
    ///
    /// # Panics
    /// When there are more than 1,024 words: slots have 16 bits.
    pub fn movement(&mut self, bitmap: &[u64], mut record: impl FnMut(u16) -> [u8; RECORD_BYTES]) {
        assert!(bitmap.len() <= 1024, "slots have 16 bits");
        let Some(last) = bitmap.iter().rposition(|word| *word != 0) else { return };
        self.section(MOVEMENT);
        let bitmap = &bitmap[..=last];
        let trimmed = bitmap.len() * 8 - bitmap[last].leading_zeros() as usize / 8;
        Writer::new(self.out).varint(trimmed as u64);
        let bits_at = self.out.len();
        for word in bitmap {
            self.out.put_u64_le(*word);
        }
        self.out.truncate(bits_at + trimmed);

        let count: usize = bitmap.iter().map(|word| word.count_ones() as usize).sum();
        let records_at = self.out.len();
        self.out.put_bytes(0, count * RECORD_BYTES);
        let room = self.out[records_at..].as_chunks_mut::<RECORD_BYTES>().0;
        let slots = bitmap.iter().enumerate().flat_map(|(place, word)| bits_of(place, *word));
        for (place, slot) in room.iter_mut().zip(slots) {
            *place = record(slot);
        }
    }

    /// Changes of the entity in `slot`.
    pub fn state(&mut self, slot: u16, changes: &[u8]) {
        let mut writer = self.item(STATE);
        writer.varint(u64::from(slot));
        writer.blob(changes);
    }

    /// A call of a client method of the entity in `slot`, as [`crate::encode_client_call`] writes it.
    pub fn call(&mut self, slot: u16, call: &[u8]) {
        let mut writer = self.item(CALLS);
        writer.varint(u64::from(slot));
        writer.blob(call);
    }

    /// Whether nothing was written since the beginning.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sections == 0
    }

    /// Completes the message.
    pub fn finish(mut self) {
        self.close_list();
        self.out[self.sections_at] = self.sections;
        self.message.close(self.out);
    }

    fn item(&mut self, bit: u8) -> Writer<'_> {
        if self.open.as_ref().is_none_or(|open| open.bit != bit) {
            self.section(bit);
            self.open = Some(OpenSection { bit, count: 0, gap: Gap::open(self.out, 1) });
        }
        if let Some(open) = &mut self.open {
            open.count += 1;
        }
        Writer::new(self.out)
    }

    fn section(&mut self, bit: u8) {
        assert!(bit > self.sections, "sections are written once each and in order");
        self.close_list();
        self.sections |= bit;
    }

    fn close_list(&mut self) {
        if let Some(open) = self.open.take() {
            open.gap.close(self.out, open.count);
        }
    }
}

/// The places of the set bits of word number `place`, rising.
pub(super) fn bits_of(place: usize, mut word: u64) -> impl Iterator<Item = u16> {
    let base = (place * 64) as u16;
    std::iter::from_fn(move || {
        if word == 0 {
            return None;
        }
        let bit = word.trailing_zeros() as u16;
        word &= word - 1;
        Some(base + bit)
    })
}
