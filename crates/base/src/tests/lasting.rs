//! What lasts, when outcomes are unknown and one save follows another before it is done.

use kuafu_contract::db::Write;
use kuafu_contract::{Request, accounts, base, db};
use kuafu_core::{Code, Epoch, PropertyNo, RecordId, TypeNo, Value};
use kuafu_logic::World;
use kuafu_wire::{ClientMessage, ServerMessage};

use super::bench::{self, Bench, conn};
use super::logic::{BANK, GOLD};

fn is_claim(request: &Request) -> bool {
    matches!(request, Request::Db(db::Request::Claim { .. }))
}

fn is_release(request: &Request) -> bool {
    matches!(request, Request::Db(db::Request::Release { .. }))
}

fn is_commit(request: &Request) -> bool {
    matches!(request, Request::Db(db::Request::Commit { .. }))
}

fn committed(created: &[RecordId]) -> db::Reply {
    db::Reply::Committed { created: created.to_vec(), stale: vec![], refused: vec![] }
}

fn writes(request: Request) -> Vec<Write> {
    let Request::Db(db::Request::Commit { writes, .. }) = request else { panic!("no commit: {request:?}") };
    writes
}

fn commits_made(bench: &Bench) -> usize {
    bench.requests().iter().filter(|request| is_commit(request)).count()
}

/// In the game, and nothing is being saved.
fn settled() -> (Bench, kuafu_core::EntityId) {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    bench.settle_db();
    (bench, entity)
}

#[test]
fn a_claim_of_unknown_outcome_is_made_again_until_it_is_known() {
    let mut bench = Bench::new();
    let token = bench.admit(7, 1);
    bench.attach(conn(1), token);
    let first = bench.unknown(is_claim);
    bench.pass_ms(300);
    bench.refuse(is_claim, Code::StoreFailed);
    bench.pass_ms(300);
    assert_eq!(bench.requests().iter().filter(|request| **request == first).count(), 3);
    let record = db::Record { record: RecordId(1_000_007), values: vec![], place: None };
    bench.reply(is_claim, db::Reply::Claimed { epoch: Epoch(2), record, created: false, cell_created: false });
    assert!(bench.told(conn(1)).iter().any(|message| matches!(message, ServerMessage::Attached { .. })));
}

#[test]
fn a_claim_that_was_surely_not_done_ends_the_login() {
    let mut bench = Bench::new();
    let token = bench.admit(7, 1);
    bench.attach(conn(1), token);
    bench.refuse(is_claim, Code::StoreFailed);
    assert_eq!(bench.closed_with(conn(1)), Some(Code::StoreFailed));
}

#[test]
fn a_release_of_unknown_outcome_is_asked_for_again_and_a_kick_waits_for_it() {
    let (mut bench, _) = settled();
    let kick = base::Request::Kick { account: bench::account(7), epoch: Epoch(1), reason: Code::LoggedInElsewhere };
    let call = bench.ask(kick);
    bench.pass_ms(3_100);
    bench.unknown(is_release);
    bench.pass_ms(50);
    bench.refuse(is_release, Code::Busy);
    bench.pass_ms(300);
    assert_eq!(bench.answer_to(call), None);
    bench.reply(is_release, db::Reply::Released);
    assert_eq!(bench.answer_to(call), Some(Ok(base::Reply::Ended.into())));
}

#[test]
fn a_transaction_that_waits_saves_what_was_when_it_began() {
    let (mut bench, _) = settled();
    bench.call_own(conn(1), BANK, 1, Value::Int(5));
    bench.call_own(conn(1), BANK, 2, Value::Int(7));
    bench.call_own(conn(1), GOLD, 3, Value::Int(100));
    bench.pass_ms(1_100);
    for gold in [5, 12] {
        let commit = bench.unanswered(is_commit);
        let [Write::Save { values, .. }] = &writes(commit)[..] else { panic!("one save a transaction") };
        assert_eq!(*values, [(PropertyNo(1), Value::Int(gold))]);
        bench.reply(is_commit, committed(&[]));
        bench.pass_ms(20);
    }
}

#[test]
fn transactions_that_hold_what_a_refused_one_did_are_refused_with_it() {
    let (mut bench, _) = settled();
    let before = commits_made(&bench);
    bench.call_own(conn(1), BANK, 1, Value::Int(5));
    bench.call_own(conn(1), BANK, 2, Value::Int(7));
    bench.pass_ms(1_100);
    bench.refuse(is_commit, Code::Stale);
    bench.pass_ms(200);
    assert_eq!(commits_made(&bench), before + 1, "the second was never sent");
    let refused: Vec<_> = bench.told(conn(1)).iter().filter_map(bench::refused).collect();
    assert_eq!(refused, [(2, Code::Stale as u16), (1, Code::Stale as u16)], "the newest first");
}

#[test]
fn what_ends_while_its_record_is_made_is_deleted_with_the_save_that_ended_it() {
    let (mut bench, avatar) = settled();
    let purse = bench.base.ids.draw_id().expect("there are ids");
    bench.base.create_entity(purse, TypeNo(1), vec![], None, true);
    bench.pass_ms(20);
    let before = commits_made(&bench);
    bench.base.end_entity(purse, true);
    bench.base.saver.note_save(avatar, None);
    bench.pass_ms(1_100);
    assert_eq!(commits_made(&bench), before, "it waits for the creation");
    bench.reply(is_commit, committed(&[RecordId(77)]));
    bench.pass_ms(20);
    let writes = writes(bench.find(is_commit));
    assert!(writes.contains(&Write::Delete { ty: TypeNo(1), record: RecordId(77), epoch: Epoch(1) }), "{writes:?}");
    assert!(writes.iter().any(|write| matches!(write, Write::Save { .. })), "{writes:?}");
}

#[test]
fn what_ends_before_its_creation_is_sent_is_still_created_in_its_turn() {
    let (mut bench, avatar) = settled();
    bench.base.saver.note_save(avatar, None);
    bench.pass_ms(20);
    let purse = bench.base.ids.draw_id().expect("there are ids");
    bench.base.create_entity(purse, TypeNo(1), vec![(PropertyNo(1), Value::Int(9))], None, true);
    bench.base.saver.note_save(avatar, None);
    bench.pass_ms(20);
    bench.base.end_entity(purse, true);
    bench.base.saver.note_save(avatar, None);
    bench.pass_ms(1_100);
    bench.reply(is_commit, committed(&[]));
    bench.pass_ms(20);
    let creation = writes(bench.unanswered(is_commit));
    assert!(creation.iter().any(|write| matches!(write, Write::Create { .. })), "{creation:?}");
    bench.reply(is_commit, committed(&[RecordId(78)]));
    bench.pass_ms(20);
    let deletion = writes(bench.find(is_commit));
    assert!(deletion.contains(&Write::Delete { ty: TypeNo(1), record: RecordId(78), epoch: Epoch(1) }), "{deletion:?}");
}

#[test]
fn what_is_created_and_ended_by_one_input_never_reaches_the_database() {
    let (mut bench, _) = settled();
    let before = commits_made(&bench);
    let purse = bench.base.ids.draw_id().expect("there are ids");
    bench.base.create_entity(purse, TypeNo(1), vec![], None, true);
    bench.base.end_entity(purse, true);
    bench.pass_ms(1_100);
    assert_eq!(commits_made(&bench), before);
}

#[test]
fn a_session_that_may_have_been_placed_is_closed_with_the_older_one_that_plays_on() {
    let (mut bench, _) = settled();
    let token = bench.admit(7, 2);
    bench.greet(conn(2));
    bench.say(conn(2), ClientMessage::Attach { token });
    bench.unknown(|request| matches!(request, Request::Accounts(accounts::Request::PlaceSession { .. })));
    assert_eq!(bench.closed_with(conn(2)), Some(Code::Unavailable));
    bench.say(conn(1), ClientMessage::Bye);
    bench.pass_ms(3_100);
    bench.settle_db();
    for epoch in [Epoch(1), Epoch(2)] {
        let close = accounts::Request::CloseSession { account: bench::account(7), epoch };
        assert!(bench.requests().contains(&close.into()), "session {epoch}");
    }
}

#[test]
fn a_newer_arrival_turns_away_an_older_one_that_is_still_being_placed() {
    let mut bench = Bench::new();
    for (number, epoch) in [(1, 1), (2, 2)] {
        let token = bench.admit(7, epoch);
        bench.greet(conn(number));
        bench.say(conn(number), ClientMessage::Attach { token });
    }
    assert_eq!(bench.closed_with(conn(1)), Some(Code::LoggedInElsewhere));
    bench.close(conn(2));
    let is_place = |request: &Request| matches!(request, Request::Accounts(accounts::Request::PlaceSession { .. }));
    bench.reply(is_place, accounts::Reply::Placed);
    bench.reply(is_place, accounts::Reply::Placed);
    assert!(!bench.requests().iter().any(is_claim), "nobody comes in under a session that was closed");
}

#[test]
fn what_a_transaction_has_saved_is_not_archived_once_more() {
    let (mut bench, _) = settled();
    bench.call_own(conn(1), GOLD, 1, Value::Int(1));
    bench.call_own(conn(1), BANK, 2, Value::Int(1));
    bench.settle_db();
    let before = commits_made(&bench);
    bench.pass_ms(2 * bench.limits().archive_period_ms);
    assert_eq!(commits_made(&bench), before);
}

#[test]
fn a_transaction_is_sent_whole_though_one_of_its_entities_was_lost_meanwhile() {
    let (mut bench, avatar) = settled();
    let purse = bench.base.ids.draw_id().expect("there are ids");
    bench.base.create_entity(purse, TypeNo(1), vec![], None, true);
    bench.pass_ms(20);
    bench.base.end_entity(purse, true);
    bench.base.saver.note_save(avatar, None);
    bench.pass_ms(1_100);
    bench.base.lose_entity(avatar);
    bench.reply(is_commit, committed(&[RecordId(79)]));
    bench.pass_ms(20);
    let writes = writes(bench.find(is_commit));
    let of_avatar = |write: &Write| matches!(write, Write::Save { record: RecordId(1_000_007), epoch: Epoch(1), .. });
    assert!(writes.len() == 2 && writes.iter().any(of_avatar), "the db refuses all of it: {writes:?}");
}

#[test]
fn a_creation_goes_on_when_the_end_of_what_it_makes_is_refused() {
    let (mut bench, avatar) = settled();
    let purse = bench.base.ids.draw_id().expect("there are ids");
    // The avatar's save is on its way; the purse's creation waits behind another that is on its way too.
    let other = bench.base.ids.draw_id().expect("there are ids");
    bench.base.create_entity(other, TypeNo(1), vec![], None, true);
    bench.pass_ms(20);
    bench.base.saver.note_save(avatar, None);
    bench.pass_ms(1_100);
    bench.base.create_entity(purse, TypeNo(1), vec![], None, true);
    bench.base.saver.note_save(other, None);
    bench.pass_ms(20);
    bench.base.end_entity(purse, true);
    bench.base.saver.note_save(avatar, None);
    bench.pass_ms(1_100);
    let is_of_avatar = |request: &Request| {
        matches!(request, Request::Db(db::Request::Commit { writes, .. })
            if matches!(writes[..], [Write::Save { record: RecordId(1_000_007), .. }]))
    };
    bench.refuse(is_of_avatar, Code::Stale);
    bench.reply(is_commit, committed(&[RecordId(80)]));
    bench.pass_ms(20);
    let writes = writes(bench.find(is_commit));
    assert!(writes.iter().any(|write| matches!(write, Write::Create { .. })), "{writes:?}");
}

#[test]
fn a_save_that_the_db_leaves_out_of_a_batch_is_tried_again_with_a_later_one() {
    let (mut bench, avatar) = settled();
    let archive = bench.limits().archive_period_ms;
    bench.call_own(conn(1), GOLD, 1, Value::Int(4));
    bench.pass_ms(archive);
    let refused = vec![db::Refused { ty: TypeNo(1), record: RecordId(1_000_007), refusal: Code::NameTaken.into() }];
    let first = writes(bench.unanswered(is_commit));
    bench.reply(is_commit, db::Reply::Committed { created: vec![], stale: vec![], refused });
    assert!(bench.base.entities.get(avatar).is_some_and(|entity| entity.is_dirty() && !entity.in_flight));
    assert_eq!(bench.closed_with(conn(1)), None, "nobody else writes it");
    bench.pass_ms(archive);
    assert_eq!(writes(bench.find(is_commit)), first);
}

#[test]
fn items_that_one_input_changes_in_several_entities_are_saved_together_at_once() {
    let (mut bench, avatar) = settled();
    let other = bench.come_in(conn(2), 8, 1);
    bench.settle_db();
    let before = commits_made(&bench);
    bench.base.saver.note_items_changed(avatar);
    bench.pass_ms(1_200);
    assert_eq!(commits_made(&bench), before, "what one entity gets or loses alone is archived in its time");
    bench.base.saver.note_items_changed(avatar);
    bench.base.saver.note_items_changed(other);
    bench.pass_ms(1_200);
    let Request::Db(db::Request::Commit { whole, writes, .. }) = bench.find(is_commit) else { panic!("no commit") };
    let saved = writes.iter().map(|write| match write {
        Write::Save { record, .. } => record.0,
        other => panic!("no save: {other:?}"),
    });
    assert!(whole && saved.eq([1_000_007, 1_000_008]), "{writes:?}");
}

/// Answers the save of a record that leaves.
fn refuse_last_save(bench: &mut Bench, code: Code) {
    let refused = vec![db::Refused { ty: TypeNo(1), record: RecordId(1_000_007), refusal: code.into() }];
    bench.reply(is_commit, db::Reply::Committed { created: vec![], stale: vec![], refused });
}

#[test]
fn who_leaves_with_an_item_whose_former_holder_is_not_saved_yet_is_saved_when_that_is() {
    let (mut bench, _) = settled();
    bench.call_own(conn(1), GOLD, 1, Value::Int(4));
    bench.say(conn(1), ClientMessage::Bye);
    bench.pass_ms(3_100);
    let first = writes(bench.unanswered(is_commit));
    refuse_last_save(&mut bench, Code::ItemTaken);
    bench.pass_ms(900);
    assert!(!bench.requests().iter().any(is_release));
    bench.pass_ms(200);
    assert_eq!(writes(bench.unanswered(is_commit)), first);
    bench.reply(is_commit, committed(&[]));
    assert!(bench.requests().iter().any(is_release));
}

#[test]
fn who_leaves_with_what_the_database_never_takes_is_let_go_in_the_end() {
    let (mut bench, _) = settled();
    bench.call_own(conn(1), GOLD, 1, Value::Int(4));
    bench.say(conn(1), ClientMessage::Bye);
    bench.pass_ms(3_100);
    let mut times = 0;
    while !bench.requests().iter().any(is_release) {
        refuse_last_save(&mut bench, Code::ItemTaken);
        bench.pass_ms(1_050);
        times += 1;
    }
    assert!((25..35).contains(&times), "about once a second for an archive period, not {times} times");
    assert_eq!(bench.base.counters.get("saves_given_up"), 1.0);

    let (mut bench, _) = settled();
    bench.call_own(conn(1), GOLD, 1, Value::Int(4));
    bench.say(conn(1), ClientMessage::Bye);
    bench.pass_ms(3_100);
    refuse_last_save(&mut bench, Code::ArgumentInvalid);
    assert!(bench.requests().iter().any(is_release), "nothing will change about that");
}
