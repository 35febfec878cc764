//! Cuts a TCP stream into packets.
//!
//! The driver gives bytes as they come, in pieces of any size, and takes out whole packets. A length is judged as soon
//! as its four bytes are there, so no more than one packet and one piece is ever held. It does not read the packets.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{DecodeError, MAGIC};

/// The packets of one direction of one connection.
#[derive(Debug)]
pub struct PacketSplitter {
    buffer: BytesMut,
    packet_bytes_max: u32,
    magic_wanted: bool,
    fault: Option<DecodeError>,
}

impl PacketSplitter {
    /// For a stream of packets only: what a client receives, or a server after the magic.
    #[must_use]
    pub fn new(packet_bytes_max: u32) -> Self {
        Self { buffer: BytesMut::new(), packet_bytes_max, magic_wanted: false, fault: None }
    }

    /// For a stream that begins with [`MAGIC`]: what a server receives.
    #[must_use]
    pub fn with_magic(packet_bytes_max: u32) -> Self {
        Self { magic_wanted: true, ..Self::new(packet_bytes_max) }
    }

    /// Takes bytes of the stream. Call [`PacketSplitter::next`] until it has no more before the next push, so that the
    /// buffer stays within one packet and one piece.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.fault.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Where to append instead of [`PacketSplitter::push`], for a driver that reads straight into it.
    pub fn spare(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next whole packet, `None` while it is not all there.
    ///
    /// # Errors
    /// [`DecodeError::BadMagic`] or [`DecodeError::PacketTooLarge`]; the same again at each later call, since the
    /// stream cannot be cut after it.
    #[expect(clippy::should_implement_trait, reason = "it is fallible, and `None` is not the end")]
    pub fn next(&mut self) -> Result<Option<Bytes>, DecodeError> {
        match self.fault {
            Some(fault) => Err(fault),
            None => self.cut().inspect_err(|fault| {
                self.fault = Some(*fault);
                self.buffer = BytesMut::new();
            }),
        }
    }

    fn cut(&mut self) -> Result<Option<Bytes>, DecodeError> {
        if self.magic_wanted {
            let seen = self.buffer.len().min(MAGIC.len());
            if self.buffer[..seen] != MAGIC[..seen] {
                return Err(DecodeError::BadMagic);
            }
            if seen < MAGIC.len() {
                return Ok(None);
            }
            self.buffer.advance(MAGIC.len());
            self.magic_wanted = false;
        }
        let Some(head) = self.buffer.first_chunk() else { return Ok(None) };
        let bytes = u32::from_le_bytes(*head);
        if bytes > self.packet_bytes_max {
            return Err(DecodeError::PacketTooLarge { bytes, max: self.packet_bytes_max });
        }
        if self.buffer.len() - 4 < bytes as usize {
            return Ok(None);
        }
        self.buffer.advance(4);
        Ok(Some(self.buffer.split_to(bytes as usize).freeze()))
    }
}

/// Leaves room for the length of a TCP packet at the end of `out`. The messages follow, then [`end_packet`] with what
/// this returned.
#[must_use]
pub fn begin_packet(out: &mut BytesMut) -> usize {
    let at = out.len();
    out.put_u32_le(0);
    at
}

/// Writes the length of the packet that was begun at `at`.
///
/// # Panics
/// When `at` is not what [`begin_packet`] gave for this buffer.
pub fn end_packet(out: &mut BytesMut, at: usize) {
    let length = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drain(splitter: &mut PacketSplitter) -> Result<Vec<Bytes>, DecodeError> {
        let mut packets = Vec::new();
        while let Some(packet) = splitter.next()? {
            packets.push(packet);
        }
        Ok(packets)
    }

    proptest! {
        #[test]
        fn packets_come_out_whole_however_the_stream_is_cut(
            packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..12),
            cuts in prop::collection::vec(1_usize..30, 1..40),
        ) {
            let mut stream = BytesMut::from(&MAGIC[..]);
            for packet in &packets {
                let at = begin_packet(&mut stream);
                stream.extend_from_slice(packet);
                end_packet(&mut stream, at);
            }
            let mut splitter = PacketSplitter::with_magic(60);
            let (mut rest, mut seen) = (&stream[..], Vec::new());
            for cut in cuts.iter().cycle() {
                let (piece, later) = rest.split_at((*cut).min(rest.len()));
                splitter.push(piece);
                seen.extend(drain(&mut splitter).expect("a sound stream"));
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(seen, packets);
        }
    }

    #[test]
    fn a_wrong_magic_is_seen_at_its_first_wrong_byte() {
        let mut splitter = PacketSplitter::with_magic(60);
        splitter.push(b"KF");
        assert_eq!(splitter.next(), Ok(None));
        splitter.push(b"G");
        assert_eq!(splitter.next(), Err(DecodeError::BadMagic));
    }

    #[test]
    fn a_length_above_the_limit_ends_the_stream_before_its_bytes_come() {
        let mut splitter = PacketSplitter::new(60);
        splitter.push(&[61, 0, 0, 0]);
        let fault = Err(DecodeError::PacketTooLarge { bytes: 61, max: 60 });
        assert_eq!(splitter.next(), fault);
        splitter.push(&[1, 0, 0, 0, 9]);
        assert_eq!(splitter.next(), fault);
    }
}
