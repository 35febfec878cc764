//! Properties that hold items: a table of their own, where a thing is in one place whatever is tried.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kuafu_contract::db::{Reply, Write};
use kuafu_core::{Code, Epoch, Incarnation, PropertyNo, RecordId, TypeNo, Value};
use kuafu_def::{EntityType, Field, Property, StructType, Type};
use kuafu_store::{DATABASE_FILE, RECORDS_PER_REALM, Store, StoreHandle};
use proptest::prelude::*;

use crate::common::*;

const HERO: TypeNo = TypeNo(6);
const HERO_NAME: PropertyNo = PropertyNo(1);
const GOODS: PropertyNo = PropertyNo(2);
const TOYS: PropertyNo = PropertyNo(3);
const COINS: PropertyNo = PropertyNo(4);

fn thing(with_colour: bool) -> Type {
    let mut fields = vec![
        Field::new("kind", Type::Text),
        Field { min: Some(0.0), ..Field::new("count", INT64) },
        Field::new("tags", Type::List(Arc::new(Type::Text))),
        Field { persistent: false, ..Field::new("glow", INT64) },
    ];
    fields.extend(with_colour.then(|| Field { default: "grey".into(), ..Field::new("colour", Type::Text) }));
    Type::Struct(Arc::new(StructType { name: "Thing".to_owned(), fields }))
}

fn items(no: PropertyNo, name: &str, item: Type) -> Property {
    let id = Type::Int { bits: 64, signed: false, wide: false };
    Property { items: true, ..property(no, name, Type::Map(Arc::new(id), Arc::new(item))) }
}

/// Two of its properties differ by case only.
fn hero() -> EntityType {
    let properties = vec![
        Property { unique: true, ..property(HERO_NAME, "name", Type::Text) },
        Property { max_length: Some(4), ..items(GOODS, "goods", thing(false)) },
        items(TOYS, "Goods", thing(false)),
        Property { min: Some(0.0), ..property(COINS, "coins", INT64) },
    ];
    entity(HERO, "hero", properties)
}

async fn open_heroes(folder: &Path) -> Store {
    Store::open(folder, definitions([hero()]), options()).await.expect("the folder opens")
}

fn set(things: &[(i64, i64)]) -> Value {
    let thing = |(id, count): &(i64, i64)| {
        let tags = Value::List(vec!["'a\"".into(), format!("of {id}").as_str().into()]);
        (Value::Int(*id), Value::List(vec!["ring".into(), Value::Int(*count), tags, Value::Int(0)]))
    };
    // The entries of a map are in the order of their keys.
    let mut things = things.to_vec();
    things.sort_unstable();
    Value::Map(things.iter().map(thing).collect())
}

fn goods(things: &[(i64, i64)]) -> (PropertyNo, Value) {
    (GOODS, set(things))
}

async fn heroes<const N: usize>(store: &StoreHandle, by: Incarnation, things: [&[(i64, i64)]; N]) -> [RecordId; N] {
    let writes = things.map(|things| create(HERO, &[goods(things)])).to_vec();
    let (ids, _) = committed(store, 1, by, true, writes).await.expect("created");
    ids.try_into().expect("one record a creation")
}

async fn held(store: &StoreHandle, by: Incarnation, record: RecordId) -> (Epoch, Value) {
    let (epoch, record) = claim(store, (HERO, record), by).await.expect("claimed");
    (epoch, value(&record, GOODS).cloned().expect("items are there, if none"))
}

async fn sql(folder: &Path, statement: &'static str) -> Result<(), String> {
    use sqlx::ConnectOptions;
    let file = folder.join(DATABASE_FILE);
    let mut connection =
        sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.expect("a connection");
    sqlx::query(statement).execute(&mut connection).await.map(|_| ()).map_err(|error| error.to_string())
}

fn of(hero: RecordId, epoch: u64, values: &[(PropertyNo, Value)]) -> Write {
    save((HERO, hero), Epoch(epoch), values)
}

#[tokio::test]
async fn items_come_back_as_they_were_saved_and_go_with_their_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_heroes(folder.path()).await;
    let (handle, by) = (store.handle(), base(&store).await);
    let [one, two] = heroes(&handle, by, [&[(7, 1), (3, 2)], &[]]).await;
    let toys = (TOYS, set(&[(7, 5)]));
    committed(&handle, 2, by, true, vec![of(one, 1, std::slice::from_ref(&toys))])
        .await
        .expect("other items of the same ids");
    assert_eq!(held(&handle, by, two).await.1, set(&[]));
    let (epoch, bag) = held(&handle, by, one).await;
    assert_eq!(bag, set(&[(3, 2), (7, 1)]));
    let changed = [goods(&[(3, 9), (8, 1)]), (HERO_NAME, "Ann".into())];
    committed(&handle, 3, by, false, vec![save((HERO, one), epoch, &changed)]).await.expect("saved");
    store.close().await;
    let refused = sql(folder.path(), "INSERT INTO \"i_hero.goods\" (_item, _record) VALUES (3, 1000000002)").await;
    assert!(refused.is_err_and(|why| why.contains("UNIQUE")), "the database itself knows");

    let store = open_heroes(folder.path()).await;
    let (handle, by) = (store.handle(), base(&store).await);
    let (epoch, record) = claim(&handle, (HERO, one), by).await.expect("claimed");
    assert_eq!(record.values, [changed[1].clone(), changed[0].clone(), toys, (COINS, 0.into())]);
    let delete = Write::Delete { ty: HERO, record: one, epoch };
    committed(&handle, 4, by, true, vec![delete]).await.expect("deleted");
    let writes = vec![create(HERO, &[goods(&[(3, 1), (8, 1)])])];
    assert!(committed(&handle, 5, by, true, writes).await.is_ok(), "nobody has them any more");
}

#[tokio::test]
async fn an_item_moves_between_records_in_one_batch_whatever_the_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_heroes(folder.path()).await;
    let (handle, by) = (store.handle(), base(&store).await);
    let [one, two, purse] = heroes(&handle, by, [&[(1, 1), (2, 1)], &[], &[(5, 1), (6, 1)]]).await;
    for (operation, whole) in [(10, true), (20, false)] {
        let to_two = vec![of(two, 1, &[goods(&[(1, 3)])]), of(one, 1, &[goods(&[(2, 1)])])];
        committed(&handle, operation, by, whole, to_two).await.expect("the taker first");
        let back = vec![of(two, 1, &[goods(&[])]), of(one, 1, &[goods(&[(2, 1), (1, 1)])])];
        committed(&handle, operation + 1, by, whole, back).await.expect("the giver first");
    }
    let pick_up = vec![
        of(one, 1, &[goods(&[(1, 1), (2, 1), (5, 1)])]),
        Write::Delete { ty: HERO, record: purse, epoch: Epoch(1) },
        create(HERO, &[goods(&[(6, 4)])]),
    ];
    let (created, _) = committed(&handle, 30, by, true, pick_up).await.expect("out of what ends, into what begins");
    assert_eq!(held(&handle, by, created[0]).await.1, set(&[(6, 4)]));
    assert_eq!(held(&handle, by, one).await.1, set(&[(1, 1), (2, 1), (5, 1)]));
    let exchanged = vec![create(HERO, &[goods(&[(1, 1)])]), of(two, 1, &[goods(&[(1, 1)])])];
    assert_eq!(committed(&handle, 31, by, true, exchanged).await, Err(Code::ItemTaken), "of one thing two");
}

#[tokio::test]
async fn an_item_of_another_record_refuses_the_save_that_wants_it_and_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_heroes(folder.path()).await;
    let (handle, by) = (store.handle(), base(&store).await);
    let [one, two, three] = heroes(&handle, by, [&[(1, 1)], &[(2, 1)], &[]]).await;
    let thief = || of(two, 1, &[goods(&[(1, 1), (2, 1)])]);
    assert_eq!(committed(&handle, 2, by, true, vec![thief()]).await, Err(Code::ItemTaken));
    let writes = vec![thief(), of(three, 1, &[goods(&[(9, 9)])])];
    let reply = entity_reply(handle.execute(commit(3, by, false, writes)).await).expect("done");
    let Reply::Committed { refused, .. } = reply else { panic!("{reply:?}") };
    assert_eq!((refused.len(), refused[0].record), (1, two));
    assert_eq!(refused[0].refusal.text, "hero.goods: another record holds item 1");
    assert_eq!(held(&handle, by, three).await.1, set(&[(9, 9)]));
    assert_eq!(held(&handle, by, one).await.1, set(&[(1, 1)]));
    let stale = vec![of(one, 1, &[goods(&[])]), of(two, 1, &[goods(&[(1, 1), (2, 1)])])];
    let reply = entity_reply(handle.execute(commit(4, by, false, stale)).await).expect("done");
    let Reply::Committed { refused, stale, .. } = reply else { panic!("{reply:?}") };
    assert_eq!((refused.len(), stale), (1, vec![one]), "who does not own its record gives nothing away");
}

#[tokio::test]
async fn an_item_is_not_lost_when_only_the_save_that_gives_it_away_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_heroes(folder.path()).await;
    let (handle, by) = (store.handle(), base(&store).await);
    let [one, two, three] = heroes(&handle, by, [&[(1, 1)], &[], &[]]).await;
    committed(&handle, 2, by, true, vec![of(three, 1, &[(HERO_NAME, "Cid".into())])]).await.expect("named");
    let writes = vec![
        of(two, 1, &[goods(&[(1, 1)]), (COINS, 4.into())]),
        of(one, 1, &[goods(&[]), (HERO_NAME, "Cid".into())]),
        of(three, 1, &[goods(&[(3, 3)])]),
    ];
    let reply = entity_reply(handle.execute(commit(3, by, false, writes)).await).expect("done");
    let Reply::Committed { refused, .. } = reply else { panic!("{reply:?}") };
    let codes: Vec<_> = refused.iter().map(|refused| (refused.record, refused.refusal.code)).collect();
    assert_eq!(codes, [(two, Code::ItemTaken), (one, Code::NameTaken)]);
    assert_eq!(held(&handle, by, one).await.1, set(&[(1, 1)]));
    assert_eq!(held(&handle, by, two).await.1, set(&[]));
    assert_eq!(held(&handle, by, three).await.1, set(&[(3, 3)]));
}

#[tokio::test]
async fn items_are_bounded_checked_and_not_given_to_a_claim() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_heroes(folder.path()).await;
    let (handle, by) = (store.handle(), base(&store).await);
    let [one] = heroes(&handle, by, [&[(1, 1)]]).await;
    let one_more = [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)];
    let wrong = Value::Map(vec![(Value::Int(4), Value::List(vec!["ring".into()]))]);
    for (operation, value) in [(2, set(&one_more)), (3, set(&[(1, -1)])), (4, wrong), (5, Value::Nil)] {
        let refused = committed(&handle, operation, by, true, vec![of(one, 1, &[(GOODS, value)])]).await;
        assert_eq!(refused, Err(Code::ArgumentInvalid), "{operation}");
    }
    committed(&handle, 6, by, true, vec![of(one, 1, &[goods(&one_more[..4])])]).await.expect("as many as there may be");
    let key = (HERO, RecordId(RECORDS_PER_REALM + 50));
    assert_eq!(claim_or_create(&handle, key, by, &[goods(&[(9, 1)])]).await.err(), Some(Code::ArgumentInvalid));
    assert!(claim_or_create(&handle, key, by, &[goods(&[])]).await.is_ok());
}

#[tokio::test]
async fn a_type_with_records_gets_items_and_items_get_fields() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut bare = hero();
    bare.properties.retain(|property| !property.items);
    let store = Store::open(folder.path(), definitions([bare.clone()]), options()).await.expect("opens");
    let by = base(&store).await;
    let (ids, _) = committed(&store.handle(), 1, by, true, vec![create(HERO, &[])]).await.expect("created");
    store.close().await;

    let store = open_heroes(folder.path()).await;
    let (handle, by) = (store.handle(), base(&store).await);
    let (epoch, bag) = held(&handle, by, ids[0]).await;
    assert_eq!(bag, set(&[]));
    let saved = save((HERO, ids[0]), epoch, &[goods(&[(1, 5)])]);
    committed(&handle, 2, by, true, vec![saved]).await.expect("saved");
    store.close().await;
    Store::open(folder.path(), definitions([bare]), options()).await.expect("opens without").close().await;

    let mut grown = hero();
    grown.properties[1] = items(GOODS, "goods", thing(true));
    let store = Store::open(folder.path(), definitions([grown.clone()]), options()).await.expect("opens");
    let by = base(&store).await;
    let (_, Value::Map(entries)) = held(&store.handle(), by, ids[0]).await else { panic!("no items") };
    let Value::List(fields) = &entries[0].1 else { panic!("no item") };
    assert_eq!((fields.len(), &fields[1], &fields[4]), (5, &Value::Int(5), &"grey".into()));
    store.close().await;

    for (ty, what) in
        [(Type::Text, "stored as items"), (Type::Map(Arc::new(INT64), Arc::new(thing(true))), "stored as items")]
    {
        let mut changed = grown.clone();
        changed.properties[1] = property(GOODS, "goods", ty);
        let error = open_error(folder.path(), definitions([changed])).await.to_string();
        assert!(error.contains("`hero.goods`") && error.contains(what), "{error}");
    }
    let fields = vec![Field::new("kind", INT64)];
    grown.properties[1] =
        items(GOODS, "goods", Type::Struct(Arc::new(StructType { name: "Thing".to_owned(), fields })));
    let error = open_error(folder.path(), definitions([grown.clone()])).await.to_string();
    assert!(error.contains("in field `kind`"), "{error}");
    let mut changed = hero();
    changed.properties[3] = items(COINS, "coins", thing(false));
    let error = open_error(folder.path(), definitions([changed])).await.to_string();
    assert!(error.contains("`hero.coins`") && error.contains("in a column"), "{error}");

    let store = open_heroes(folder.path()).await;
    let (handle, by) = (store.handle(), base(&store).await);
    let (epoch, bag) = held(&handle, by, ids[0]).await;
    assert_eq!(bag, set(&[(1, 5)]));
    let delete = Write::Delete { ty: HERO, record: ids[0], epoch };
    committed(&handle, 9, by, true, vec![delete]).await.expect("deleted");
    store.close().await;
    let store = Store::open(folder.path(), definitions([grown]), options()).await;
    store.expect("without records any change is taken").close().await;
}

fn purse(min: Option<f64>) -> Arc<kuafu_def::Definitions> {
    let coins = Property { min, ..property(COINS, "coins", INT64) };
    definitions([entity(HERO, "hero", vec![coins])])
}

#[tokio::test]
async fn a_balance_cannot_fall_below_its_least_and_the_bound_can_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let coins = |coins: i64| [(COINS, Value::Int(coins))];
    let store = Store::open(folder.path(), purse(Some(0.0)), options()).await.expect("opens");
    let (handle, by) = (store.handle(), base(&store).await);
    let writes = vec![create(HERO, &coins(5)), create(HERO, &[])];
    let (ids, _) = committed(&handle, 1, by, true, writes).await.expect("created");
    let pay = commit(2, by, true, vec![of(ids[1], 1, &coins(8)), of(ids[0], 1, &coins(-3))]);
    let refusal = handle.execute(pay).await.expect_err("refused");
    assert_eq!(refusal.code, Code::ArgumentInvalid);
    assert!(refusal.text.contains("hero.coins") && refusal.text.contains("at least 0, found -3"), "{}", refusal.text);
    let (_, record) = claim(&handle, (HERO, ids[1]), by).await.expect("claimed");
    assert_eq!(record.values, coins(0), "nothing of it was done");
    store.close().await;
    let direct = |statement| sql(folder.path(), statement);
    assert!(direct("UPDATE e_hero SET coins = -1").await.is_err_and(|why| why.contains("CHECK")));

    Store::open(folder.path(), purse(Some(-10.0)), options()).await.expect("opens").close().await;
    direct("UPDATE e_hero SET coins = -10").await.expect("the bound was lowered");
    assert!(direct("UPDATE e_hero SET coins = -11").await.is_err());
    Store::open(folder.path(), purse(Some(3.0)), options()).await.expect("opens").close().await;
    assert!(direct("UPDATE e_hero SET coins = -11").await.is_err(), "what is there is below the new bound");
    let store = Store::open(folder.path(), purse(Some(3.0)), options()).await.expect("opens");
    let (handle, by) = (store.handle(), base(&store).await);
    let (epoch, record) = claim(&handle, (HERO, ids[0]), by).await.expect("claimed");
    assert_eq!(record.values, coins(-10), "what was stored stays");
    let low = commit(7, by, false, vec![save((HERO, ids[0]), epoch, &coins(2))]);
    let reply = entity_reply(handle.execute(low).await);
    assert!(matches!(&reply, Ok(Reply::Committed { refused, .. }) if refused.len() == 1), "{reply:?}");
    store.close().await;
    Store::open(folder.path(), purse(None), options()).await.expect("opens").close().await;
    direct("UPDATE e_hero SET coins = -1000").await.expect("no bound any more");
}

#[tokio::test]
async fn a_save_that_only_the_database_finds_wrong_is_refused_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let coins = |coins: i64| [(COINS, Value::Int(coins))];
    let store = Store::open(folder.path(), purse(Some(0.0)), options()).await.expect("opens");
    let (handle, by) = (store.handle(), base(&store).await);
    let (ids, _) = committed(&handle, 1, by, true, vec![create(HERO, &[]), create(HERO, &[])]).await.expect("created");
    let trigger = "CREATE TRIGGER odd BEFORE UPDATE ON e_hero WHEN NEW.coins = 13 BEGIN
        UPDATE e_hero SET coins = -1 WHERE _record = NEW._record; END";
    sql(folder.path(), trigger).await.expect("a rule that the program does not know of");
    let writes = vec![of(ids[0], 1, &coins(13)), of(ids[1], 1, &coins(14))];
    let reply = entity_reply(handle.execute(commit(2, by, false, writes.clone())).await).expect("done");
    let Reply::Committed { refused, .. } = reply else { panic!("{reply:?}") };
    assert_eq!((refused.len(), refused[0].record), (1, ids[0]));
    assert_eq!(committed(&handle, 3, by, true, writes).await, Err(Code::ArgumentInvalid));
    let (_, record) = claim(&handle, (HERO, ids[1]), by).await.expect("claimed");
    assert_eq!(record.values, coins(14));
}

/// What a write of the history wants: a set of items of a record, or its end.
type Step = (usize, Option<Vec<i64>>);

/// The items of each record that is there.
type World = BTreeMap<usize, Vec<i64>>;

/// A whole batch on plain sets: all ends first, then a thing is in one record only, or nothing happens.
fn apply(world: &World, steps: &[Step]) -> Option<World> {
    let mut next = world.clone();
    for (record, things) in steps {
        let held = next.get_mut(record)?;
        match things {
            Some(things) => *held = things.clone(),
            None => drop(next.remove(record)),
        }
    }
    let mut all: Vec<i64> = next.values().flatten().copied().collect();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    (all.len() == count).then_some(next)
}

async fn compare(history: Vec<Vec<Step>>) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open_heroes(folder.path()).await;
    let (handle, by) = (store.handle(), base(&store).await);
    let ids = heroes(&handle, by, [&[]; 4]).await;
    let mut world: World = (0..4).map(|record| (record, Vec::new())).collect();
    for (number, steps) in history.into_iter().enumerate() {
        let write = |(record, things): &Step| match things {
            Some(things) => of(ids[*record], 1, &[goods(&things.iter().map(|thing| (*thing, 1)).collect::<Vec<_>>())]),
            None => Write::Delete { ty: HERO, record: ids[*record], epoch: Epoch(1) },
        };
        let done = committed(&handle, 100 + number as u128, by, true, steps.iter().map(write).collect()).await;
        let expected = apply(&world, &steps);
        assert_eq!(done.is_ok(), expected.is_some(), "{steps:?} on {world:?}: {done:?}");
        world = expected.unwrap_or(world);
    }
    for (record, things) in world {
        let expected: Vec<_> = things.into_iter().map(|thing| (thing, 1)).collect();
        assert_eq!(held(&handle, by, ids[record]).await.1, set(&expected));
    }
    store.close().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 300, ..ProptestConfig::default() })]
    #[test]
    fn things_are_where_any_history_of_whole_batches_puts_them(
        history in prop::collection::vec(
            prop::collection::vec(
                (0..4_usize, prop::option::weighted(0.95, prop::collection::btree_set(1..7_i64, 0..4))),
                1..5,
            ),
            1..20,
        )
    ) {
        let history = history.into_iter().map(|steps| {
            steps.into_iter().map(|(record, things)| (record, things.map(Vec::from_iter))).collect()
        });
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(compare(history.collect()));
    }
}
