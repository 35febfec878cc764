//! Services, names, shared data, groups, entities elsewhere, measures and the space, from scripts.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use kuafu_core::{
    Chance, Code, EntityId, Limits, Moment, Now, PropertyNo, RecordId, ServiceId, TypeNo, Value, WallTime, service,
};
use kuafu_def::{Definitions, Part};
use kuafu_logic::{Answer, Caller, Effect, EntitySeed, Failure, FindBy, Hook, LogicHost, Placement, SpaceFacts, World};
use kuafu_script::{HostConfig, ScriptHost};

use crate::support::{definitions, set};

const GUILD: &str = r#"
[entity]
parts = ["base"]
[properties.name]
type = "string"
persistent = true
unique = true
[properties.level]
type = "uint8"
persistent = true
indexed = true
[properties.motto]
type = "string"
persistent = true
[properties.heard]
type = "string"
[methods.base.run]
result = "int64"
[methods.base.greet]
arguments = [{ name = "who", type = "string" }]
result = "Mood"
"#;

const TYPES: &str = "[enums.Mood]\nvariants = [\"calm\", \"merry\"]\n";

const HALL: &str = "[entity]\nparts = [\"base\"]\nglobal = true\n";

const WISP: &str = r#"
[entity]
parts = ["cell"]
[methods.cell.run]
result = "int64"
"#;

const AVATAR: &str = r#"
[entity]
parts = ["base", "cell", "client"]
[methods.base.run]
result = "int64"
[methods.cell.run]
result = "int64"
[methods.client.heard]
arguments = [{ name = "text", type = "string" }]
"#;

const SELF: EntityId = EntityId(7);

fn game() -> Arc<Definitions> {
    let files = [
        ("types.toml", TYPES),
        ("guild.toml", GUILD),
        ("hall.toml", HALL),
        ("wisp.toml", WISP),
        ("avatar.toml", AVATAR),
    ];
    Arc::new(definitions(&files))
}

/// A world where some names are held, some values shared, and everybody sees entity 9.
struct Around(BTreeMap<&'static str, Value>);

impl World for Around {
    fn position(&self, _: EntityId) -> Option<[f32; 3]> {
        Some([1.0, 2.0, 3.0])
    }

    fn yaw(&self, _: EntityId) -> Option<f32> {
        None
    }

    fn type_of(&self, _: EntityId) -> Option<TypeNo> {
        None
    }

    fn public_property(&self, _: EntityId, _: PropertyNo) -> Option<Value> {
        None
    }

    fn within(&self, _: EntityId, _: f32, _: &mut Vec<EntityId>) {}

    fn space_time_ms(&self) -> u64 {
        0
    }

    fn draw_id(&self) -> Option<EntityId> {
        Some(EntityId(99))
    }

    fn named(&self, name: &str) -> Option<EntityId> {
        (name == "hall").then_some(EntityId(12))
    }

    fn shared(&self, key: &str) -> Option<Value> {
        self.0.get(key).cloned()
    }

    fn groups_len(&self, _: EntityId) -> usize {
        30
    }

    fn viewers(&self, _: EntityId, into: &mut Vec<EntityId>) {
        into.extend([EntityId(9), EntityId(8)]);
    }

    fn in_view(&self, _: EntityId, into: &mut Vec<EntityId>) {
        into.push(EntityId(9));
    }

    fn space_of(&self, _: EntityId) -> Option<SpaceFacts> {
        Some(SpaceFacts { name: "plaza".into(), least: [0.0, -1.0, 0.0], greatest: [9.0, 5.0, 9.0], population: 42 })
    }
}

struct Stage {
    host: ScriptHost,
    now: Now,
    definitions: Arc<Definitions>,
    ty: &'static str,
}

/// An entity whose method `run` has this body; `more` follows in its script.
fn stage_with(ty: &'static str, part: Part, body: &str, more: &str) -> Stage {
    let definitions = game();
    let run = format!("function T.{part}:run()\n{body}\nend\n");
    let head = "local T = { base = {}, cell = {} }\n";
    let greet = "function T.base:greet(who) return \"merry\" end\n";
    let greet = if ty == "guild" { greet } else { "" };
    let other = if ty == "avatar" && part == Part::Base { "function T.cell:run() return 0 end\n" } else { "" };
    let other = if ty == "avatar" && part == Part::Cell { "function T.base:run() return 0 end\n" } else { other };
    let own = format!("{head}{run}{greet}{other}{more}\nreturn T\n");
    let none = |ty: &str| match ty {
        "guild" => "return { base = { run = function() return 0 end, greet = function() return \"calm\" end } }",
        "wisp" => "return { cell = { run = function() return 0 end } }",
        "avatar" => "return { base = { run = function() return 0 end }, cell = { run = function() return 0 end } }",
        _ => "return { base = {}, cell = {} }",
    };
    let scripts: Vec<(String, &str)> = ["guild", "wisp", "avatar"]
        .iter()
        .map(|name| (format!("{name}.luau"), if *name == ty { own.as_str() } else { none(name) }))
        .collect();
    let scripts: Vec<(&str, &str)> = scripts.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let shared = BTreeMap::from([
        ("weather", Value::text("rain")),
        ("table", Value::Map(vec![(Value::text("inner"), Value::List(vec![Value::Int(4)]))])),
    ]);
    let host = ScriptHost::new(HostConfig {
        part,
        definitions: Arc::clone(&definitions),
        scripts: Arc::new(set(&scripts, &definitions)),
        limits: Limits::default(),
        world: Rc::new(Around(shared)),
        chance: Chance::from_seed(5),
    });
    let now = Now { at: Moment(1_000_000), wall: WallTime(1_700_000_000_500) };
    let mut stage = Stage { host: host.unwrap_or_else(|error| panic!("{error}")), now, definitions, ty };
    let seed_ty = stage.definitions.by_name(ty).expect("the type").clone();
    stage.host.create(EntitySeed { id: SELF, ty: seed_ty, record: None, values: vec![] });
    stage
}

fn stage(ty: &'static str, part: Part, body: &str) -> Stage {
    stage_with(ty, part, body, "")
}

impl Stage {
    fn run(&mut self) -> Answer {
        let ty = self.definitions.by_name(self.ty).expect("the type");
        let method = ty.method_by_name(self.host.part(), "run").expect("the method").no;
        self.host.call(self.now, SELF, method, vec![], Caller::Engine)
    }

    /// Runs the body, which must not fail, and gives what it wants done.
    fn wants(&mut self) -> Vec<Effect> {
        let answer = self.run();
        let effects = std::iter::from_fn(|| self.host.poll_effect()).collect();
        let faults: Vec<String> = std::iter::from_fn(|| self.host.poll_fault()).map(|fault| fault.message).collect();
        assert_eq!(faults, [""; 0], "{answer:?}");
        effects
    }

    /// Runs the body, which must fail, and gives the message.
    #[track_caller]
    fn fails(&mut self) -> String {
        self.run();
        self.host.poll_fault().expect("a fault").message
    }

    fn resume(&mut self, mut effect: Effect, outcome: Result<Value, Failure>) -> Option<Value> {
        let awaiting = effect.awaiting_mut().expect("it can be awaited").expect("it is awaited");
        self.host.resume(self.now, awaiting, outcome);
        let answer = std::iter::from_fn(|| self.host.poll_effect()).find_map(|effect| match effect {
            Effect::Answer { outcome, .. } => Some(outcome.expect("it did not refuse")),
            _ => None,
        });
        let faults: Vec<String> = std::iter::from_fn(|| self.host.poll_fault()).map(|fault| fault.message).collect();
        assert_eq!(faults, [""; 0]);
        answer
    }
}

fn name(text: &str) -> ServiceId {
    ServiceId::Name(text.into())
}

#[test]
fn services_are_provided_withdrawn_and_called_by_name_number_and_key() {
    let body = "self:provide(\"auction\") self:provide(7) self:withdraw(7)\n\
                kuafu.service(\"auction\"):greet(\"Ada\") kuafu.service(7, \"Ada\"):greet(\"Bo\") return 1";
    let mut stage = stage("guild", Part::Base, body);
    let call = |service, key, who: &str| Effect::CallService {
        from: SELF,
        service,
        key,
        method: "greet".into(),
        arguments: vec![Value::text(who)],
        awaiting: None,
    };
    let wanted = [
        Effect::Provide { entity: SELF, service: name("auction"), awaiting: None },
        Effect::Provide { entity: SELF, service: ServiceId::Number(7), awaiting: None },
        Effect::Withdraw { entity: SELF, service: ServiceId::Number(7) },
        call(name("auction"), None, "Ada"),
        call(ServiceId::Number(7), service::key_hash(&Value::text("Ada")), "Bo"),
    ];
    assert_eq!(stage.wants(), wanted);
}

#[test]
fn the_answer_of_a_service_has_the_type_of_its_method() {
    let body = "local mood, why = kuafu.service(\"auction\"):greet(\"Ada\"):await()\n\
                if mood == \"merry\" then return 1 end\nif why then return if why.code == \"Unavailable\" then 2 else 3 end\nreturn 4";
    for (outcome, expected) in [(Ok(Value::Int(1)), 1), (Err(Code::Unavailable.into()), 2), (Err(Failure::Unknown), 3)]
    {
        let mut stage = stage("guild", Part::Base, body);
        let [call] = <[Effect; 1]>::try_from(stage.wants()).expect("one effect");
        assert_eq!(stage.resume(call, outcome), Some(Value::Int(expected)));
    }
}

#[test]
fn a_name_is_claimed_awaited_released_and_read() {
    let body = "local hall = kuafu.global(\"hall\")\nassert(hall.id == 12 and kuafu.global(\"nobody\") == nil)\n\
                self:release_name(\"old\")\nlocal mine, why = self:claim_name(\"hall\"):await()\n\
                if mine then return 1 end\nreturn if why.code == \"NameTaken\" then 2 else 3";
    let mut stage = stage("guild", Part::Base, body);
    let wanted = stage.wants();
    assert_eq!(wanted[0], Effect::ReleaseName { entity: SELF, name: "old".into() });
    let refused = Err(Failure::from(Code::NameTaken));
    assert_eq!(stage.resume(wanted[1].clone(), refused), Some(Value::Int(2)));
}

#[test]
fn shared_values_are_read_frozen_and_set() {
    let body = "assert(kuafu.shared.get(\"weather\") == \"rain\" and kuafu.shared.get(\"none\") == nil)\n\
                local t = kuafu.shared.get(\"table\")\nassert(t.inner[1] == 4)\n\
                assert(not pcall(function() t.new = 1 end) and not pcall(function() t.inner[1] = 5 end))\n\
                kuafu.shared.set(\"weather\", nil)\nself:watch(\"weather\") self:unwatch(\"weather\")\n\
                return if kuafu.shared.set(\"score\", {red = 3}):await() then 1 else 0";
    let mut stage = stage("guild", Part::Base, body);
    let wanted = stage.wants();
    let share = |key: &str, value| Effect::Share { from: SELF, key: key.into(), value, awaiting: None };
    let watch = |on| Effect::Watch { entity: SELF, key: "weather".into(), on };
    assert_eq!(wanted[..3], [share("weather", Value::Nil), watch(true), watch(false)]);
    let mut set = wanted[3].clone();
    *set.awaiting_mut().expect("it can be awaited") = None;
    assert_eq!(set, share("score", Value::Map(vec![(Value::text("red"), Value::Int(3))])));
    assert_eq!(stage.resume(wanted[3].clone(), Ok(Value::Bool(true))), Some(Value::Int(1)));
}

#[test]
fn a_watcher_is_told_key_and_value() {
    let more = "function T.base:on_shared(key, value) self.heard = `{key} {value}` end";
    let mut stage = stage_with("guild", Part::Base, "return 1", more);
    stage.host.hook(stage.now, SELF, Hook::Shared, &[Value::text("weather"), Value::text("sun")]);
    let heard = stage.definitions.by_name("guild").expect("the type").property_by_name("heard").expect("it").no;
    assert_eq!(stage.host.read(SELF, heard), Some(Value::text("weather sun")));
}

#[test]
fn groups_are_joined_left_and_called() {
    let body = "self:join(\"party:7\") self:leave(\"party:7\") kuafu.group(\"party:7\"):heard(\"hello\") return 1";
    let join = |on| Effect::Join { entity: SELF, group: "party:7".into(), on };
    let call = Effect::CallGroup {
        from: SELF,
        group: "party:7".into(),
        method: "heard".into(),
        arguments: vec![Value::text("hello")],
    };
    assert_eq!(stage("avatar", Part::Base, body).wants(), [join(true), join(false), call]);
    let many = "for i = 1, 3 do self:join(\"g\" .. i) end return 1";
    let message = stage("avatar", Part::Base, many).fails();
    assert!(message.contains("32 groups already (groups_per_entity_max)"), "30 it is in, two more may be: {message}");
    let unknown = stage("avatar", Part::Base, "kuafu.group(\"x\"):shouted(\"hello\") return 1").fails();
    assert!(unknown.contains("no entity type has a client method"), "{unknown}");
}

#[test]
fn entities_are_found_by_record_and_by_unique_or_indexed_property() {
    let find = |by, load| {
        let ty = game().by_name("guild").expect("the type").no;
        Effect::Find { from: SELF, ty, by, load, awaiting: None }
    };
    let guild = game().by_name("guild").expect("the type").clone();
    let no = |name: &str| guild.property_by_name(name).expect("the property").no;
    let body = "kuafu.load(\"guild\", 5) kuafu.find(\"guild\", {name = \"Ants\"})\n\
                kuafu.find(\"guild\", {level = 3}, {load = false}) return 1";
    let wanted = [
        find(FindBy::Record(RecordId(5)), true),
        find(FindBy::Property(no("name"), Value::text("Ants")), true),
        find(FindBy::Property(no("level"), Value::Int(3)), false),
    ];
    assert_eq!(stage("avatar", Part::Cell, body).wants(), wanted);
    for (wrong, why) in [
        ("kuafu.find(\"guild\", {motto = \"x\"})", "`unique = true` or `indexed = true`"),
        ("kuafu.find(\"guild\", {name = 5})", "guild.name"),
        ("kuafu.find(\"guild\", {name = \"a\", level = 1})", "by one property"),
        ("kuafu.find(\"avatar\", 5)", "has nothing persistent"),
        ("kuafu.load(\"guild\", 0.5)", "a record is a whole number"),
        ("kuafu.find(\"club\", 5)", "there is no entity type `club`"),
    ] {
        let message = stage("avatar", Part::Base, &format!("{wrong} return 1")).fails();
        assert!(message.contains(why), "{wrong}: {message}");
    }
}

#[test]
fn what_was_found_is_a_reference_and_nothing_is_nil_without_a_failure() {
    let body = "local guild, why = kuafu.find(\"guild\", {name = \"Ants\"}):await()\nassert(why == nil)\n\
                return if guild then guild.id else 0";
    for (outcome, expected) in [(Value::Entity(EntityId(55)), 55), (Value::Nil, 0)] {
        let mut stage = stage("guild", Part::Base, body);
        let [find] = <[Effect; 1]>::try_from(stage.wants()).expect("one effect");
        assert_eq!(stage.resume(find, Ok(outcome)), Some(Value::Int(expected)));
    }
}

#[test]
fn an_entity_is_created_on_the_least_loaded_base_and_awaited() {
    let body = "local g = kuafu.create(\"guild\", {where = \"least-loaded\", persistent = true, properties = {level = 2}}):await()\n\
                kuafu.create(\"guild\", {where = \"here\"}) return g.id";
    let mut stage1 = stage("guild", Part::Base, body);
    let wanted = stage1.wants();
    let Effect::CreateAnywhere { values, placement, persistent, .. } = &wanted[0] else { panic!("{wanted:?}") };
    assert_eq!((values.len(), placement, persistent), (1, &Placement::Nowhere, &true));
    assert_eq!(stage1.resume(wanted[0].clone(), Ok(Value::Entity(EntityId(55)))), Some(Value::Int(55)));

    let from_cell = "kuafu.create(\"guild\", {where = \"least-loaded\"}) return 1";
    assert!(matches!(stage("wisp", Part::Cell, from_cell).wants()[..], [Effect::CreateAnywhere { .. }]));
    for (wrong, why) in [
        ("kuafu.create(\"guild\", {where = \"there\"})", "\"here\" or \"least-loaded\""),
        ("kuafu.create(\"wisp\", {where = \"least-loaded\"})", "has no base part"),
        ("kuafu.create(\"hall\")", "kuafu.global(\"hall\")"),
    ] {
        let message = stage("guild", Part::Base, &format!("{wrong} return 1")).fails();
        assert!(message.contains(why), "{wrong}: {message}");
    }
}

#[test]
fn another_entity_is_asked_to_end() {
    let body = "kuafu.entity(8):destroy() return if kuafu.entity(9):destroy(true):await() then 1 else 0";
    let mut stage = stage("wisp", Part::Cell, body);
    let wanted = stage.wants();
    assert_eq!(wanted[0], Effect::End { from: SELF, entity: EntityId(8), forever: false, awaiting: None });
    assert!(matches!(wanted[1], Effect::End { entity: EntityId(9), forever: true, .. }));
    assert_eq!(stage.resume(wanted[1].clone(), Ok(Value::Bool(true))), Some(Value::Int(1)));
}

#[test]
fn only_the_part_that_others_reach_provides_and_claims() {
    for wrong in ["self:provide(\"auction\")", "self:claim_name(\"hall\")"] {
        let message = stage("avatar", Part::Cell, &format!("{wrong} return 1")).fails();
        assert!(message.contains("base part of a avatar"), "{message}");
        assert_eq!(stage("wisp", Part::Cell, &format!("{wrong} return 1")).wants().len(), 1);
    }
    let message = stage("avatar", Part::Cell, "self:join(\"x\") return 1").fails();
    assert!(message.contains("has no property"), "{message}");
}

#[test]
fn measures_have_plain_names_and_finite_values() {
    let measure = |name: &str, amount, is_gauge| Effect::Measure { name: name.into(), amount, is_gauge };
    let body = "kuafu.count(\"kills\") kuafu.count(\"gold_spent\", 2.5) kuafu.gauge(\"queue\", 4) return 1";
    let wanted = [measure("kills", 1.0, false), measure("gold_spent", 2.5, false), measure("queue", 4.0, true)];
    assert_eq!(stage("guild", Part::Base, body).wants(), wanted);
    for wrong in
        ["kuafu.count(\"Kills\")", "kuafu.count(\"\")", "kuafu.gauge(\"queue\", 1/0)", "kuafu.gauge(\"queue\")"]
    {
        assert!(stage("guild", Part::Base, &format!("{wrong} return 1")).fails().contains("a measure"), "{wrong}");
    }
}

#[test]
fn names_are_bounded_texts() {
    for wrong in [
        "self:provide(\"\")",
        "self:provide(-1)",
        "self:provide({})",
        "self:watch((\"k\"):rep(200))",
        "kuafu.shared.get(5)",
        "kuafu.global(nil)",
        "kuafu.service(\"x\", {})",
        "kuafu.group(5)",
    ] {
        let message = stage("guild", Part::Base, &format!("{wrong} return 1")).fails();
        assert!(message.starts_with("guild.luau:3:"), "at its line: {message}");
    }
}

#[test]
fn the_space_is_seen_from_cell_parts() {
    let body = "local ids = {}\nfor _, e in self:viewers() do table.insert(ids, e.id) end\n\
                assert(table.concat(ids, \" \") == \"9 8\" and self:in_view()[1].id == 9)\n\
                local s = kuafu.space\nassert(s.name == \"plaza\" and s.least.y == -1 and s.greatest == vector.create(9, 5, 9))\n\
                return s.population";
    let mut cell = stage("wisp", Part::Cell, body);
    assert_eq!(cell.run(), Answer::Done(Ok(Value::Int(42))));
    assert!(stage("guild", Part::Base, "return kuafu.space.population").fails().contains("in no space"));
    assert!(stage("wisp", Part::Cell, "return kuafu.space.size").fails().contains("a space has no `size`"));
    assert!(stage("wisp", Part::Cell, "kuafu.space.name = 1 return 1").fails().contains("readonly"));
}

#[test]
fn game_time_is_the_servers_clock() {
    let mut stage = stage("guild", Part::Base, "assert(kuafu.time() == 1700000000.5) return 1");
    assert_eq!(stage.run(), Answer::Done(Ok(Value::Int(1))));
}
