//! Packets over WebSocket: one binary message each.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::Loss;

/// The library keeps a read buffer a connection; a frame of the game fits this.
const READ_BYTES: usize = 4_096;

pub(crate) struct WebSocketLink {
    socket: WebSocketStream<TcpStream>,
    outgoing: VecDeque<Bytes>,
    waiting: usize,
    flushed: bool,
}

impl WebSocketLink {
    pub(super) async fn new(stream: TcpStream, host: &str, port: u16, packet_bytes_max: u32) -> Result<Self, Loss> {
        let most = packet_bytes_max as usize;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(most))
            .max_frame_size(Some(most));
        // An IPv6 address stands in brackets in an address of the web.
        let url = if host.contains(':') { format!("ws://[{host}]:{port}/") } else { format!("ws://{host}:{port}/") };
        let (socket, _) = client_async_with_config(url, stream, Some(config)).await.map_err(loss)?;
        Ok(Self { socket, outgoing: VecDeque::new(), waiting: 0, flushed: true })
    }

    pub(super) fn send(&mut self, packet: &[u8]) {
        self.waiting += packet.len();
        self.outgoing.push_back(Bytes::copy_from_slice(packet));
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Loss>> {
        while !self.outgoing.is_empty() {
            ready!(Pin::new(&mut self.socket).poll_ready(cx)).map_err(loss)?;
            if let Some(packet) = self.outgoing.pop_front() {
                self.waiting -= packet.len();
                self.flushed = false;
                Pin::new(&mut self.socket).start_send(Message::Binary(packet)).map_err(loss)?;
            }
        }
        if !self.flushed {
            ready!(Pin::new(&mut self.socket).poll_flush(cx)).map_err(loss)?;
            self.flushed = true;
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_packet(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Loss>> {
        loop {
            let next = ready!(Pin::new(&mut self.socket).poll_next(cx));
            match next.transpose().map_err(loss)? {
                Some(Message::Binary(packet)) => return Poll::Ready(Ok(packet)),
                Some(Message::Text(_)) => return Poll::Ready(Err(Loss::WebSocket("a text message".to_owned()))),
                // The answer to a ping leaves with the next flush.
                Some(Message::Ping(_)) => self.flushed = false,
                Some(_) => {}
                None => return Poll::Ready(Err(Loss::Closed)),
            }
        }
    }
}

fn loss(error: Error) -> Loss {
    match error {
        Error::Io(error) => error.into(),
        Error::ConnectionClosed | Error::AlreadyClosed => Loss::Closed,
        // A server that dies says no goodbye.
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Loss::Closed,
        other => Loss::WebSocket(other.to_string()),
    }
}
