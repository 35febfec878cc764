//! Releases: staged, swapped between entries with all state kept, taken back, collected.

use std::sync::Arc;
use std::time::Instant;

use kuafu_core::{Chance, EntityId, Limits, Value};
use kuafu_def::{Definitions, Part};
use kuafu_logic::{Answer, AwaitId, Effect, EntitySeed, Failure, Hook, LogicHost, Release};
use kuafu_script::ScriptSet;

use crate::support::{SELF, Stage, doll, release, set};

/// A doll's script whose `run` is `body`; other methods of the base after it.
fn script(body: &str, more: &str) -> String {
    format!(
        "local D = {{ base = {{}}, cell = {{}} }}\nfunction D.base:give(item) return item end\nfunction D.cell:step() end\n\
         function D.base:run()\n{body}\nend\n{more}\nreturn D\n"
    )
}

fn release_of(no: u64, text: &str, definitions: &Definitions) -> Release {
    release(no, &set(&[("doll.luau", text)], definitions), definitions)
}

/// Stages and activates a script.
fn swap(stage: &mut Stage, no: u64, text: &str) {
    let release = release_of(no, text, &stage.definitions);
    stage.host.stage(&release).expect("it loads");
    stage.host.activate(stage.now, no).expect("it is staged");
}

fn answer(stage: &mut Stage) -> i64 {
    match stage.call("run", vec![]) {
        Answer::Done(Ok(Value::Int(number))) => number,
        other => panic!("{other:?} {:?}", stage.faults()),
    }
}

fn awaiting(effects: &[Effect]) -> AwaitId {
    let find = |effect: &Effect| effect.clone().awaiting_mut().and_then(|awaiting| *awaiting);
    effects.iter().find_map(find).expect("something is awaited")
}

#[test]
fn new_entries_run_new_code_and_properties_stay() {
    let helper = |n: u32| format!("function D.base:helper() return {n} end");
    let mut stage = Stage::new(Part::Base, &script("self.gold += 1 return self:helper() + self.gold", &helper(100)));
    stage.create(SELF, vec![("gold", 5.into())]);
    assert_eq!((answer(&mut stage), stage.host.release()), (106, 1));
    let release = release_of(2, &script("self.gold += 1 return self:helper() + self.gold", &helper(200)), &doll());
    stage.host.stage(&release).expect("it loads");
    assert_eq!((answer(&mut stage), stage.host.release()), (107, 1), "a staged release changes nothing");
    stage.host.activate(stage.now, 2).expect("it is staged");
    assert_eq!((answer(&mut stage), stage.host.release()), (208, 2));
    stage.host.activate(stage.now, 1).expect("the one before can be taken back");
    assert_eq!((answer(&mut stage), stage.host.release()), (109, 1));
    assert!(stage.host.activate(stage.now, 7).expect_err("no such release").contains("neither staged"));
    assert_eq!(answer(&mut stage), 110);
}

#[test]
fn what_cannot_be_loaded_changes_nothing_and_names_its_place() {
    let mut stage = Stage::new(Part::Base, &script("return 1", ""));
    let definitions = doll();
    let good = set(&[("doll.luau", &script("return 2", "")), ("lib/money.luau", "return { coin = 5 }")], &definitions);
    let bytes = String::from_utf8_lossy(&good.to_bytes(&definitions)).into_owned();
    assert!(bytes.contains("return 2"), "sources travel");
    for (from, to, expected) in [
        ("return 2", "retur* 2", "doll.luau:5: "),
        ("{ coin = 5 }", "{ coin=x.y }", "lib/money.luau:1: attempt to index nil"),
    ] {
        let mut broken = good.to_bytes(&definitions);
        let at = broken.windows(from.len()).position(|found| found == from.as_bytes()).expect("it is there");
        broken[at..at + from.len()].copy_from_slice(to.as_bytes());
        let why = stage.host.stage(&Release { no: 2, bytes: broken.into() }).expect_err("it does not load");
        assert!(why.starts_with(expected), "{why}");
    }
    assert!(stage.host.activate(stage.now, 2).is_err());
    assert_eq!((answer(&mut stage), stage.host.release()), (1, 1));
}

#[test]
fn bytes_from_outside_are_at_worst_an_error() {
    let mut stage = Stage::new(Part::Base, &script("return 1", ""));
    let definitions = doll();
    let good = set(&[("doll.luau", &script("return 2", ""))], &definitions).to_bytes(&definitions);
    let mut chance = Chance::from_seed(3);
    for _ in 0..300 {
        let mut bytes = good.clone();
        for _ in 0..chance.between(1, 4) {
            let at = chance.between(0, bytes.len() as i64 - 1) as usize;
            bytes[at] = chance.between(0, 255) as u8;
        }
        bytes.truncate(chance.between(0, bytes.len() as i64 * 2) as usize);
        // Some still are a script; none may harm the one that runs.
        let _ = stage.host.stage(&Release { no: 2, bytes: bytes.into() });
        stage.host.discard(2);
        assert_eq!(answer(&mut stage), 1);
    }
    let limits = Limits { release_bytes_max: 10, ..Limits::default() };
    let mut small = Stage::with(Part::Base, &script("return 1", ""), limits);
    let why = small.host.stage(&Release { no: 2, bytes: good.into() }).expect_err("too large");
    assert!(why.contains("release_bytes_max"), "{why}");
    let other = crate::support::definitions(&[("types.toml", crate::support::TYPES)]);
    let foreign = ScriptSet::default().to_bytes(&other);
    let why = stage.host.stage(&Release { no: 2, bytes: foreign.into() }).expect_err("other definitions");
    assert!(why.contains("a restart is needed"), "{why}");
}

#[test]
fn timers_find_their_method_by_name_and_those_without_one_are_dropped_when_due() {
    let timers = "self:every(1, 'tick', 3) self:after(1, 'gone') return 0";
    let old = script(timers, "function D.base:tick(n) self.gold += n end\nfunction D.base:gone() end");
    let mut stage = Stage::new(Part::Base, &old);
    answer(&mut stage);
    stage.advance_ms(1000);
    assert_eq!(stage.read("gold"), Value::Int(3));
    stage.call("run", vec![]);
    let new = script("return 0", "function D.base:tick(n) self.gold += n * 100 end");
    swap(&mut stage, 2, &new);
    assert_eq!(stage.host.counters().timers, 3);
    stage.advance_ms(1000);
    assert_eq!(stage.read("gold"), Value::Int(603));
    let counters = stage.host.counters();
    assert_eq!((counters.timers, counters.timers_dropped, counters.release_faults), (2, 1, 0));
}

#[test]
fn suspended_coroutines_end_on_the_code_they_began_with() {
    let body = |n: u32| format!("local got = self.base:run():await() return got + {n}");
    let mut stage = Stage::new(Part::Base, &script(&body(1), ""));
    stage.call("run", vec![]);
    let first = awaiting(&stage.effects());
    swap(&mut stage, 2, &script(&body(1000), ""));
    stage.call("run", vec![]);
    let second = awaiting(&stage.effects());
    stage.resume(first, Ok(Value::Int(5)));
    stage.resume(second, Ok(Value::Int(5)));
    let outcomes: Vec<Value> = stage
        .effects()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Answer { outcome: Ok(value), .. } => Some(value),
            _ => None,
        })
        .collect();
    assert_eq!(outcomes, [Value::Int(6), Value::Int(1005)]);
}

#[test]
fn replaced_code_that_would_wait_for_ever_is_ended_after_its_time() {
    let old = script("while true do self.gold += 1 kuafu.sleep(1) end", "");
    let mut stage = Stage::new(Part::Base, &old);
    stage.call("run", vec![]);
    for _ in 0..3 {
        stage.advance_ms(1000);
    }
    assert_eq!(stage.read("gold"), Value::Int(4));
    swap(&mut stage, 2, &script("return 0", ""));
    for _ in 0..10 {
        stage.advance_ms(1000);
    }
    let counters = stage.host.counters();
    assert_eq!((counters.tasks, counters.tasks_ended, counters.faults), (0, 1, 0));
    assert_eq!(stage.read("gold"), Value::Int(9), "five seconds more, and no longer");
    assert_eq!(stage.effects().len(), 1, "its caller is answered");
}

#[test]
fn on_reload_comes_before_the_first_entry_and_to_all_by_a_bounded_sweep() {
    let limits = Limits { reloads_per_tick_max: 10, ..Limits::default() };
    let hook = "function D.base:on_reload(old) self.gold = self.gold * 10 + old end";
    let mut stage = Stage::with(Part::Base, &script("return self.gold", hook), limits);
    for id in 100..125 {
        stage.create(EntityId(id), vec![]);
    }
    swap(&mut stage, 2, &script("return self.gold", hook));
    assert_eq!(answer(&mut stage), 1, "it was told before it was called");
    let told = |stage: &Stage| {
        let gold = stage.property("gold");
        (100..125).filter(|id| stage.host.read(EntityId(*id), gold) == Some(Value::Int(1))).count()
    };
    assert_eq!(told(&stage), 0);
    let wake = stage.host.next_wake().expect("the sweep goes on by itself");
    assert_eq!(wake.0, stage.now.at.0 + 100_000);
    for expected in [10, 20, 25] {
        stage.advance_ms(100);
        assert_eq!(told(&stage), expected);
    }
    assert_eq!((stage.host.next_wake(), answer(&mut stage)), (None, 1), "each is told once");
    stage.host.activate(stage.now, 1).expect("the one before");
    assert_eq!(answer(&mut stage), 12, "taking back is a change of code like any other");
    assert_eq!(stage.faults(), [""; 0]);
}

#[test]
fn faults_are_counted_for_the_code_that_made_them() {
    let wait = script("local got = self.base:run():await() error('old')", "");
    let mut stage = Stage::new(Part::Base, &wait);
    stage.call("run", vec![]);
    let id = awaiting(&stage.effects());
    swap(&mut stage, 2, &script("error('new')", ""));
    stage.resume(id, Err(Failure::Unknown));
    assert_eq!((stage.host.counters().faults, stage.host.counters().release_faults), (1, 0));
    stage.call("run", vec![]);
    stage.call("run", vec![]);
    assert_eq!(stage.host.counters().release_faults, 2);
    stage.host.activate(stage.now, 1).expect("the one before");
    assert_eq!(stage.host.counters().release_faults, 0);
}

/// Counts what was asked for and what came of it while releases change under it.
#[test]
fn no_call_is_lost_or_doubled_while_two_releases_alternate() {
    let text = |n: u32| {
        script(
            "self.gold += 1
             kuafu.spawn(function() kuafu.sleep(0.05) self.marks.slept = (self.marks.slept or 0) + 1 end)
             local got = self.base:run():await(2)
             self.marks.resumed = (self.marks.resumed or 0) + 1
             return got",
            &format!(
                "function D.base:on_create() self:every(0.1, 'tick') end
                 function D.base:tick() self.marks.ticks = (self.marks.ticks or 0) + 1 self:note({n}) end
                 function D.base:note(n) assert(n == {n}) self.hue = n end"
            ),
        )
    };
    let mut stage = Stage::new(Part::Base, &text(1));
    stage.hook(Hook::Create);
    let (a, b) = (release_of(2, &text(2), &doll()), release_of(3, &text(3), &doll()));
    stage.host.stage(&a).expect("it loads");
    stage.host.activate(stage.now, 2).expect("staged");
    stage.host.stage(&b).expect("it loads");
    let (mut calls, mut answered, mut waiting) = (0, 0, Vec::new());
    let mut chance = Chance::from_seed(11);
    let settle = |stage: &mut Stage, waiting: &mut Vec<AwaitId>| {
        let mut answers = 0;
        for mut effect in stage.effects() {
            match &effect {
                Effect::Answer { outcome, .. } => {
                    assert_eq!(*outcome, Ok(Value::Int(7)));
                    answers += 1;
                }
                _ => waiting.extend(effect.awaiting_mut().and_then(|id| *id)),
            }
        }
        answers
    };
    for no in 0..200 {
        stage.host.activate(stage.now, if no % 2 == 0 { 3 } else { 2 }).expect("the other is kept");
        for _ in 0..3 {
            assert!(matches!(stage.call("run", vec![]), Answer::Pending(_)), "{:?}", stage.faults());
            calls += 1;
            answered += settle(&mut stage, &mut waiting);
        }
        while waiting.len() > 5 || (!waiting.is_empty() && chance.between(0, 2) == 0) {
            let id = waiting.swap_remove(chance.between(0, waiting.len() as i64 - 1) as usize);
            stage.resume(id, Ok(Value::Int(7)));
            stage.resume(id, Ok(Value::Int(7)));
            answered += settle(&mut stage, &mut waiting);
        }
        stage.advance_ms(100);
        answered += settle(&mut stage, &mut waiting);
        stage.changes();
    }
    for id in std::mem::take(&mut waiting) {
        stage.resume(id, Ok(Value::Int(7)));
        answered += settle(&mut stage, &mut waiting);
    }
    stage.advance_ms(99);
    let mark = |stage: &Stage, name: &str| match stage.read("marks") {
        Value::Map(entries) => entries.iter().find(|(key, _)| *key == Value::text(name)).and_then(|(_, v)| v.as_int()),
        _ => None,
    };
    assert_eq!((calls, answered), (600, 600));
    assert_eq!(stage.read("gold"), Value::Int(600));
    assert_eq!((mark(&stage, "resumed"), mark(&stage, "slept")), (Some(600), Some(600)));
    assert_eq!(mark(&stage, "ticks"), Some(200));
    assert_eq!((stage.host.counters().tasks, stage.host.counters().faults), (0, 0), "{:?}", stage.faults());
}

#[test]
fn three_hundred_releases_leave_no_garbage_behind() {
    let text = |no: u64| {
        let table: String = (0..4_000).map(|n| format!("'{no} {n}', ")).collect();
        script("return #Words", &format!("Words = {{ {table} }}")).replacen("local D", "local Words\nlocal D", 1)
    };
    let mut stage = Stage::new(Part::Base, &text(1));
    for id in 100..120 {
        stage.create(EntityId(id), vec![]);
    }
    let mut after_ten = 0;
    for no in 2..=300 {
        swap(&mut stage, no, &text(no));
        assert_eq!(answer(&mut stage), 4_000);
        stage.advance_ms(100);
        if no == 10 {
            after_ten = stage.host.counters().memory_bytes;
        }
    }
    let grown = stage.host.counters().memory_bytes.saturating_sub(after_ten);
    // The collector rests until memory has grown by some 4 MiB; what it leaves behind is bounded by that.
    println!("300 releases of some 200 KiB: {after_ten} bytes after ten, {grown} more after all");
    assert!(grown < 12 << 20, "{grown} bytes more than after ten releases");
}

#[test]
fn activating_takes_no_longer_for_ten_thousand_entities_than_for_one() {
    let mut stage = Stage::new(Part::Base, &script("return 1", ""));
    let ty = Arc::clone(&stage.ty);
    for id in 0..10_000 {
        stage.host.create(EntitySeed { id: EntityId(1000 + id), ty: Arc::clone(&ty), record: None, values: vec![] });
    }
    let text = script("return 2", "");
    let bytes = release_of(2, &text, &doll());
    #[expect(clippy::disallowed_methods, reason = "a test that measures")]
    let start = Instant::now;
    let begun = start();
    stage.host.stage(&bytes).expect("it loads");
    let staged = begun.elapsed();
    let begun = start();
    stage.host.activate(stage.now, 2).expect("staged");
    let activated = begun.elapsed();
    let begun = start();
    stage.advance_ms(100);
    let swept = begun.elapsed();
    println!("10,000 entities: stage {staged:?}, activate {activated:?}, the first sweep of 500 {swept:?}");
    assert!(activated.as_millis() < 5, "{activated:?}");
    assert_eq!(answer(&mut stage), 2);
}
