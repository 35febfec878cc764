//! Connections between clients and the roles that listen: bytes in order, cut at any moment.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kuafu_contract::Address;
use kuafu_core::{Code, Moment};
use kuafu_edge::{CloseReason, ConnId, EdgeCommand, EdgeEvent};
use kuafu_node::Input;
use kuafu_wire::{ClientMessage, Message, ServerMessage, decode_packet};

use super::{Event, Realm};
use crate::client::{Act, Note};
use crate::part::Brought;

/// What a client's side brings to the server's.
#[derive(Debug)]
pub(super) enum Up {
    Open,
    Packet(Bytes),
    Close(CloseReason),
}

/// What comes back.
#[derive(Debug)]
pub(super) enum Down {
    Packet(Bytes),
    Closed,
}

/// One connection, from its first byte.
#[derive(Debug)]
pub(super) struct Connection {
    client: usize,
    at: Option<Address>,
    /// The role knows it.
    is_open: bool,
    /// The role or the edge has ended it; what the client still says may come through.
    is_ending: bool,
    is_established: bool,
    /// What was on its way up when the client went is lost.
    is_cut: bool,
    up_latest: Moment,
    down_latest: Moment,
}

impl Realm {
    pub(super) fn client_turn(&mut self, client: usize) {
        let acts = self.clients[client].turn(self.at);
        self.do_acts(client, acts);
        let after = self.clients[client].pause();
        self.plan_event(after, Event::ClientTurn(client));
    }

    pub(super) fn do_acts(&mut self, client: usize, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Connect(port) => self.connect(client, port),
                Act::Say(message) => self.say(client, &message),
                Act::HangUp => {
                    if let Some(line) = self.lines[client].take() {
                        self.connections[line].is_cut = self.chance.unit() < 0.5;
                        self.send_up(line, Up::Close(CloseReason::ByClient));
                    }
                }
                Act::Vanish => {
                    if let Some(line) = self.lines[client].take() {
                        self.connections[line].is_cut = true;
                        let after = Duration::from_millis(self.limits.idle_ms_max);
                        self.plan_event(after, Event::ToServer(line, Up::Close(CloseReason::Limit(Code::Idle))));
                    }
                }
                Act::Note(note) => self.note(client, note),
            }
        }
    }

    fn note(&mut self, client: usize, note: Note) {
        let account = self.clients[client].account;
        self.trace.event(self.at, format_args!("client {client} notes {note:?}"));
        match note {
            Note::Attached => self.attachments += 1,
            Note::Deposit(coin) => self.laws.deposited(coin),
            Note::DepositEnded(coin, outcome) => self.laws.deposit_ended(coin, outcome, &self.store),
            Note::Acted { since, asked } => self.laws.acted(account, client, since, asked),
        }
    }

    fn connect(&mut self, client: usize, port: u16) {
        let at = self.listener(port);
        let (up_latest, down_latest) = (self.at, self.at);
        self.connections.push(Connection {
            client,
            at,
            is_open: false,
            is_ending: false,
            is_established: false,
            is_cut: false,
            up_latest,
            down_latest,
        });
        let line = self.connections.len() - 1;
        self.trace.event(self.at, format_args!("client {client} connects to port {port} as {line}"));
        self.lines[client] = Some(line);
        self.send_up(line, Up::Open);
    }

    fn say(&mut self, client: usize, message: &ClientMessage) {
        let Some(line) = self.lines[client] else { return };
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes);
        self.send_up(line, Up::Packet(bytes.freeze()));
    }

    fn send_up(&mut self, line: usize, up: Up) {
        let at = self.at + self.us(500, 40_000);
        let connection = &mut self.connections[line];
        connection.up_latest = (connection.up_latest + Duration::from_micros(1)).max(at);
        let after = connection.up_latest.since(self.at);
        self.plan_event(after, Event::ToServer(line, up));
    }

    fn send_down(&mut self, line: usize, down: Down) {
        let at = self.at + self.us(500, 40_000);
        let connection = &mut self.connections[line];
        connection.down_latest = (connection.down_latest + Duration::from_micros(1)).max(at);
        let after = connection.down_latest.since(self.at);
        self.plan_event(after, Event::ToClient(line, down));
    }

    pub(super) fn take_up(&mut self, line: usize, up: Up) {
        let conn = conn_of(line);
        let connection = &mut self.connections[line];
        let to = connection.at.filter(|to| self.directory.contains_key(to));
        let Some(to) = to else {
            self.send_down(line, Down::Closed);
            return;
        };
        let event = match up {
            Up::Open => {
                connection.is_open = true;
                let address = ([127, 0, 0, 1], 40_000).into();
                let after = Duration::from_millis(self.limits.handshake_ms_max);
                self.plan_event(after, Event::Handshake(line));
                EdgeEvent::Opened { conn, address }
            }
            Up::Packet(_) if !connection.is_open || connection.is_cut => return,
            Up::Packet(bytes) => EdgeEvent::Packets { conn, packets: vec![bytes] },
            Up::Close(_) if !connection.is_open => return,
            Up::Close(reason) => {
                connection.is_open = false;
                EdgeEvent::Closed { conn, reason }
            }
        };
        self.feed(to, Input::External(Brought::Edge(event)));
    }

    pub(super) fn take_down(&mut self, line: usize, down: &Down) {
        let client = self.connections[line].client;
        if self.lines[client] != Some(line) {
            return;
        }
        match down {
            Down::Closed => {
                self.lines[client] = None;
                self.clients[client].closed(self.at);
            }
            Down::Packet(bytes) => {
                for message in decode_packet::<ServerMessage>(bytes) {
                    let Ok(message) = message else {
                        self.laws.break_law("packets-can-be-read", format!("{message:?}"));
                        return;
                    };
                    let acts = self.clients[client].hear(self.at, message);
                    self.do_acts(client, acts);
                    if self.lines[client] != Some(line) {
                        return;
                    }
                }
            }
        }
    }

    pub(super) fn edge_command(&mut self, from: Address, command: EdgeCommand) {
        let (EdgeCommand::Send { conn, .. }
        | EdgeCommand::Established { conn }
        | EdgeCommand::Close { conn, .. }
        | EdgeCommand::Finish { conn }) = &command;
        let line = conn.index() as usize;
        let connection = &mut self.connections[line];
        if connection.at != Some(from) || !connection.is_open || connection.is_ending {
            return;
        }
        match command {
            EdgeCommand::Send { bytes, .. } => self.send_down(line, Down::Packet(bytes)),
            EdgeCommand::Established { .. } => connection.is_established = true,
            EdgeCommand::Close { code, text, .. } => self.end_connection(line, Some((code, text)), CloseReason::ByRole),
            EdgeCommand::Finish { .. } => self.end_connection(line, None, CloseReason::ByRole),
        }
    }

    fn end_connection(&mut self, line: usize, why: Option<(Code, String)>, reason: CloseReason) {
        self.connections[line].is_ending = true;
        if let Some((code, text)) = why {
            let mut bytes = BytesMut::new();
            ServerMessage::Error { code: code as u16, fatal: true, answers: 0, text }.encode(&mut bytes);
            self.send_down(line, Down::Packet(bytes.freeze()));
        }
        self.send_down(line, Down::Closed);
        let after = self.us(10, 20_000);
        self.plan_event(after, Event::EdgeClosed(line, reason));
    }

    pub(super) fn edge_closed(&mut self, line: usize, reason: CloseReason) {
        let connection = &mut self.connections[line];
        if !std::mem::take(&mut connection.is_open) {
            return;
        }
        if let Some(to) = connection.at {
            self.feed(to, Input::External(Brought::Edge(EdgeEvent::Closed { conn: conn_of(line), reason })));
        }
    }

    pub(super) fn check_handshake(&mut self, line: usize) {
        let connection = &self.connections[line];
        if connection.is_open && !connection.is_ending && !connection.is_established {
            let why = (Code::Idle, Code::Idle.text().to_owned());
            self.end_connection(line, Some(why), CloseReason::Limit(Code::Idle));
        }
    }

    /// An instance is gone, and its sockets with it.
    pub(super) fn cut_connections(&mut self, at: Address) {
        for line in 0..self.connections.len() {
            let connection = &mut self.connections[line];
            if connection.at == Some(at) && std::mem::take(&mut connection.is_open) {
                self.send_down(line, Down::Closed);
            }
        }
    }
}

fn conn_of(line: usize) -> ConnId {
    ConnId::new(line as u32, 1)
}
