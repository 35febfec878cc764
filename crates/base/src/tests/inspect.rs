//! Looking into a base's logic: parts that live here, within bounds; what is kept reaches the client and the database.

use kuafu_contract::logic::{self, Heap, ROWS_MAX, TEXT_BYTES_MAX};
use kuafu_contract::{Reply, Request, db};
use kuafu_core::{Code, EntityId, Refusal};
use kuafu_wire::ServerMessage;

use super::bench::{Bench, conn};

fn evaluate(entity: EntityId, source: &str, keep_effects: bool) -> logic::Request {
    logic::Request::Evaluate { entity, source: source.to_owned(), keep_effects }
}

fn ask(bench: &mut Bench, request: logic::Request) -> Result<Reply, Refusal> {
    let call = bench.ask(request);
    bench.answer_to(call).expect("answered at once")
}

#[test]
fn what_an_evaluation_writes_is_told_and_saved_when_it_is_kept() {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    bench.pass_ms(100);
    let own = |bench: &mut Bench| {
        let told = bench.told(conn(1));
        told.iter().filter(|message| matches!(message, ServerMessage::Own { .. })).count()
    };
    own(&mut bench);
    let answer = |text: &str| Ok(logic::Reply::Evaluated { text: text.to_owned(), is_cut: false }.into());
    assert_eq!(ask(&mut bench, evaluate(entity, "5", false)), answer("5"));
    bench.pass_ms(200);
    assert_eq!(own(&mut bench), 0, "it left nothing behind");
    assert_eq!(ask(&mut bench, evaluate(entity, "5", true)), answer("5"));
    bench.pass_ms(31_000);
    assert!(own(&mut bench) > 0, "the client was told");
    bench.find(|request| matches!(request, Request::Db(db::Request::Commit { .. })));
}

#[test]
fn an_evaluation_that_cannot_be_done_says_why() {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    let refused = |bench: &mut Bench, request| {
        let Refusal { code, text } = ask(bench, request).expect_err("refused");
        (code, text)
    };
    let (code, text) = refused(&mut bench, evaluate(EntityId(99), "5", true));
    assert_eq!((code, text.as_str()), (Code::EntityUnknown, "entity 99 has no base part in base#40"));
    let (code, text) = refused(&mut bench, evaluate(entity, "many", true));
    assert_eq!((code, text.as_str()), (Code::ScriptFailed, "console:1: no number\n  console:1"));
    let (code, _) = refused(&mut bench, evaluate(entity, &" ".repeat(TEXT_BYTES_MAX), true));
    assert_eq!(code, Code::ArgumentInvalid);
}

#[test]
fn profiles_heaps_and_entities_are_told_within_bounds() {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    let watching = bench.ask(logic::Request::Profile { ms: 500 });
    assert_eq!(bench.answer_to(watching), None);
    let other = bench.ask(logic::Request::Profile { ms: 500 });
    assert_eq!(bench.answer_to(other).expect("at once").expect_err("refused").code, Code::Busy);
    bench.pass_ms(520);
    let Some(Ok(Reply::Logic(logic::Reply::Profile(profile)))) = bench.answer_to(watching) else {
        panic!("no profile")
    };
    assert_eq!((profile.functions.len(), profile.functions[0].function.as_str()), (ROWS_MAX, "299"));
    assert_eq!(profile.steps, (0..300).sum::<u64>(), "those that are left out count too");
    let heap = vec![Heap { type_name: "avatar".to_owned(), entities: 1, bytes: 100 }];
    assert_eq!(ask(&mut bench, logic::Request::Heap), Ok(logic::Reply::Heap(heap).into()));
    let mut list = |type_name: Option<&str>, entity| {
        let request = logic::Request::Entities { type_name: type_name.map(str::to_owned), entity };
        match ask(&mut bench, request) {
            Ok(Reply::Logic(logic::Reply::Entities { list, .. })) => list.iter().map(|row| row.entity).collect(),
            other => panic!("{other:?}"),
        }
    };
    let all: Vec<EntityId> = list(None, None);
    assert_eq!(all, [entity]);
    assert_eq!((list(Some("guild"), None), list(Some("avatar"), Some(entity))), (vec![], vec![entity]));
}

#[test]
fn questions_are_calls_and_nothing_else() {
    let mut bench = Bench::new();
    let entity = bench.come_in(conn(1), 7, 1);
    bench.notice(evaluate(entity, "5", true));
    assert_eq!(
        ask(&mut bench, evaluate(entity, "0", false)),
        Ok(logic::Reply::Evaluated { text: "0".into(), is_cut: false }.into())
    );
}
