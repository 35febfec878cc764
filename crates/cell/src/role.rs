//! The `cell` role: takes inputs, ticks, gives outputs. What it does is in the folders of the tick.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use bytes::BytesMut;
use kuafu_contract::{Address, Request, cell, link::Event};
use kuafu_core::id::EntityIdSource;
use kuafu_core::{Chance, Change, Clock, Code, EntityId, Limits, Moment, Now};
use kuafu_def::Definitions;
use kuafu_logic::{Inspector, LogicHost, Releases, World};
use kuafu_node::{CallBook, CallRef, Counters, Input, Output, Role};
use kuafu_space::Index;

use crate::config::{CellConfig, CellError, SpaceConfig};
use crate::egress::FrameBuilder;
use crate::links::{PeerNo, Peers};
use crate::pace::{Due, Pace};
use crate::part::{Layout, Layouts};
use crate::report::Reporter;
use crate::simulate::{Calls, CellDirectory, Entries, Purpose};
use crate::world::CellWorld;

/// Makes the logic host of a cell, which reads the cell through the world that it is handed.
pub type HostFactory = Box<dyn FnOnce(Rc<dyn World>) -> Result<Box<dyn LogicHost>, String>>;

/// Simulates spaces.
pub struct CellRole {
    pub(crate) address: Address,
    pub(crate) limits: Limits,
    pub(crate) tick_hz: u32,
    pub(crate) definitions: Arc<Definitions>,
    pub(crate) layouts: Layouts,
    pub(crate) configs: Vec<SpaceConfig>,
    pub(crate) chance: Chance,
    pub(crate) world: Rc<CellWorld>,
    pub(crate) host: Box<dyn LogicHost>,
    pub(crate) releases: Releases,
    pub(crate) inspector: Inspector<CallRef>,
    pub(crate) peers: Peers,
    /// What bases sent since the last tick, in order.
    pub(crate) inbox: VecDeque<(PeerNo, Event)>,
    /// What logic is to be entered with.
    pub(crate) entries: Entries,
    pub(crate) calls: Calls,
    /// Changes that the host reported and that are not applied yet.
    pub(crate) changes: Vec<(EntityId, Change)>,
    pub(crate) arrived: Vec<Index>,
    pub(crate) scratch: BytesMut,
    pub(crate) builders: Vec<FrameBuilder>,
    pub(crate) book: CallBook<Infallible, Purpose>,
    pub(crate) directory: CellDirectory,
    pub(crate) counters: Counters,
    pub(crate) reporter: Reporter,
    pub(crate) pace: Pace,
    /// How many ticks were run.
    pub(crate) tick: u64,
    pub(crate) drain: Drain,
    pub(crate) clock: Option<Arc<dyn Clock>>,
}

/// How far the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drain {
    /// It runs on.
    No,
    /// Asked for: the next tick tells logic and backs everything up.
    Asked,
    /// Told; what is left to send goes out until then at the latest.
    Flushing(Moment),
    /// Done.
    Drained,
}

impl std::fmt::Debug for CellRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CellRole").field("address", &self.address).field("tick", &self.tick).finish_non_exhaustive()
    }
}

impl CellRole {
    /// A cell without open spaces. `host_factory` makes its logic host.
    ///
    /// # Errors
    /// [`CellError`] when a space's numbers make no sense, or the host cannot be made.
    pub fn new(config: CellConfig, host_factory: HostFactory, chance: Chance) -> Result<Self, CellError> {
        let CellConfig { address, limits, definitions, spaces, tick_hz } = config;
        if !(1..=1_000).contains(&tick_hz) {
            return Err(CellError::TickHz(tick_hz));
        }
        if !Peers::can_serve(spaces.len(), &limits) {
            return Err(CellError::LinkFrames { frames: limits.link_frames_max, spaces: spaces.len() });
        }
        for space in &spaces {
            kuafu_space::Space::new(space.engine_config(&limits))
                .map_err(|error| CellError::Space { space: space.name.clone(), error })?;
        }
        let directory = CellDirectory::new(address, &limits);
        let ids = EntityIdSource::new(address.incarnation);
        let world = Rc::new(CellWorld::new(ids, directory.follower.view()));
        let host = host_factory(world.clone()).map_err(CellError::Host)?;
        Ok(Self {
            pace: Pace::new(tick_hz, &limits),
            layouts: Layout::all(&definitions, tick_hz),
            releases: Releases::new(limits.release_bytes_max),
            inspector: Inspector::default(),
            address,
            limits,
            tick_hz,
            definitions,
            configs: spaces,
            chance,
            world,
            host,
            peers: Peers::new(),
            inbox: VecDeque::new(),
            entries: Entries::default(),
            calls: Calls::default(),
            changes: Vec::new(),
            arrived: Vec::new(),
            scratch: BytesMut::new(),
            builders: Vec::new(),
            book: CallBook::default(),
            directory,
            counters: Counters::default(),
            reporter: Reporter::default(),
            tick: 0,
            drain: Drain::No,
            clock: None,
        })
    }

    /// Measures the work time of ticks with this clock, for the reports. Nothing else depends on it.
    #[must_use]
    pub fn with_work_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    fn run_due_tick(&mut self, now: Now) {
        if self.drain == Drain::Drained {
            return;
        }
        let Some(due) = self.pace.take(now.at) else { return };
        let started = self.clock.as_ref().map(|clock| clock.now().at);
        self.counters.add("late_ticks", due.skipped as f64);
        self.run_tick(now, due);
        let spent = match (started, &self.clock) {
            (Some(started), Some(clock)) => clock.now().at.since(started),
            _ => std::time::Duration::ZERO,
        };
        self.reporter.note_tick(spent, self.pace.period());
        self.report_if_due(now);
    }

    fn run_tick(&mut self, now: Now, due: Due) {
        self.tick += 1;
        self.world.time_ms.set(due.at.millis());
        self.ingress(now);
        self.simulate(now, due.elapsed);
        if self.drain == Drain::Asked {
            self.shut_down(now);
        }
        self.egress(due.at.millis());
        self.finish_drain(now);
    }

    fn handle_notice(&mut self, now: Now, request: Request) {
        match request {
            Request::Cell(cell::Request::OpenSpace { space }) => self.open_space(now, space),
            Request::Cell(cell::Request::WatchMap { space, console }) => self.reporter.watch(now, space, console),
            Request::Directory(feed) => self.directory.follower.handle(now.at, feed, &mut self.book),
            Request::Logic(request) => drop(self.handle_release(now, request)),
            _ => self.counters.count("misdirected_notices"),
        }
    }
}

impl Role for CellRole {
    type In = Infallible;
    type Out = Infallible;

    fn handle(&mut self, now: Now, input: Input<Infallible>) {
        match input {
            Input::Start => {
                self.pace.start(now.at);
                self.report_load();
                self.report_release();
            }
            Input::Call { from, request: Request::Logic(request) } if request.is_look() => {
                self.handle_look(now, from, request);
            }
            Input::Call { from, request: Request::Logic(request) } => {
                let result = self.handle_release(now, request);
                self.book.answer(from, result);
            }
            Input::Call { from, .. } => {
                self.book.answer(from, Err::<kuafu_contract::Reply, _>(Code::MethodUnknown.into()));
            }
            Input::Notice { request, .. } => self.handle_notice(now, request),
            Input::Answer { call, outcome } => self.bus_answered(now, call, outcome),
            Input::Frame { peer, frame } => self.handle_frame(now, peer, &frame),
            Input::Credit { peer, frames } => {
                if let Some(peer) = self.peers.find(peer).and_then(|no| self.peers.get_mut(no)) {
                    peer.credit(frames);
                }
            }
            Input::LinkDown { peer } => self.handle_link_down(now, peer),
            Input::Wake => {}
            Input::External(never) => match never {},
            Input::Drain => {
                if self.drain == Drain::No {
                    self.drain = Drain::Asked;
                }
            }
        }
        self.end_watching(now);
        self.run_due_tick(now);
    }

    fn poll_output(&mut self) -> Option<Output<Infallible>> {
        self.book.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        (self.drain != Drain::Drained).then(|| self.pace.next())
    }
}
