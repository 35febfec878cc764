//! Properties through proxies: reading, checked writing, and the changes that are reported.

use crate::support::{SELF, Stage, body, fails, run};
use kuafu_core::{Change, Edit, EntityId, Step, Value};
use kuafu_logic::{Answer, LogicHost};

fn item(kind: i64, hue: i64, tags: &[&str]) -> Value {
    Value::List(vec![kind.into(), hue.into(), Value::List(tags.iter().map(|tag| Value::text(tag)).collect())])
}

/// Runs the body and gives what changed, as text: property, path, edit.
fn changes_of(lines: &str) -> Vec<String> {
    let mut stage = body(&format!("{lines} return 0"));
    let answer = stage.call("run", vec![]);
    assert!(matches!(answer, Answer::Done(Ok(_))), "{answer:?} {:#?}", stage.faults());
    let changes = stage.changes();
    changes.iter().map(|change| show(&stage, change)).collect()
}

fn show(stage: &Stage, change: &Change) -> String {
    let name = &stage.ty.property(change.property).expect("a property").name;
    let steps: String = change
        .path
        .iter()
        .map(|step| match step {
            Step::Index(index) => format!("[{index}]"),
            Step::Field(no) => format!(".{no}"),
            Step::Key(key) => format!("<{}>", plain(key)),
        })
        .collect();
    match &change.edit {
        Edit::Set(value) => format!("{name}{steps} = {}", plain(value)),
        Edit::Insert(value) => format!("{name}{steps} + {}", plain(value)),
        Edit::Remove => format!("{name}{steps} -"),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.to_string(),
        Value::List(items) => format!("({})", items.iter().map(plain).collect::<Vec<_>>().join(" ")),
        Value::Map(entries) => {
            let entries: Vec<String> = entries.iter().map(|(k, v)| format!("{}:{}", plain(k), plain(v))).collect();
            format!("{{{}}}", entries.join(" "))
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn an_edit_is_reported_with_the_shortest_path() {
    assert_eq!(changes_of("self.gold = 5"), ["gold = 5"]);
    assert_eq!(changes_of("self.gold += 5 self.gold += 2 self.flag = true"), ["gold = 7", "flag = Bool(true)"]);
    assert_eq!(changes_of("self.best.hue = 3 self.best.hue = 4"), ["best.1 = 4"]);
    assert_eq!(
        changes_of("self.marks.a = 1 self.marks.b = 2 self.marks.a = nil"),
        ["marks<a> = 1", "marks<b> = 2", "marks<a> -"]
    );
    assert_eq!(changes_of("self.shelf.gem = { hue = 2 } self.shelf.gem.hue = 7"), ["shelf<1> = (0 7 ())"]);
}

#[test]
fn a_list_reports_inserts_removes_and_sets() {
    let lines = "
        table.insert(self.grid, { 1, 2 })
        table.insert(self.grid, 1, { 3 })
        self.grid[3] = { 4 }
        table.remove(self.grid, 2)
        self.grid[1] = { 9 }";
    assert_eq!(changes_of(lines), ["grid[0] + (1 2)", "grid[0] + (3)", "grid[2] + (4)", "grid[1] -", "grid[0] = (9)"]);
}

#[test]
fn what_was_set_whole_is_reported_once_with_its_last_value() {
    let lines = "
        self.bag = { { kind = 'gem' } }
        self.bag[1].hue = 7
        table.insert(self.bag, { kind = 'hat', tags = { 'a' } })
        self.bag[2].tags[2] = 'b'";
    assert_eq!(changes_of(lines), ["bag = ((1 7 ()) (2 0 (a b)))"]);
}

#[test]
fn the_same_place_written_before_and_after_another_edit_is_reported_in_order() {
    let mut stage = body(
        "
        self.bag[1].hue = 1
        self.bag[1].hue = 2
        table.insert(self.bag, 1, {})
        self.bag[2].hue = 3
        self.bag[2].hue = 4
        return 0",
    );
    stage.host.destroy(SELF);
    stage.create(SELF, vec![("bag", Value::List(vec![item(0, 0, &[])]))]);
    stage.call("run", vec![]);
    let changes: Vec<String> = stage.changes().iter().map(|change| show(&stage, change)).collect();
    assert_eq!(changes, ["bag[0].1 = 2", "bag[0] + (0 0 ())", "bag[1].1 = 4"]);
}

#[test]
fn an_item_keeps_its_proxy_while_others_move() {
    let mut stage = body(
        "
        local second = self.bag[2]
        table.remove(self.bag, 1)
        second.hue = 77
        table.insert(self.bag, 1, {})
        table.insert(self.bag, 1, {})
        second.tags[1] = 'x'
        table.sort(self.bag, function(a, b) return a.hue > b.hue end)
        assert(self.bag[1] == second)
        second.hue = 78
        return 0",
    );
    stage.host.destroy(SELF);
    let bag = Value::List(vec![item(0, 1, &[]), item(1, 2, &[])]);
    stage.create(SELF, vec![("bag", bag.clone())]);
    assert_eq!(stage.call("run", vec![]), Answer::Done(Ok(Value::Int(0))));
    let mut mirror = bag;
    for change in stage.changes() {
        change.apply(&mut mirror).unwrap();
    }
    assert_eq!(mirror, stage.read("bag"));
    assert_eq!(mirror, Value::List(vec![item(1, 78, &["x"]), item(0, 0, &[]), item(0, 0, &[])]));
}

#[test]
fn a_removed_item_can_be_read_and_not_written() {
    let add = "table.insert(self.bag, { kind = 'hat', hue = 3, tags = { 'a' } }) ";
    assert_eq!(run(&format!("{add} local it = table.remove(self.bag) return it.hue")), 3);
    for write in ["it.hue = 1", "it.tags[1] = 'b'", "table.insert(it.tags, 'c')", "table.clear(it.tags)"] {
        for removal in ["table.remove(self.bag)", "self.bag = {}", "self.bag[1] = {}", "table.clear(self.bag)"] {
            let why = fails(&format!("{add} local it = self.bag[1] {removal}\n{write}"));
            assert!(why.contains("was removed") && why.starts_with("doll.luau:6:"), "{write}, {removal}: {why}");
        }
    }
}

#[test]
fn a_container_that_is_assigned_elsewhere_is_copied() {
    let lines = "
        self.bag = { { hue = 1 }, { hue = 2 } }
        self.bag[1], self.bag[2] = self.bag[2], self.bag[1]
        self.best = self.bag[1]
        self.best.hue = 9
        return self.bag[1].hue * 100 + self.bag[2].hue * 10 + self.best.hue";
    assert_eq!(run(lines), 219);
}

#[test]
fn the_libraries_see_through_proxies() {
    let fill = "self.grid = { { 5, 6, 7 } } local list = self.grid[1] self.marks = { a = 1, b = 2 } local sum = 0 ";
    for (lines, expected) in [
        ("for i, v in list do sum += i * v end return sum", 38),
        ("for i, v in pairs(list) do sum += i * v end return sum", 38),
        ("for i, v in ipairs(list) do sum += i * v end return sum", 38),
        ("for i, v in next, list do sum += i * v end return sum", 38),
        ("local n = next for i, v in n, list do sum += i * v end return sum", 38),
        ("local p = pairs for i, v in p(list) do sum += i * v end return sum", 38),
        ("for k, v in self.marks do sum += v end return sum", 3),
        ("for k, v in pairs(self.marks) do sum += v end return sum", 3),
        ("for k, v in self.bag do sum += 1 end return sum", 0),
        ("return #list + rawlen(list) + #self.marks", 8),
        ("return select('#', table.unpack(list)) + select('#', unpack(list))", 6),
        ("local u = table.unpack return (u(list))", 5),
        ("local a, b, c = table.unpack(list, 2) return if c then 0 else b", 7),
        ("return tonumber(table.concat(list, ''))", 567),
        ("return table.find(list, 6)", 2),
        ("table.sort(list, function(a, b) return a > b end) return list[1]", 7),
        ("table.insert(list, 1, 9) table.insert(list, 8) return list[1] * 10 + list[5]", 98),
        ("return table.remove(list, 1) * 10 + table.remove(list) + #list", 58),
        ("table.clear(list) return #list", 0),
        ("local c = table.clone(list) c[1] = 1 return list[1]", 5),
        ("return #table.move(list, 2, 3, 1, {})", 2),
        ("table.move({ 1, 2 }, 1, 2, 4, list) return list[5]", 2),
        ("return next(self.marks) == nil and 1 or 2", 2),
        ("local n = 0 for name in pairs(self) do n += 1 end return n", 10),
        ("local insert = table.insert insert(list, 4) return #list", 4),
    ] {
        assert_eq!(run(&format!("{fill} {lines}")), expected, "{lines}");
    }
}

#[test]
fn nobody_gets_behind_a_proxy() {
    for (lines, expected) in [
        ("rawset(self.bag, 1, {})", "readonly"),
        ("rawset(self, 'gold', 1)", "readonly"),
        ("return rawget(self.best, 'hue')", "rawget"),
        ("setmetatable(self.bag, {})", "readonly"),
        ("setmetatable(self, nil)", "readonly"),
        ("return getmetatable(self).__index.gold", "nil"),
        ("return getmetatable(self.bag).parent", "nil"),
        ("local g = getmetatable return g(self.bag).parent", "nil"),
        ("getmetatable('').__index.rep = nil", "nil"),
        ("string.rep = nil", "readonly"),
        ("table.insert = print", "readonly"),
        ("kuafu.log = print", "readonly"),
        ("x = 1", "readonly"),
        ("kuafu.entity(3).id = 4", "readonly"),
        ("self.cell.step = 1", "readonly"),
        ("return debug.info(1, 'f')", "nil"),
        ("return getfenv(1)", "nil"),
        ("return loadstring('return 1')()", "nil"),
        ("return require('x')", "was not loaded"),
        ("return io.open('/etc/passwd')", "nil"),
        ("return os.time()", "nil"),
        ("collectgarbage('collect')", "nil"),
        ("newproxy(true)", "nil"),
        ("math.randomseed(1)", "nil"),
    ] {
        let why = fails(lines);
        assert!(why.contains("doll.luau:5") && why.contains(expected), "{lines}: {why}");
    }
    // What a loop over pairs is given is a copy.
    assert_eq!(run("self.bag = { {} } local _, t = pairs(self.bag) t[1] = nil return #self.bag"), 1);
    assert_eq!(run("local c = table.clone(self) c.gold = -5 return self.gold"), 0);
}

#[test]
fn a_write_that_does_not_fit_is_an_error_at_its_line() {
    for (lines, expected) in [
        ("self.gold = 'x'", r#"doll.gold takes int64 from 0 to 9007199254740992, not "x""#),
        ("self.gold = 1.5", "not 1.5"),
        ("self.gold = -1", "not -1"),
        ("self.gold = 0/0", "not nan"),
        ("self.gold = nil", "not nil"),
        ("self.hue = 360", "doll.hue takes uint16 from 0 to 359, not 360"),
        ("self.hue = 2^53", "not 9007199254740992"),
        ("self.name = 'x'", "doll.name is a property of the cell part"),
        ("self.golf = 1", r#"doll has no property "golf""#),
        ("return self.golf", r#"doll has no property "golf""#),
        ("self.save = 1", "cannot be assigned"),
        ("self.id = 1", "cannot be assigned"),
        ("self.run = 1", "cannot be assigned"),
        ("self.best.colour = 1", r#"doll.best has no field "colour""#),
        ("return self.best.colour", r#"Item has no field "colour""#),
        ("self.best.kind = 'tree'", r#"doll.best.kind takes one of flower, gem, hat, not "tree""#),
        ("self.best.kind = 3", "takes one of"),
        ("self.best = { hue = -1 }", "doll.best.hue takes uint16"),
        ("self.best = { size = 1 }", r#"doll.best has no field "size""#),
        ("self.bag = { {}, { tags = { 1 } } }", "doll.bag[2].tags[1] takes string, not 1"),
        ("self.bag = { a = {} }", "keys that are no positions"),
        ("self.bag[2] = {}", "there is no place 2"),
        ("self.bag[0] = {}", "there is no place 0"),
        ("self.bag.x = {}", r#"there is no place "x""#),
        ("self.bag = 'x'", "takes list<Item>"),
        ("table.insert(self.bag, 3)", "doll.bag[1] takes Item, not 3"),
        ("table.insert(self.bag, 3, {})", "nothing can be inserted at 3"),
        ("for i = 1, 25 do table.insert(self.bag, {}) end", "doll.bag holds at most 24 items"),
        ("self.marks[1] = 1", "a key of doll.marks takes string, not 1"),
        ("self.marks.a = 2^31", r#"doll.marks["a"] takes int32"#),
        ("self.friend = 7", "doll.friend takes entity, not 7"),
        ("self.flag = 1", "doll.flag takes bool"),
        ("self.speed = 1e39", "doll.speed takes float32"),
        ("self.home = vector.create(0/0, 0, 0)", "doll.home takes vec3"),
        ("table.insert(self.best, 1)", "doll.best is no list"),
        ("self.grid = { {} } local g = self.grid[1] table.insert(g, 1) self.grid[1][3] = 1", "there is no place 3"),
    ] {
        let why = fails(lines);
        assert!(why.starts_with("doll.luau:5:") && why.contains(expected), "{lines}: {why}");
    }
}

#[test]
fn a_refused_write_changes_nothing() {
    let mut stage = body(
        "
        self.bag = { { hue = 5 } }
        pcall(function() self.bag = { { hue = 6 }, { hue = -1 } } end)
        pcall(function() self.bag[1] = { hue = -1 } end)
        pcall(function() table.insert(self.bag, 1, { hue = -1 }) end)
        pcall(table.sort, self.bag, function() error('no') end)
        table.insert(self.bag, { hue = 7 })
        local fine, why = pcall(table.sort, self.bag, function() table.remove(self.bag, 1) return false end)
        assert(not fine and string.find(why, 'while it was being sorted'))
        return #self.bag * 10 + self.bag[1].hue",
    );
    assert_eq!(stage.call("run", vec![]), Answer::Done(Ok(Value::Int(17))), "{:?}", stage.faults());
}

#[test]
fn entities_and_vectors_are_values_of_properties() {
    let lines = "
        self.friend = kuafu.entity(9)
        assert(self.friend == kuafu.entity(9) and self.friend.id == 9)
        self.friend = self
        assert(self.friend == kuafu.entity(self.id) and self.friend == self)
        self.friend = nil
        assert(self.friend == nil)
        self.home = vector.create(1, 2, 3)
        return self.home.x + self.home.z";
    assert_eq!(run(lines), 4);
    assert_eq!(changes_of("self.friend = kuafu.entity(9)"), [format!("friend = {:?}", Value::Entity(EntityId(9)))]);
    assert_eq!(changes_of("self.friend = nil"), [format!("friend = {:?}", Value::Entity(EntityId::NONE))]);
}

#[test]
fn what_comes_from_outside_is_applied_and_not_reported() {
    let mut stage = body("self.bag[2].hue += 1 return self.bag[2].hue");
    let bag = stage.property("bag");
    let change = |path: Vec<Step>, edit: Edit| Change { property: bag, path, edit };
    for change in [
        Change::set(bag, Value::List(vec![item(0, 1, &[])])),
        change(vec![Step::Index(1)], Edit::Insert(item(1, 2, &["a"]))),
        change(vec![Step::Index(1), Step::Field(1)], Edit::Set(30.into())),
        change(vec![Step::Index(1), Step::Field(2), Step::Index(0)], Edit::Remove),
    ] {
        stage.host.apply(SELF, &change).unwrap();
    }
    assert_eq!(stage.changes(), []);
    for wrong in [
        change(vec![Step::Index(2)], Edit::Set(item(0, 0, &[]))),
        change(vec![Step::Index(3)], Edit::Insert(item(0, 0, &[]))),
        change(vec![Step::Index(1), Step::Field(2), Step::Index(0)], Edit::Remove),
        change(vec![Step::Index(0)], Edit::Set(3.into())),
        change(vec![Step::Key(1.into())], Edit::Remove),
        Change::set(stage.property("name"), Value::text("x")),
    ] {
        assert!(stage.host.apply(SELF, &wrong).is_err(), "{wrong:?}");
    }
    assert_eq!(stage.call("run", vec![]), Answer::Done(Ok(Value::Int(31))));
    assert_eq!(stage.read("bag"), Value::List(vec![item(0, 1, &[]), item(1, 31, &[])]));
    let changes = stage.changes();
    assert_eq!(changes, [change(vec![Step::Index(1), Step::Field(1)], Edit::Set(31.into()))]);
}

#[test]
fn an_edit_before_and_after_a_drain_is_reported_twice() {
    let mut stage = body("self.gold += 1 self.best.hue += 1 self.bag = {} return 0");
    for round in 1..=3 {
        stage.call("run", vec![]);
        let changes: Vec<String> = stage.changes().iter().map(|change| show(&stage, change)).collect();
        assert_eq!(changes, [format!("gold = {round}"), format!("best.1 = {round}"), "bag = ()".to_owned()]);
    }
}
