//! Looking for entities in the whole realm, loading and creating them on the least loaded base.
//!
//! The db says which record is meant and who owns it; its owner says which entity that is; what nobody owns is loaded
//! where the base-manager says. Between those steps all can change, so a search that finds the world different begins
//! again, within a bound of time. Two that load the same record meet at the db: one owns it, the other finds it there.

use std::collections::BTreeMap;
use std::time::Duration;

use kuafu_contract::base::Creation;
use kuafu_contract::db::{self, Found, Place};
use kuafu_contract::{Address, Outcome, Reply, RoleKind, base, base_manager};
use kuafu_core::{Code, EntityId, Moment, RecordId, Refusal, TypeNo, Value};
use kuafu_logic::{AwaitId, Failure, World};
use kuafu_node::CallRef;

use super::DirectoryCall;
use crate::entities::Phase;
use crate::role::{BaseRole, Purpose};

/// How long a search waits before it begins again.
const AGAIN_AFTER: Duration = Duration::from_millis(150);

/// Who wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    Nobody,
    Await(AwaitId),
    Call(CallRef),
}

impl Asker {
    pub(crate) fn of(awaiting: Option<AwaitId>) -> Self {
        awaiting.map_or(Self::Nobody, Self::Await)
    }
}

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) enum Goal {
    /// The entity, wherever it lives.
    Find { ty: TypeNo, by: db::FindBy, load: bool },
    /// This record, loaded here.
    Load { ty: TypeNo, record: RecordId },
    /// A new entity.
    Create(Creation),
    /// The entity of a global type, here.
    Global { ty: TypeNo },
}

/// What it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The db: which record is it?
    Finding,
    /// Its owner: which entity is it?
    Seeking,
    /// The base-manager: where is this record to be loaded, or the new entity created?
    Placing(Option<RecordId>),
    /// Another base does it.
    Remote,
    /// An entity here comes to life.
    Living(EntityId),
    /// It begins again then.
    Again(Moment),
}

#[derive(Debug)]
struct Search {
    asker: Asker,
    goal: Goal,
    step: Step,
    until: Moment,
}

/// All searches.
#[derive(Debug, Default)]
pub(crate) struct Searches {
    open: BTreeMap<u64, Search>,
    last: u64,
    /// Those that wait for an entity here.
    living: Vec<u64>,
    /// Those that begin again.
    resting: Vec<u64>,
}

/// How a search ends: an entity, none, a refusal, or `Err(None)` when nobody knows.
type Ending = Result<Option<EntityId>, Option<Refusal>>;

impl BaseRole {
    /// Begins a search.
    pub(crate) fn search(&mut self, asker: Asker, goal: Goal) {
        if self.directory.searches.open.len() >= self.config.limits.lookups_in_flight_max as usize {
            self.counters.count("searches_busy");
            let text = "too many entities are being looked for (lookups_in_flight_max)";
            return self.tell_asker(asker, Err(Some(Refusal::new(Code::Busy, text))));
        }
        let until = self.now.at + Duration::from_millis(self.config.limits.call_deadline_ms);
        let searches = &mut self.directory.searches;
        searches.last += 1;
        let no = searches.last;
        searches.open.insert(no, Search { asker, goal, step: Step::Finding, until });
        self.counters.count("searches");
        self.begin_search(no);
    }

    fn begin_search(&mut self, no: u64) {
        let Some(goal) = self.directory.searches.open.get(&no).map(|search| search.goal.clone()) else { return };
        match goal {
            Goal::Find { ty, by: db::FindBy::Record(record), .. } if self.living(ty, record).is_some() => {
                self.end_search(no, Ok(self.living(ty, record)));
            }
            Goal::Find { ty, by, .. } => self.ask_db(no, ty, by),
            Goal::Load { ty, record } => self.load_here(no, ty, record),
            Goal::Create(creation) if creation.anywhere => self.ask_place(no, None),
            Goal::Create(creation) => self.create_here(no, creation),
            Goal::Global { ty } => self.begin_global(no, ty),
        }
    }

    fn living(&self, ty: TypeNo, record: RecordId) -> Option<EntityId> {
        let entity = self.entities.get(self.entities.of_record(ty, record)?)?;
        (entity.phase == Phase::Live).then_some(entity.id)
    }

    fn begin_global(&mut self, no: u64, ty: TypeNo) {
        let living = self.entities.iter().find(|entity| entity.ty.no == ty && !entity.is_leaving());
        let living = living.map(|entity| entity.id);
        let Some(definition) = self.config.definitions.get(ty) else {
            return self.end_search(no, Err(Some(Code::ArgumentInvalid.into())));
        };
        let is_persistent = definition.is_persistent();
        match living {
            Some(id) => self.wait_for_life(no, id),
            None if is_persistent => self.ask_db(no, ty, db::FindBy::Any),
            None => self.create_global(no, ty, false),
        }
    }

    fn create_global(&mut self, no: u64, ty: TypeNo, persistent: bool) {
        self.create_here(no, Creation { ty, values: Vec::new(), place: None, persistent, anywhere: false });
    }

    fn ask_db(&mut self, no: u64, ty: TypeNo, by: db::FindBy) {
        self.set_step(no, Step::Finding);
        self.book.call(RoleKind::Db, db::Request::Find { ty, by }, Purpose::Directory(DirectoryCall::Search(no)));
    }

    fn ask_place(&mut self, no: u64, record: Option<RecordId>) {
        self.set_step(no, Step::Placing(record));
        let purpose = Purpose::Directory(DirectoryCall::Search(no));
        self.book.call(RoleKind::BaseManager, base_manager::Request::PlaceEntity, purpose);
    }

    fn ask_base(&mut self, no: u64, base: Address, step: Step, request: base::Request) {
        self.set_step(no, step);
        self.book.call(base, request, Purpose::Directory(DirectoryCall::Search(no)));
    }

    fn set_step(&mut self, no: u64, step: Step) {
        if let Some(search) = self.directory.searches.open.get_mut(&no) {
            search.step = step;
        }
    }

    /// Whoever was asked has answered.
    pub(crate) fn search_answered(&mut self, no: u64, outcome: Outcome) {
        let Some(search) = self.directory.searches.open.get(&no) else { return };
        let (step, goal) = (search.step, search.goal.clone());
        let reply = match outcome {
            Outcome::Value(reply) => reply,
            Outcome::Refused(refusal) if refusal.code == Code::RecordUnknown => return self.end_search(no, Ok(None)),
            // The owner is gone, or it changed hands, or it is on its way: the db knows more in a moment.
            Outcome::Refused(refusal) if matches!(refusal.code, Code::Owned | Code::Unavailable | Code::Busy) => {
                return self.search_again(no, refusal);
            }
            Outcome::Refused(refusal) => return self.end_search(no, Err(Some(refusal))),
            Outcome::Unknown => return self.end_search(no, Err(None)),
        };
        match (step, reply, goal) {
            (Step::Finding, Reply::Db(db::Reply::Found(found)), goal) => self.record_found(no, found, goal),
            (Step::Placing(record), Reply::BaseManager(base_manager::Reply::Place(base)), goal) => {
                self.placed(no, base, record, goal);
            }
            (Step::Placing(_), Reply::BaseManager(base_manager::Reply::Full), _) => {
                self.search_again(no, Refusal::new(Code::Unavailable, "there is no base for it"));
            }
            (Step::Seeking, Reply::Base(base::Reply::Entity(id)), _) if id.is_none() => {
                self.search_again(no, Refusal::new(Code::Busy, "the entity is being moved; try again shortly"));
            }
            (_, Reply::Base(base::Reply::Entity(id)), _) => self.end_search(no, Ok(Some(id))),
            (_, other, _) => {
                tracing::error!(?other, ?step, "an answer that a search does not expect");
                self.end_search(no, Err(Some(Code::ServerFault.into())));
            }
        }
    }

    fn record_found(&mut self, no: u64, found: Option<Found>, goal: Goal) {
        let me = self.config.address;
        match (goal, found) {
            (Goal::Global { ty }, None) => self.create_global(no, ty, true),
            (Goal::Global { ty }, Some(Found { record, owner: None })) => self.load_here(no, ty, record),
            (Goal::Global { .. }, Some(_)) => self.end_search(no, Err(Some(Code::Owned.into()))),
            (_, None) => self.end_search(no, Ok(None)),
            (Goal::Find { ty, .. }, Some(Found { record, .. })) if self.entities.of_record(ty, record).is_some() => {
                self.load_here(no, ty, record);
            }
            (Goal::Find { .. }, Some(Found { owner: Some(owner), .. })) if owner == me.incarnation => {
                self.search_again(no, Code::Busy.into());
            }
            (Goal::Find { ty, .. }, Some(Found { record, owner: Some(owner) })) => {
                let base = Address { role: RoleKind::Base, incarnation: owner };
                self.ask_base(no, base, Step::Seeking, base::Request::Seek { ty, record });
            }
            // A player's entity comes with its player: loaded without one it would stand in the login's way.
            (Goal::Find { ty, load, .. }, Some(Found { record, .. })) => {
                if load && ty != self.config.game.role_type {
                    self.ask_place(no, Some(record));
                } else {
                    self.end_search(no, Ok(None));
                }
            }
            (Goal::Load { .. } | Goal::Create(_), Some(_)) => self.end_search(no, Err(Some(Code::ServerFault.into()))),
        }
    }

    fn placed(&mut self, no: u64, base: Address, record: Option<RecordId>, goal: Goal) {
        let is_here = base == self.config.address;
        match (goal, record) {
            (Goal::Create(creation), _) => {
                let creation = Creation { anywhere: false, ..creation };
                if is_here {
                    self.create_here(no, creation);
                } else {
                    self.ask_base(no, base, Step::Remote, base::Request::Create(creation));
                }
            }
            (Goal::Find { ty, .. }, Some(record)) if is_here => self.load_here(no, ty, record),
            (Goal::Find { ty, .. }, Some(record)) => {
                self.ask_base(no, base, Step::Remote, base::Request::Load { ty, record });
            }
            _ => self.end_search(no, Err(Some(Code::ServerFault.into()))),
        }
    }

    fn load_here(&mut self, no: u64, ty: TypeNo, record: RecordId) {
        if self.draining {
            return self.end_search(no, Err(Some(Code::ServerStopping.into())));
        }
        let here = self.entities.of_record(ty, record).and_then(|id| self.entities.get(id));
        match here.map(|entity| (entity.id, entity.is_leaving())) {
            Some((_, true)) => self.search_again(no, Code::Owned.into()),
            Some((id, false)) => self.wait_for_life(no, id),
            None if ty == self.config.game.role_type => self.end_search(no, Err(Some(Code::NotAllowed.into()))),
            None => match self.claim(ty, record, None) {
                Some(id) => self.wait_for_life(no, id),
                None => self.end_search(no, Err(Some(Code::Busy.into()))),
            },
        }
    }

    fn create_here(&mut self, no: u64, creation: Creation) {
        let Creation { ty, values, place, persistent, .. } = creation;
        if self.draining {
            return self.end_search(no, Err(Some(Code::ServerStopping.into())));
        }
        let has_base = self.config.definitions.get(ty).is_some_and(|ty| ty.parts.base);
        let Some(id) = self.ids.draw_id().filter(|_| has_base) else {
            return self.end_search(no, Err(Some(Code::NotAllowed.into())));
        };
        let place = place.and_then(|(space, position, yaw)| {
            let (name, _) = self.config.game.spaces.iter().find(|(_, id)| **id == space)?;
            Some(Place { space: name.clone(), position, yaw })
        });
        self.create_entity(id, ty, values, place, persistent);
        self.wait_for_life(no, id);
    }

    fn wait_for_life(&mut self, no: u64, id: EntityId) {
        self.set_step(no, Step::Living(id));
        self.directory.searches.living.push(no);
    }

    /// Begins again in a moment; ends with the refusal when its time is over, or when it was another base's step.
    fn search_again(&mut self, no: u64, refusal: Refusal) {
        let again = self.now.at + AGAIN_AFTER;
        let Some(search) = self.directory.searches.open.get_mut(&no) else { return };
        if again > search.until || !matches!(search.goal, Goal::Find { .. }) {
            return self.end_search(no, Err(Some(refusal)));
        }
        search.step = Step::Again(again);
        self.directory.searches.resting.push(no);
        self.counters.count("searches_repeated");
    }

    /// What waited for an entity here to come to life, or to begin again.
    pub(crate) fn searches_due(&mut self) {
        let now = self.now.at;
        for no in std::mem::take(&mut self.directory.searches.living) {
            let Some(Step::Living(id)) = self.directory.searches.open.get(&no).map(|search| search.step) else {
                continue;
            };
            match self.entities.get(id).map(|entity| entity.phase) {
                Some(Phase::Claiming) => self.directory.searches.living.push(no),
                Some(_) => self.end_search(no, Ok(Some(id))),
                None => self.search_again(no, Code::Owned.into()),
            }
            self.settle();
        }
        for no in std::mem::take(&mut self.directory.searches.resting) {
            match self.directory.searches.open.get(&no).map(|search| search.step) {
                Some(Step::Again(at)) if at <= now => self.begin_search(no),
                Some(Step::Again(_)) => self.directory.searches.resting.push(no),
                _ => {}
            }
        }
    }

    fn end_search(&mut self, no: u64, found: Ending) {
        let Some(search) = self.directory.searches.open.remove(&no) else { return };
        if let (Goal::Global { .. }, Ok(Some(_))) = (&search.goal, &found) {
            self.claim_globals();
        }
        self.tell_asker(search.asker, found);
    }

    fn tell_asker(&mut self, asker: Asker, found: Ending) {
        match asker {
            Asker::Nobody => {}
            Asker::Await(awaiting) => {
                let outcome = found
                    .map(|id| id.map_or(Value::Nil, Value::Entity))
                    .map_err(|refusal| refusal.map_or(Failure::Unknown, Failure::Refused));
                self.host.resume(self.now, awaiting, outcome);
            }
            Asker::Call(from) => {
                let unknown = || Refusal::from(Code::DeadlinePassed);
                let answer = found.map(|id| base::Reply::Entity(id.unwrap_or_default()));
                self.book.answer(from, answer.map_err(|refusal| refusal.unwrap_or_else(unknown)));
            }
        }
    }
}
