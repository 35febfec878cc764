//! The plaza's own tables, and the schema in the documentation.

use std::path::Path;

use kuafu_def::Definitions;
use kuafu_tables::DataSet;

use crate::support::loaded;

#[test]
fn the_plaza_knows_what_every_kind_of_thing_is_worth() {
    let plaza = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/plaza");
    let definitions = Definitions::load(&plaza.join("entities")).expect("the plaza's definitions").definitions;
    let set = DataSet::load(&plaza.join("data"), &definitions).expect("the plaza's tables");
    let (goods, rarities) = (set.table("goods").expect("goods"), set.table("rarities").expect("rarities"));
    let kinds = definitions.enums.iter().find(|ty| ty.name == "Kind").expect("the kinds of things");
    for kind in &kinds.variants {
        let row = goods.row(kind).expect("a row for every kind");
        assert!(row.int("worth").is_some_and(|worth| worth > 0));
        assert!(rarities.row(row.text("rarity").expect("a rarity")).is_some());
    }
}

#[test]
fn the_schema_in_the_documentation_is_one() {
    let page = include_str!("../../../../docs/data.md");
    let schema = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a schema");
    let set = loaded(&[
        ("monsters.toml", schema),
        ("monsters.csv", "id,name,kind,loot\n12,wolf,hat,\"[3]\"\n"),
        ("items.toml", "key = \"id\"\n[columns]\nid = \"uint32\"\n"),
        ("items.json", "[{\"id\": 3}]"),
    ]);
    let monsters = set.table("monsters").expect("a table");
    assert_eq!(monsters.row(12).and_then(|row| row.int("hp")), Some(10));
    let names: Vec<_> = monsters.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "name", "hp", "loot", "kind"]);
}
