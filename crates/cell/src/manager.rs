//! The `cell-manager` role: places each space on a cell, and on another one when that cell is heard of no more.
//!
//! Cells report each second. Placing waits until as many cells as expected have reported, or for a short time; then
//! each space goes to the cell with the fewest spaces, among those the least busy. A question for a space waits until a
//! cell reports that it has opened it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use kuafu_contract::cell_manager::{Load, Reply, Request as Asked};
use kuafu_contract::console::{self, Report};
use kuafu_contract::{Address, Request, RoleKind, cell};
use kuafu_core::{Code, Limits, Moment, Now, Refusal, SpaceId};
use kuafu_node::{CallBook, CallRef, Counters, Input, Output, Role};

/// A cell that was not heard of for longer is taken for dead.
const SILENCE_MAX: Duration = Duration::from_secs(3);

/// How long placing waits for cells that are expected and have not reported.
const GATHER_TIME: Duration = Duration::from_secs(2);

/// How often a cell is told again to open a space that it does not report.
const REPEAT_PERIOD: Duration = Duration::from_secs(2);

const WAKE_PERIOD: Duration = Duration::from_millis(250);
const REPORT_PERIOD: Duration = Duration::from_secs(1);

/// Questions that wait for a space to open; a further one is refused as Busy.
const QUESTIONS_MAX: usize = 16_384;

/// What a cell-manager needs to know.
#[derive(Clone, Debug)]
pub struct CellManagerConfig {
    /// Its own address.
    pub address: Address,
    /// The named bounds.
    pub limits: Limits,
    /// Every space of the realm.
    pub spaces: Vec<SpaceId>,
    /// How many cells there will be.
    pub cells_expected: u32,
}

#[derive(Clone, Debug)]
struct CellState {
    load: Load,
    heard: Moment,
}

#[derive(Clone, Copy, Debug, Default)]
struct Placed {
    cell: Option<Address>,
    /// The cell has reported it.
    open: bool,
    told: Moment,
}

#[derive(Clone, Copy, Debug)]
struct Question {
    from: CallRef,
    space: SpaceId,
    until: Moment,
}

/// Places spaces on cells.
#[derive(Debug)]
pub struct CellManagerRole {
    config: CellManagerConfig,
    cells: BTreeMap<Address, CellState>,
    placed: BTreeMap<SpaceId, Placed>,
    questions: Vec<Question>,
    book: CallBook<Infallible, Infallible>,
    counters: Counters,
    gather_until: Moment,
    next_wake: Moment,
    next_report: Moment,
}

impl CellManagerRole {
    /// A manager that has not heard of any cell.
    #[must_use]
    pub fn new(config: CellManagerConfig) -> Self {
        let placed = config.spaces.iter().map(|space| (*space, Placed::default())).collect();
        Self {
            config,
            cells: BTreeMap::new(),
            placed,
            questions: Vec::new(),
            book: CallBook::default(),
            counters: Counters::default(),
            gather_until: Moment::NEVER,
            next_wake: Moment::NEVER,
            next_report: Moment::NEVER,
        }
    }

    fn take_report(&mut self, now: Now, load: Load) {
        let cell = load.cell;
        for space in &load.spaces {
            let Some(placed) = self.placed.get_mut(space) else { continue };
            match placed.cell {
                Some(other) if other != cell => self.counters.count("spaces_held_twice"),
                // A manager that begins anew learns from the reports what is placed already.
                _ => (placed.cell, placed.open) = (Some(cell), true),
            }
        }
        self.cells.insert(cell, CellState { load, heard: now.at });
        self.place_spaces(now);
        self.answer_questions(now);
    }

    fn ask(&mut self, now: Now, from: CallRef, space: SpaceId) {
        let refusal = match self.placed.get(&space) {
            None => Refusal::new(Code::Unavailable, format!("there is no space {space}")),
            Some(Placed { cell: Some(cell), open: true, .. }) => return self.book.answer(from, Ok(Reply::Cell(*cell))),
            Some(_) if self.questions.len() >= QUESTIONS_MAX => Code::Busy.into(),
            Some(_) => {
                let until = now.at + Duration::from_millis(self.config.limits.call_deadline_ms);
                return self.questions.push(Question { from, space, until });
            }
        };
        self.book.answer(from, Err::<Reply, _>(refusal));
    }

    /// Answers those whose space is open; those that waited too long are refused.
    fn answer_questions(&mut self, now: Now) {
        let Self { questions, placed, book, .. } = self;
        questions.retain(|question| {
            let answer = match placed.get(&question.space) {
                Some(Placed { cell: Some(cell), open: true, .. }) => Ok(Reply::Cell(*cell)),
                _ if question.until <= now.at => {
                    Err(Refusal::new(Code::Unavailable, format!("space {} is not open on any cell", question.space)))
                }
                _ => return true,
            };
            book.answer(question.from, answer);
            false
        });
    }

    fn forget_silent_cells(&mut self, now: Now) {
        let silent = |cell: &CellState| now.at.since(cell.heard) > SILENCE_MAX;
        let gone: Vec<Address> =
            self.cells.iter().filter(|(_, cell)| silent(cell)).map(|(address, _)| *address).collect();
        for address in gone {
            tracing::warn!(cell = %address, "a cell is silent: its spaces are placed anew");
            self.cells.remove(&address);
            self.counters.count("cells_lost");
            for placed in self.placed.values_mut().filter(|placed| placed.cell == Some(address)) {
                *placed = Placed::default();
            }
        }
    }

    fn place_spaces(&mut self, now: Now) {
        let expected = self.config.cells_expected as usize;
        if self.cells.is_empty() || (self.cells.len() < expected && now.at < self.gather_until) {
            return;
        }
        let unplaced: Vec<SpaceId> =
            self.placed.iter().filter(|(_, placed)| placed.cell.is_none()).map(|(space, _)| *space).collect();
        for space in unplaced {
            if let Some(cell) = self.least_loaded() {
                self.placed.insert(space, Placed { cell: Some(cell), open: false, told: now.at });
                self.counters.count("spaces_placed");
                self.book.notice(cell, cell::Request::OpenSpace { space });
            }
        }
        self.tell_again(now);
    }

    fn least_loaded(&self) -> Option<Address> {
        let spaces_on = |cell: Address| self.placed.values().filter(|placed| placed.cell == Some(cell)).count();
        let rank = |cell: &&CellState| {
            (
                spaces_on(cell.load.cell),
                (cell.load.busy.clamp(0.0, 1.0) * 1000.0) as u32,
                cell.load.entities,
                cell.load.cell,
            )
        };
        self.cells.values().min_by_key(rank).map(|cell| cell.load.cell)
    }

    /// A notice can be lost: whoever has not opened its space is told again.
    fn tell_again(&mut self, now: Now) {
        for (space, placed) in &mut self.placed {
            let Some(cell) = placed.cell.filter(|_| !placed.open) else { continue };
            if now.at.since(placed.told) >= REPEAT_PERIOD {
                placed.told = now.at;
                self.book.notice(cell, cell::Request::OpenSpace { space: *space });
            }
        }
    }

    fn wake(&mut self, now: Now) {
        if now.at < self.next_wake {
            return;
        }
        self.next_wake = now.at + WAKE_PERIOD;
        self.forget_silent_cells(now);
        self.place_spaces(now);
        self.answer_questions(now);
        if now.at >= self.next_report {
            self.next_report = now.at + REPORT_PERIOD;
            self.report();
        }
    }

    fn report(&mut self) {
        let open = self.placed.values().filter(|placed| placed.open).count();
        self.counters.set("cells", self.cells.len() as f64);
        self.counters.set("spaces", self.placed.len() as f64);
        self.counters.set("spaces_open", open as f64);
        self.counters.set("questions_waiting", self.questions.len() as f64);
        let report = Report {
            from: self.config.address,
            state: "running".to_owned(),
            numbers: self.counters.to_numbers(),
            tick_us: Vec::new(),
        };
        self.book.notice(RoleKind::Console, console::Request::Report(report));
    }
}

impl Role for CellManagerRole {
    type In = Infallible;
    type Out = Infallible;

    fn handle(&mut self, now: Now, input: Input<Infallible>) {
        match input {
            Input::Start => {
                self.gather_until = now.at + GATHER_TIME;
                self.next_wake = now.at + WAKE_PERIOD;
                self.next_report = now.at + REPORT_PERIOD;
            }
            Input::Call { from, request: Request::CellManager(Asked::Find { space }) } => self.ask(now, from, space),
            Input::Call { from, .. } => self.book.answer(from, Err::<Reply, _>(Code::MethodUnknown.into())),
            Input::Notice { request: Request::CellManager(Asked::Report(load)), .. } => self.take_report(now, load),
            Input::Notice { .. } => self.counters.count("misdirected_notices"),
            Input::Answer { call, .. } => {
                self.book.close(call);
            }
            Input::Frame { .. } | Input::Credit { .. } | Input::LinkDown { .. } | Input::Wake => {}
            Input::External(never) => match never {},
            Input::Drain => {
                for question in std::mem::take(&mut self.questions) {
                    self.book.answer(question.from, Err::<Reply, _>(Code::ServerStopping.into()));
                }
                self.book.drained();
            }
        }
        self.wake(now);
    }

    fn poll_output(&mut self) -> Option<Output<Infallible>> {
        self.book.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        (self.next_wake != Moment::NEVER).then_some(self.next_wake)
    }
}
