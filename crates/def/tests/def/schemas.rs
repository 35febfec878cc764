//! Digests change with what they stand for, and a client rebuilds from a schema what the server has.

use crate::support::{GAME, game_with_avatar, load, with};
use kuafu_def::{Definitions, SchemaError};
use proptest::prelude::*;

fn game() -> Definitions {
    load(GAME).expect("a good game").definitions
}

/// Whether a change of the avatar's file changes the client's digest, and the full one.
fn check(from: &str, to: &str) -> (bool, bool) {
    let (old, new) = (game(), game_with_avatar(&[(from, to)]).definitions);
    (old.digest_client != new.digest_client, old.digest_full != new.digest_full)
}

#[test]
fn the_client_digest_changes_with_what_clients_see() {
    assert_eq!(check("[methods.client.heard]", "[methods.client.hears]"), (true, true));
    assert_eq!(check("type = \"int16\"", "type = \"int8\""), (true, true));
    assert_eq!(check("{ name = \"by\", type = \"entity\" }", "{ name = \"by\", type = \"uint64\" }"), (true, true));
    assert_eq!(check("exposed = \"owner\"", "exposed = \"view\""), (true, true));
    assert_eq!(check("default = 100", "default = 99"), (true, true));
    assert_eq!(check("visible = \"cell\"", "visible = \"all-clients\""), (true, true));
}

#[test]
fn the_client_digest_stays_when_only_the_server_has_to_know() {
    assert_eq!(check("rate = \"3/s\"", "rate = \"4/s\""), (false, true));
    assert_eq!(check("within = 5.0", "within = 6.0"), (false, true));
    assert_eq!(check("max_length = 200", "max_length = 100"), (false, true));
    assert_eq!(check("wide = true", "wide = false"), (false, true));
    assert_eq!(check("result = \"bool\"", "result = \"Hidden\""), (false, true));
    assert_eq!(check("persistent = true\nmin = 0", "min = 0"), (false, true));
    assert_eq!(check("top_speed = 6.5", "top_speed = 7.5"), (false, true));
}

#[test]
fn no_digest_changes_with_descriptions_or_order() {
    assert_eq!(check("description = \"a player\"", "description = \"somebody\""), (false, false));
    let moved = "[methods.cell.wave]\nexposed = { within = 5.0 }\n";
    assert_eq!(check(moved, ""), (true, true));
    let ends_with_wave =
        game_with_avatar(&[(moved, ""), ("[methods.client.heard]", &format!("{moved}[methods.client.heard]"))]);
    assert_eq!(ends_with_wave.definitions.digest_full, game().digest_full);
}

#[test]
fn the_client_digest_knows_the_structs_clients_see_and_no_others() {
    let types = crate::support::TYPES.replace("default = [{ kind = 1 }, { count = 2 }]", "default = []");
    let hidden = load(&with(GAME, &[("types.toml", &types)])).expect("good").definitions;
    assert_eq!((hidden.digest_client, hidden.digest_full != game().digest_full), (game().digest_client, true));
    let types = crate::support::TYPES.replace("[\"calm\", \"angry\"]", "[\"angry\", \"calm\"]");
    let seen = load(&with(GAME, &[("types.toml", &types)])).expect("good").definitions;
    assert_ne!(seen.digest_client, game().digest_client);
}

#[test]
fn a_schema_tells_clients_what_they_may_see() {
    let schema: serde_json::Value = serde_json::from_str(&game().client_schema_json()).expect("JSON");
    insta::assert_snapshot!(serde_json::to_string_pretty(&schema).expect("JSON"), @r#"
    {
      "digest": "e87f2f4cde96530805017c902c044682",
      "enums": {
        "Mood": {
          "variants": [
            "calm",
            "angry"
          ]
        }
      },
      "format": 1,
      "structs": {
        "Item": {
          "fields": [
            {
              "default": 7,
              "name": "kind",
              "type": "uint16"
            },
            {
              "default": 0,
              "name": "count",
              "type": "uint32"
            },
            {
              "default": "angry",
              "name": "mood",
              "type": "Mood"
            }
          ]
        }
      },
      "types": [
        {
          "methods": [
            {
              "arguments": [
                {
                  "max_length": 200,
                  "name": "text",
                  "type": "string"
                }
              ],
              "exposed": "owner",
              "name": "say",
              "no": 2,
              "part": "cell",
              "rate": "3/s"
            },
            {
              "arguments": [],
              "exposed": {
                "within": 5.0
              },
              "name": "wave",
              "no": 3,
              "part": "cell"
            },
            {
              "arguments": [
                {
                  "name": "text",
                  "type": "string"
                },
                {
                  "name": "by",
                  "type": "entity"
                }
              ],
              "name": "heard",
              "no": 4,
              "part": "client"
            }
          ],
          "name": "avatar",
          "no": 1,
          "parts": [
            "base",
            "cell",
            "client"
          ],
          "properties": [
            {
              "default": [],
              "max_length": 20,
              "name": "bag",
              "no": 1,
              "other_clients": false,
              "own_client": true,
              "part": "base",
              "type": "list<Item>"
            },
            {
              "default": 0,
              "min": 0.0,
              "name": "gold",
              "no": 2,
              "other_clients": false,
              "own_client": true,
              "part": "base",
              "type": "int64"
            },
            {
              "default": 100,
              "max": 100.0,
              "name": "health",
              "no": 3,
              "other_clients": true,
              "own_client": true,
              "part": "cell",
              "type": "int16"
            },
            {
              "default": "",
              "max_length": 24,
              "name": "name",
              "no": 4,
              "other_clients": true,
              "own_client": true,
              "part": "cell",
              "type": "string"
            }
          ],
          "top_speed": 6.5
        }
      ]
    }
    "#);
}

#[test]
fn definitions_read_from_a_schema_write_the_same_schema() {
    let server = game();
    let client = Definitions::from_client_schema_json(&server.client_schema_json()).expect("a good schema");
    assert_eq!(client.client_schema_json(), server.client_schema_json());
    assert_eq!(client.digest_client, server.digest_client);
    let (ours, theirs) = (client.by_name("avatar").expect("there"), server.by_name("avatar").expect("there"));
    for property in &ours.properties {
        let original = theirs.property(property.no).expect("there");
        assert_eq!((&property.ty, &property.default), (&original.ty, &original.default));
    }
    assert!(client.by_name("vault").is_none());
    assert!(ours.property_by_name("seed").is_none());
}

#[test]
fn a_schema_with_a_fault_is_refused() {
    let good = game().client_schema_json();
    let read = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        Definitions::from_client_schema_json(&good.replacen(from, to, 1)).expect_err("a fault")
    };
    assert!(matches!(read("\"format\":1", "\"format\":2"), SchemaError::Format(2)));
    assert!(matches!(read("\"digest\":\"", "\"digest\":\"x"), SchemaError::Digest(_)));
    assert!(matches!(read("\"type\":\"uint16\"", "\"type\":\"list<Item>\""), SchemaError::Type { .. }));
    assert!(matches!(read("\"type\":\"uint16\"", "\"type\":\"what\""), SchemaError::Type { .. }));
    assert!(matches!(read("\"default\":7", "\"default\":-7"), SchemaError::Default { .. }));
    assert!(matches!(read("\"name\":\"health\"", "\"name\":\"gold\""), SchemaError::Duplicate(_)));
    assert!(matches!(read("\"rate\":\"3/s\"", "\"rate\":\"3\""), SchemaError::Rate { .. }));
    assert!(matches!(Definitions::from_client_schema_json("{}"), Err(SchemaError::Json(_))));
}

proptest! {
    #[test]
    fn a_mangled_schema_never_panics(at in any::<prop::sample::Index>(), length in 0..20_usize, new in "\\PC{0,8}") {
        let good = game().client_schema_json();
        let start = at.index(good.len());
        let end = (start + length).min(good.len());
        let mangled = format!("{}{new}{}", &good[..start], &good[end..]);
        let _ = Definitions::from_client_schema_json(&mangled);
    }
}
