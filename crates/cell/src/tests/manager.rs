//! The cell-manager places spaces.

use std::time::Duration;

use kuafu_contract::cell_manager::{Load, Reply, Request as Asked};
use kuafu_contract::{Address, CallId, Reply as AnyReply, Request, RoleKind, cell};
use kuafu_core::{Code, Incarnation, Limits, Moment, Now, SpaceId};
use kuafu_node::{CallRef, Input, Output, Role};

use super::rig::base;
use crate::{CellManagerConfig, CellManagerRole};

struct Rig {
    manager: CellManagerRole,
    now: Now,
    /// Which cell was told to open which space.
    told: Vec<(u32, u32)>,
    answers: Vec<(u64, Result<Address, Code>)>,
}

fn cell_no(n: u32) -> Address {
    Address { role: RoleKind::Cell, incarnation: Incarnation(n) }
}

impl Rig {
    fn new(cells_expected: u32, spaces: u32) -> Self {
        let config = CellManagerConfig {
            address: Address { role: RoleKind::CellManager, incarnation: Incarnation(50) },
            limits: Limits::default(),
            spaces: (1..=spaces).map(SpaceId).collect(),
            cells_expected,
        };
        let mut rig =
            Self { manager: CellManagerRole::new(config), now: Now::default(), told: vec![], answers: vec![] };
        rig.input(Input::Start);
        rig
    }

    fn input(&mut self, input: Input<std::convert::Infallible>) {
        self.manager.handle(self.now, input);
        while let Some(output) = self.manager.poll_output() {
            match output {
                Output::Notice {
                    to: kuafu_contract::Target::At(to),
                    request: Request::Cell(cell::Request::OpenSpace { space }),
                } => self.told.push((to.incarnation.0, space.0)),
                Output::Answer { to, result } => {
                    let result = result.map_err(|refusal| refusal.code).map(|reply| match reply {
                        AnyReply::CellManager(Reply::Cell(address)) => address,
                        other => panic!("{other:?}"),
                    });
                    self.answers.push((to.call.0, result));
                }
                _ => {}
            }
        }
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now.at + time;
        while self.now.at < until {
            self.now.at = self.now.at + Duration::from_millis(100);
            self.input(Input::Wake);
        }
    }

    fn report(&mut self, n: u32, spaces: &[u32]) {
        let load =
            Load { cell: cell_no(n), spaces: spaces.iter().copied().map(SpaceId).collect(), entities: 0, busy: 0.1 };
        self.input(Input::Notice { from: cell_no(n), request: Asked::Report(load).into() });
    }

    fn find(&mut self, call: u64, space: u32) {
        let from = CallRef { from: base(1), call: CallId(call) };
        self.input(Input::Call { from, request: Asked::Find { space: SpaceId(space) }.into() });
    }
}

#[test]
fn spaces_are_spread_over_cells_once_all_have_reported() {
    let mut rig = Rig::new(2, 4);
    rig.report(1, &[]);
    assert!(rig.told.is_empty());
    rig.report(2, &[]);
    assert_eq!(rig.told, [(1, 1), (2, 2), (1, 3), (2, 4)]);
}

#[test]
fn placing_does_not_wait_for_ever_for_a_cell_that_does_not_come() {
    let mut rig = Rig::new(2, 1);
    rig.report(1, &[]);
    rig.wait(Duration::from_millis(2_500));
    assert_eq!(rig.told, [(1, 1)]);
}

#[test]
fn a_question_is_answered_when_the_space_is_open() {
    let mut rig = Rig::new(1, 2);
    rig.find(1, 1);
    rig.find(2, 9);
    assert_eq!(rig.answers, [(2, Err(Code::Unavailable))]);
    rig.report(1, &[]);
    assert_eq!(rig.answers.len(), 1);
    rig.report(1, &[1]);
    rig.find(3, 1);
    assert_eq!(rig.answers[1..], [(1, Ok(cell_no(1))), (3, Ok(cell_no(1)))]);
    rig.find(4, 2);
    rig.wait(Duration::from_secs(2));
    rig.report(1, &[1]);
    rig.wait(Duration::from_secs(2));
    rig.report(1, &[1]);
    rig.wait(Duration::from_millis(1500));
    assert_eq!(rig.answers[3..], [(4, Err(Code::Unavailable))], "not for ever");
    assert!(rig.told.iter().filter(|told| **told == (1, 2)).count() > 1, "it was told again");
}

#[test]
fn the_spaces_of_a_silent_cell_go_to_another() {
    let mut rig = Rig::new(2, 2);
    rig.report(1, &[]);
    rig.report(2, &[]);
    rig.report(1, &[1]);
    rig.report(2, &[2]);
    rig.told.clear();
    for _ in 0..4 {
        rig.wait(Duration::from_secs(1));
        rig.report(2, &[2]);
    }
    assert_eq!(rig.told, [(2, 1)]);
    rig.find(1, 1);
    assert!(rig.answers.is_empty());
    rig.report(2, &[1, 2]);
    assert_eq!(rig.answers, [(1, Ok(cell_no(2)))]);
}

#[test]
fn a_manager_that_begins_anew_learns_what_is_placed() {
    let mut rig = Rig::new(2, 2);
    rig.report(2, &[1]);
    rig.report(1, &[]);
    assert_eq!(rig.told, [(1, 2)]);
    assert_eq!(rig.now.at, Moment(0));
}
