//! Generated games: every one loads, and a client rebuilds from the schema what it may see of it.

use std::fmt::Write;

use kuafu_def::{Definitions, EntityType, Loaded, Type};
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

const PLAIN: [&str; 17] = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "string",
    "bytes",
    "vec2",
    "vec4",
    "int64 wide",
    "Mood",
];
/// Stands for a name.
const NAME: &str = "_NAME_";

const REFERENCES: [&str; 3] = ["entity", "entity<a>", "entity<b>"];

fn type_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => prop::sample::select(&PLAIN[..]).prop_map(str::to_owned),
        1 => prop::sample::select(&REFERENCES[..]).prop_map(str::to_owned),
        1 => Just("Item".to_owned()),
        1 => Just("Pairs".to_owned()),
    ];
    leaf.prop_recursive(3, 8, 1, |inner| {
        let key = prop::sample::select(vec!["string", "uint16", "Mood", "bool", "entity<a>"]);
        prop_oneof![
            inner.clone().prop_map(|ty| format!("list<{ty}>")),
            (key, inner).prop_map(|(k, ty)| format!("map<{k}, {ty}>"))
        ]
    })
}

fn bounds(ty: &str, which: Index) -> &'static str {
    let choices: &[&str] = match ty {
        "int8" | "int16" | "int32" | "int64" => &["", "min = -3", "min = 2\nmax = 9", "max = -1"],
        "float32" | "float64" => &["", "min = 0.5", "max = -0.25", "min = -1\nmax = 1"],
        "string" | "bytes" => &["", "max_length = 5"],
        _ => &[""],
    };
    choices[which.index(choices.len())]
}

/// A property as lines of a file; its name is to be put in.
fn property() -> impl Strategy<Value = String> {
    let visible = prop::sample::select(vec![
        "\"base\"",
        "\"own-client\"",
        "\"all-clients\"",
        "\"other-clients\"",
        "\"cell\"",
        "[\"cell-public\", \"own-client\"]",
    ]);
    (type_text(), visible, any::<Index>(), any::<bool>()).prop_map(|(ty, visible, which, slow)| {
        let slow = slow && ["\"all-clients\"", "\"other-clients\""].contains(&visible);
        let slow = if slow { "update = \"2/s\"\ndetail = \"near\"\n" } else { "" };
        let bounds = bounds(&ty, which);
        format!("[properties.{NAME}]\ntype = \"{ty}\"\nvisible = {visible}\n{bounds}\n{slow}")
    })
}

fn method() -> impl Strategy<Value = String> {
    let head = prop::sample::select(vec![
        ("base", "exposed = \"owner\"\nrate = \"3/min\""),
        ("cell", "exposed = \"view\""),
        ("cell", "exposed = { within = 2.5 }"),
        ("cell", ""),
        ("client", ""),
    ]);
    let arguments = prop::collection::vec((type_text(), any::<Index>()), 0..4);
    (head, arguments, prop::option::of(type_text()), any::<bool>()).prop_map(
        |((part, head), arguments, result, last)| {
            let written: Vec<String> = arguments
                .iter()
                .enumerate()
                .map(|(at, (ty, which))| {
                    let has_default = last && at + 1 == arguments.len() && ty == "bool";
                    let default = if has_default { "default = true" } else { "" };
                    let more = bounds(ty, *which).lines().chain(default.lines());
                    let more: String = more.map(|text| format!(", {text}")).collect();
                    format!("{{ name = \"x{at}\", type = \"{ty}\"{more} }}")
                })
                .collect();
            let result =
                result.filter(|_| part != "client").map(|ty| format!("result = \"{ty}\"\n")).unwrap_or_default();
            format!("[methods.{part}.{NAME}]\n{head}\n{result}arguments = [{}]\n", written.join(", "))
        },
    )
}

/// The members of one file; `letter` keeps their names apart from those of other files.
fn members(letter: char) -> impl Strategy<Value = String> {
    let properties = prop::collection::vec(property(), 0..5);
    (properties, prop::collection::vec(method(), 0..4)).prop_map(move |(properties, methods)| {
        let named = properties.iter().chain(&methods).enumerate();
        named.map(|(n, text)| text.replace(NAME, &format!("{letter}{n}"))).collect()
    })
}

/// Three types that inherit from one another, two traits, two components, in whatever order they are used.
fn game() -> impl Strategy<Value = Vec<(String, String)>> {
    let slots = || subsequence(vec!["left", "right", "back"], 0..=3);
    let traits = subsequence(vec!["s", "t"], 0..=2);
    let fields = prop::collection::vec((type_text(), any::<Index>()), 0..4);
    let bodies = ['a', 'b', 'c', 's', 't', 'x', 'y'].map(members);
    let kinds = (any::<bool>(), any::<bool>(), any::<bool>());
    (bodies, slots(), slots(), traits, fields, kinds).prop_map(|(bodies, first, rest, traits, fields, kinds)| {
        let [a, b, c, s, t, x, y] = bodies;
        let (is_abstract, inherits, more) = kinds;
        let slots = |slots: &[&str], prefix: &str| {
            slots.iter().fold(String::new(), |mut text, slot| {
                let component = if *slot == "back" { "x" } else { "y" };
                let _ = write!(text, "[components.{prefix}{slot}]\ntype = \"{component}\"\n");
                text
            })
        };
        let uses: Vec<String> = traits.iter().map(|name| format!("\"{name}\"")).collect();
        let near = "parts = [\"base\", \"cell\", \"client\"]\ndetail = { near = 5 }\n";
        let parent = |name: &str| if inherits { format!("parent = \"{name}\"\n") } else { near.to_owned() };
        let fields: Vec<String> = fields
            .iter()
            .enumerate()
            // A field that holds the struct itself would be a circle.
            .map(|(n, (ty, which))| (n, ty.replace("Item", "bool").replace("Pairs", "bool"), which))
            .map(|(n, ty, which)| {
                let bounds: String = bounds(&ty, *which).lines().map(|text| format!(", {text}")).collect();
                format!("{{ name = \"f{n}\", type = \"{ty}\"{bounds} }}")
            })
            .collect();
        let bag = "[properties.bag]\ntype = \"items<Item>\"\nvisible = \"own-client\"\npersistent = true\n";
        // Items cannot be of a struct that holds references, for they are saved.
        let bag = if more && !fields.concat().contains("entity") { bag } else { "" };
        let file = |name: &str, text: String| (name.to_owned(), text);
        vec![
            file(
                "types.toml",
                format!(
                    "[structs]\nItem = {{ fields = [{}] }}\n[enums]\nMood = {{ variants = [\"calm\", \"angry\"] }}\n\
                     [aliases]\nPairs = \"list<Pair>\"\nPair = \"map<string, Item>\"\n",
                    fields.join(", ")
                ),
            ),
            file("a.toml", format!("[entity]\nabstract = {is_abstract}\n{near}{}{a}", slots(&first, ""))),
            file("b.toml", format!("[entity]\n{}uses = [{}]\n{b}{bag}", parent("a"), uses.join(", "))),
            file("c.toml", format!("[entity]\n{}{}{c}", parent("b"), slots(&rest, "c"))),
            file("traits/s.toml", format!("[trait]\nuses = \"t\"\n{s}")),
            file("traits/t.toml", t),
            file("components/x.toml", format!("[component]\nuses = \"t\"\n{x}")),
            file("components/y.toml", y),
        ]
    })
}

/// What a client may see of a type, as text.
fn seen(ty: &EntityType) -> Vec<String> {
    let slots = |name: &str| name.split_once('.').map(|(slot, _)| slot.to_owned());
    let mut used = std::collections::BTreeSet::new();
    let mut lines = vec![format!("{} {} {:?} {:?} {:?}", ty.no, ty.name, ty.parts, ty.top_speed, ty.parent)];
    for p in ty.properties.iter().filter(|p| p.is_client_visible()) {
        used.extend(slots(&p.name));
        let head = format!("{} {} {} {:?} {}", p.no, p.name, p.ty, p.part, p.items);
        lines.push(format!(
            "{head} {} {} {:?} {:?} {:?} {:?}",
            p.own_client, p.other_clients, p.default, p.min, p.max, p.max_length
        ));
    }
    for m in ty.methods.iter().filter(|m| m.is_for_clients()) {
        used.extend(slots(&m.name));
        lines.push(format!("{m:?}"));
    }
    let seen = ty.components.iter().filter(|component| used.contains(&component.slot));
    let mut components: Vec<String> = seen.map(|seen| format!("{} {}", seen.slot, seen.component)).collect();
    components.sort();
    lines.extend(components);
    lines
}

fn struct_of(definitions: &Definitions, name: &str) -> Option<Type> {
    definitions.structs.iter().find(|ty| ty.name == name).map(|ty| Type::Struct(ty.clone()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_client_rebuilds_from_the_schema_what_it_may_see(files in game()) {
        let loaded = Definitions::load_from(files.clone());
        let Loaded { definitions: server, ids_changed } = loaded.map_err(|problems| {
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            TestCaseError::fail(format!("{}\n{files:#?}", told.join("\n")))
        })?;
        let text = server.client_schema_json();
        let client = Definitions::from_client_schema_json(&text).expect("its own schema");
        prop_assert_eq!(client.client_schema_json(), text);
        prop_assert_eq!(client.digest_client, server.digest_client);
        prop_assert_eq!(client.types.len(), server.types.len());
        for (ours, theirs) in client.types.values().zip(server.types.values()) {
            prop_assert_eq!(seen(ours), seen(theirs));
            for name in ["a", "b", "c", "d"] {
                prop_assert_eq!(client.is_a(ours, name), server.is_a(theirs, name));
            }
        }
        if let Some(item) = struct_of(&client, "Item") {
            prop_assert_eq!(Some(item), struct_of(&server, "Item"));
        }
        // With its lock file a game is the same again, and the file has nothing to add.
        let lock = ("ids.lock".to_owned(), ids_changed.expect("a new lock file"));
        let again = Definitions::load_from(files.into_iter().chain([lock])).expect("it was good");
        prop_assert_eq!(again.ids_changed, None);
        prop_assert_eq!(again.definitions, server);
    }
}
