//! How lives begin: once, and not without what logic gives at the beginning, whoever dies meanwhile.

use kuafu_contract::db::{Place, Write};
use kuafu_contract::link::Event;
use kuafu_contract::{Request, db};
use kuafu_core::{EntityId, Epoch, RecordId};
use kuafu_logic::World;

use super::bench::{Bench, CELL, CELL_NEXT, conn};

const RECORD: RecordId = RecordId(1_000_007);

/// In the game, as the db told of its beginnings.
fn come_in(created: bool, cell_created: bool) -> (Bench, EntityId) {
    let mut bench = Bench::new();
    let token = bench.admit(7, 1);
    bench.attach(conn(1), token);
    let record = db::Record { record: RECORD, values: vec![], place: None };
    let claimed = db::Reply::Claimed { epoch: Epoch(1), record, created, cell_created };
    bench.reply(|request| matches!(request, Request::Db(db::Request::Claim { .. })), claimed);
    bench.reply(|request| matches!(request, Request::CellManager(_)), kuafu_contract::cell_manager::Reply::Cell(CELL));
    bench.pass_ms(20);
    let role = bench.base.config.game.role_type;
    let entity = bench.base.entities.of_record(role, RECORD).expect("it is in the game");
    (bench, entity)
}

/// The last cell part that a cell was told to make: its epoch, and whether it is loaded.
fn part_made(bench: &mut Bench, cell: kuafu_contract::Address) -> (u32, bool) {
    let made = bench.events_to(cell).into_iter().filter_map(|event| match event {
        Event::CreatePart { real_epoch, loaded, .. } => Some((real_epoch, loaded)),
        _ => None,
    });
    made.last().expect("a part is made")
}

fn backed_up(entity: EntityId, real_epoch: u32, token: u64) -> Event {
    let place = Place { space: "plaza".to_owned(), position: [1.0, 0.0, 2.0], yaw: 0.0 };
    Event::BackedUp { entity, real_epoch, token, values: vec![], place }
}

/// The token of the last request for a backup.
fn backup_asked(bench: &mut Bench) -> u64 {
    let asked = bench.events_to(CELL).into_iter().filter_map(|event| match event {
        Event::BackUp { token, .. } => Some(token),
        _ => None,
    });
    asked.last().expect("a backup is asked for")
}

/// Answers a commit of one save of a record; whether its cell part was in it.
fn save_done(bench: &mut Bench) -> bool {
    let is_commit = |request: &Request| matches!(request, Request::Db(db::Request::Commit { .. }));
    let request = bench.unanswered(is_commit);
    let Request::Db(db::Request::Commit { writes, .. }) = request else { panic!("no commit") };
    let [Write::Save { record: RECORD, with_cell, .. }] = writes[..] else { panic!("no save: {writes:?}") };
    bench.reply(is_commit, db::Reply::Committed { created: vec![], stale: vec![], refused: vec![] });
    with_cell
}

#[test]
fn a_record_that_was_never_saved_is_created_and_not_loaded() {
    let (mut bench, entity) = come_in(true, true);
    assert_eq!(bench.hooks(entity), ["on_create", "on_client_attached"]);
    assert_eq!(part_made(&mut bench, CELL), (1, false));
    assert!(!save_done(&mut bench), "the base part's beginning is saved at once, though logic gave nothing");
    bench.cell_says(vec![Event::PartCreated { entity, real_epoch: 1 }]);
    bench.pass_ms(20);
    let token = backup_asked(&mut bench);
    bench.cell_says(vec![backed_up(entity, 1, token)]);
    bench.pass_ms(20);
    assert!(save_done(&mut bench), "and the cell part's as soon as it is there");
}

#[test]
fn of_a_record_whose_cell_part_was_never_saved_only_that_is_created() {
    let (mut bench, entity) = come_in(false, true);
    assert_eq!(bench.hooks(entity), ["on_load", "on_client_attached"]);
    assert_eq!(part_made(&mut bench, CELL), (1, false));
    let (mut bench, entity) = come_in(false, false);
    assert_eq!(bench.hooks(entity), ["on_load", "on_client_attached"]);
    assert_eq!(part_made(&mut bench, CELL), (1, true));
}

#[test]
fn a_cell_part_is_created_anew_until_something_of_it_has_come() {
    let (mut bench, entity) = come_in(true, true);
    bench.cell_says(vec![Event::PartCreated { entity, real_epoch: 1 }]);
    bench.lose_cell();
    bench.pass_ms(50);
    assert_eq!(part_made(&mut bench, CELL_NEXT), (2, false), "it died with all that logic gave it");

    let (mut bench, entity) = come_in(true, true);
    bench.cell_says(vec![Event::PartCreated { entity, real_epoch: 1 }, backed_up(entity, 1, 0)]);
    bench.lose_cell();
    bench.pass_ms(50);
    assert_eq!(part_made(&mut bench, CELL_NEXT), (2, true), "it comes back from what was backed up");
}

#[test]
fn what_logic_creates_for_good_is_made_in_one_transaction_and_its_cell_part_saved_after() {
    let (mut bench, _) = come_in(false, false);
    bench.settle_db();
    let ty = bench.base.config.game.role_type;
    let thing = bench.base.ids.draw_id().expect("there are ids");
    bench.base.create_entity(thing, ty, vec![], None, true);
    bench.pass_ms(20);
    assert_eq!(bench.hooks(thing), ["on_create"]);
    let is_commit = |request: &Request| matches!(request, Request::Db(db::Request::Commit { .. }));
    let created = db::Reply::Committed { created: vec![RECORD], stale: vec![], refused: vec![] };
    bench.reply(is_commit, created);
    bench.events_to(CELL);
    bench.cell_says(vec![Event::PartCreated { entity: thing, real_epoch: 1 }]);
    bench.pass_ms(20);
    let token = backup_asked(&mut bench);
    bench.cell_says(vec![backed_up(thing, 1, token)]);
    bench.pass_ms(20);
    assert!(save_done(&mut bench));
}
