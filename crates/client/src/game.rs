//! A player in the game, without a connection: what each message does.
//!
//! It keeps the world, the calls and the time, and turns messages into events. The client around it owns the
//! connection and the clock.

use std::collections::VecDeque;
use std::sync::Arc;

use kuafu_core::{Code, EntityId, Limits, MethodNo, Value};
use kuafu_def::{Definitions, EntityType, Part};
use kuafu_wire::{ClientMessage, Reader, ServerMessage, Writer, decode_arguments, encode_arguments};

use crate::calls::Calls;
use crate::component::part_of;
use crate::rejoin::Attached;
use crate::world::{Own, Space, World};
use crate::{Event, Loss, NotSent, Options, TimeSync};

/// What a client counted since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets from the server.
    pub packets: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Frames that were applied.
    pub frames: u64,
    /// Movement records in them.
    pub movements: u64,
    /// Frames whose sequence did not follow the one before.
    pub gaps: u64,
    /// What frames said of slots that were empty.
    pub strays: u64,
    /// Events that were dropped because nobody took them.
    pub events_dropped: u64,
    /// How often the connection was made again.
    pub reconnects: u64,
}

/// The state of a player.
pub(crate) struct Game {
    pub(crate) world: World,
    pub(crate) calls: Calls,
    pub(crate) sync: TimeSync,
    pub(crate) stats: Stats,
    pub(crate) events: VecDeque<Event>,
    pub(crate) left: bool,
    limits: Limits,
    events_max: usize,
    ack_every: u32,
    unacknowledged: u32,
    /// Never starts anew: the entity may have stayed in the game.
    move_sequence: u32,
}

impl Game {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            world: World::default(),
            calls: Calls::default(),
            sync: TimeSync::default(),
            stats: Stats::default(),
            events: VecDeque::new(),
            left: false,
            limits: options.limits.clone(),
            events_max: options.events_max.max(1),
            ack_every: options.ack_every.max(1),
            unacknowledged: 0,
            move_sequence: 0,
        }
    }

    pub(crate) fn tell(&mut self, event: Event) {
        keep(&mut self.events, self.events_max, &mut self.stats, event);
    }

    /// Begins anew with an entity: the view is empty.
    pub(crate) fn attach(&mut self, schema: &Arc<Definitions>, attached: &Attached) -> Result<(), Loss> {
        let Attached { entity, type_no, record, retaken, .. } = *attached;
        let ty = schema.get(type_no).cloned().ok_or(Loss::Misfit("the own entity is of no known type"))?;
        let own = Own::new(entity, ty, record, &attached.properties, &self.limits)?;
        self.world.attach(Arc::clone(schema), own);
        self.sync.clear();
        self.unacknowledged = 0;
        self.tell(Event::Attached { entity, record, retaken });
        Ok(())
    }

    /// Takes a message at `now_ms` of the client's clock. Gives what is to be said to it.
    pub(crate) fn handle(&mut self, message: ServerMessage, now_ms: f64) -> Result<Option<ClientMessage>, Loss> {
        use ServerMessage as M;
        match message {
            M::Frame { body } => return self.frame(&body),
            M::Own { changes } => {
                if let Some(event) = self.world.apply_own(&changes, &self.limits)? {
                    self.tell(event);
                }
            }
            M::Result { number, outcome } => {
                if let Some(ended) = self.calls.end(number, outcome, &self.limits)? {
                    self.tell(Event::CallEnded { number: ended.number, result: ended.result });
                }
            }
            M::CallClient { method, arguments } => self.called(method, &arguments)?,
            M::Pong { clock_ms, space_time_ms, held_us } => {
                let round_trip_ms = self.sync.sample(clock_ms, now_ms, space_time_ms, held_us);
                self.tell(Event::Pong { round_trip_ms });
            }
            M::SpaceEnter { space, name, lattice, least, greatest, tick_hz, view_radius, top_speed, position, yaw } => {
                let name: Arc<str> = name.into();
                let event = Event::SpaceEntered { name: Arc::clone(&name) };
                let space = Space { id: space, name, lattice, least, greatest, tick_hz, view_radius, top_speed };
                self.world.enter_space(space, position, yaw);
                self.tell(event);
            }
            M::SpaceLeave => {
                self.world.leave_space();
                self.tell(Event::SpaceLeft);
            }
            M::Correct { sequence, position, yaw, code } => {
                self.world.place_own(position, yaw);
                self.tell(Event::Corrected { sequence, position, yaw, code });
            }
            M::SeeYou => self.left = true,
            M::Error { code, fatal: true, text, .. } => return Err(Loss::Told { code, text }),
            M::Error { code, text, .. } => self.tell(Event::Complaint { code, text }),
            // What belongs to the login or the handshake says nothing here.
            M::Welcome { .. } | M::Schema { .. } | M::Registered | M::LoggedIn { .. } | M::Roles { .. } => {}
            M::Queue { .. } | M::Enter { .. } | M::Attached { .. } => {}
        }
        Ok(None)
    }

    fn frame(&mut self, body: &[u8]) -> Result<Option<ClientMessage>, Loss> {
        let before = self.world.sequence();
        let Self { world, events, stats, events_max, limits, .. } = self;
        world.apply_frame(body, limits, &mut |event| keep(events, *events_max, stats, event))?;
        let sequence = self.world.sequence();
        self.stats.frames += 1;
        self.stats.movements += self.world.moved().len() as u64;
        self.stats.strays = self.world.strays();
        self.stats.gaps += u64::from(before != 0 && sequence != before + 1);
        self.unacknowledged += 1;
        if self.unacknowledged < self.ack_every {
            return Ok(None);
        }
        self.unacknowledged = 0;
        Ok(Some(ClientMessage::Ack { sequence }))
    }

    fn called(&mut self, method: MethodNo, arguments: &[u8]) -> Result<(), Loss> {
        let Some(own) = self.world.own() else { return Ok(()) };
        let method = own.ty.method(method).ok_or(Loss::Misfit("there is no such client method"))?;
        let arguments = decode_arguments(method, &mut Reader::new(arguments), &self.limits)?;
        let (entity, name) = (own.id, Arc::from(method.name.as_str()));
        let event = Event::Called { entity, method: method.no, name, arguments };
        self.tell(event);
        Ok(())
    }

    /// A call as a message; `number` 0 wants no result. Gives type and method, for reading the result.
    pub(crate) fn call_message(
        &self,
        number: u32,
        entity: Option<EntityId>,
        part: Part,
        name: &str,
        arguments: &[Value],
    ) -> Result<(ClientMessage, Arc<EntityType>, MethodNo), NotSent> {
        let ty = match entity {
            None => &self.world.own().ok_or(NotSent::NotInGame)?.ty,
            Some(id) => self.world.entity(id).ok_or(NotSent::EntityUnknown(id))?.ty,
        };
        let known = ty.method_by_name(part, name).filter(|method| method.exposed.is_exposed());
        let method = known.ok_or_else(|| NotSent::MethodUnknown { part, name: name.to_owned() })?;
        for (argument, value) in method.arguments.iter().zip(arguments) {
            let wrong = |why| NotSent::Arguments(format!("{name}: {}: {why}", argument.name));
            argument.check(value, &self.limits).map_err(wrong)?;
        }
        let mut arguments = arguments.to_vec();
        method.fill_in(&mut arguments);
        let mut bytes = bytes::BytesMut::new();
        encode_arguments(method, &arguments, &mut Writer::new(&mut bytes))
            .map_err(|error| NotSent::Arguments(format!("{name}: {error}")))?;
        let message = ClientMessage::Call {
            number,
            entity: entity.unwrap_or(EntityId::NONE),
            part,
            method: method.no,
            arguments: bytes.freeze(),
        };
        Ok((message, Arc::clone(ty), method.no))
    }

    /// The part on which a component has a method, of the own entity or of one in view.
    pub(crate) fn component_part(&self, entity: Option<EntityId>, slot: &str, method: &str) -> Result<Part, NotSent> {
        let ty = match entity {
            None => &self.world.own().ok_or(NotSent::NotInGame)?.ty,
            Some(id) => self.world.entity(id).ok_or(NotSent::EntityUnknown(id))?.ty,
        };
        part_of(ty, slot, method)
            .ok_or_else(|| NotSent::ComponentMethodUnknown { slot: slot.to_owned(), name: method.to_owned() })
    }

    pub(crate) fn move_message(&mut self, position: [f32; 3], yaw: f32) -> Result<(ClientMessage, u32), NotSent> {
        if self.world.space().is_none() {
            return Err(NotSent::NotInGame);
        }
        if !position.iter().chain([&yaw]).all(|part| part.is_finite()) {
            return Err(NotSent::Arguments("a position and a yaw are finite".to_owned()));
        }
        self.move_sequence += 1;
        self.world.place_own(position, yaw);
        let sequence = self.move_sequence;
        Ok((ClientMessage::Move { sequence, position, yaw }, sequence))
    }

    /// Ends calls that were not answered in time; with `now_ms` infinite, all.
    pub(crate) fn expire_calls(&mut self, now_ms: f64, why: &str) {
        for ended in self.calls.expire(now_ms, why) {
            self.tell(Event::CallEnded { number: ended.number, result: ended.result });
        }
    }
}

/// Puts an event in; the oldest makes room.
fn keep(events: &mut VecDeque<Event>, events_max: usize, stats: &mut Stats, event: Event) {
    if events.len() == events_max {
        events.pop_front();
        stats.events_dropped += 1;
    }
    events.push_back(event);
}

/// Whether the server removed the player for good.
pub(crate) fn is_kick(loss: &Loss) -> bool {
    use Code::{AccountBanned, Kicked, LoggedInElsewhere, RoleDeleted};
    let Loss::Told { code, .. } = loss else { return false };
    matches!(Code::from_number(*code), Some(AccountBanned | Kicked | LoggedInElsewhere | RoleDeleted))
}
