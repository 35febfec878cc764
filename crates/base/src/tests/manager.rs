//! The base-manager as a role: where entities are placed, and how global entities come to be.

use std::time::Duration;

use kuafu_contract::base_manager::{Load, Reply as ManagerReply, Request as ManagerRequest};
use kuafu_contract::directory::Holder;
use kuafu_contract::{Address, CallId, Outcome, Reply, Request, RoleKind, Target, base};
use kuafu_core::{Code, EntityId, Incarnation, Moment, Now, Refusal, TypeNo, WallTime};
use kuafu_node::{CallRef, Input, Output, Role};

use crate::manager::{BaseManagerRole, GlobalType};

const MANAGER: Address = Address { role: RoleKind::BaseManager, incarnation: Incarnation(3) };
const HALL: TypeNo = TypeNo(9);

fn base(number: u32) -> Address {
    Address { role: RoleKind::Base, incarnation: Incarnation(number) }
}

/// The role, its clock, and the bases that report to it.
struct Bench {
    role: BaseManagerRole,
    now: Now,
    loads: Vec<(Address, u32)>,
    calls: Vec<(CallId, Target, Request)>,
    answers: Vec<Result<Reply, Refusal>>,
    asked: u64,
}

impl Bench {
    fn new(loads: &[(Address, u32)]) -> Self {
        let globals = vec![GlobalType { ty: HALL, name: "hall".into() }];
        let mut bench = Self {
            role: BaseManagerRole::new(MANAGER).with_globals(globals),
            now: Now { at: Moment(1), wall: WallTime(0) },
            loads: loads.to_vec(),
            calls: Vec::new(),
            answers: Vec::new(),
            asked: 0,
        };
        bench.feed(Input::Start);
        bench
    }

    fn feed(&mut self, input: Input<()>) {
        self.role.handle(self.now, input);
        while let Some(output) = self.role.poll_output() {
            match output {
                Output::Call { call, to, request } => self.calls.push((call, to, request)),
                Output::Answer { result, .. } => self.answers.push(result),
                _ => {}
            }
        }
    }

    fn notice(&mut self, from: Address, request: ManagerRequest) {
        self.feed(Input::Notice { from, request: request.into() });
    }

    fn pass(&mut self, seconds: u32) {
        for _ in 0..seconds * 4 {
            self.now.at = self.now.at + Duration::from_millis(250);
            for (from, entities) in self.loads.clone() {
                let load = Load { base: from, players: 0, players_max: 10, entities, busy: 0.0, draining: false };
                self.notice(from, ManagerRequest::Report(load));
                self.notice(from, ManagerRequest::Follow { by: from, manager: Some(MANAGER), number: 0 });
            }
            self.feed(Input::Wake);
        }
    }

    fn ask(&mut self, from: Address, request: ManagerRequest) -> Result<Reply, Refusal> {
        self.asked += 1;
        let from = CallRef { from, call: CallId(self.asked) };
        self.feed(Input::Call { from, request: request.into() });
        self.answers.pop().expect("it answers at once")
    }

    fn place(&mut self) -> Address {
        match self.ask(base(1), ManagerRequest::PlaceEntity) {
            Ok(Reply::BaseManager(ManagerReply::Place(base))) => base,
            other => panic!("{other:?}"),
        }
    }

    /// The base that was told last to make the hall.
    fn told(&mut self) -> Option<(CallId, Address)> {
        self.calls.pop().map(|(call, to, request)| {
            assert_eq!(request, base::Request::MakeGlobal { ty: HALL }.into());
            let Target::At(to) = to else { panic!("{to:?}") };
            (call, to)
        })
    }

    fn claim(&mut self, home: Address) -> Result<Reply, Refusal> {
        let holder = Holder { entity: EntityId::new(home.incarnation, 1), ty: HALL, home };
        self.ask(home, ManagerRequest::Claim { name: "hall".into(), holder })
    }
}

#[test]
fn entities_go_where_there_are_fewest_also_before_that_is_reported() {
    let mut bench = Bench::new(&[(base(1), 5), (base(2), 3)]);
    bench.role = BaseManagerRole::new(MANAGER);
    bench.pass(1);
    let placed: Vec<Address> = (0..6).map(|_| bench.place()).collect();
    assert_eq!(placed.iter().filter(|to| **to == base(1)).count(), 2, "{placed:?}");
    assert_eq!(placed[..2], [base(2), base(2)]);
}

#[test]
fn without_a_base_there_is_no_place() {
    let mut bench = Bench::new(&[]);
    assert_eq!(bench.ask(base(1), ManagerRequest::PlaceEntity), Ok(ManagerReply::Full.into()));
}

#[test]
fn a_global_entity_is_made_once_on_the_least_loaded_base_after_all_were_heard() {
    let mut bench = Bench::new(&[(base(1), 5), (base(2), 3)]);
    bench.pass(1);
    assert_eq!(bench.told(), None, "somebody may have it, and has not said so yet");
    bench.pass(1);
    let (call, to) = bench.told().expect("it is made");
    assert_eq!(to, base(2));
    bench.claim(to).expect("the name is free");
    bench.feed(Input::Answer { call, outcome: Outcome::Value(base::Reply::Entity(EntityId(1)).into()) });
    bench.pass(20);
    assert_eq!(bench.told(), None);
}

#[test]
fn a_global_entity_that_could_not_be_made_is_tried_again() {
    let mut bench = Bench::new(&[(base(1), 0)]);
    bench.pass(2);
    let (call, _) = bench.told().expect("it is made");
    bench.feed(Input::Answer { call, outcome: Outcome::Refused(Code::Owned.into()) });
    bench.pass(2);
    let (call, _) = bench.told().expect("again");
    // It says that it did, but nobody claims the name: it died in between.
    bench.feed(Input::Answer { call, outcome: Outcome::Value(base::Reply::Entity(EntityId(1)).into()) });
    bench.pass(3);
    assert_eq!(bench.told(), None, "it gets its time");
    bench.pass(3);
    assert!(bench.told().is_some());
}

#[test]
fn when_its_base_dies_a_global_entity_is_made_elsewhere() {
    let mut bench = Bench::new(&[(base(1), 9), (base(2), 0)]);
    bench.pass(2);
    let (call, to) = bench.told().expect("it is made");
    bench.claim(to).expect("the name is free");
    bench.feed(Input::Answer { call, outcome: Outcome::Value(base::Reply::Entity(EntityId(1)).into()) });
    bench.loads = vec![(base(1), 9)];
    bench.pass(3);
    assert_eq!(bench.told(), None, "it may only be slow");
    bench.pass(3);
    assert_eq!(bench.told().expect("it is made again").1, base(1));
}

#[test]
fn only_the_entity_of_its_type_can_hold_a_global_types_name() {
    let mut bench = Bench::new(&[(base(1), 0)]);
    bench.pass(2);
    let other = Holder { entity: EntityId(5), ty: TypeNo(1), home: base(1) };
    let refused = bench.ask(base(1), ManagerRequest::Claim { name: "hall".into(), holder: other });
    assert_eq!(refused.map_err(|refusal| refusal.code), Err(Code::NameTaken));
    assert!(bench.claim(base(1)).is_ok());
}
