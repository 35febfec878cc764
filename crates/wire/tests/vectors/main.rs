//! Keeps `sdk/vectors/*.json` equal to what this crate writes.
//!
//! Every client library runs these files, so they hold the protocol page by example: messages, values, and frames with
//! the view that they give. `UPDATE_VECTORS=1 cargo test -p kuafu-wire` writes them anew; a change of a released
//! vector is a change of the protocol.

mod frames;
mod messages;
mod schema;
mod values;

use std::path::PathBuf;

use serde_json::Value as Json;

/// Holds a vector file against what the code gives.
fn check(file: &str, content: &Json) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../sdk/vectors").join(file);
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(&path, pretty(content)).expect("the vectors can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("the vector file is there");
    let committed: Json = serde_json::from_str(&committed).expect("the vector file is JSON");
    assert!(committed == *content, "sdk/vectors/{file} is stale: run UPDATE_VECTORS=1 cargo test -p kuafu-wire");
}

/// One entry a line, so that a difference is easy to see.
fn pretty(content: &Json) -> String {
    let Json::Object(sections) = content else { panic!("a vector file is an object") };
    let sections: Vec<String> = sections
        .iter()
        .map(|(name, section)| match section {
            Json::Array(entries) => {
                let entries: Vec<String> = entries.iter().map(|entry| format!("  {entry}")).collect();
                format!("{}: [\n{}\n ]", Json::from(name.as_str()), entries.join(",\n"))
            }
            other => format!("{}: {other}", Json::from(name.as_str())),
        })
        .collect();
    format!("{{\n {}\n}}\n", sections.join(",\n "))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .flat_map(|word| {
            (0..word.len()).step_by(2).map(|at| u8::from_str_radix(&word[at..at + 2], 16).expect("hexadecimal"))
        })
        .collect()
}
