//! A server that does as the test says: it expects messages in turn and answers with what it is given.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use kuafu_client::{Client, Event, Options, Reconnect, Target, Transport};
use kuafu_core::{AccountId, EntityId, RecordId, Refusal, SpaceId, TypeNo};
use kuafu_def::Definitions;
use kuafu_wire::{
    ClientMessage, FrameWriter, Lattice, Message, PacketSplitter, Role, ServerMessage, begin_packet, decode_packet,
    end_packet,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as WebSocketMessage;

pub(crate) const OWN: EntityId = EntityId(3 << 32 | 1);
pub(crate) const ROLE: RecordId = RecordId(1_000_001);

/// Both a login server and a base, on one port.
pub(crate) struct FakeServer {
    listener: TcpListener,
    transport: Transport,
    pub(crate) schema: Arc<Definitions>,
    pub(crate) schema_json: String,
    /// What an own entity begins with.
    properties: Bytes,
}

pub(crate) enum Peer {
    Tcp { stream: TcpStream, splitter: PacketSplitter, inbox: VecDeque<ClientMessage> },
    WebSocket { socket: Box<WebSocketStream<TcpStream>>, inbox: VecDeque<ClientMessage> },
}

/// Runs a test on one thread, with a bound on how long it may take.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime
        .block_on(async { tokio::time::timeout(Duration::from_secs(30), test).await.expect("the test ends in time") });
}

pub(crate) fn vectors() -> serde_json::Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/vectors/frames.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the vectors")).expect("JSON")
}

/// Comes back at once, a few times.
pub(crate) fn options() -> Options {
    let reconnect = Reconnect { tries_max: 6, wait_min: Duration::from_millis(2), wait_max: Duration::from_millis(20) };
    Options { reconnect, answer_timeout: Duration::from_secs(5), ..Options::default() }
}

impl FakeServer {
    pub(crate) async fn new(transport: Transport) -> Self {
        // Gold, property 1, is 10.
        Self::playing(transport, vectors()["schema"].to_string(), Bytes::from_static(&[1, 1, 20])).await
    }

    /// A server of another game than that of the vectors.
    pub(crate) async fn playing(transport: Transport, schema_json: String, properties: Bytes) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(8_192).expect("a small buffer");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let schema = Arc::new(Definitions::from_client_schema_json(&schema_json).expect("the schema of the vectors"));
        Self { listener: socket.listen(64).expect("it listens"), transport, schema, schema_json, properties }
    }

    pub(crate) async fn tcp() -> Self {
        Self::new(Transport::Tcp).await
    }

    pub(crate) fn port(&self) -> u16 {
        self.listener.local_addr().expect("it is bound").port()
    }

    pub(crate) fn target(&self) -> Target {
        Target { host: "127.0.0.1".into(), port: self.port(), transport: self.transport }
    }

    pub(crate) async fn accept(&self) -> Peer {
        let (stream, _) = self.listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        match self.transport {
            Transport::Tcp => {
                Peer::Tcp { stream, splitter: PacketSplitter::with_magic(65_536), inbox: VecDeque::new() }
            }
            Transport::WebSocket => {
                let socket = tokio_tungstenite::accept_async(stream).await.expect("a WebSocket");
                Peer::WebSocket { socket: Box::new(socket), inbox: VecDeque::new() }
            }
        }
    }

    /// Accepts, and answers Hello with Welcome and the schema when asked.
    pub(crate) async fn greeted(&self) -> Peer {
        let mut peer = self.accept().await;
        let hello = peer.hear().await;
        let ClientMessage::Hello { version: 1, flags, .. } = hello else { panic!("Hello comes first, not {hello:?}") };
        let mut answer = vec![self.welcome(5_000, 30_000)];
        if flags & 1 != 0 {
            answer.push(ServerMessage::Schema { json: self.schema_json.clone() });
        }
        peer.say(&answer).await;
        peer
    }

    pub(crate) fn welcome(&self, heartbeat_ms: u32, idle_ms: u32) -> ServerMessage {
        let digest = self.schema.digest_client.0;
        ServerMessage::Welcome { version: 1, digest, idle_ms, heartbeat_ms, name: "fake".into() }
    }

    /// The login server's part: logs anyone in and sends them to the port.
    pub(crate) async fn logs_in(&self, base_port: u16, ticket: u8) {
        let mut peer = self.greeted().await;
        let login = peer.hear().await;
        assert!(matches!(login, ClientMessage::Login { .. }), "{login:?}");
        peer.say(&[logged_in()]).await;
        assert_eq!(peer.hear().await, ClientMessage::RoleSelect { role: ROLE });
        peer.say(&[ServerMessage::Enter { ticket: [ticket; 16], host: String::new(), port: base_port }]).await;
        peer.closed().await;
    }

    /// The base's part: takes a player who shows the token.
    pub(crate) async fn attaches(&self, token: u8, resume: u8, retaken: bool) -> Peer {
        let mut peer = self.greeted().await;
        assert_eq!(peer.hear().await, ClientMessage::Attach { token: [token; 16] });
        peer.say(&[self.attached(resume, retaken)]).await;
        peer
    }

    pub(crate) fn attached(&self, resume: u8, retaken: bool) -> ServerMessage {
        let (type_no, resume, properties) = (TypeNo(1), [resume; 16], self.properties.clone());
        ServerMessage::Attached { entity: OWN, type_no, record: ROLE, resume, retaken, properties }
    }

    /// A client in the game and the base's end of its connection.
    pub(crate) async fn player(&self, options: Options) -> (Client, Peer) {
        let joining = async {
            let mut login = Client::connect(self.target(), options).await.expect("a login");
            login.login("anna", "sun-chaser").await.expect("logged in");
            login.enter(ROLE, |_, _| {}).await.expect("in the game")
        };
        let serving = async {
            self.logs_in(self.port(), 1).await;
            self.attaches(1, 2, false).await
        };
        let (mut client, peer) = tokio::join!(joining, serving);
        assert!(matches!(client.next_event().await, Some(Event::Attached { entity: OWN, retaken: false, .. })));
        (client, peer)
    }
}

impl Peer {
    /// The next message that is neither a ping nor an acknowledgement.
    pub(crate) async fn hear(&mut self) -> ClientMessage {
        loop {
            match self.hear_any().await.expect("the client is there") {
                ClientMessage::Ping { .. } | ClientMessage::Ack { .. } => {}
                message => return message,
            }
        }
    }

    /// The next message; `None` when the connection is closed.
    pub(crate) async fn hear_any(&mut self) -> Option<ClientMessage> {
        loop {
            let inbox = match self {
                Self::Tcp { inbox, .. } | Self::WebSocket { inbox, .. } => inbox,
            };
            if let Some(message) = inbox.pop_front() {
                return Some(message);
            }
            let packet = self.packet().await?;
            let messages: Vec<ClientMessage> = decode_packet(&packet).collect::<Result<_, _>>().expect("sound bytes");
            match self {
                Self::Tcp { inbox, .. } | Self::WebSocket { inbox, .. } => inbox.extend(messages),
            }
        }
    }

    async fn packet(&mut self) -> Option<Bytes> {
        match self {
            Self::Tcp { stream, splitter, .. } => loop {
                if let Some(packet) = splitter.next().expect("a sound stream") {
                    return Some(packet);
                }
                if stream.read_buf(splitter.spare()).await.unwrap_or(0) == 0 {
                    return None;
                }
            },
            Self::WebSocket { socket, .. } => match socket.next().await?.ok()? {
                WebSocketMessage::Binary(packet) => Some(packet),
                WebSocketMessage::Close(_) => None,
                other => panic!("only binary messages, not {other:?}"),
            },
        }
    }

    pub(crate) async fn say(&mut self, messages: &[ServerMessage]) {
        let mut packet = BytesMut::new();
        messages.iter().for_each(|message| message.encode(&mut packet));
        self.say_packet(&packet).await;
    }

    pub(crate) async fn say_packet(&mut self, packet: &[u8]) {
        match self {
            Self::Tcp { .. } => {
                let mut bytes = BytesMut::new();
                let at = begin_packet(&mut bytes);
                bytes.extend_from_slice(packet);
                end_packet(&mut bytes, at);
                self.say_raw(bytes).await;
            }
            Self::WebSocket { socket, .. } => {
                let packet = Bytes::copy_from_slice(packet);
                socket.send(WebSocketMessage::Binary(packet)).await.expect("the client is there");
            }
        }
    }

    /// Bytes of a TCP stream as they are.
    pub(crate) async fn say_raw(&mut self, mut bytes: impl Buf) {
        let Self::Tcp { stream, .. } = self else { panic!("only TCP has raw bytes") };
        stream.write_all_buf(&mut bytes).await.expect("the client is there");
    }

    pub(crate) async fn say_text(&mut self, text: &str) {
        let Self::WebSocket { socket, .. } = self else { panic!("only WebSocket has texts") };
        socket.send(WebSocketMessage::text(text)).await.expect("the client is there");
    }

    /// Waits until the client has closed the connection.
    pub(crate) async fn closed(&mut self) {
        while self.hear_any().await.is_some() {}
    }
}

pub(crate) fn logged_in() -> ServerMessage {
    let role = Role { id: ROLE, name: "Yu".into(), deleted_at_ms: 0 };
    ServerMessage::LoggedIn { account: AccountId(7), roles_max: 4, roles: vec![role] }
}

pub(crate) fn space_enter() -> ServerMessage {
    ServerMessage::SpaceEnter {
        space: SpaceId(1),
        name: "plaza".into(),
        lattice: Lattice { origin: [0.0; 3], step: [0.5; 3] },
        least: [0.0; 2],
        greatest: [1_000.0; 2],
        tick_hz: 10,
        view_radius: 50.0,
        top_speed: 6.0,
        position: [3.0, 0.0, 4.0],
        yaw: 0.5,
    }
}

pub(crate) fn frame(sequence: u64, write: impl FnOnce(&mut FrameWriter<'_>)) -> BytesMut {
    let mut out = BytesMut::new();
    let mut frame = FrameWriter::begin(&mut out, sequence, sequence * 100);
    write(&mut frame);
    frame.finish();
    out
}

pub(crate) fn fatal(code: kuafu_core::Code) -> ServerMessage {
    ServerMessage::error(&Refusal::from(code), true, 0)
}

/// The next event that is neither a pong nor movement.
pub(crate) async fn event(client: &mut Client) -> Option<Event> {
    loop {
        match client.next_event().await {
            Some(Event::Pong { .. } | Event::Moved { .. }) => {}
            other => return other,
        }
    }
}
