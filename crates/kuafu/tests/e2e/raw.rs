//! A client without manners: it says what a test wants when the test wants it, and may stop listening.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use kuafu_core::{Code, EntityId, MethodNo, RecordId};
use kuafu_def::Part;
use kuafu_wire::{
    ClientMessage, MAGIC, Message, PROTOCOL_VERSION, PacketSplitter, Password, ServerMessage, Token, begin_packet,
    decode_packet, end_packet,
};

use super::game::{Game, PATIENCE};
use super::player::PASSWORD;

/// One TCP connection to a login or a base.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    splitter: PacketSplitter,
    inbox: VecDeque<ServerMessage>,
}

/// What a ticket is good for.
pub(crate) struct Ticket {
    pub(crate) token: Token,
    pub(crate) port: u16,
}

/// Messages as one packet with its length before it.
pub(crate) fn packet(messages: &[ClientMessage]) -> BytesMut {
    let mut out = BytesMut::new();
    let at = begin_packet(&mut out);
    for message in messages {
        message.encode(&mut out);
    }
    end_packet(&mut out, at);
    out
}

/// The first thing to say.
pub(crate) fn hello() -> ClientMessage {
    ClientMessage::Hello { version: PROTOCOL_VERSION, flags: 0, digest: [0; 16], name: "raw".into() }
}

/// A call of a method of the own entity, by number.
pub(crate) fn call(number: u32, part: Part, method: u16, arguments: &[u8]) -> ClientMessage {
    let (entity, method) = (EntityId::NONE, MethodNo(method));
    ClientMessage::Call { number, entity, part, method, arguments: arguments.to_vec().into() }
}

impl Raw {
    /// A connection over which nothing was said but the magic.
    pub(crate) fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        Self::over(stream)
    }

    /// The same over a stream that is there.
    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_millis(20))).expect("a time limit can be set");
        stream.set_nodelay(true).expect("packets need not wait");
        let mut raw = Self { stream, splitter: PacketSplitter::new(4 << 20), inbox: VecDeque::new() };
        // A server that refuses at once may have closed already.
        let _ = raw.stream.write_all(&MAGIC);
        raw
    }

    /// A connection that was welcomed.
    pub(crate) fn greeted(port: u16) -> Self {
        let mut raw = Self::connect(port);
        raw.say(&[hello()]);
        raw.until("Welcome", |message| matches!(message, ServerMessage::Welcome { .. }).then_some(()));
        raw
    }

    /// A login connection with an account that has a role; the account's roles.
    pub(crate) fn logged_in(game: &Game, account: &str) -> (Self, Vec<kuafu_wire::Role>) {
        let mut raw = Self::greeted(game.port + 1);
        let (name, password) = (account.to_owned(), Password(PASSWORD.into()));
        raw.say(&[ClientMessage::Register { account: name.clone(), password: password.clone() }]);
        raw.until("an answer to Register", |message| {
            matches!(message, ServerMessage::Registered | ServerMessage::Error { .. }).then_some(())
        });
        raw.say(&[ClientMessage::Login { account: name, password }]);
        let roles = |message: &ServerMessage| match message {
            ServerMessage::LoggedIn { roles, .. } | ServerMessage::Roles { roles } => Some(roles.clone()),
            _ => None,
        };
        let mut found = raw.until("LoggedIn", roles);
        if found.is_empty() {
            raw.say(&[ClientMessage::RoleCreate { name: format!("{account} one") }]);
            found = raw.until("Roles", roles);
        }
        (raw, found)
    }

    /// The ticket for one of the account's roles.
    pub(crate) fn select(&mut self, role: RecordId) -> Ticket {
        self.say(&[ClientMessage::RoleSelect { role }]);
        self.until("Enter", |message| match message {
            ServerMessage::Enter { ticket, port, .. } => Some(Ticket { token: *ticket, port: *port }),
            _ => None,
        })
    }

    /// A ticket for the first role of an account.
    pub(crate) fn ticket(game: &Game, account: &str) -> Ticket {
        let (mut raw, roles) = Self::logged_in(game, account);
        raw.select(roles[0].id)
    }

    /// Attaches with a token, and waits until it stands in the space; entity and resume token.
    pub(crate) fn attach(&mut self, token: Token) -> (EntityId, Token) {
        self.say(&[ClientMessage::Attach { token }]);
        let attached = self.until("Attached", |message| match message {
            ServerMessage::Attached { entity, resume, .. } => Some((*entity, *resume)),
            _ => None,
        });
        self.until("SpaceEnter", |message| matches!(message, ServerMessage::SpaceEnter { .. }).then_some(()));
        attached
    }

    /// A player in the game: its connection, entity and resume token.
    pub(crate) fn play(game: &Game, account: &str) -> (Self, EntityId, Token) {
        let ticket = Self::ticket(game, account);
        let mut raw = Self::greeted(ticket.port);
        let (entity, resume) = raw.attach(ticket.token);
        (raw, entity, resume)
    }

    /// Sends messages in one packet. `false` when the connection is broken.
    pub(crate) fn say(&mut self, messages: &[ClientMessage]) -> bool {
        self.send(&packet(messages))
    }

    /// Sends bytes as they are. `false` when the connection is broken.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Takes what has come. `false` when the server closed.
    fn read(&mut self) -> bool {
        let mut room = [0; 16_384];
        let count = match self.stream.read(&mut room) {
            Ok(0) => return false,
            Ok(count) => count,
            Err(error) => {
                use std::io::ErrorKind::{TimedOut, WouldBlock};
                return matches!(error.kind(), TimedOut | WouldBlock);
            }
        };
        self.splitter.push(&room[..count]);
        while let Some(packet) = self.splitter.next().expect("the server frames its packets well") {
            for message in decode_packet::<ServerMessage>(&packet) {
                self.inbox.push_back(message.expect("the server's messages can be read"));
            }
        }
        true
    }

    /// Passes over messages until one is picked.
    pub(crate) fn until<T>(&mut self, what: &str, mut pick: impl FnMut(&ServerMessage) -> Option<T>) -> T {
        let start = Instant::now();
        let mut passed = Vec::new();
        loop {
            while let Some(message) = self.inbox.pop_front() {
                if let Some(picked) = pick(&message) {
                    return picked;
                }
                if !matches!(message, ServerMessage::Frame { .. }) {
                    passed.push(message);
                }
            }
            assert!(start.elapsed() < PATIENCE, "waited too long for {what}; before it came {passed:?}");
            let more = self.read();
            assert!(more || !self.inbox.is_empty(), "the server closed before {what}; before it came {passed:?}");
        }
    }

    /// Reads to the end; the code of the fatal error that came before it.
    pub(crate) fn ended(&mut self) -> Option<Code> {
        let start = Instant::now();
        while self.read() {
            assert!(start.elapsed() < PATIENCE, "the server does not close");
        }
        self.inbox.drain(..).find_map(|message| match message {
            ServerMessage::Error { code, fatal: true, .. } => Code::from_number(code),
            _ => None,
        })
    }

    /// The next Error that does not close.
    pub(crate) fn complaint(&mut self) -> Option<Code> {
        self.until("an Error", |message| match message {
            ServerMessage::Error { code, fatal: false, .. } => Some(Code::from_number(*code)),
            _ => None,
        })
    }
}
