//! Stable numbers: given once, never to another name.

use crate::support::{GAME, load, with};

fn entity(properties: &[&str]) -> String {
    let mut file = "[entity]\nparts = [\"base\"]\n".to_owned();
    for name in properties {
        file += &format!("[properties.{name}]\ntype = \"bool\"\n");
    }
    file
}

/// Loads one entity type with these properties on top of a lock file; gives the new lock file.
fn check(lock: Option<&str>, properties: &[&str]) -> String {
    let file = entity(properties);
    let mut files = vec![("thing.toml", file.as_str())];
    files.extend(lock.map(|text| ("ids.lock", text)));
    load(&files).expect("a good game").ids_changed.unwrap_or_else(|| lock.unwrap_or_default().to_owned())
}

#[test]
fn a_first_lock_file_has_every_name_in_order_and_is_then_left_alone() {
    let loaded = load(GAME).expect("a good game");
    let text = loaded.ids_changed.expect("a new lock file");
    insta::assert_snapshot!(text, @r#"
    # Stable numbers of entity types, properties and methods. Written by kuafu; keep it under version control.
    # A number belongs to its name for ever. Retired names stay here, so that their numbers are never given to others.

    [types]
    avatar = 1
    vault = 2

    [properties.avatar]
    bag = 1
    gold = 2
    health = 3
    name = 4
    note = 5
    seed = 6

    [properties.vault]
    note = 1

    [methods.avatar]
    "base.buy" = 1
    "cell.say" = 2
    "cell.wave" = 3
    "client.heard" = 4
    "#);
    let again = load(&with(GAME, &[("ids.lock", &text)])).expect("a good game");
    assert_eq!(again.ids_changed, None);
    assert_eq!(again.definitions, loaded.definitions);
}

#[test]
fn numbers_survive_adding_removing_renaming_and_adding_again() {
    let first = check(None, &["b", "d"]);
    let added = check(Some(&first), &["a", "b", "c", "d"]);
    insta::assert_snapshot!(added, @r#"
    # Stable numbers of entity types, properties and methods. Written by kuafu; keep it under version control.
    # A number belongs to its name for ever. Retired names stay here, so that their numbers are never given to others.

    [types]
    thing = 1

    [properties.thing]
    a = 3
    b = 1
    c = 4
    d = 2
    "#);
    let removed = check(Some(&added), &["a", "c"]);
    insta::assert_snapshot!(removed, @r#"
    # Stable numbers of entity types, properties and methods. Written by kuafu; keep it under version control.
    # A number belongs to its name for ever. Retired names stay here, so that their numbers are never given to others.

    [types]
    thing = 1

    [properties.thing]
    a = 3
    c = 4

    [retired.properties.thing]
    b = 1
    d = 2
    "#);
    let renamed = check(Some(&removed), &["z", "c"]);
    insta::assert_snapshot!(renamed, @r#"
    # Stable numbers of entity types, properties and methods. Written by kuafu; keep it under version control.
    # A number belongs to its name for ever. Retired names stay here, so that their numbers are never given to others.

    [types]
    thing = 1

    [properties.thing]
    c = 4
    z = 5

    [retired.properties.thing]
    a = 3
    b = 1
    d = 2
    "#);
    let back = check(Some(&renamed), &["a", "b", "c", "d", "z"]);
    insta::assert_snapshot!(back, @r#"
    # Stable numbers of entity types, properties and methods. Written by kuafu; keep it under version control.
    # A number belongs to its name for ever. Retired names stay here, so that their numbers are never given to others.

    [types]
    thing = 1

    [properties.thing]
    a = 3
    b = 1
    c = 4
    d = 2
    z = 5
    "#);
}

#[test]
fn a_type_that_is_gone_keeps_its_numbers_and_gets_them_back() {
    let thing = entity(&["a", "b"]);
    let other = entity(&["c"]);
    let both = load(&[("thing.toml", &thing), ("other.toml", &other)]).expect("good");
    let lock = both.ids_changed.expect("a new file");
    let without = load(&[("thing.toml", &thing), ("ids.lock", &lock)]).expect("good").ids_changed.expect("a change");
    insta::assert_snapshot!(without, @r#"
    # Stable numbers of entity types, properties and methods. Written by kuafu; keep it under version control.
    # A number belongs to its name for ever. Retired names stay here, so that their numbers are never given to others.

    [types]
    thing = 2

    [properties.thing]
    a = 1
    b = 2

    [retired.types]
    other = 1

    [retired.properties.other]
    c = 1
    "#);
    let again = load(&[("thing.toml", &thing), ("other.toml", &other), ("ids.lock", &without)]).expect("good");
    assert_eq!(again.ids_changed, Some(lock));
    assert_eq!(again.definitions, both.definitions);
}

#[test]
fn numbers_that_are_used_up_are_a_problem() {
    let file = entity(&["a", "b"]);
    let lock = "[properties.thing]\na = 65535\n";
    let problems = load(&[("thing.toml", file.as_str()), ("ids.lock", lock)]).expect_err("a problem");
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].message, "the numbers of [properties.thing] are used up");
}
