//! `schema.json`: what a newer schema says beside the first form, and that both are read to the same bytes.
//!
//! `newer` is written by the definitions crate of a small game with a parent, a component, items, a typed reference and
//! an argument with a default; `older` is the same as a server of the first form would write it. A client library reads
//! either; what it must know of both is written by hand here.

use bytes::BytesMut;
use kuafu_core::{EntityId, PropertyNo, TypeNo, Value};
use kuafu_def::{Definitions, Part, value_from_json};
use kuafu_wire::{Writer, encode_arguments, encode_client_call, encode_properties};
use serde_json::{Value as Json, json};

use super::{check, hex};

const FILES: [(&str, &str); 4] = [
    (
        "types.toml",
        "[structs.Item]\nfields = [{ name = \"kind\", type = \"uint16\" }, { name = \"count\", type = \"uint8\", default = 1, max = 99 }]\n",
    ),
    (
        "creature.toml",
        "[entity]\nabstract = true\nparts = [\"base\", \"cell\", \"client\"]\n[components.stats]\n\
         [properties.target]\ntype = \"list<entity<creature>>\"\nvisible = \"all-clients\"\n",
    ),
    (
        "avatar.toml",
        "[entity]\nparent = \"creature\"\n[properties.bag]\ntype = \"items<Item>\"\nvisible = \"own-client\"\n\
         persistent = true\n[properties.\"stats.hp\"]\ndefault = 70\n",
    ),
    (
        "components/stats.toml",
        "[properties.hp]\ntype = \"int16\"\nvisible = \"all-clients\"\n[methods.cell.heal]\nexposed = \"owner\"\n\
         arguments = [{ name = \"points\", type = \"uint8\" }, { name = \"by\", type = \"entity<creature>\", default = 0 }, \
         { name = \"loudly\", type = \"bool\", default = true }]\nresult = \"entity<avatar>\"\n\
         [methods.client.healed]\narguments = [{ name = \"points\", type = \"uint8\" }]\n",
    ),
];

#[test]
fn schema_json_is_fresh() {
    let definitions = Definitions::load_from(FILES).expect("a good game").definitions;
    let newer: Json = serde_json::from_str(&definitions.client_schema_json()).expect("the schema is JSON");
    let older = first_form(&newer);
    for schema in [&newer, &older] {
        let read = Definitions::from_client_schema_json(&schema.to_string()).expect("it is read");
        assert_eq!(read.digest_client, definitions.digest_client);
        assert_eq!(bytes(&read), bytes(&definitions), "both are read to the same bytes");
    }
    let members = [
        json!({ "is": "property", "no": 1, "name": "bag", "slot": null, "member": "bag", "type": "map<uint64, Item>" }),
        json!({ "is": "property", "no": 2, "name": "stats.hp", "slot": "stats", "member": "hp", "type": "int16" }),
        json!({ "is": "property", "no": 3, "name": "target", "slot": null, "member": "target", "type": "list<entity>" }),
        json!({ "is": "method", "no": 1, "name": "stats.heal", "slot": "stats", "member": "heal", "part": "cell" }),
        json!({ "is": "method", "no": 2, "name": "stats.healed", "slot": "stats", "member": "healed", "part": "client" }),
    ];
    let only_newer = json!({
        "parents": ["creature"], "components": { "stats": "stats" }, "items": ["bag"],
        "typed": { "target": "list<entity<creature>>" }, "defaults": { "heal": [null, 0, true] },
    });
    let [properties, arguments, call] = bytes(&definitions);
    let values = json!({ "properties_hex": properties, "properties": property_values(),
        "arguments_hex": arguments, "arguments": [5, 0, true], "given": [5],
        "call_hex": call, "call": [9] });
    check(
        "schema.json",
        &json!({ "older": older, "newer": newer, "members": members, "only_newer": only_newer, "values": values }),
    );
}

fn property_values() -> Json {
    json!({ "bag": [[7, { "kind": 3, "count": 2 }]], "stats.hp": 55, "target": [21, 22] })
}

/// All properties of an avatar, the arguments of a call of `stats.heal`, and a call of `stats.healed`.
fn bytes(definitions: &Definitions) -> [String; 3] {
    let avatar = definitions.get(TypeNo(1)).expect("the avatar");
    let values: Vec<(PropertyNo, Value)> = avatar
        .properties
        .iter()
        .map(|p| (p.no, value_from_json(&p.ty, &property_values()[&p.name]).expect("a value")))
        .collect();
    let heal = avatar.method_by_name(Part::Cell, "stats.heal").expect("heal");
    let healed = avatar.method_by_name(Part::Client, "stats.healed").expect("healed");
    let given = [Value::Int(5), Value::Entity(EntityId::NONE), true.into()];
    [
        written(|writer| encode_properties(avatar, values.iter().map(|(no, value)| (*no, value)), writer)),
        written(|writer| encode_arguments(heal, &given, writer)),
        written(|writer| encode_client_call(healed, &[Value::Int(9)], writer)),
    ]
}

fn written<E: std::fmt::Debug>(write: impl FnOnce(&mut Writer<'_>) -> Result<(), E>) -> String {
    let mut out = BytesMut::new();
    write(&mut Writer::new(&mut out)).expect("it fits");
    hex(&out)
}

/// The schema without what was added after the first form.
fn first_form(schema: &Json) -> Json {
    let mut schema = schema.clone();
    for ty in each(&mut schema["types"]) {
        without(ty, &["parents", "components"]);
        each(&mut ty["properties"]).for_each(|property| without(property, &["items", "typed"]));
        for method in each(&mut ty["methods"]) {
            without(method, &["result_typed"]);
            each(&mut method["arguments"]).for_each(|argument| without(argument, &["typed", "default"]));
        }
    }
    for ty in schema["structs"].as_object_mut().into_iter().flat_map(|structs| structs.values_mut()) {
        each(&mut ty["fields"]).for_each(|field| without(field, &["typed", "min", "max", "max_length"]));
    }
    schema
}

fn each(list: &mut Json) -> impl Iterator<Item = &mut Json> {
    list.as_array_mut().expect("a list").iter_mut()
}

fn without(object: &mut Json, keys: &[&str]) {
    object.as_object_mut().expect("an object").retain(|key, _| !keys.contains(&key.as_str()));
}
