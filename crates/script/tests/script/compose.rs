//! Composition: parents, traits, components and libraries, resolved when a release is loaded.

use std::sync::Arc;

use kuafu_core::{Change, Edit, Limits, Value};
use kuafu_def::{Definitions, Part};
use kuafu_logic::{Answer, Effect, Hook, LogicHost};
use kuafu_script::ScriptSet;

use crate::support::{SELF, Stage, definitions};

const CREATURE: &str = r#"
[entity]
parts = ["base", "cell", "client"]
abstract = true
uses = ["named"]

[components.stats]

[properties.age]
type = "int32"
visible = "base"

[methods.base.describe]
result = "string"
"#;

const WOLF: &str = r#"
[entity]
parts = ["base", "cell", "client"]
parent = "creature"

[components.reserve]
type = "stats"

[methods.base.run]
result = "string"
"#;

const NAMED: &str = r#"
[properties.name]
type = "string"
visible = "base"
"#;

const STATS: &str = r#"
[properties.hp]
type = "int32"
visible = "base"
max = 100

[properties.wounds]
type = "list<int32>"
visible = "base"

[methods.base.heal]
arguments = [{ name = "amount", type = "int32" }]
result = "int32"

[methods.client.flash]
"#;

fn wolves() -> Arc<Definitions> {
    Arc::new(definitions(&[
        ("creature.toml", CREATURE),
        ("wolf.toml", WOLF),
        ("traits/named.toml", NAMED),
        ("components/stats.toml", STATS),
    ]))
}

const STATS_SCRIPT: &str = "
local stats = { base = {}, cell = {} }
function stats.base:heal(amount)
    self.hp += self:scaled(amount)
    table.insert(self.wounds, amount)
    return self.hp
end
function stats.base:scaled(amount) return amount * 2 end
function stats.base:on_create() self.hp = 50 self.owner.age += 1 self:after(1, 'regen', 7) end
function stats.base:regen(n) self.hp += n end
return stats";

fn files(wolf: &str) -> Vec<(&str, &str)> {
    vec![
        ("wolf.luau", wolf),
        (
            "creature.luau",
            "local C = { base = {} } function C.base:describe() return 'a creature' end\nfunction C.base:age_up(n) self.age += n return self:describe() end return C",
        ),
        (
            "traits/named.luau",
            "local T = { base = {} } function T.base:describe() return 'named ' .. self.name end function T.base:greet() return 'I am ' .. self.name end return T",
        ),
        ("components/stats.luau", STATS_SCRIPT),
        ("lib/money/coins.luau", "return { value = 5 }"),
        (
            "lib/money.luau",
            "local coins = require('lib/money/coins') return { count = function(n) return n * coins.value end }",
        ),
    ]
}

fn stage(wolf: &str) -> Stage {
    Stage::of(wolves(), "wolf", Part::Base, &files(wolf), Limits::default())
}

fn text(stage: &mut Stage) -> String {
    match stage.call("run", vec![]) {
        Answer::Done(Ok(Value::Text(text))) => text.to_string(),
        other => panic!("{other:?} {:#?}", stage.faults()),
    }
}

/// A wolf's script whose `run` is `body`.
fn wolf(body: &str) -> String {
    format!(
        "local creature = require('creature')\nlocal money = require('lib/money')\nlocal W = {{ base = {{}} }}\n\
         function W.base:run()\n{body}\nend\nreturn W"
    )
}

#[test]
fn own_methods_win_over_traits_and_both_over_parents() {
    let mut stage = stage(&wolf("self.name = 'Rex' return self:describe() .. ', ' .. self:greet()"));
    assert_eq!(text(&mut stage), "a creature, I am Rex", "the parent's own script wins over the parent's trait");
    let own =
        wolf("self.name = 'Rex' return self:describe() .. creature.base.describe(self) .. self:age_up(3) .. self.age")
            .replace("return W", "function W.base:describe() return 'a wolf, ' end return W");
    let mut stage = super::compose::stage(&own);
    assert_eq!(text(&mut stage), "a wolf, a creaturea wolf, 3");
}

#[test]
fn a_component_has_its_own_self_properties_and_methods() {
    let mut stage = stage(&wolf(
        "
        self.stats.hp = 10
        local healed = self.stats:heal(5)
        self.reserve:heal(1)
        assert(self.stats.hp == 20 and self.reserve.hp == 2 and self.stats.owner == self)
        assert(self.stats ~= self.reserve and #self.stats.wounds == 1)
        return `{healed} {tostring(self.stats)} {money.count(3)}`",
    ));
    assert_eq!(text(&mut stage), "20 wolf.stats 7 15");
    assert_eq!((stage.read("stats.hp"), stage.read("reserve.hp")), (Value::Int(20), Value::Int(2)));
    assert_eq!(stage.read("stats.wounds"), Value::List(vec![Value::Int(5)]));
    let hp = stage.property("stats.hp");
    let changes = stage.changes();
    assert!(changes.contains(&Change { property: hp, path: vec![], edit: Edit::Set(Value::Int(20)) }), "{changes:?}");
    assert_eq!(changes.len(), 4, "{changes:?}");
    stage.host.apply(SELF, &Change { property: hp, path: vec![], edit: Edit::Set(Value::Int(3)) }).expect("it fits");
    assert_eq!(stage.read("stats.hp"), Value::Int(3));
}

#[test]
fn components_are_called_from_elsewhere_and_read_where_they_are_public() {
    let mut stage = stage(&wolf("kuafu.entity(8).base.stats:heal(2) self.client.stats:flash() return ''"));
    text(&mut stage);
    let effects = stage.effects();
    let [Effect::Call { method, arguments, .. }, Effect::CallClient { method: flash, .. }] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!((&**method, &arguments[..]), ("stats.heal", &[Value::Int(2)][..]));
    assert_eq!(*flash, stage.ty.method_by_name(Part::Client, "stats.flash").expect("declared").no);
    assert_eq!(stage.call("stats.heal", vec![Value::Int(4)]), Answer::Done(Ok(Value::Int(8))));
    assert_eq!(stage.call("reserve.heal", vec![Value::Int(1)]), Answer::Done(Ok(Value::Int(2))));
}

#[test]
fn a_component_of_another_entity_can_be_read_where_it_is_public() {
    let other = kuafu_core::EntityId(8);
    let mut stage = stage(&wolf("local other = kuafu.entity(8) return `{other.stats.hp} {other.stats.wounds == nil}`"));
    let hp = stage.property("stats.hp");
    stage.world.public.borrow_mut().insert((other, hp), Value::Int(33));
    assert_eq!(text(&mut stage), "33 true");
}

#[test]
fn a_wolf_is_created_with_the_properties_of_its_components() {
    let create = "kuafu.create('wolf', { properties = { age = 3, stats = { hp = 4 }, ['reserve.hp'] = 5 } }) return ''";
    let mut stage = stage(&wolf(create));
    text(&mut stage);
    let effects = stage.effects();
    let [Effect::Create { values, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    for (name, value) in [("age", 3), ("stats.hp", 4), ("reserve.hp", 5)] {
        assert!(values.contains(&(stage.property(name), Value::Int(value))), "{name}: {values:?}");
    }
}

#[test]
fn hooks_of_components_come_after_the_entitys_and_timers_find_their_methods() {
    let script = wolf("return ''").replace("return W", "function W.base:on_create() self.age = 10 end return W");
    let mut stage = stage(&script);
    stage.hook(Hook::Create);
    assert_eq!(stage.read("age"), Value::Int(12), "once for each of two components");
    assert_eq!(stage.read("stats.hp"), Value::Int(50));
    stage.advance_ms(1000);
    assert_eq!((stage.read("stats.hp"), stage.read("reserve.hp")), (Value::Int(57), Value::Int(57)));
    assert_eq!(stage.faults(), [""; 0]);
}

#[test]
fn errors_in_components_name_the_place() {
    for (body, expected) in [
        ("self.stats.hp = 101", "wolf.stats.hp takes int32 from"),
        ("self.stats.xp = 1", "wolf.stats has no property \"xp\""),
        ("self.stats.heal = 1", "is part of the engine or a method"),
        ("return self.stats.xp", "wolf.stats has no property \"xp\""),
        ("self.stats = {}", "wolf.stats is part of the engine"),
        ("kuafu.entity(8).base.stats:jump()", "no entity type has a method \"stats.jump\" in its base part"),
        ("kuafu.entity(8).base.tail:wag()", "no entity type has a method \"tail\" in its base part"),
    ] {
        let mut stage = stage(&wolf(body));
        stage.call("run", vec![]);
        let faults = stage.faults();
        assert!(faults.len() == 1 && faults[0].contains(expected), "{body}: {faults:?}");
        assert!(faults[0].contains("wolf.luau:5"), "{body}: {faults:?}");
    }
}

#[test]
fn what_may_be_required_is_checked_when_it_is_loaded() {
    let problems = |changed: (&str, &str)| {
        let good = wolf("return ''");
        let mut files = files(&good);
        files.retain(|(name, _)| *name != changed.0);
        files.push(changed);
        let problems = ScriptSet::from_texts(files.iter().copied(), &wolves()).expect_err("there are problems");
        problems
            .iter()
            .map(|p| format!("{}:{}: {}", p.file.display(), p.line, p.message))
            .collect::<Vec<_>>()
            .join("\n")
    };
    for (changed, expected) in [
        (("wolf.luau", "\nrequire('sheep')"), "wolf.luau:2: `wolf` cannot require `sheep`"),
        (("wolf.luau", "require('lib/none')"), "wolf.luau:1: there is no module `lib/none`"),
        (("creature.luau", "require('wolf')"), "`creature` cannot require `wolf`"),
        (("lib/money.luau", "require('wolf')"), "lib/money.luau:1: `lib/money` cannot require `wolf`"),
        (("lib/money/coins.luau", "return require('lib/money')"), "require each other in a circle"),
        (("components/stats.luau", "return { base = { owner = print } }"), "hides the engine's `self.owner`"),
        (("components/stats.luau", "return { base = {} }"), "the method `base.stats.heal` is declared and missing"),
        (("lib/money.luau", "\n\nerror('no')"), "lib/money.luau:3: no"),
        (("lib/money.luau", "local m = {}"), "the module returns nothing"),
    ] {
        let found = problems(changed);
        assert!(found.contains(expected), "{expected}: {found}");
    }
    let found = stage(&wolf("return require('lib/money').count(1) .. require('lib/later')"));
    let mut found = found;
    found.call("run", vec![]);
    assert!(found.faults()[0].contains("`lib/later` was not loaded: require it at the top"));
}

#[test]
fn a_folder_holds_scripts_in_four_places() {
    let dir = tempfile::tempdir().expect("a folder");
    let good = wolf("return ''");
    for (name, text) in files(&good) {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    std::fs::create_dir(dir.path().join("notes")).expect("a folder");
    std::fs::write(dir.path().join("notes/x.luau"), "not a script").expect("a file");
    let set = ScriptSet::load(dir.path(), &wolves()).expect("nothing is wrong");
    let modules: Vec<&str> = set.scripts.iter().map(|script| script.module.as_str()).collect();
    assert_eq!(modules, ["components/stats", "creature", "lib/money", "lib/money/coins", "traits/named", "wolf"]);
}
