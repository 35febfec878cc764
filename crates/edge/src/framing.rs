//! Framing: which transport a stream is, its packets out of bytes, and the header of a packet that is written.
//!
//! Both directions are plain functions of bytes, so that a test can cut a stream anywhere. A stream shows what it is
//! with its first byte: the `K` of the magic, or the `G` of a WebSocket's GET. (TLS is taken off before.)

use bytes::{Bytes, BytesMut};
use kuafu_core::{Code, Refusal};
use kuafu_wire::{DecodeError, MAGIC, Message, PacketSplitter, ServerMessage};

use crate::websocket::{self, Upgrade, WebSocketReader};

/// How packets travel on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Tcp,
    WebSocket,
}

/// The longest header of a packet: a WebSocket's with a 64-bit length.
const HEADER_BYTES_MAX: usize = 10;

impl Framing {
    /// What stands before a packet of `length` bytes.
    pub(crate) fn header(self, length: usize) -> Header {
        match self {
            Self::Tcp => Header::of(&(length as u32).to_le_bytes()),
            Self::WebSocket => websocket::header(length),
        }
    }

    /// What ends the stream politely.
    pub(crate) fn farewell(self, code: Option<Code>) -> Bytes {
        match self {
            Self::Tcp => Bytes::new(),
            Self::WebSocket => websocket::close_frame(code),
        }
    }
}

/// The bytes before a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    bytes: [u8; HEADER_BYTES_MAX],
    length: u8,
}

impl Header {
    pub(crate) const NONE: Self = Self { bytes: [0; HEADER_BYTES_MAX], length: 0 };

    /// # Panics
    /// When there are more than ten bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut header = Self { length: bytes.len() as u8, ..Self::NONE };
        header.bytes[..bytes.len()].copy_from_slice(bytes);
        header
    }
}

impl std::ops::Deref for Header {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// A packet with one fatal Error.
pub(crate) fn error_packet(refusal: &Refusal) -> Bytes {
    let mut packet = BytesMut::new();
    ServerMessage::error(refusal, true, 0).encode(&mut packet);
    packet.freeze()
}

/// What a stretch of a stream held.
#[derive(Debug, Default)]
pub(crate) struct Fed {
    /// Whole packets.
    pub(crate) packets: Vec<Bytes>,
    /// Control frames of a WebSocket.
    pub(crate) controls: u32,
    /// To be written as it is: the answer to an upgrade, pongs.
    pub(crate) replies: BytesMut,
    /// The client said that it ends.
    pub(crate) ended: bool,
}

/// Why a stream cannot be read on.
#[derive(Debug, PartialEq)]
pub(crate) enum Fault {
    /// It is none of our transports: nothing can be told.
    Foreign,
    /// It is HTTP but no WebSocket: this answers it.
    Http(&'static str),
    /// The client broke the rules and is told so.
    Violation(Refusal),
}

impl Fault {
    pub(crate) fn violation(code: Code, text: impl Into<String>) -> Self {
        Self::Violation(Refusal::new(code, text))
    }
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::BadMagic => Self::Foreign,
            _ => Self::violation(error.code(), error.to_string()),
        }
    }
}

/// The reading side of a stream.
#[derive(Debug)]
pub(crate) struct Inbound {
    packet_bytes_max: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    Undecided,
    Tcp(PacketSplitter),
    Upgrade(Upgrade),
    WebSocket(Box<WebSocketReader>),
}

impl Inbound {
    pub(crate) fn new(packet_bytes_max: u32) -> Self {
        Self { packet_bytes_max, state: State::Undecided }
    }

    /// The transport, once it is agreed.
    pub(crate) fn framing(&self) -> Option<Framing> {
        match &self.state {
            State::Tcp(_) => Some(Framing::Tcp),
            State::WebSocket(_) => Some(Framing::WebSocket),
            State::Undecided | State::Upgrade(_) => None,
        }
    }

    /// Takes the next bytes of the stream. What was whole before a fault is in `fed` all the same.
    pub(crate) fn feed(&mut self, bytes: &[u8], fed: &mut Fed) -> Result<(), Fault> {
        if let State::Undecided = self.state {
            self.state = match bytes.first() {
                None => return Ok(()),
                Some(&first) if first == MAGIC[0] => State::Tcp(PacketSplitter::with_magic(self.packet_bytes_max)),
                Some(b'G') => State::Upgrade(Upgrade::default()),
                Some(_) => return Err(Fault::Foreign),
            };
        }
        match &mut self.state {
            State::Undecided => Ok(()),
            State::Tcp(splitter) => {
                splitter.push(bytes);
                while let Some(packet) = splitter.next()? {
                    fed.packets.push(packet);
                }
                Ok(())
            }
            State::Upgrade(upgrade) => {
                let Some(rest) = upgrade.feed(bytes, &mut fed.replies)? else { return Ok(()) };
                let mut reader = Box::new(WebSocketReader::new(self.packet_bytes_max, rest));
                let outcome = reader.feed(&[], fed);
                self.state = State::WebSocket(reader);
                outcome
            }
            State::WebSocket(reader) => reader.feed(bytes, fed),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};

    use super::*;

    const UPGRADE: &str = "GET /game HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                           Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    fn tcp_stream(packets: &[Vec<u8>]) -> Vec<u8> {
        let mut stream = MAGIC.to_vec();
        for packet in packets {
            stream.extend_from_slice(&Framing::Tcp.header(packet.len()));
            stream.extend_from_slice(packet);
        }
        stream
    }

    /// Packets as masked frames, every second one in two fragments with a ping between them.
    fn websocket_stream(packets: &[Vec<u8>]) -> Vec<u8> {
        let mut stream = UPGRADE.as_bytes().to_vec();
        for (n, packet) in packets.iter().enumerate() {
            if n % 2 == 0 {
                masked(Frame::message(packet.clone(), OpCode::Data(Data::Binary), true), &mut stream);
            } else {
                let (left, right) = packet.split_at(packet.len() / 2);
                masked(Frame::message(left.to_vec(), OpCode::Data(Data::Binary), false), &mut stream);
                masked(Frame::ping(vec![7]), &mut stream);
                masked(Frame::message(right.to_vec(), OpCode::Data(Data::Continue), true), &mut stream);
            }
        }
        stream
    }

    fn masked(frame: Frame, out: &mut Vec<u8>) {
        let mask = [1, 2, 3, 4];
        let header = FrameHeader { mask: Some(mask), ..frame.header().clone() };
        header.format(frame.payload().len() as u64, out).expect("a vector takes all");
        out.extend(frame.payload().iter().enumerate().map(|(n, byte)| byte ^ mask[n % 4]));
    }

    fn feed_in_pieces(stream: &[u8], piece: usize) -> (Inbound, Fed) {
        let (mut inbound, mut fed) = (Inbound::new(64 * 1024), Fed::default());
        for bytes in stream.chunks(piece) {
            inbound.feed(bytes, &mut fed).expect("a sound stream");
        }
        (inbound, fed)
    }

    #[test]
    fn packets_come_out_whole_however_either_stream_is_cut() {
        let packets: Vec<Vec<u8>> = [0_usize, 1, 5, 125, 126, 300, 65_535, 9].iter().map(|n| vec![3; *n]).collect();
        for (stream, framing) in
            [(tcp_stream(&packets), Framing::Tcp), (websocket_stream(&packets), Framing::WebSocket)]
        {
            for piece in [1, 2, 3, 7, 100, 4096, usize::MAX] {
                let (inbound, fed) = feed_in_pieces(&stream, piece);
                assert_eq!(inbound.framing(), Some(framing));
                assert_eq!(fed.packets, packets, "{framing:?} in pieces of {piece}");
                assert!(!fed.ended);
            }
        }
    }

    #[test]
    fn a_websocket_is_answered_with_its_key_and_its_pings_with_pongs() {
        let (_, fed) = feed_in_pieces(&websocket_stream(&[vec![1], vec![2, 3]]), 10);
        let replies = String::from_utf8_lossy(&fed.replies).into_owned();
        assert!(replies.starts_with("HTTP/1.1 101"), "{replies}");
        assert!(replies.to_lowercase().contains("s3pplmbitxaq9kygzzhzrbk+xoo="), "{replies}");
        assert_eq!(&fed.replies[fed.replies.len() - 3..], &[0x8a, 1, 7]);
        assert_eq!(fed.controls, 1);
    }

    #[test]
    fn what_is_no_transport_of_ours_is_foreign_at_its_first_wrong_byte() {
        for stream in [&b"\x00"[..], b"POST / HTTP/1.1", b"KFX", b"\x16\x03\x01"] {
            assert_eq!(Inbound::new(100).feed(stream, &mut Fed::default()), Err(Fault::Foreign));
        }
    }

    #[test]
    fn a_plain_web_request_is_told_what_this_is() {
        let mut inbound = Inbound::new(100);
        let fault = inbound.feed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", &mut Fed::default());
        assert!(matches!(fault, Err(Fault::Http(answer)) if answer.starts_with("HTTP/1.1 426")));
        let endless = vec![b'G'; 100_000];
        assert!(matches!(Inbound::new(100).feed(&endless, &mut Fed::default()), Err(Fault::Http(_))));
    }

    #[test]
    fn packets_before_a_fault_are_kept() {
        let mut stream = tcp_stream(&[vec![1], vec![2]]);
        stream.extend_from_slice(&[0xff; 4]);
        let mut fed = Fed::default();
        let fault = Inbound::new(100).feed(&stream, &mut fed);
        assert!(matches!(fault, Err(Fault::Violation(Refusal { code: Code::FrameTooLarge, .. }))));
        assert_eq!(fed.packets.len(), 2);
    }

    fn websocket_fault(frames: &[u8]) -> Code {
        let mut stream = UPGRADE.as_bytes().to_vec();
        stream.extend_from_slice(frames);
        match Inbound::new(100).feed(&stream, &mut Fed::default()) {
            Err(Fault::Violation(refusal)) => refusal.code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn websocket_rules_are_held() {
        let frame = |frame: Frame| {
            let mut out = Vec::new();
            masked(frame, &mut out);
            out
        };
        let binary = OpCode::Data(Data::Binary);
        assert_eq!(websocket_fault(&frame(Frame::message("hi", OpCode::Data(Data::Text), true))), Code::Malformed);
        assert_eq!(websocket_fault(&frame(Frame::message(vec![0; 101], binary, true))), Code::FrameTooLarge);
        assert_eq!(websocket_fault(&[0x82, 1, 9]), Code::Malformed, "not masked");
        assert_eq!(websocket_fault(&[0xc2, 0x80, 0, 0, 0, 0]), Code::Malformed, "a reserved bit");
        assert_eq!(
            websocket_fault(&[0x82, 0xff, 0, 0, 0, 9, 0, 0, 0, 0, 1, 2, 3, 4]),
            Code::FrameTooLarge,
            "claimed only"
        );
        let mut fragments = frame(Frame::message(vec![0; 60], binary, false));
        fragments.extend(frame(Frame::message(vec![0; 60], OpCode::Data(Data::Continue), false)));
        assert_eq!(websocket_fault(&fragments), Code::FrameTooLarge, "too large in sum");
    }
}
