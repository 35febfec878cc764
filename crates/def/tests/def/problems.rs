//! Every problem is told at its file, line and column, all at once, and nothing that only follows from another.

use std::fmt::Write;

use crate::support::{GAME, load, with};

/// Loads the game with some files changed, and shows the problems.
fn check(changed: &[(&str, &str)]) -> String {
    let Err(problems) = load(&with(GAME, changed)) else { return "no problem".to_owned() };
    let mut shown = String::new();
    for problem in problems {
        writeln!(shown, "[{}] {problem}", problem.code).expect("a string takes it");
    }
    shown
}

#[test]
fn unknown_keys_and_words_come_with_what_was_meant() {
    insta::assert_snapshot!(check(&[("chest.toml", r#"
[entity]
parts = ["bass"]
use = ["named"]
[property.gold]
[properties.gold]
type = "in64"
persistant = true
visible = ["own-client", "others-client"]
[properties.lock]
[methods.server.open]
[methods.cell.open]
exposed = "ownr"
rate = "3/day"
arguments = [{ nam = "x", type = "Itme" }]
"#)]), @r#"
    [parts] chest.toml:3:10: there is no part `bass`
      help: did you mean `base`? the parts are base, cell and client
    [unknown-key] chest.toml:4:1: there is no key `use` here
      help: did you mean `uses`? the keys here are parts, parent, abstract, global, uses, top_speed, detail, volatile, description
    [unknown-key] chest.toml:5:2: there is no key `property` here
      help: the keys here are entity, components, properties, methods
    [type] chest.toml:7:8: there is no type `in64`
      help: did you mean `int64`?
    [unknown-key] chest.toml:8:1: there is no key `persistant` here
      help: did you mean `persistent`? the keys here are type, wide, visible, persistent, unique, indexed, default, min, max, max_length, detail, update, description
    [visible] chest.toml:9:26: `visible` has no word `others-client`
      help: did you mean `other-clients`? the words are base, cell, cell-public, own-client, other-clients, all-clients
    [missing-key] chest.toml:10:13: `type` is missing here
      help: say what it holds, such as `type = "int32"`
    [unknown-key] chest.toml:11:10: there is no key `server` here
      help: the keys here are base, cell, client
    [exposed] chest.toml:13:11: `exposed` is "ownr"
      help: did you mean `owner`? write exposed = "owner", exposed = "view" or exposed = { within = 5.0 }
    [rate] chest.toml:14:8: the rate is "3/day"
      help: write a count, a slash and s, min or h: "3/s"
    [missing-key] chest.toml:15:14: `name` is missing here
      help: give it a name, such as `name = "text"`
    [unknown-key] chest.toml:15:16: there is no key `nam` here
      help: did you mean `name`? the keys here are name, type, wide, default, min, max, max_length, description
    [type] chest.toml:15:34: there is no type `Itme`
      help: did you mean `Item`?
    "#);
}

#[test]
fn wrong_kinds_bounds_and_defaults_are_told_where_they_stand() {
    insta::assert_snapshot!(check(&[("chest.toml", r#"
[entity]
parts = ["base", "cell", "client"]
top_speed = -1
[properties]
a = { type = "int8", default = 300 }
b = { type = "string", min = 3 }
c = { type = "bool", max_length = 3 }
d = { type = "int32", min = 5, max = 2, default = 3 }
e = { type = "uint8", max = 256 }
f = { type = "list<Item>", default = [{ knd = 1 }] }
g = { type = "float64", default = nan }
h = { type = 5 }
i = { type = "entity", persistent = true }
j = { type = "vec3", unique = true, persistent = true }
k = { type = "string", max_length = 3, default = "four" }
l = 5
end = { type = "bool" }
m = { type = "int32 wide" }
n = { type = "int32", wide = true }
o = { type = "bool", visible = ["base", "all-clients"] }
[methods.client]
shout = { exposed = "owner", result = "bool" }
[methods.base]
look = { exposed = "view" }
reach = { exposed = { within = 5 } }
idle = { rate = "1/s" }
two = { arguments = [{ name = "x", type = "bool" }, { name = "x", type = "bool" }] }
o = {}
"#)]), @r#"
    [bounds] chest.toml:4:13: the top speed is -1
      help: write metres per second, above 0
    [default] chest.toml:6:32: the default does not fit int8: expected a whole number from -128 to 127, found 300
      help: write a value of the type
    [bounds] chest.toml:7:30: `min` has no meaning for string
      help: only numbers have min and max
    [bounds] chest.toml:8:35: `max_length` has no meaning for bool
      help: string, bytes, list and map have a max_length
    [bounds] chest.toml:9:38: `max` is 2, below `min`, 5
      help: exchange the two
    [bounds] chest.toml:10:29: `max` is 256, which no uint8 can be
      help: a uint8 goes from 0 to 255
    [default] chest.toml:11:38: the default does not fit list<Item>: at [0]: expected only the fields of Item (kind, count, mood), found `knd`
      help: write a value of the type
    [default] chest.toml:12:35: the default does not fit float64: expected float64, found "nan"
      help: write a value of the type
    [wrong-kind] chest.toml:13:14: `type` is the number 5
      help: `type` takes a text such as "int32"
    [persistent] chest.toml:14:37: `i` is persistent, but a reference to an entity ends with its life
      help: save the entity's record id (a uint64) and look it up again; or take `persistent` away
    [type] chest.toml:15:31: `unique` cannot be had for vec3
      help: whole numbers, bools, strings and enums can be looked up
    [default] chest.toml:16:50: the default is out of bounds: expected a length of at most 3, found 4
      help: write a default within min, max and max_length
    [wrong-kind] chest.toml:17:5: `l` is the number 5
      help: `l` takes a table such as [l]
    [name] chest.toml:18:1: `end` cannot be a name here
      help: names have letters, digits and `_`, start with a letter, have at most 64 characters and are no words of Luau
    [type] chest.toml:19:14: `int32` cannot be wide
      help: only int64 and uint64 have a wide form; take `wide` away
    [type] chest.toml:20:30: `int32` cannot be wide
      help: only int64 and uint64 have a wide form; take `wide` away
    [visible] chest.toml:21:32: `o` of `chest`: it is to live on the base part and on the cell part
      help: write base (with own-client, if the player is to see it), or one or more of cell, cell-public, own-client, other-clients, all-clients
    [exposed] chest.toml:23:21: a client method is called by the server, not by clients
      help: take `exposed` away
    [result] chest.toml:23:39: a client method returns nothing
      help: take `result` away; let the client call a method back
    [exposed] chest.toml:25:20: only a cell method can be called by those who have the entity in view
      help: write exposed = "owner", exposed = "view" or exposed = { within = 5.0 }
    [exposed] chest.toml:26:32: only a cell method has a distance to the caller
      help: write exposed = "owner", exposed = "view" or exposed = { within = 5.0 }
    [rate] chest.toml:27:17: a rate on a method that no client may call
      help: a rate limits the calls of clients; add exposed = "owner" or take the rate away
    [duplicate] chest.toml:28:53: two arguments are called `x`
      help: rename one of the two
    "#);
}

#[test]
fn traits_are_known_acyclic_and_without_clashes() {
    insta::assert_snapshot!(check(&[
        ("chest.toml", "[entity]\nparts = [\"cell\"]\nuses = [\"named\", \"nmed\", \"round\"]\n\n[properties.name]\ntype = \"bool\"\n"),
        ("traits/round.toml", "[trait]\nuses = [\"about\"]\n[methods.base.turn]\n"),
        ("traits/about.toml", "[trait]\nuses = [\"round\"]\nparts = [\"base\"]\n"),
    ]), @r#"
    [trait-unknown] chest.toml:3:18: there is no trait `nmed`
      help: did you mean `named`? traits are the files in entities/traits/
    [trait-cycle] traits/about.toml:2:9: the traits go in a circle: round → about → round
      help: a trait cannot use itself, not even through others; take one `uses` out of the circle
    [unknown-key] traits/about.toml:3:1: there is no key `parts` here
      help: the keys here are uses, description
    [visible] traits/named.toml:6:11: `name` of `chest`: clients cannot see it, for there is no client part
      help: add the part "client", or take the clients away
    [persistent] traits/noted.toml:2:13: `note` is persistent, but `chest` has no base part to save it
      help: add the part "base", or take `persistent` away
    [trait-cycle] traits/round.toml:2:9: the traits go in a circle: about → round → about
      help: a trait cannot use itself, not even through others; take one `uses` out of the circle
    [parts] traits/round.toml:3:15: `turn` of `chest`: there is no base part
      help: add the part "base", or move the method
    "#);
}

#[test]
fn declared_types_are_acyclic_flat_enough_and_named_once() {
    insta::assert_snapshot!(check(&[("types.toml", r#"
[structs]
Item = { fields = [{ name = "mood", type = "Mood" }] }
A = { fields = [{ name = "b", type = "list<B>" }] }
B = { fields = [{ name = "a", type = "A" }] }
C = { fields = [{ name = "x", type = "bool" }, { name = "x", type = "bool" }] }
D = { fields = [{ name = "x", type = "int8", default = "x" }] }
string = { fields = [] }
E = {}
[enums]
Mood = { variants = [] }
A = { variants = ["x"] }
F = { variants = ["x", "x", "1"] }
[aliases]
Self = "Self"
Bag = "list<Item>"
Hidden = "bool"
Deep = "list<list<list<list<list<list<list<list<list<list<list<list<list<list<list<list<bool>>>>>>>>>>>>>>>>"
Keyed = "map<vec3, bool>"
"#)]), @r#"
    [type-cycle] types.toml:4:1: `A` contains itself: A → B → A
      help: a type cannot contain itself; refer to the inner one by a number or a map key
    [duplicate] types.toml:6:48: `C` has two fields `x`
      help: rename one of the two
    [default] types.toml:7:56: the default does not fit int8: expected a whole number from -128 to 127, found "x"
      help: write a value of the type
    [name] types.toml:8:1: `string` cannot name a type
      help: a type's name has letters, digits and `_`, and is none of the built-in types
    [missing-key] types.toml:9:1: `fields` is missing here
      help: write fields = [{ name = "kind", type = "uint16" }]
    [missing-key] types.toml:11:1: `variants` is missing here
      help: write variants = ["calm", "angry"]
    [duplicate] types.toml:12:1: the type `A` is declared twice
      help: structs, enums and aliases share their names; rename one of the two
    [duplicate] types.toml:13:24: `F` has `x` twice
      help: take one of the two away
    [name] types.toml:13:29: `1` cannot name a variant
      help: variants have letters, digits and `_`, and start with a letter
    [type-cycle] types.toml:15:1: `Self` contains itself: Self → Self
      help: a type cannot contain itself; refer to the inner one by a number or a map key
    [type] types.toml:18:8: the type is nested more than 16 levels deep
      help: make the type flatter, or split the property
    [type] types.toml:19:9: `vec3` cannot be the key of a map
      help: keys are whole numbers, string, bool, entity or enums
    "#);
}

#[test]
fn a_file_that_is_no_toml_hides_no_other_problem_and_causes_none() {
    insta::assert_snapshot!(check(&[
        ("types.toml", "[structs.Item\n"),
        ("traits/named.toml", "[properties.name]\ntype = \"string\n"),
        ("vault.toml", "[entity]\nparts = []\n"),
        ("Chest.toml", "[entity]\nparts = [\"base\"]\nparts = [\"cell\"]\n"),
    ]), @r#"
    [syntax] Chest.toml:3:1: this is not TOML: duplicate key
      help: correct the line; see https://toml.io
    [syntax] traits/named.toml:2:15: this is not TOML: invalid basic string, expected `"`
      help: correct the line; see https://toml.io
    [syntax] types.toml:1:14: this is not TOML: unclosed table, expected `]`
      help: correct the line; see https://toml.io
    [parts] vault.toml:2:9: the entity has neither a base nor a cell part
      help: write parts = ["base", "cell", "client"], or some of them
    "#);
}

#[test]
fn a_contradictory_lock_file_is_told() {
    insta::assert_snapshot!(check(&[("ids.lock", r#"
[types]
avatar = 1
vault = 1
chest = 0
"bad name" = 3
[properties.avatar]
gold = 1
bag = "two"
[methods.avatar]
say = 4
[retired.properties.avatar]
gold = 2
name = 70000
[other]
"#)]), @r#"
    [ids] ids.lock:4:9: `avatar` and `vault` both have the number 1
      help: the one that was released first keeps it; give the other a number above all others, such as 2
    [ids] ids.lock:5:9: the number is 0
      help: numbers go from 1 to 65535
    [ids] ids.lock:6:1: `bad name` cannot be a name here
      help: names are written as in the definitions; methods as "cell.say", members of components as "stats.hp"
    [wrong-kind] ids.lock:9:7: `bag` is the text "two"
      help: `bag` takes a whole number
    [ids] ids.lock:11:1: `say` cannot be a name here
      help: names are written as in the definitions; methods as "cell.say", members of components as "stats.hp"
    [ids] ids.lock:13:1: `gold` has a number in use and a retired one
      help: keep it with the number that was released, in one of the two places
    [ids] ids.lock:14:8: the number is 70000
      help: numbers go from 1 to 65535
    [unknown-key] ids.lock:15:2: there is no key `other` here
      help: the keys here are types, properties, methods, retired
    "#);
}

#[test]
fn what_is_no_text_or_no_file_is_told() {
    let files: [(&str, &[u8]); 2] = [("chest.toml", b"[entity]\n# \xe4\xb8\xad \xff\n"), ("box.toml/inner.toml", b"")];
    let problems = load(&files).expect_err("problems");
    let shown: Vec<String> = problems.iter().map(|p| format!("[{}] {p}", p.code)).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    [io] box.toml:1:1: this is not a file
      help: a definition is a readable file of at most 1048576 bytes
    [not-utf8] chest.toml:2:5: the byte here is not part of any UTF-8 character
      help: save the file as UTF-8
    "#);
    let missing = kuafu_def::Definitions::load(std::path::Path::new("nowhere/at-all")).expect_err("no folder");
    assert_eq!(missing[0].to_string().lines().next(), Some("nowhere/at-all:1:1: there is no such folder"));
}
