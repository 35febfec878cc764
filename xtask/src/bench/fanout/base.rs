//! A base with everybody in the game: its peers' answers are made up here, and what it writes goes to a sink.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::{Bytes, BytesMut};
use kuafu_base::{BaseConfig, BaseRole, GameRules};
use kuafu_contract::link::{self, Event, encode_events};
use kuafu_contract::{Address, CallId, Outcome, Reply, Request, RoleKind, accounts, base, cell_manager, db};
use kuafu_core::{AccountId, Chance, Code, Epoch, Incarnation, Limits, Moment, Now, RecordId, WallTime};
use kuafu_def::Part;
use kuafu_edge::{ConnId, EdgeCommand, EdgeEvent};
use kuafu_node::{CallRef, Input, Output, Role};
use kuafu_wire::{ClientMessage, Message, PROTOCOL_VERSION};

use super::frames::Frames;
use crate::bench::game::{AVATAR, CELL, SPACE, SilentHost, Wishes, definitions};

const LOGIN: Address = Address { role: RoleKind::Login, incarnation: Incarnation(60) };
const BASE: Address = Address { role: RoleKind::Base, incarnation: Incarnation(40) };
/// A base looks after itself so often.
const TURN: Duration = Duration::from_millis(10);
const TURNS_PER_TICK: u32 = 10;

/// Limits that let everybody in at once.
pub(super) fn limits() -> Limits {
    Limits {
        players_max: 100_000,
        handshake_ms_max: 3_600_000,
        idle_ms_max: 3_600_000,
        stalled_ms_max: 3_600_000,
        ..Limits::default()
    }
}

/// The base and its clock.
pub(super) struct PlayedBase {
    base: BaseRole,
    now: Now,
    sequence: u32,
    ticket: Option<[u8; 16]>,
    witnesses: u32,
}

impl PlayedBase {
    pub(super) fn new(queued_bytes: Arc<dyn Fn(ConnId) -> u32 + Send + Sync>) -> anyhow::Result<Self> {
        let definitions = definitions();
        let config = BaseConfig {
            address: BASE,
            limits: limits(),
            schema_json: definitions.client_schema_json().into(),
            definitions,
            server_name: "bench".to_owned(),
            listen: (String::new(), 1),
            game: GameRules {
                role_type: AVATAR,
                start_space: Some(SPACE),
                spaces: [("plaza".to_owned(), SPACE)].into(),
                ..GameRules::default()
            },
            queued_bytes,
        };
        let host = |_: Rc<_>| Ok(Box::new(SilentHost { part: Part::Base, wishes: Wishes::default() }) as Box<_>);
        let base = BaseRole::new(config, Chance::from_seed(1), host).map_err(anyhow::Error::msg)?;
        let now = Now { at: Moment(1_000_000), wall: WallTime(0) };
        let mut played = Self { base, now, sequence: 0, ticket: None, witnesses: 0 };
        played.input(Input::Start, &mut drop);
        Ok(played)
    }

    /// Brings a client into the game, all the way to its eyes.
    pub(super) fn come_in(&mut self, conn: ConnId, sink: &mut dyn FnMut(EdgeCommand)) -> anyhow::Result<()> {
        let (number, seen_before) = (u64::from(conn.index()) + 1, self.witnesses);
        let request = base::Request::Admit {
            account: AccountId(number),
            epoch: Epoch(1),
            role: RecordId(1_000_000 + number),
            role_name: format!("bot {number}"),
        };
        let from = CallRef { from: LOGIN, call: CallId(number) };
        self.input(Input::Call { from, request: request.into() }, sink);
        let token = self.ticket.take().context("no ticket")?;
        let address = ([127, 0, 0, 1], 999).into();
        self.input(Input::External(EdgeEvent::Opened { conn, address }), sink);
        let hello =
            ClientMessage::Hello { version: PROTOCOL_VERSION, flags: 0, digest: [0; 16], name: "bench".to_owned() };
        let mut packet = BytesMut::new();
        hello.encode(&mut packet);
        ClientMessage::Attach { token }.encode(&mut packet);
        self.input(Input::External(EdgeEvent::Packets { conn, packets: vec![packet.freeze()] }), sink);
        // What the base has for its cell leaves with its next turn.
        self.now.at = self.now.at + TURN * 2;
        self.input(Input::Wake, sink);
        if self.witnesses != seen_before + 1 {
            bail!("client {number} did not get into the game");
        }
        Ok(())
    }

    /// The number for the next frame of the cell.
    pub(super) fn next_sequence(&self) -> u32 {
        self.sequence + 1
    }

    /// A frame of the cell comes, whose number is the next.
    pub(super) fn frame(&mut self, frame: Bytes, sink: &mut dyn FnMut(EdgeCommand)) {
        self.sequence += 1;
        self.input(Input::Frame { peer: CELL, frame }, sink);
    }

    /// The rest of a tick's time passes.
    pub(super) fn turns(&mut self, sink: &mut dyn FnMut(EdgeCommand)) {
        for _ in 0..TURNS_PER_TICK {
            self.now.at = self.now.at + TURN;
            self.input(Input::Wake, sink);
        }
    }

    fn input(&mut self, input: Input<EdgeEvent>, sink: &mut dyn FnMut(EdgeCommand)) {
        self.base.handle(self.now, input);
        let mut answers = VecDeque::new();
        loop {
            while let Some(output) = self.base.poll_output() {
                match output {
                    Output::External(command) => sink(command),
                    Output::Call { call, request, .. } => answers.extend(answer(call, &request)),
                    Output::Answer { result: Ok(Reply::Base(base::Reply::Ticket { token, .. })), .. } => {
                        self.ticket = Some(token);
                    }
                    Output::Frame { peer, frame } => self.read_frame(peer, &frame, &mut answers),
                    Output::Answer { .. } | Output::Notice { .. } | Output::Drained => {}
                }
            }
            let Some(next) = answers.pop_front() else { return };
            self.base.handle(self.now, next);
        }
    }

    /// Does as a cell would, as far as a client needs it to see.
    fn read_frame(&mut self, peer: Address, frame: &Bytes, answers: &mut VecDeque<Input<EdgeEvent>>) {
        answers.push_back(Input::Credit { peer, frames: 1 });
        let Ok(link::Frame::Events { events, .. }) = link::decode(frame) else { return };
        let mut told = Vec::new();
        for event in events {
            match event {
                Event::CreatePart { entity, real_epoch, .. } => told.push(Event::PartCreated { entity, real_epoch }),
                Event::AttachWitness { entity, witness } => {
                    assert_eq!(witness, self.witnesses, "witnesses are numbered in turn");
                    self.witnesses += 1;
                    told.push(Frames::opening(witness, entity));
                }
                _ => {}
            }
        }
        if !told.is_empty() {
            self.sequence += 1;
            answers.push_back(Input::Frame { peer, frame: encode_events(self.sequence, &told) });
        }
    }
}

fn answer(call: CallId, request: &Request) -> Option<Input<EdgeEvent>> {
    let reply: Result<Reply, Code> = match request {
        Request::Accounts(accounts::Request::PlaceSession { .. }) => Ok(accounts::Reply::Placed.into()),
        Request::Db(db::Request::Claim { record, .. }) => {
            let record = db::Record { record: *record, values: vec![], place: None };
            Ok(db::Reply::Claimed { epoch: Epoch(1), record, created: true, cell_created: true }.into())
        }
        Request::Db(db::Request::Commit { .. }) => {
            Ok(db::Reply::Committed { created: vec![], stale: vec![], refused: vec![] }.into())
        }
        Request::CellManager(cell_manager::Request::Find { .. }) => Ok(cell_manager::Reply::Cell(CELL).into()),
        _ => Err(Code::NotAllowed),
    };
    let outcome = reply.map_or_else(|code| Outcome::Refused(code.into()), Outcome::Value);
    Some(Input::Answer { call, outcome })
}
