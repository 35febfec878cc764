//! Scripts that run wild: each is stopped within its budget, told of, and everything else runs on.

use crate::support::{SELF, Stage, base_script, refusal};
use kuafu_core::{Code, EntityId, Limits, Value};
use kuafu_def::Part;
use kuafu_logic::{Answer, Hook, LogicHost};

/// Small budgets, so that tests are quick; each is big enough for honest work.
fn limits() -> Limits {
    Limits { script_steps_max: 200_000, script_memory_bytes_max: 32 << 20, ..Limits::default() }
}

/// Runs the body, which must be stopped with one of the codes; afterwards the host must still work.
fn check(name: &str, lines: &str, codes: &[Code]) {
    let script = base_script(lines).replace("return D\n", "function D.base:on_load() self.gold += 1 end return D");
    let mut stage = Stage::with(Part::Base, &script, limits());
    stage.create(EntityId(9), vec![]);
    for round in 1..=3 {
        let answer = stage.call("run", vec![]);
        let code = refusal(answer).code;
        assert!(codes.contains(&code), "{name}: {code:?} {:?}", stage.faults());
        let faults = stage.faults();
        assert_eq!(faults.len(), 1, "{name}: {faults:?}");
        stage.host.hook(stage.now, EntityId(9), Hook::Load, &[]);
        stage.hook(Hook::Load);
        assert_eq!(stage.faults(), [""; 0], "{name}: others go on");
        assert_eq!(stage.host.read(EntityId(9), stage.property("gold")), Some(Value::Int(round)));
        assert_eq!(stage.effects(), []);
    }
    assert_eq!(stage.host.counters().faults, 3);
    let used = stage.host.counters().memory_bytes;
    assert!(used < 20 << 20, "{name}: {used} bytes are still in use");
}

const BUDGET: &[Code] = &[Code::BudgetExceeded];
const EITHER: &[Code] = &[Code::BudgetExceeded, Code::ScriptFailed];

#[test]
fn an_endless_loop_is_stopped() {
    check("loop", "while true do end", BUDGET);
    check("repeat", "repeat local x = 1 until false", BUDGET);
    check("for", "for i = 1, math.huge do end", BUDGET);
    check("calls", "local function f() return 1 end while true do f() end", BUDGET);
    check("goto next", "local t = {} for i = 1, 100 do t[i] = i end while true do for k in t do end end", BUDGET);
}

#[test]
fn a_spent_budget_cannot_be_caught() {
    check("pcall", "while true do pcall(function() while true do end end) end", BUDGET);
    check("pcall and return", "pcall(function() while true do end end) return 1", BUDGET);
    check(
        "xpcall",
        "while true do xpcall(function() while true do end end, function() while true do end end) end",
        BUDGET,
    );
    check("nested", "local function f() pcall(f) pcall(f) while true do end end f()", EITHER);
    check("wrap", "while true do pcall(coroutine.wrap(function() while true do end end)) end", BUDGET);
    check("memory", "local t = {} while true do pcall(function() while true do t[#t + 1] = {} end end) end", BUDGET);
}

#[test]
fn an_allocation_bomb_is_stopped() {
    check("tables", "local t = {} while true do t[#t + 1] = { {} } end", BUDGET);
    check("doubling", "local s = 'x' while true do s = s .. s end", BUDGET);
    check("straight", &format!("local s = 'xxxxxxxx' {} return 1", "s = s .. s ".repeat(40)), BUDGET);
    check("garbage", "local s = string.rep('x', 1000000) while true do local t = s .. 'x' end", BUDGET);
    check("rep", "return #string.rep('x', 2 ^ 30)", EITHER);
    check("rep method", "return #('x'):rep(1e300)", EITHER);
    check("rep loop", "while true do local s = string.rep('x', 1000000) end", BUDGET);
    check("create", "local t = table.create(2 ^ 26, 0) return #t", EITHER);
    check("create loop", "while true do table.create(100000, 0) end", BUDGET);
    check("buffer", "local b = buffer.create(2 ^ 30) return buffer.len(b)", EITHER);
    check(
        "concat",
        "local t = {} for i = 1, 1000 do t[i] = string.rep('x', 100000) end return #table.concat(t)",
        BUDGET,
    );
    check("format", "local s = string.rep('x', 1000000) while true do string.format('%s%s', s, s) end", BUDGET);
    check("gsub", "return #(string.gsub(string.rep('x', 60000), 'x', string.rep('y', 10000)))", BUDGET);
    check("coroutines", "local t = {} while true do t[#t + 1] = coroutine.create(print) end", BUDGET);
    check("closures", "local t = {} while true do t[#t + 1] = function() return t end end", BUDGET);
    check("keys", "local t = {} local i = 0 while true do i += 1 t['k' .. i] = i end", BUDGET);
    check("split", "local t = {} while true do t[#t+1] = string.split(string.rep(',', 100000), ',') end", BUDGET);
    check("unpack", "return select('#', table.unpack({}, 1, 1e8))", EITHER);
}

#[test]
fn deep_recursion_is_an_error() {
    check("function", "local function f() return 1 + f() end return f()", EITHER);
    check(
        "metamethod",
        "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k] end return t.x",
        EITHER,
    );
    check(
        "tostring",
        "local t = setmetatable({}, {}) getmetatable(t).__tostring = function(t) return tostring(t) end return tostring(t)",
        EITHER,
    );
    check("coroutines", "local function f() return coroutine.wrap(f)() end return f()", EITHER);
    check("sort", "local function f() table.sort({ 2, 1 }, function() f() return true end) end f()", EITHER);
    check("gsub", "local function f() string.gsub('x', 'x', f) end f()", EITHER);
    check("pcall", "local function f() pcall(f) f() end f()", EITHER);
}

#[test]
fn native_work_is_paid_for() {
    let many = "local t = table.create(100000, 0) ";
    check("backtracking", "local s = string.rep('a', 5000) return string.find(s, '.-.-.-.-.-b')", BUDGET);
    check("captures", "return string.find(string.rep('a', 40), string.rep('a-', 30) .. 'b')", EITHER);
    check("balance", "local s = string.rep('(', 60000) while true do string.find(s, '%b()') end", BUDGET);
    check("long text", "return string.find(string.rep('a', 70000), 'b')", EITHER);
    check("long pattern", "return string.find('a', string.rep('a', 300))", EITHER);
    check(
        "sets",
        "local s = string.rep('a', 60000) while true do string.match(s, '[' .. string.rep('b', 200) .. 'a]*') end",
        BUDGET,
    );
    check("split", "local s = string.rep('a', 1000000) while true do s:split('b') end", BUDGET);
    check("utf8", "local s = string.rep('a', 1000000) while true do utf8.len(s) end", BUDGET);
    check("tonumber", "local s = string.rep('1', 1000000) while true do tonumber(s) end", BUDGET);
    check("buffer", "local b = buffer.create(1000000) while true do buffer.fill(b, 0, 1) end", BUDGET);
    check(
        "gmatch",
        "local s = string.rep('a', 50000) while true do for w in string.gmatch(s, '.-b') do end end",
        BUDGET,
    );
    check(
        "plain find",
        "local s = string.rep('a', 500000) local p = string.rep('a', 200000) .. 'b' while true do string.find(s, p, 1, true) end",
        BUDGET,
    );
    check("sort", &format!("{many} while true do table.sort(t) end"), BUDGET);
    check("find", &format!("{many} while true do table.find(t, 1) end"), BUDGET);
    check("insert", &format!("{many} while true do table.insert(t, 1, 0) end"), BUDGET);
    check("remove", &format!("{many} while true do table.remove(t, 1) t[#t + 1] = 0 end"), BUDGET);
    check("move", &format!("{many} while true do table.move(t, 1, 100000, 2) end"), BUDGET);
    check("clone", &format!("{many} while true do table.clone(t) end"), BUDGET);
    check("concat", &format!("{many} while true do table.concat(t) end"), BUDGET);
}

#[test]
fn odd_error_values_are_told_and_harm_nobody() {
    const FAILED: &[Code] = &[Code::ScriptFailed];
    check("nil", "error(nil)", FAILED);
    check("table", "error({ 1, 2 })", FAILED);
    check("function", "error(print)", FAILED);
    check("tostring fails", "error(setmetatable({}, { __tostring = function() error('x') end }))", FAILED);
    check("tostring gives a number", "error(setmetatable({}, { __tostring = function() return 3 end }))", FAILED);
    check("tostring loops", "error(setmetatable({}, { __tostring = function() while true do end end }))", BUDGET);
    check("tostring yields", "error(setmetatable({}, { __tostring = function() coroutine.yield() end }))", FAILED);
    check("long text", "error(string.rep('x', 1000000))", FAILED);
    check("caught engine error", "local _, e = pcall(kuafu.refuse, 'x') error(e.x)", FAILED);
    check("thread", "error(coroutine.create(print))", FAILED);
    check("bytes", "error('\\255\\254')", FAILED);
}

#[test]
fn effects_of_one_entry_are_bounded() {
    check("effects", "for i = 1, 5000 do self:kick('x') end return 1", BUDGET);
    check("caught", "while true do pcall(function() self:kick('x') end) end", BUDGET);
}

#[test]
fn a_journal_cannot_grow_without_end() {
    check(
        "journal",
        "self.grid = { {} } while true do table.insert(self.grid[1], 1) table.remove(self.grid[1]) end",
        BUDGET,
    );
    let fill = "self.bag = { {}, {} }";
    let script =
        base_script(&format!("{fill} self:save():await() while true do self.bag[1].hue = 1 self.bag[2].hue = 2 end"));
    let mut stage = Stage::with(Part::Base, &script, limits());
    let Answer::Pending(_) = stage.call("run", vec![]) else { panic!("{:?}", stage.faults()) };
    stage.changes();
    stage.effects();
    stage.resume(kuafu_logic::AwaitId(1), Ok(Value::Bool(true)));
    assert_eq!(stage.faults().len(), 1);
    let changes = stage.changes();
    assert!(!changes.is_empty() && changes.len() < 200_000, "{}", changes.len());
    assert_eq!(stage.host.counters().faults, 1);
}

#[test]
fn a_script_that_loops_while_it_is_loaded_is_a_problem() {
    let definitions = crate::support::doll();
    let problems = kuafu_script::ScriptSet::from_texts([("doll.luau", "while true do end")], &definitions);
    let problems = problems.expect_err("it never ends");
    assert!(problems[0].message.contains("budget of steps"), "{problems:?}");
}

#[test]
fn memory_that_is_thrown_away_is_collected_between_entries() {
    let script = base_script("local t = {} for i = 1, 2000 do t[i] = { i } end self.gold += 1 return #t");
    let mut stage = Stage::with(Part::Base, &script, limits());
    let mut most = 0;
    for _ in 0..2_000 {
        assert_eq!(stage.call("run", vec![]), Answer::Done(Ok(Value::Int(2_000))), "{:?}", stage.faults());
        stage.changes();
        most = most.max(stage.host.counters().memory_bytes);
    }
    assert!(most < 8 << 20, "{most} bytes at most");
    assert_eq!(stage.host.read(SELF, stage.property("gold")), Some(Value::Int(2_000)));
}

#[test]
fn a_script_that_holds_its_thread_is_stopped_from_another() {
    let limits = Limits { script_steps_max: u64::MAX, ..limits() };
    let mut stage = Stage::with(Part::Base, &base_script("while true do end"), limits);
    let flag = stage.host.halt_flag();
    let (entered, wait) = std::sync::mpsc::sync_channel::<()>(1);
    let watchdog = std::thread::spawn(move || {
        // The entry clears the flag when it begins, so it is raised until the entry is over.
        while wait.try_recv().is_err() {
            flag.store(true, std::sync::atomic::Ordering::Relaxed);
            std::thread::yield_now();
        }
    });
    assert_eq!(refusal(stage.call("run", vec![])).code, Code::BudgetExceeded);
    entered.send(()).expect("the other thread waits");
    watchdog.join().expect("the other thread ends");
    assert!(stage.faults()[0].contains("held its thread"));
}
