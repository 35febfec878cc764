//! Calls with continuations: what is awaited, who is answered, and what happens when it fails.

use kuafu_core::{Code, EntityId, Value};
use kuafu_def::Part;
use kuafu_logic::{Answer, AwaitId, CallToken, Effect, Failure, Hook, LogicHost};
use kuafu_native::{Behaviour, Context, Done, Later, Methods, Native, Outcome, Reply, methods};

use crate::support::{at, call, create, done, effects, faults, host};

#[derive(Default)]
struct Shop;

impl Behaviour for Shop {
    fn methods() -> Methods<Self> {
        methods![buy, restock, order, delivered, paid, break_down]
    }

    fn on_destroy(&mut self, cx: &mut Context<'_>) -> Done {
        let _ = cx.save().then("paid");
        Ok(())
    }
}

impl Shop {
    /// Waits for another entity, and answers with what it says.
    fn order(&mut self, cx: &mut Context<'_>, from: EntityId) -> Done<Reply<bool>> {
        if from == cx.id() {
            return Ok(Reply::Now(false));
        }
        Ok(Reply::Later(cx.call(from, Part::Base, "buy", (2,)).then_with("delivered", (7,))))
    }

    /// The first continuation waits again: for the database.
    fn delivered(&mut self, cx: &mut Context<'_>, outcome: Outcome<i64>, more: i64) -> Done<Later> {
        let gold = outcome.or_refuse()?;
        cx.set("gold", gold + more)?;
        Ok(cx.save().then("paid"))
    }

    fn paid(&mut self, _: &mut Context<'_>, saved: Outcome<bool>) -> Done<bool> {
        saved.or_refuse()
    }

    /// Nobody is to be answered by the continuation.
    fn buy(&mut self, cx: &mut Context<'_>, _count: u8) -> Done<i64> {
        let _ = cx.save().then("paid");
        Ok(1)
    }

    fn restock(&mut self, cx: &mut Context<'_>) {
        let _ = cx.save().then("nothing_of_the_kind");
    }

    fn break_down(&mut self, cx: &mut Context<'_>) -> Done {
        let _ = cx.save().then("paid");
        panic!("after it asked");
    }
}

fn shop() -> (kuafu_native::NativeHost, EntityId, EntityId) {
    let mut host = host(Part::Base, Native::new().base::<Shop>("shop"));
    let (one, two) = (create(&mut host, "shop", 1), create(&mut host, "shop", 2));
    (host, one, two)
}

fn pending(answer: Answer) -> CallToken {
    match answer {
        Answer::Pending(token) => token,
        Answer::Done(outcome) => panic!("it ended: {outcome:?}"),
    }
}

fn awaited(effects: &[Effect]) -> AwaitId {
    let found = effects.iter().find_map(|effect| match effect {
        Effect::Call { awaiting, .. } | Effect::Save { awaiting, .. } => *awaiting,
        _ => None,
    });
    found.unwrap_or_else(|| panic!("nothing is awaited: {effects:?}"))
}

#[test]
fn a_caller_is_answered_by_the_last_of_the_continuations() {
    let (mut host, one, two) = shop();
    let token = pending(call(&mut host, one, "order", &[Value::Entity(two)]));
    let sent = effects(&mut host);
    assert!(matches!(&sent[0], Effect::Call { to, method, arguments, .. }
        if *to == two && &**method == "buy" && *arguments == [2.into()]));
    host.resume(at(2), awaited(&sent), Ok(30.into()));
    let sent = effects(&mut host);
    assert!(matches!(sent[..], [Effect::Save { .. }]), "{sent:?}");
    host.resume(at(3), awaited(&sent), Ok(true.into()));
    assert_eq!(effects(&mut host), [Effect::Answer { token, outcome: Ok(true.into()) }]);
    assert_eq!((host.counters().tasks, faults(&mut host)), (0, vec![]));
}

#[test]
fn a_failure_goes_on_to_the_caller() {
    let (mut host, one, two) = shop();
    for (failure, code) in [(Failure::Unknown, Code::DeadlinePassed), (Code::Busy.into(), Code::Busy)] {
        let token = pending(call(&mut host, one, "order", &[Value::Entity(two)]));
        let sent = effects(&mut host);
        host.resume(at(2), awaited(&sent), Err(failure));
        assert_eq!(effects(&mut host), [Effect::Answer { token, outcome: Err(code.into()) }]);
    }
    assert_eq!(faults(&mut host), [""; 0]);
}

#[test]
fn a_reply_may_be_there_at_once_and_a_continuation_may_answer_nobody() {
    let (mut host, one, _) = shop();
    assert_eq!(done(call(&mut host, one, "order", &[Value::Entity(one)])), Ok(false.into()));
    assert_eq!(done(call(&mut host, one, "buy", &[1.into()])), Ok(1.into()));
    let sent = effects(&mut host);
    host.resume(at(2), awaited(&sent), Ok(true.into()));
    assert_eq!(effects(&mut host), []);
}

#[test]
fn an_entity_that_goes_leaves_no_caller_waiting() {
    let (mut host, one, two) = shop();
    let token = pending(call(&mut host, one, "order", &[Value::Entity(two)]));
    let sent = effects(&mut host);
    host.destroy(one);
    assert_eq!(effects(&mut host), [Effect::Answer { token, outcome: Err(Code::EntityUnknown.into()) }]);
    host.resume(at(2), awaited(&sent), Ok(30.into()));
    assert_eq!((effects(&mut host), host.counters().tasks), (vec![], 0));
}

#[test]
fn what_cannot_be_awaited_is_a_fault_and_waits_for_nothing() {
    let (mut host, one, two) = shop();
    assert!(done(call(&mut host, one, "restock", &[])).is_err());
    assert!(faults(&mut host)[0].contains("no method `nothing_of_the_kind`"));
    host.hook(at(1), one, Hook::Destroy, &[]);
    assert!(faults(&mut host)[0].contains("nothing can be awaited here"));
    assert!(done(call(&mut host, one, "break_down", &[])).is_err());
    assert_eq!((host.counters().tasks, effects(&mut host)), (0, vec![]));
    faults(&mut host);

    for _ in 0..2 {
        pending(call(&mut host, one, "order", &[Value::Entity(two)]));
    }
    assert!(done(call(&mut host, one, "order", &[Value::Entity(two)])).is_err());
    assert!(faults(&mut host)[0].contains("script_tasks_per_entity_max"));
    assert_eq!(host.counters().tasks, 2);
}
