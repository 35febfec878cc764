//! Tasks: waiting with a deadline, sleeping, spawning, and timers by name.

use kuafu_core::{Limits, Moment, Value};
use kuafu_def::Part;
use kuafu_logic::{Answer, Effect, LogicHost};

use crate::support::{SELF, Stage, base_script, body, body_with, fails, run};

#[test]
fn an_await_ends_unknown_when_its_own_time_is_over() {
    let mut stage = body("local got, why = self.base:run():await(0.5) kuafu.refuse(`{got} {why.kind}`)");
    let Answer::Pending(_) = stage.call("run", vec![]) else { panic!("{:?}", stage.faults()) };
    stage.effects();
    assert_eq!(stage.host.next_wake(), Some(Moment(stage.now.at.0 + 500_000)));
    stage.advance_ms(499);
    assert_eq!(stage.effects(), []);
    stage.advance_ms(1);
    let effects = stage.effects();
    let [Effect::Answer { outcome: Err(refusal), .. }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(refusal.text, "nil unknown");
    assert_eq!((stage.host.counters().tasks, stage.host.next_wake()), (0, None));
}

#[test]
fn nothing_is_suspended_for_ever() {
    let limits = Limits { call_deadline_ms: 3000, ..Limits::default() };
    let mut stage = body_with("local saved, why = self:save():await() kuafu.refuse(why.kind)", limits);
    stage.call("run", vec![]);
    stage.effects();
    stage.advance_ms(2999);
    assert_eq!(stage.host.counters().tasks, 1);
    stage.advance_ms(1);
    assert_eq!(stage.host.counters().tasks, 0);
    assert_eq!(stage.effects().len(), 1);
}

#[test]
fn sleeping_lets_others_run_and_goes_on_in_time() {
    let mut stage = body("for i = 1, 3 do self.gold = i kuafu.sleep(1) end return self.gold * 10");
    let Answer::Pending(token) = stage.call("run", vec![]) else { panic!("{:?}", stage.faults()) };
    for expected in [2, 3] {
        stage.advance_ms(1000);
        assert_eq!(stage.read("gold"), Value::Int(expected));
    }
    assert_eq!(stage.effects(), []);
    stage.advance_ms(1000);
    assert_eq!(stage.effects(), [Effect::Answer { token, outcome: Ok(Value::Int(30)) }]);
    assert!(fails("kuafu.sleep(-1)").contains("sleep takes seconds of at least 0"));
    assert!(fails("kuafu.sleep('x')").contains("doll.luau:5"));
    assert!(fails("coroutine.wrap(function() kuafu.sleep(1) end)()").contains("not in a coroutine that it made"));
}

#[test]
fn a_sleep_of_no_time_does_not_stall_the_clock() {
    let mut stage = body("while true do self.gold += 1 kuafu.sleep(0) end");
    stage.call("run", vec![]);
    stage.advance_ms(0);
    assert_eq!((stage.read("gold"), stage.host.next_wake()), (Value::Int(1), Some(Moment(stage.now.at.0 + 1000))));
    stage.advance_ms(1);
    assert_eq!(stage.read("gold"), Value::Int(2));
}

#[test]
fn a_spawned_task_runs_after_its_entry_and_its_errors_are_the_entitys() {
    let mut stage = body(
        "
        kuafu.spawn(function(a, b) self.gold += a + b end, 3, 4)
        kuafu.spawn(function() error('in the task') end)
        local before = self.gold
        return before",
    );
    assert_eq!(stage.call("run", vec![]), Answer::Done(Ok(Value::Int(0))));
    assert_eq!(stage.read("gold"), Value::Int(7));
    let fault = stage.host.poll_fault().expect("the task failed");
    assert_eq!((fault.entity, fault.entry.as_str()), (SELF, "run/spawn"));
    let lines: Vec<&str> = fault.message.lines().collect();
    assert_eq!(lines[0], "doll.luau:7: in the task", "{lines:#?}");
    assert!(lines[1].starts_with("  doll.luau:7 in "), "{lines:#?}");
    assert_eq!(lines[2..4], ["  spawned by", "  doll.luau:7 in run"], "{lines:#?}");
}

#[test]
fn spawned_and_waiting_tasks_of_an_entity_are_bounded_together() {
    let limits = Limits { script_tasks_per_entity_max: 4, ..Limits::default() };
    let mut stage = body_with(
        "
        local made = 0
        while pcall(kuafu.spawn, function() kuafu.sleep(1) end) do made += 1 end
        return made",
        limits.clone(),
    );
    assert_eq!(stage.call("run", vec![]), Answer::Done(Ok(Value::Int(4))));
    assert_eq!(stage.call("run", vec![]), Answer::Done(Ok(Value::Int(0))));
    assert_eq!(stage.host.counters().tasks, 4);
    stage.host.destroy(SELF);
    assert_eq!(stage.host.counters().tasks, 0);
    // One that spawns itself again and again comes to its turn again and again, and lets others live.
    let mut stage = body_with("local function f() self.gold += 1 kuafu.spawn(f) end f() return 0", limits);
    stage.call("run", vec![]);
    assert_eq!(stage.read("gold"), Value::Int(5));
    assert_eq!(stage.host.next_wake(), Some(Moment(stage.now.at.0 + 1000)));
    stage.advance_ms(1);
    assert_eq!(stage.read("gold"), Value::Int(9));
}

#[test]
fn what_a_failed_entry_spawned_does_not_run() {
    let mut stage = body("kuafu.spawn(function() self.gold = 1 end) error('no')");
    stage.call("run", vec![]);
    assert_eq!(stage.read("gold"), Value::Int(0));
    assert_eq!(stage.faults().len(), 1);
    assert!(fails("kuafu.spawn(3)").contains("spawn takes a function"));
}

#[test]
fn timers_end_by_number_or_by_name() {
    let script = base_script("self:every(1, 'tick') self:every(1, 'tick') self:every(1, 'tock') return 0").replace(
        "return D",
        "function D.base:tick() self.gold += 1 end function D.base:tock() self:cancel('tick') end return D",
    );
    let mut stage = Stage::new(Part::Base, &script);
    stage.call("run", vec![]);
    stage.advance_ms(1000);
    assert_eq!((stage.read("gold"), stage.host.counters().timers), (Value::Int(2), 1));
}

#[test]
fn a_plain_table_is_walked_in_the_order_of_its_keys() {
    let order = run("
        local t = { [3] = 'c', [1] = 'a', [20] = 'd', [2] = 'b', x = 1, b = 2, [true] = 3, [false] = 4 }
        local keys = {}
        for key, value in kuafu.sorted(t) do assert(t[key] == value) table.insert(keys, tostring(key)) end
        assert(table.concat(keys, ' ') == 'false true 1 2 3 20 b x', table.concat(keys, ' '))
        self.marks = { b = 2, a = 1, c = 3 }
        local sum = ''
        for key, value in kuafu.sorted(self.marks) do sum ..= key .. value end
        assert(sum == 'a1b2c3', sum)
        local dolls = { [kuafu.entity(9)] = 1, [kuafu.entity(5)] = 2 }
        local ids = {}
        for doll in kuafu.sorted(dolls) do table.insert(ids, doll.id) end
        return ids[1] * 10 + ids[2]");
    assert_eq!(order, 59);
    assert!(fails("kuafu.sorted({ [print] = 1 })").contains("keys are numbers, texts, bools or entities"));
}
