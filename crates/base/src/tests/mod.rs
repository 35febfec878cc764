//! The base as a value: inputs in, outputs out, no sockets and no clock.

mod bench;
mod births;
mod elsewhere;
mod inspect;
mod lasting;
mod logic;
mod manager;
mod release;

use kuafu_contract::link::{
    BlobKind, CallMethod, Event, LinkCall, LinkCaller, WitnessPart, WitnessView, WorldFrameWriter,
};
use kuafu_contract::{Request, accounts, base, cell_manager, db};
use kuafu_core::{Code, Epoch, RecordId, SpaceId, TypeNo, Value};
use kuafu_edge::EdgeCommand;
use kuafu_logic::World;
use kuafu_wire::message::CallOutcome;
use kuafu_wire::{ClientMessage, Frame, Message, ServerMessage};

use bench::{Bench, CELL, conn};
use logic::{BANK, GOLD};

#[test]
fn a_ticket_leads_to_a_claim_and_into_the_game() {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    assert_eq!(bench.hooks(entity), ["on_load", "on_client_attached"]);
    assert!(
        bench.told(conn(1)).iter().any(|message| matches!(message, ServerMessage::Attached { retaken: false, .. }))
    );
}

#[test]
fn a_ticket_is_good_once_and_not_for_ever() {
    let mut bench = Bench::new();
    let token = bench.admit(7, 1);
    bench.greet(conn(1));
    bench.say(conn(1), ClientMessage::Attach { token });
    bench.greet(conn(2));
    bench.say(conn(2), ClientMessage::Attach { token });
    assert_eq!(bench.closed_with(conn(2)), Some(Code::TicketInvalid));

    let late = bench.admit(8, 1);
    bench.pass_ms(bench.limits().ticket_ms_max + 100);
    bench.greet(conn(3));
    bench.say(conn(3), ClientMessage::Attach { token: late });
    assert_eq!(bench.closed_with(conn(3)), Some(Code::TicketInvalid));
    assert!(bench.requests().iter().any(|request| matches!(request,
        Request::Accounts(accounts::Request::CloseSession { account, .. }) if account.0 == 8)));
}

#[test]
fn what_logic_gave_a_new_player_is_saved_at_once_and_again_with_its_cell_part() {
    let mut bench = Bench::new();
    let token = bench.admit(7, 1);
    bench.attach(conn(1), token);
    let record = db::Record { record: RecordId(1_000_007), values: vec![], place: None };
    let claimed = db::Reply::Claimed { epoch: Epoch(1), record, created: true, cell_created: true };
    bench.reply(|request| matches!(request, Request::Db(db::Request::Claim { .. })), claimed);
    let is_save = |request: &Request| matches!(request, Request::Db(db::Request::Commit { .. }));
    bench.reply(is_save, db::Reply::Committed { created: vec![], stale: vec![], refused: vec![] });

    bench.reply(|request| matches!(request, Request::CellManager(_)), cell_manager::Reply::Cell(CELL));
    bench.pass_ms(20);
    let created = bench.events_to(CELL).into_iter().find_map(|event| match event {
        Event::CreatePart { entity, real_epoch, .. } => Some(Event::PartCreated { entity, real_epoch }),
        _ => None,
    });
    bench.cell_says(vec![created.expect("the cell part is made")]);
    bench.pass_ms(20);
    assert!(bench.events_to(CELL).iter().any(|event| matches!(event, Event::BackUp { .. })));
}

#[test]
fn what_a_new_player_was_given_is_told_once_with_the_entity() {
    let mut bench = Bench::new();
    let token = bench.admit(7, 1);
    bench.attach(conn(1), token);
    let record = db::Record { record: RecordId(1_000_007), values: vec![], place: None };
    let claimed = db::Reply::Claimed { epoch: Epoch(1), record, created: true, cell_created: true };
    bench.reply(|request| matches!(request, Request::Db(db::Request::Claim { .. })), claimed);
    let told = bench.told(conn(1));
    assert!(told.iter().any(|message| matches!(message, ServerMessage::Attached { .. })));
    assert!(!told.iter().any(|message| matches!(message, ServerMessage::Own { .. })), "{told:?}");
}

#[test]
fn a_second_login_takes_the_entity_and_the_first_is_told_why() {
    let mut bench = Bench::new();
    let first = bench.come_in(conn(1), 7, 1);
    let token = bench.admit(7, 2);
    bench.attach(conn(2), token);
    assert_eq!(bench.closed_with(conn(1)), Some(Code::LoggedInElsewhere));
    let attached = bench.told(conn(2)).into_iter().find_map(|message| match message {
        ServerMessage::Attached { entity, retaken, .. } => Some((entity, retaken)),
        _ => None,
    });
    assert_eq!(attached, Some((first, true)));
}

#[test]
fn a_session_that_is_no_longer_the_newest_is_turned_away() {
    let mut bench = Bench::new();
    let token = bench.admit(7, 1);
    bench.greet(conn(1));
    bench.say(conn(1), ClientMessage::Attach { token });
    bench.refuse(|request| matches!(request, Request::Accounts(accounts::Request::PlaceSession { .. })), Code::Stale);
    assert_eq!(bench.closed_with(conn(1)), Some(Code::LoggedInElsewhere));
}

#[test]
fn a_client_that_comes_back_within_the_grace_time_finds_its_entity() {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    let resume = bench.resume_token(conn(1));
    bench.close(conn(1));
    bench.pass_ms(1_000);
    bench.greet(conn(2));
    bench.say(conn(2), ClientMessage::Attach { token: resume });
    assert!(bench.told(conn(2)).iter().any(|m| matches!(m,
        ServerMessage::Attached { entity: again, retaken: true, .. } if *again == entity)));
    // The old token is of no use any more.
    bench.greet(conn(3));
    bench.say(conn(3), ClientMessage::Attach { token: resume });
    assert_eq!(bench.closed_with(conn(3)), Some(Code::TicketInvalid));
}

#[test]
fn after_the_grace_time_the_entity_is_saved_released_and_its_session_closed() {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    bench.call_own(conn(1), BANK, 1, Value::Int(5));
    bench.close(conn(1));
    bench.pass_ms(bench.limits().reconnect_grace_ms + 50);
    bench.cell_says(vec![Event::PartGone { entity, real_epoch: 1, forever: None }]);
    bench.settle_db();
    let requests = bench.requests();
    let saved = requests.iter().position(|r| matches!(r, Request::Db(db::Request::Commit { .. })));
    let released = requests.iter().position(|r| matches!(r, Request::Db(db::Request::Release { .. })));
    assert!(saved.is_some() && saved < released, "saved before it is released: {requests:?}");
    assert!(requests.iter().any(|r| matches!(r, Request::Accounts(accounts::Request::CloseSession { .. }))));
}

#[test]
fn a_kick_is_answered_when_nothing_of_the_session_is_left() {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    let kick = base::Request::Kick { account: bench::account(7), epoch: Epoch(1), reason: Code::LoggedInElsewhere };
    let call = bench.ask(kick);
    assert_eq!(bench.closed_with(conn(1)), Some(Code::LoggedInElsewhere));
    assert_eq!(bench.answer_to(call), None);
    bench.cell_says(vec![Event::PartGone { entity, real_epoch: 1, forever: None }]);
    bench.settle_db();
    assert_eq!(bench.answer_to(call), Some(Ok(base::Reply::Ended.into())));
}

#[test]
fn a_client_that_vanishes_while_it_is_placed_leaves_the_session_of_the_older_one_alone() {
    let mut bench = Bench::new();
    bench.come_in(conn(1), 7, 1);
    let token = bench.admit(7, 2);
    bench.greet(conn(2));
    bench.say(conn(2), ClientMessage::Attach { token });
    bench.close(conn(2));
    bench.reply(
        |request| matches!(request, Request::Accounts(accounts::Request::PlaceSession { .. })),
        accounts::Reply::Placed,
    );
    assert!(!bench.requests().iter().any(|r| matches!(r, Request::Accounts(accounts::Request::CloseSession { .. }))));
    assert_eq!(bench.closed_with(conn(1)), None);
}

#[test]
fn a_kick_turns_away_those_who_have_shown_their_tickets_and_are_not_in_yet() {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    bench.say(conn(1), ClientMessage::Bye);
    let token = bench.admit(7, 2);
    bench.attach(conn(2), token);
    let kick = base::Request::Kick { account: bench::account(7), epoch: Epoch(2), reason: Code::LoggedInElsewhere };
    let call = bench.ask(kick);
    assert_eq!(bench.closed_with(conn(2)), Some(Code::LoggedInElsewhere));
    bench.cell_says(vec![Event::PartGone { entity, real_epoch: 1, forever: None }]);
    bench.settle_db();
    assert_eq!(bench.answer_to(call), Some(Ok(base::Reply::Ended.into())));
    assert!(bench.base.entities.is_empty(), "nobody came in after the kick");
}

#[test]
fn a_record_that_cannot_be_had_lets_nobody_wait_for_its_end() {
    let mut bench = Bench::new();
    let token = bench.admit(7, 1);
    bench.attach(conn(1), token);
    let kick = base::Request::Kick { account: bench::account(7), epoch: Epoch(1), reason: Code::LoggedInElsewhere };
    let call = bench.ask(kick);
    assert_eq!(bench.answer_to(call), None);
    bench.refuse(|request| matches!(request, Request::Db(db::Request::Claim { .. })), Code::Owned);
    assert_eq!(bench.answer_to(call), Some(Ok(base::Reply::Ended.into())));
}

#[test]
fn a_drain_also_ends_what_comes_to_life_after_it_began() {
    let mut bench = Bench::new();
    let ty = bench.base.config.game.role_type;
    bench.base.autoload_from(ty, RecordId(0));
    bench.pass_ms(20);
    bench.drain();
    let later = bench.base.ids.draw_id().expect("there are ids left");
    bench.base.create_entity(later, ty, vec![], None, false);
    bench.reply(
        |request| matches!(request, Request::Db(db::Request::Autoload { .. })),
        db::Reply::Records(vec![RecordId(1_000_001)]),
    );
    bench.settle_db();
    bench.pass_ms(4_000);
    bench.settle_db();
    assert!(bench.is_drained(), "{} entities are left", bench.base.entities.len());
}

#[test]
fn a_call_is_answered_after_the_commit_and_its_change_is_told() {
    let mut bench = Bench::new();
    bench.come_in(conn(1), 7, 1);
    bench.call_own(conn(1), BANK, 9, Value::Int(5));
    bench.pass_ms(20);
    let before = bench.told(conn(1));
    assert!(!before.iter().any(|message| matches!(message, ServerMessage::Result { .. })), "not before the commit");
    bench.settle_db();
    bench.pass_ms(200);
    let after = bench.told(conn(1));
    assert!(
        after
            .iter()
            .any(|message| matches!(message, ServerMessage::Result { number: 9, outcome: CallOutcome::Value(_) })),
        "{after:?}"
    );
    assert!(before.iter().chain(&after).any(|message| matches!(message, ServerMessage::Own { .. })));
}

#[test]
fn an_unknown_outcome_is_asked_again_under_the_same_operation() {
    let mut bench = Bench::new();
    bench.come_in(conn(1), 7, 1);
    bench.call_own(conn(1), BANK, 9, Value::Int(5));
    bench.pass_ms(1_100);
    let first = bench.unknown(|request| matches!(request, Request::Db(db::Request::Commit { .. })));
    bench.pass_ms(1_000);
    let second = bench.find(|request| matches!(request, Request::Db(db::Request::Commit { .. })));
    assert_eq!(bench::operation(&first), bench::operation(&second));
}

#[test]
fn an_entity_that_another_process_took_is_dropped_and_its_client_told() {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    bench.call_own(conn(1), GOLD, 0, Value::Int(5));
    bench.pass_ms(bench.limits().archive_period_ms + 50);
    bench.reply(
        |request| matches!(request, Request::Db(db::Request::Commit { .. })),
        db::Reply::Committed { created: vec![], stale: vec![RecordId(1_000_007)], refused: vec![] },
    );
    assert_eq!(bench.closed_with(conn(1)), Some(Code::LoggedInElsewhere));
    assert!(bench.base.entities.get(entity).is_none());
}

#[test]
fn arguments_rates_and_owners_are_checked_before_logic_runs() {
    let mut bench = Bench::new();
    bench.come_in(conn(1), 7, 1);
    let other = bench.come_in(conn(2), 8, 1);
    bench.call_own(conn(1), BANK, 1, Value::Int(-1));
    bench.call(conn(1), other, BANK, 2, Value::Int(1));
    bench.call_own(conn(1), 99, 3, Value::Int(1));
    bench.pass_ms(200);
    let codes: Vec<(u32, u16)> = bench.told(conn(1)).iter().filter_map(bench::refused).collect();
    let expected = [(1, Code::ArgumentInvalid), (2, Code::NotAllowed), (3, Code::MethodUnknown)];
    assert_eq!(codes, expected.map(|(number, code)| (number, code as u16)));
}

#[test]
fn what_cannot_be_read_or_comes_out_of_order_ends_the_connection() {
    let mut bench = Bench::new();
    bench.open(conn(1));
    bench.packet(conn(1), vec![0x01, 0x00]);
    assert_eq!(bench.closed_with(conn(1)), Some(Code::Malformed));
    bench.open(conn(2));
    bench.say(conn(2), ClientMessage::Bye);
    assert_eq!(bench.closed_with(conn(2)), Some(Code::OutOfOrder));
}

fn view(entity: kuafu_core::EntityId) -> WitnessView {
    WitnessView {
        entity,
        space: SpaceId(1),
        name: "plaza".into(),
        origin: [0.0; 3],
        step: [0.1; 3],
        bounds: [0.0, 0.0, 10.0, 10.0],
        tick_hz: 10,
        view_radius: 5.0,
        top_speed: 6.0,
        position: [0.0; 3],
        yaw: 0.0,
    }
}

#[test]
fn a_tick_of_the_cell_becomes_one_packet_a_client() {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    let witness = bench.witness();
    let mut writer = WorldFrameWriter::default();
    let own = writer.snapshot(0, entity, TypeNo(1), [0; 7], &[0]);
    let other = writer.snapshot(5, kuafu_core::EntityId(99), TypeNo(1), [1; 7], &[0]);
    writer.witness(&WitnessPart { witness, enters: &[(0, 0, own), (1, 5, other)], ..WitnessPart::default() });
    let first = writer.finish(1, SpaceId(1), 1000, &[Event::SpaceEntered { witness, view: view(entity) }]);
    bench.frame(first);
    let told = bench.told(conn(1));
    assert!(matches!(told[..], [.., ServerMessage::SpaceEnter { .. }, ServerMessage::Frame { .. }]), "{told:?}");

    writer.record(5, [7; 7]);
    writer.blob(BlobKind::DeltaOthers, 5, b"delta");
    writer.witness(&WitnessPart { witness, moved: &[0b10], state: &[0b10], ..WitnessPart::default() });
    bench.frame(writer.finish(2, SpaceId(1), 1100, &[]));
    let sends = bench.sends(conn(1));
    assert_eq!(sends, 1, "one write a tick");
    let told = bench.told(conn(1));
    let [ServerMessage::Frame { body }] = &told[..] else { panic!("{told:?}") };
    let frame = Frame::decode(body).expect("a frame");
    let moved: Vec<_> = frame.movements().map(|movement| (movement.slot, movement.record)).collect();
    assert_eq!(moved, [(1, kuafu_wire::Record::from_bytes([7; 7]))]);
    assert_eq!(frame.state().map(|state| state.changes.to_vec()).collect::<Vec<_>>(), [b"delta".to_vec()]);
}

#[test]
fn a_record_for_one_witness_is_movement_to_its_client_beside_what_all_get() {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    let witness = bench.witness();
    let mut writer = WorldFrameWriter::default();
    let mut enters = vec![(0, 0, writer.snapshot(0, entity, TypeNo(1), [0; 7], &[0]))];
    for slot in [1, 2, 70] {
        let id = kuafu_core::EntityId(100 + u64::from(slot));
        enters.push((slot, u32::from(slot), writer.snapshot(u32::from(slot), id, TypeNo(1), [1; 7], &[0])));
    }
    writer.witness(&WitnessPart { witness, enters: &enters, ..WitnessPart::default() });
    bench.frame(writer.finish(1, SpaceId(1), 1000, &[Event::SpaceEntered { witness, view: view(entity) }]));
    bench.told(conn(1));
    writer.record(1, [7; 7]);
    writer.record(2, [7; 7]);
    let deltas = [
        (70, writer.blob(BlobKind::Record, 70, &[9; 7])),
        (2, writer.blob(BlobKind::Delta, 2, b"delta")),
        (2, writer.blob(BlobKind::Record, 2, &[8; 7])),
    ];
    writer.witness(&WitnessPart { witness, moved: &[0b10], deltas: &deltas, ..WitnessPart::default() });
    bench.frame(writer.finish(2, SpaceId(1), 1100, &[]));
    let told = bench.told(conn(1));
    let [ServerMessage::Frame { body }] = &told[..] else { panic!("{told:?}") };
    let frame = Frame::decode(body).expect("a frame");
    let moved: Vec<_> = frame.movements().map(|movement| (movement.slot, movement.record)).collect();
    let record = |byte| kuafu_wire::Record::from_bytes([byte; 7]);
    assert_eq!(moved, [(1, record(7)), (2, record(8)), (70, record(9))]);
    let state: Vec<_> = frame.state().map(|state| (state.slot, state.changes.to_vec())).collect();
    assert_eq!(state, [(2, b"delta".to_vec())]);
}

#[test]
fn of_many_moves_in_one_packet_the_last_one_reaches_the_cell() {
    let mut bench = Bench::new();
    bench.come_in(conn(1), 7, 1);
    let witness = bench.witness();
    let mut packet = bytes::BytesMut::new();
    for sequence in 1..=1_000 {
        ClientMessage::Move { sequence, position: [sequence as f32, 0.0, 0.0], yaw: 0.0 }.encode(&mut packet);
    }
    bench.packet(conn(1), packet.to_vec());
    bench.call_own(conn(1), GOLD, 1, Value::Int(1));
    bench.pass_ms(20);
    let moved = Event::Move { witness, sequence: 1_000, position: [1_000.0, 0.0, 0.0], yaw: 0.0 };
    assert_eq!(bench.events_to(CELL), [moved]);
}

#[test]
fn a_lost_link_frame_asks_for_a_resync() {
    let mut bench = Bench::new();
    bench.come_in(conn(1), 7, 1);
    let mut writer = WorldFrameWriter::default();
    bench.frame(writer.finish(1, SpaceId(1), 1000, &[]));
    bench.frame(writer.finish(3, SpaceId(1), 1200, &[]));
    bench.pass_ms(50);
    assert!(bench.events_to(CELL).contains(&Event::Resync));
}

#[test]
fn a_base_part_hears_that_its_cell_part_stands_and_that_it_is_gone() {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    bench.pass_ms(20);
    let created = bench.events_to(CELL).into_iter().find_map(|event| match event {
        Event::CreatePart { entity, real_epoch, .. } => Some((entity, real_epoch)),
        _ => None,
    });
    let (_, real_epoch) = created.expect("the cell part is asked for");
    assert!(!bench.hooks(entity).contains(&"on_cell_ready"));
    bench.cell_says(vec![Event::PartCreated { entity, real_epoch }]);
    assert_eq!(bench.hooks(entity).last(), Some(&"on_cell_ready"));
    bench.cell_says(vec![Event::PartGone { entity, real_epoch, forever: None }]);
    assert_eq!(bench.hooks(entity).last(), Some(&"on_cell_lost"));
}

#[test]
fn a_cell_that_dies_gives_its_parts_back_from_the_last_backup() {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    bench.lose_cell();
    bench.pass_ms(50);
    let created = bench.events_to(bench::CELL_NEXT).into_iter().find_map(|event| match event {
        Event::CreatePart { entity, real_epoch, .. } => Some((entity, real_epoch)),
        _ => None,
    });
    assert_eq!(created, Some((entity, 2)));
}

#[test]
fn a_client_that_does_not_read_gets_less_and_is_dropped_at_the_bound() {
    let mut bench = Bench::new();
    bench.come_in(conn(1), 7, 1);
    let witness = bench.witness();
    bench.queue(conn(1), bench.limits().write_queue_bytes_max);
    bench.pass_ms(200);
    assert!(bench.events_to(CELL).contains(&Event::Credits(vec![(witness, 0)])));
    bench.pass_ms(bench.limits().stalled_ms_max + 200);
    assert_eq!(bench.closed_with(conn(1)), Some(Code::TooSlow));
}

#[test]
fn a_drain_tells_clients_saves_and_ends() {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    bench.call_own(conn(1), GOLD, 0, Value::Int(5));
    bench.drain();
    assert_eq!(bench.closed_with(conn(1)), Some(Code::ServerStopping));
    bench.pass_ms(20);
    bench.cell_says(vec![Event::PartGone { entity, real_epoch: 1, forever: None }]);
    bench.settle_db();
    assert!(bench.requests().iter().any(|r| matches!(r, Request::Db(db::Request::Commit { .. }))));
    assert!(bench.is_drained());
    assert!(!bench.commands().iter().any(|command| matches!(command, EdgeCommand::Established { .. })));
}

#[test]
fn a_call_that_logic_keeps_too_long_ends_as_unknown_and_frees_its_place() {
    let mut bench = Bench::new();
    bench.come_in(conn(1), 7, 1);
    let most = bench.limits().calls_in_flight_max;
    for number in 1..=most {
        bench.call_own(conn(1), BANK, number, Value::Int(1));
    }
    bench.call_own(conn(1), BANK, most + 1, Value::Int(1));
    bench.pass_ms(bench.limits().call_deadline_ms - 300);
    let refused: Vec<_> = bench.told(conn(1)).iter().filter_map(bench::refused).collect();
    assert_eq!(refused, [(most + 1, Code::Busy as u16)]);
    bench.pass_ms(600);
    let told = bench.told(conn(1));
    let unknown = told.iter().filter_map(|message| match message {
        ServerMessage::Result { number, outcome: CallOutcome::Unknown { .. } } => Some(*number),
        _ => None,
    });
    assert!(unknown.eq(1..=most), "{told:?}");
    assert_eq!(bench.base.counters.get("calls_overdue"), f64::from(most));

    bench.settle_db();
    bench.settle_db();
    assert_eq!(bench.base.counters.get("answers_late"), f64::from(most), "what logic says now is dropped");
    bench.call_own(conn(1), GOLD, most + 2, Value::Int(1));
    bench.pass_ms(200);
    let told = bench.told(conn(1));
    let results: Vec<_> = told.iter().filter(|message| matches!(message, ServerMessage::Result { .. })).collect();
    assert!(
        matches!(results[..], [ServerMessage::Result { number, outcome: CallOutcome::Value(_) }] if *number == most + 2),
        "there is room for it again, and nothing else is answered: {results:?}"
    );
}

#[test]
fn a_peer_whose_call_logic_keeps_too_long_is_told_and_a_call_that_nobody_waits_for_may_take_its_time() {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    let call = |call| {
        let (method, caller) = (CallMethod::Named("bank".into()), LinkCaller::Logic(entity));
        let arguments = vec![Value::Int(1)];
        Event::Call(LinkCall { call, caller, to: entity, cell: false, method, arguments, hops: 0 })
    };
    bench.cell_says(vec![call(31), call(0)]);
    bench.pass_ms(20);
    bench.events_to(CELL);
    bench.pass_ms(bench.limits().call_deadline_ms + 100);
    let unknown = Event::Answer { call: 31, outcome: Err(None) };
    assert!(bench.events_to(CELL).contains(&unknown));
    bench.settle_db();
    assert!(!bench.events_to(CELL).iter().any(|event| matches!(event, Event::Answer { .. })));
    assert_eq!(bench.base.counters.get("answers_late"), 1.0);
}
