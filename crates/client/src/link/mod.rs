//! One connection as a way for packets, whatever carries it.
//!
//! Everything is a poll without side effects on being dropped, so that the futures above can be cancelled at any time.

mod tcp;
mod web_socket;

use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::net::TcpStream;

use crate::{Loss, Transport};
use tcp::TcpLink;
use web_socket::WebSocketLink;

/// A connection to a server.
pub(crate) enum Link {
    Tcp(TcpLink),
    WebSocket(Box<WebSocketLink>),
}

impl Link {
    pub(crate) async fn connect(
        host: &str,
        port: u16,
        transport: Transport,
        packet_bytes_max: u32,
    ) -> Result<Self, Loss> {
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        Ok(match transport {
            Transport::Tcp => Self::Tcp(TcpLink::new(stream, packet_bytes_max)),
            Transport::WebSocket => {
                Self::WebSocket(Box::new(WebSocketLink::new(stream, host, port, packet_bytes_max).await?))
            }
        })
    }

    /// Takes a packet to send; it leaves as [`Link::poll_flush`] is polled.
    pub(crate) fn send(&mut self, packet: &[u8]) {
        match self {
            Self::Tcp(link) => link.send(packet),
            Self::WebSocket(link) => link.send(packet),
        }
    }

    /// How many bytes were taken and have not left.
    pub(crate) fn waiting(&self) -> usize {
        match self {
            Self::Tcp(link) => link.waiting(),
            Self::WebSocket(link) => link.waiting(),
        }
    }

    /// Ready when all that was taken has left.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Loss>> {
        match self {
            Self::Tcp(link) => link.poll_flush(cx),
            Self::WebSocket(link) => link.poll_flush(cx),
        }
    }

    /// The next packet from the server.
    pub(crate) fn poll_packet(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Loss>> {
        match self {
            Self::Tcp(link) => link.poll_packet(cx),
            Self::WebSocket(link) => link.poll_packet(cx),
        }
    }
}
