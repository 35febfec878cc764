//! A broken set, and all that is told of it at once.

use crate::support::problems;

#[test]
fn every_problem_of_a_broken_set_is_told_at_once() {
    let text = problems(&[
        (
            "monsters.toml",
            r#"
key = "ident"
compleet = true
[columns.id]
type = "uint23"
[columns.hp]
type = "int32"
min = 10
max = 1
default = 0
[columns.level]
type = "uint8"
max = 300
[columns.end]
type = "bool"
[columns.target]
type = "entity"
[columns.place]
type = "vec3"
unique = true
references = "items"
max_length = 3
"#,
        ),
        ("monsters.csv", "id,hp\n1,x\n"),
        (
            "items.toml",
            "key = \"id\"\n[columns]\nid = \"uint32\"\nkind = \"Kind\"\nlabel = { type = \"string\", unique = true, max_length = 8 }\nworth = { type = \"int32\", min = 0, default = 1 }\nnext = { type = \"uint32\", references = \"items\", default = 0 }\n",
        ),
        (
            "items.csv",
            "id,kind,label,wroth\n1,flower,Rose,1\n2,hatt,A very long label,2\n2,hat,Rose,3\n4,\"gem\n\",x\n",
        ),
        (
            "levels.toml",
            "key = \"level\"\n[columns]\nlevel = \"uint8\"\nitem = { type = \"uint32\", references = \"items\" }\nreward = { type = \"uint32\", references = \"prices\" }\n",
        ),
        (
            "levels.json",
            "[\n  {\"level\": 1, \"item\": 99, \"reward\": 1},\n  {\"level\": 256, \"item\": 1, \"reward\": 5}\n]",
        ),
        ("prices.toml", "key = \"id\"\n[columns]\nid = \"uint32\"\n"),
        ("prices.csv", "id\n1\n2\n"),
        ("lost.csv", "a\n"),
        ("empty.toml", "key = [\n"),
        ("Query.toml", "key = \"id\"\nquery = \"DELETE FROM x\"\n[columns]\nid = \"uint32\"\n"),
    ]);
    insta::assert_snapshot!("broken_set", text);
}
