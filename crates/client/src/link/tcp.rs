//! Packets over TCP: the magic, then lengths and packets.

use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use kuafu_wire::{MAGIC, PacketSplitter, begin_packet, end_packet};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::Loss;

/// How much is read at once. It stands on the stack, so that a client at rest holds no buffer.
const READ_BYTES: usize = 16_384;

pub(crate) struct TcpLink {
    stream: TcpStream,
    splitter: PacketSplitter,
    outgoing: BytesMut,
}

impl TcpLink {
    pub(super) fn new(stream: TcpStream, packet_bytes_max: u32) -> Self {
        Self { stream, splitter: PacketSplitter::new(packet_bytes_max), outgoing: BytesMut::from(&MAGIC[..]) }
    }

    pub(super) fn send(&mut self, packet: &[u8]) {
        let at = begin_packet(&mut self.outgoing);
        self.outgoing.extend_from_slice(packet);
        end_packet(&mut self.outgoing, at);
    }

    pub(super) fn waiting(&self) -> usize {
        self.outgoing.len()
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Loss>> {
        while !self.outgoing.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.outgoing))?;
            if written == 0 {
                return Poll::Ready(Err(Loss::Closed));
            }
            self.outgoing.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    pub(super) fn poll_packet(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Loss>> {
        loop {
            if let Some(packet) = self.splitter.next()? {
                return Poll::Ready(Ok(packet));
            }
            let mut room = [MaybeUninit::uninit(); READ_BYTES];
            let mut room = ReadBuf::uninit(&mut room);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room))?;
            if room.filled().is_empty() {
                return Poll::Ready(Err(Loss::Closed));
            }
            self.splitter.push(room.filled());
        }
    }
}
