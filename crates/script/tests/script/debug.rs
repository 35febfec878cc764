//! What a console asks of a host: stacks, evaluation, profiles, the heap.

use kuafu_core::{EntityId, Value};
use kuafu_def::Part;
use kuafu_logic::{Answer, LogicHost};

use crate::support::{SELF, Stage, body, set};

#[test]
fn a_stack_has_a_line_for_each_level_through_coroutines_and_awaits() {
    let text = "
local D = { base = {}, cell = {} }
local function deepest(n)
    if n == 0 then error('deep') end
    deepest(n - 1)
    return n
end
function D.cell:step() end
function D.base:give(item) return item end
function D.base:run()
    self:save():await()
    local routine = coroutine.wrap(function()
        deepest(1)
        return 1
    end)
    local got = routine()
    return got
end
return D";
    let mut stage = Stage::new(Part::Base, text);
    stage.call("run", vec![]);
    stage.advance_ms(10_000);
    let faults = stage.faults();
    let lines: Vec<&str> = faults[0].lines().collect();
    assert_eq!(
        lines,
        [
            "doll.luau:4: deep",
            "  doll.luau:4 in deepest",
            "  doll.luau:5 in deepest",
            "  doll.luau:13 in a function without a name",
            "  doll.luau:16 in run",
        ]
    );
}

#[test]
fn source_is_evaluated_as_an_entity_and_its_writes_are_kept_or_undone() {
    let mut stage = body("return 1");
    let gold = |stage: &Stage| stage.read("gold");
    let now = stage.now;
    let mut evaluate = |source: &str, keep| stage.host.evaluate(now, SELF, source, keep);
    assert_eq!(evaluate("self.gold + 1", true).as_deref(), Ok("1"));
    assert_eq!(evaluate("self:run() + 1", false).as_deref(), Ok("2"));
    assert_eq!(evaluate("self.gold = 5", true).as_deref(), Ok("nil"));
    assert_eq!(evaluate("self.gold += 5 self.bag = { {} } return self.gold", false).as_deref(), Ok("10"));
    let nested = "{ 1, 'x', { a = { b = { c = { d = 1 } } } } }";
    let shown = evaluate(nested, false).expect("it runs");
    assert!(shown.starts_with("{ 1, \"x\", { a = { b = {"), "{shown}");
    assert!(evaluate("self.gold = -1", true).expect_err("too little").contains("console:1"));
    assert!(evaluate("while true do end", true).expect_err("endless").contains("budget of steps"));
    assert!(evaluate("self:save():await()", true).expect_err("it waits").contains("nothing can be awaited here"));
    assert!(evaluate("self.", true).is_err());
    assert_eq!(stage.read("bag"), Value::List(vec![]));
    assert_eq!((gold(&stage), stage.host.counters().faults), (Value::Int(5), 0));
    assert_eq!(stage.changes().len(), 1, "what was undone is not reported");
    stage.host.evaluate(now, SELF, "self:after(1, 'run')", false).expect("it runs");
    stage.host.evaluate(now, SELF, "kuafu.spawn(function() self.gold = 9 end)", false).expect("it runs");
    assert_eq!((stage.host.counters().timers, stage.read("gold")), (0, Value::Int(5)));
    stage.host.evaluate(now, SELF, "self:destroy()", false).expect("it runs");
    assert_eq!(stage.effects(), []);
    stage.host.evaluate(now, SELF, "self:destroy()", true).expect("it runs");
    assert_eq!(stage.effects().len(), 1);
    assert!(stage.host.evaluate(now, EntityId(99), "1", true).expect_err("nobody").contains("no such entity"));
    let shown = stage.host.evaluate(now, SELF, "self", false).expect("it runs");
    assert!(shown.contains("gold = 5") && shown.contains("type = \"doll\"") && !shown.contains("function"), "{shown}");
    let long = stage.host.evaluate(now, SELF, "local t = {} for i = 1, 10000 do t[i] = i end return t", false);
    assert!(long.expect("it runs").ends_with(", … }"));
}

#[test]
fn a_profile_says_where_steps_go_and_how_often_what_was_entered() {
    let text = "
local D = { base = {}, cell = {} }
local function heavy(n) local x = 0 for i = 1, n do x += i end return x end
local function light(n) return heavy(n // 10) end
function D.cell:step() end
function D.base:give(item) return item end
function D.base:run() local a = heavy(100000) local b = light(100000) return a + b end
return D";
    let mut stage = Stage::new(Part::Base, text);
    assert!(stage.host.profile_take().is_err());
    stage.host.profile_start().expect("it can");
    for _ in 0..3 {
        assert!(matches!(stage.call("run", vec![]), Answer::Done(Ok(_))));
    }
    let profile = stage.host.profile_take().expect("it was watched");
    let heavy = &profile.functions[0];
    assert_eq!(heavy.function, "doll.luau:3 heavy", "{profile:?}");
    assert!((320_000..340_000).contains(&heavy.own_steps), "{profile:?}");
    let of = |name: &str| profile.functions.iter().find(|row| row.function.ends_with(name)).expect("it was seen");
    assert!((25_000..35_000).contains(&of(" light").all_steps) && of(" light").own_steps < 3000, "{profile:?}");
    assert_eq!(of(" run").all_steps, heavy.own_steps.max(of(" run").all_steps));
    assert_eq!((profile.entries[0].entry.as_str(), profile.entries[0].entries), ("doll.run", 3));
    assert!(profile.entries[0].steps_max * 3 >= profile.entries[0].steps);
    assert!(stage.host.profile_take().is_err());
    let mut timed = |watched: bool| {
        if watched {
            stage.host.profile_start().expect("it can");
        }
        #[expect(clippy::disallowed_methods, reason = "a test that measures")]
        let begun = std::time::Instant::now();
        (0..10).for_each(|_| drop(stage.call("run", vec![])));
        begun.elapsed()
    };
    println!("1,100,000 steps: {:?} alone, {:?} watched", timed(false), timed(true));
}

#[test]
fn the_heap_is_told_by_type() {
    let mut stage = body("self.bag = { {}, {}, {} } return 0");
    let one = stage.host.heap();
    assert_eq!((one.len(), one[0].type_name.as_str(), one[0].entities), (1, "doll", 1));
    assert!(one[0].bytes > 500, "{one:?}");
    stage.call("run", vec![]);
    for id in 100..110 {
        stage.create(EntityId(id), vec![]);
    }
    let more = stage.host.heap();
    assert_eq!(more[0].entities, 11);
    assert!(more[0].bytes > one[0].bytes * 11, "{more:?}");
}

#[test]
fn compiling_sources_is_cheap() {
    let method = "function D.base:m%() local sum = 0 for i = 1, 10 do sum += i * self.gold end\nif sum > 5 then\nself.gold += 1\nend\nreturn sum end\n";
    let methods: String = (0..2_000).map(|n| method.replace('%', &n.to_string())).collect();
    let text = crate::support::base_script("return 1").replace("return D", &format!("{methods}\nreturn D"));
    let definitions = crate::support::doll();
    let set = set(&[("doll.luau", &text)], &definitions);
    let bytes = set.to_bytes(&definitions);
    #[expect(clippy::disallowed_methods, reason = "a test that measures")]
    let begun = std::time::Instant::now();
    kuafu_script::ScriptSet::from_bytes(&bytes, &definitions).expect("it is a release");
    let compiled = begun.elapsed();
    #[expect(clippy::disallowed_methods, reason = "a test that measures")]
    let begun = std::time::Instant::now();
    kuafu_script::ScriptSet::shared_from_bytes(&bytes, &definitions).expect("it is a release");
    let again = begun.elapsed();
    println!("{} lines, {} bytes: compiled in {compiled:?}, known in {again:?}", text.lines().count(), bytes.len());
}
