//! A listener on a free port with its mailbox, and a client on a blocking socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use crossbeam_channel::{Receiver, bounded};
use kuafu_core::{Code, Limits};
use kuafu_edge::{CloseReason, ConnId, Edge, EdgeConfig, EdgeEvent, EdgeHandle};
use kuafu_wire::{MAGIC, ServerMessage, decode_packet};

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct TestEdge {
    pub(crate) handle: EdgeHandle,
    pub(crate) events: Receiver<EdgeEvent>,
    runtime: tokio::runtime::Runtime,
}

impl TestEdge {
    pub(crate) fn start(limits: Limits) -> Self {
        Self::start_with(limits, 1024, |_| ())
    }

    pub(crate) fn start_with(limits: Limits, mailbox: usize, change: impl FnOnce(&mut EdgeConfig)) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (sender, events) = bounded(mailbox);
        let mut config = EdgeConfig::new("127.0.0.1:0".parse().unwrap(), "test");
        config.limits = limits;
        change(&mut config);
        let handle = Edge::listen(config, sender, runtime.handle()).unwrap();
        Self { handle, events, runtime }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.handle.address()
    }

    pub(crate) fn next(&self) -> EdgeEvent {
        self.events.recv_timeout(PATIENCE).expect("an event")
    }

    pub(crate) fn opened(&self) -> ConnId {
        match self.next() {
            EdgeEvent::Opened { conn, .. } => conn,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn closed(&self) -> (ConnId, CloseReason) {
        loop {
            if let EdgeEvent::Closed { conn, reason } = self.next() {
                return (conn, reason);
            }
        }
    }

    /// The next `count` packets of one connection.
    pub(crate) fn packets(&self, conn: ConnId, count: usize) -> Vec<Bytes> {
        let mut all = Vec::new();
        while all.len() < count {
            match self.next() {
                EdgeEvent::Packets { conn: from, packets } if from == conn => all.extend(packets),
                other => panic!("{other:?}"),
            }
        }
        all
    }

    pub(crate) fn number(&self, name: &str) -> u64 {
        self.handle.numbers().iter().find(|(n, _)| *n == name).expect("a count").1
    }

    pub(crate) fn stop(&self) {
        self.runtime.block_on(self.handle.stop());
    }
}

/// Waits until something holds.
pub(crate) fn wait_for(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::yield_now();
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A TCP client that has said the magic.
pub(crate) fn connect_tcp(address: SocketAddr) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(&MAGIC).unwrap();
    stream
}

pub(crate) fn write_packet(stream: &mut impl Write, packet: &[u8]) {
    let mut bytes = (packet.len() as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(packet);
    stream.write_all(&bytes).unwrap();
}

/// The next packet, `None` at the end of the stream.
pub(crate) fn read_packet(stream: &mut impl Read) -> Option<Bytes> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).ok()?;
    let mut packet = BytesMut::zeroed(u32::from_le_bytes(head) as usize);
    stream.read_exact(&mut packet).expect("a whole packet");
    Some(packet.freeze())
}

/// The code of a packet that is one fatal Error.
pub(crate) fn fatal_code(packet: &Bytes) -> Code {
    match decode_packet::<ServerMessage>(packet).next() {
        Some(Ok(ServerMessage::Error { code, fatal: true, .. })) => Code::from_number(code).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Reads up to the end of the stream, which must be a fatal Error with this code.
pub(crate) fn ends_with(stream: &mut TcpStream, code: Code) {
    let mut last = None;
    while let Some(packet) = read_packet(stream) {
        last = Some(packet);
    }
    assert_eq!(fatal_code(&last.expect("a last packet")), code);
}
