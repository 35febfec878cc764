//! The base as a role: one input at a time, then everything that logic wants because of it.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use kuafu_contract::{Address, Outcome, Reply, Request, base, base_manager, link};
use kuafu_core::id::EntityIdSource;
use kuafu_core::{Chance, Change, Code, EntityId, Moment, Now, Refusal, SpaceId};
use kuafu_edge::{EdgeCommand, EdgeEvent};
use kuafu_logic::{Inspector, LogicHost, Releases, World};
use kuafu_node::{CallBook, CallRef, Counters, Input, Output, Role};

use crate::calls::Calls;
use crate::clients::Clients;
use crate::config::BaseConfig;
use crate::directory::{BaseDirectory, BaseWorld, DirectoryCall};
use crate::entities::{Entities, Phase};
use crate::save::Saver;
use crate::world::Peers;

/// How often a base looks at what is due besides its inputs.
const TURN: Duration = Duration::from_millis(10);

/// Why a base made a call.
#[derive(Debug)]
pub(crate) enum Purpose {
    /// The db gives the ownership of an entity's record.
    Claim(EntityId),
    /// The db takes it back.
    Release(EntityId),
    /// A batch of writes.
    Commit(u64),
    /// Records of a type that live without players.
    Autoload(kuafu_core::TypeNo),
    /// The accounts centre notes that a session is here.
    PlaceSession(kuafu_edge::ConnId),
    /// Which cell has a space.
    FindSpace(SpaceId),
    /// Something about services, names, shared data, or entities elsewhere.
    Directory(DirectoryCall),
    /// A request to somebody else over HTTP, and the task that waits for it.
    Http(Option<kuafu_logic::AwaitId>),
}

/// Holds client connections and base parts. See the crate's documentation.
pub struct BaseRole {
    pub(crate) config: BaseConfig,
    pub(crate) now: Now,
    pub(crate) chance: Chance,
    pub(crate) host: Box<dyn LogicHost>,
    pub(crate) releases: Releases,
    pub(crate) inspector: Inspector<CallRef>,
    pub(crate) ids: Rc<BaseWorld>,
    pub(crate) book: CallBook<EdgeCommand, Purpose>,
    pub(crate) clients: Clients,
    pub(crate) entities: Entities,
    pub(crate) calls: Calls,
    pub(crate) directory: BaseDirectory,
    pub(crate) peers: Peers,
    pub(crate) saver: Saver,
    pub(crate) counters: Counters,
    pub(crate) space_cells: BTreeMap<SpaceId, Option<Address>>,
    pub(crate) changes: Vec<(EntityId, Change)>,
    pub(crate) faults: VecDeque<kuafu_logic::Fault>,
    pub(crate) draining: bool,
    pub(crate) drained: bool,
    next_turn: Moment,
    next_second: Moment,
}

impl std::fmt::Debug for BaseRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BaseRole").field("address", &self.config.address).finish_non_exhaustive()
    }
}

impl BaseRole {
    /// A base whose logic `make_host` builds; logic draws entity ids from the world that it is given.
    ///
    /// # Errors
    /// What `make_host` said.
    pub fn new(
        config: BaseConfig,
        chance: Chance,
        make_host: impl FnOnce(Rc<dyn World>) -> Result<Box<dyn LogicHost>, String>,
    ) -> Result<Self, String> {
        let directory = BaseDirectory::new(config.address, &config.limits);
        let ids = EntityIdSource::new(config.address.incarnation);
        let ids = Rc::new(BaseWorld::new(ids, directory.follower.view(), directory.groups.clone()));
        let host = make_host(ids.clone())?;
        Ok(Self {
            now: Now::default(),
            chance,
            host,
            releases: Releases::new(config.limits.release_bytes_max),
            inspector: Inspector::default(),
            ids,
            book: CallBook::default(),
            clients: Clients::default(),
            entities: Entities::default(),
            calls: Calls::default(),
            directory,
            peers: Peers::default(),
            saver: Saver::default(),
            counters: Counters::default(),
            space_cells: BTreeMap::new(),
            changes: Vec::new(),
            faults: VecDeque::new(),
            draining: false,
            drained: false,
            next_turn: Moment::default(),
            next_second: Moment::default(),
            config,
        })
    }

    fn start(&mut self) {
        self.next_turn = self.now.at + TURN;
        self.next_second = self.now.at;
        self.report_release();
        for ty in self.config.game.autoload.clone() {
            self.autoload_from(ty, kuafu_core::RecordId(0));
        }
    }

    fn handle_request(&mut self, from: kuafu_node::CallRef, request: Request) {
        match request {
            Request::Base(base::Request::Admit { account, epoch, role, role_name }) => {
                let result = self.admit(account, epoch, role, role_name);
                self.book.answer(from, result);
            }
            Request::Base(base::Request::Kick { account, epoch, reason }) => {
                self.end_session(from, account, epoch, reason)
            }
            Request::Base(request) => self.directory_request(from, request),
            Request::Logic(request) if request.is_look() => self.handle_look(from, request),
            Request::Logic(request) => {
                let result = self.handle_release(request);
                self.book.answer(from, result);
            }
            other => {
                tracing::warn!(?other, "a request that is not for a base");
                self.book.answer(from, Err::<Reply, _>(Refusal::from(Code::NotAllowed)));
            }
        }
    }

    fn handle_answer(&mut self, call: kuafu_contract::CallId, outcome: Outcome) {
        match self.book.close(call) {
            Some(Purpose::Claim(entity)) => self.claimed(entity, outcome),
            Some(Purpose::Release(entity)) => self.release_ended(entity, &outcome),
            Some(Purpose::Commit(batch)) => self.committed(batch, outcome),
            Some(Purpose::Autoload(ty)) => self.autoloaded(ty, outcome),
            Some(Purpose::PlaceSession(conn)) => self.session_placed(conn, outcome),
            Some(Purpose::FindSpace(space)) => self.space_found(space, outcome),
            Some(Purpose::Directory(call)) => self.directory_answered(call, outcome),
            Some(Purpose::Http(awaiting)) => self.resume_task(awaiting, kuafu_logic::http_outcome(outcome)),
            None => self.counters.count("answers_unexpected"),
        }
    }

    fn turn(&mut self) {
        if self.now.at < self.next_turn {
            return;
        }
        self.next_turn = self.now.at + TURN;
        self.host.advance(self.now);
        self.end_watching();
        self.expire_calls();
        self.expire_tickets();
        self.expire_graces();
        self.end_late_comers();
        self.save_due();
        self.tick_clients();
        self.flush_peers();
        if self.now.at >= self.next_second {
            self.next_second = self.now.at + Duration::from_secs(1);
            self.claim_globals();
            self.report();
        }
    }

    /// Tells the base-manager how busy this base is.
    pub(crate) fn report_load(&mut self) {
        let load = base_manager::Load {
            base: self.config.address,
            players: self.players(),
            players_max: self.config.limits.players_max,
            entities: self.entities.len() as u32,
            busy: 0.0,
            draining: self.draining,
        };
        self.book.notice(kuafu_contract::RoleKind::BaseManager, base_manager::Request::Report(load));
    }

    fn drain(&mut self) {
        if self.draining {
            return;
        }
        self.draining = true;
        self.report_load();
        self.stop_clients();
        self.end_all(self.entities.all_ids());
    }

    fn end_all(&mut self, entities: Vec<EntityId>) {
        for entity in entities {
            self.host.hook(self.now, entity, kuafu_logic::Hook::Shutdown, &[]);
            self.settle();
            self.begin_leave(entity);
        }
    }

    /// A drain also ends what logic made, or the database gave, after it had begun.
    fn end_late_comers(&mut self) {
        if !self.draining {
            return;
        }
        let late = self.entities.iter().filter(|entity| entity.phase == Phase::Live).map(|entity| entity.id);
        let mut late: Vec<EntityId> = late.collect();
        late.sort_unstable();
        self.end_all(late);
    }

    fn finish_drain(&mut self) {
        if self.draining && !self.drained && self.entities.is_empty() && self.saver.is_idle() {
            self.drained = true;
            self.flush_clients(true);
            self.book.drained();
        }
    }

    fn handle_frame(&mut self, peer: Address, frame: &bytes::Bytes) {
        match link::decode(frame) {
            Ok(link::Frame::World(world)) => self.world_frame(peer, world),
            Ok(link::Frame::Events { sequence, events }) => {
                self.received(peer, sequence);
                self.link_events(peer, events);
            }
            Err(why) => {
                self.counters.count("frames_malformed");
                tracing::error!(%peer, %why, "a link frame could not be read");
                self.ask_resync(peer);
            }
        }
    }
}

impl Role for BaseRole {
    type In = EdgeEvent;
    type Out = EdgeCommand;

    fn handle(&mut self, now: Now, input: Input<EdgeEvent>) {
        self.now = now;
        match input {
            Input::Start => self.start(),
            Input::Call { from, request } => self.handle_request(from, request),
            Input::Notice { request: Request::Logic(request), .. } => drop(self.handle_release(request)),
            Input::Notice { request: Request::Directory(feed), .. } => {
                self.directory.follower.handle(now.at, feed, &mut self.book);
            }
            Input::Notice { request: Request::Base(base::Request::CallGroup { group, method, arguments }), .. } => {
                self.tell_group(&group, &method, &arguments);
            }
            Input::Notice { from, request } => tracing::warn!(%from, ?request, "a notice that is not for a base"),
            Input::Answer { call, outcome } => self.handle_answer(call, outcome),
            Input::Frame { peer, frame } => self.handle_frame(peer, &frame),
            Input::Credit { peer, frames } => self.peers.credit(peer, frames),
            Input::LinkDown { peer } => self.peer_lost(peer),
            Input::Wake => {}
            Input::External(event) => self.handle_edge(event),
            Input::Drain => self.drain(),
        }
        self.settle();
        self.turn();
        self.settle();
        self.directory_due();
        self.settle();
        self.finish_drain();
    }

    fn poll_output(&mut self) -> Option<Output<EdgeCommand>> {
        self.book.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        (!self.drained).then_some(self.next_turn)
    }
}
