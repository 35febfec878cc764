//! WebSocket over bytes: the upgrade, the reading side by tungstenite on a memory pipe, the header of what is written.
//!
//! Tungstenite holds the rules of the protocol (masks, fragments, control frames, closing); it reads what came from the
//! socket and leaves its pongs in the pipe. Binary frames to the client need only a header, so they are framed here,
//! and their bytes go to the socket uncopied.

use std::io::{self, Read, Write};

use bytes::{Buf, Bytes, BytesMut};
use kuafu_core::Code;
use tokio_tungstenite::tungstenite::handshake::machine::TryParse;
use tokio_tungstenite::tungstenite::handshake::server::{Request, create_response, write_response};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::framing::{Fault, Fed, Header};

/// The largest request that asks for an upgrade; browsers with cookies stay well below.
const UPGRADE_BYTES_MAX: usize = 8 * 1024;
/// How much tungstenite holds ready for a connection.
const READ_BUFFER_BYTES: usize = 1024;

const BAD_REQUEST: &str = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const NO_UPGRADE: &str = "HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nUpgrade: websocket\r\n\
    Content-Type: text/plain\r\nContent-Length: 48\r\n\r\nThis is a game server: connect with a WebSocket\n";

/// The header of a binary message of `length` bytes, from the server (RFC 6455, 5.2).
pub(crate) fn header(length: usize) -> Header {
    const BINARY: u8 = 0x82;
    match length {
        0..=125 => Header::of(&[BINARY, length as u8]),
        126..=0xffff => {
            let [high, low] = (length as u16).to_be_bytes();
            Header::of(&[BINARY, 126, high, low])
        }
        _ => {
            let mut bytes = [BINARY, 127, 0, 0, 0, 0, 0, 0, 0, 0];
            bytes[2..].copy_from_slice(&(length as u64).to_be_bytes());
            Header::of(&bytes)
        }
    }
}

/// A Close frame that fits the code.
pub(crate) fn close_frame(code: Option<Code>) -> Bytes {
    let status: u16 = match code {
        None => 1000,
        Some(Code::ServerStopping) => 1001,
        Some(Code::FrameTooLarge) => 1009,
        Some(_) => 1008,
    };
    let [high, low] = status.to_be_bytes();
    Bytes::copy_from_slice(&[0x88, 2, high, low])
}

/// A request that is not all there yet.
#[derive(Debug, Default)]
pub(crate) struct Upgrade(Vec<u8>);

impl Upgrade {
    /// Takes bytes. When the request is whole, answers it in `replies` and gives what came after it.
    pub(crate) fn feed(&mut self, bytes: &[u8], replies: &mut BytesMut) -> Result<Option<Vec<u8>>, Fault> {
        let searched = self.0.len().saturating_sub(3);
        self.0.extend_from_slice(bytes);
        let whole = self.0[searched..].windows(4).any(|end| end == b"\r\n\r\n");
        if !whole {
            return if self.0.len() > UPGRADE_BYTES_MAX { Err(Fault::Http(BAD_REQUEST)) } else { Ok(None) };
        }
        let parsed = Request::try_parse(&self.0).ok().flatten();
        let (length, request) = parsed.ok_or(Fault::Http(BAD_REQUEST))?;
        let response = create_response(&request).map_err(|_| Fault::Http(NO_UPGRADE))?;
        let mut answer = Vec::new();
        write_response(&mut answer, &response).map_err(|_| Fault::Http(BAD_REQUEST))?;
        replies.extend_from_slice(&answer);
        Ok(Some(self.0.split_off(length)))
    }
}

/// The reading side of an upgraded connection.
#[derive(Debug)]
pub(crate) struct WebSocketReader(WebSocket<Pipe>);

impl WebSocketReader {
    /// `rest` came after the request.
    pub(crate) fn new(packet_bytes_max: u32, rest: Vec<u8>) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(packet_bytes_max as usize))
            .max_frame_size(Some(packet_bytes_max as usize));
        Self(WebSocket::from_partially_read(Pipe::default(), rest, Role::Server, Some(config)))
    }

    pub(crate) fn feed(&mut self, bytes: &[u8], fed: &mut Fed) -> Result<(), Fault> {
        self.0.get_mut().input.extend_from_slice(bytes);
        let outcome = self.read(fed);
        fed.replies.extend_from_slice(&self.0.get_mut().output.split());
        outcome
    }

    fn read(&mut self, fed: &mut Fed) -> Result<(), Fault> {
        loop {
            match self.0.read() {
                Ok(Message::Binary(packet)) => fed.packets.push(packet),
                Ok(Message::Text(_)) => {
                    return Err(Fault::violation(Code::Malformed, "text messages are refused; send binary ones"));
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => fed.controls += 1,
                Ok(Message::Close(_)) => fed.ended = true,
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => {
                    fed.ended = true;
                    return Ok(());
                }
                Err(error @ Error::Capacity(_)) => {
                    return Err(Fault::violation(Code::FrameTooLarge, error.to_string()));
                }
                Err(error) => return Err(Fault::violation(Code::Malformed, error.to_string())),
            }
        }
    }
}

/// What tungstenite takes for its socket.
#[derive(Debug, Default)]
struct Pipe {
    input: BytesMut,
    output: BytesMut,
}

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = out.len().min(self.input.len());
        self.input.copy_to_slice(&mut out[..count]);
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
