//! What the store's tests share: a small game's definitions, a store in a temporary folder, and short commands.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kuafu_contract::RoleKind;
use kuafu_contract::db::{Place, Record, Reply, Write};
use kuafu_core::{
    Code, Epoch, Incarnation, OperationId, PropertyNo, Quantity, RecordId, Refusal, TypeNo, Value, WallTime,
};
use kuafu_def::{Definitions, EntityType, EnumType, Field, Part, Parts, Property, StructType, Type};
use kuafu_store::{Faults, Store, StoreCommand, StoreError, StoreHandle, StoreOptions, StoreReply, StoreResult};

pub(crate) const AVATAR: TypeNo = TypeNo(1);
pub(crate) const CHEST: TypeNo = TypeNo(2);

pub(crate) const NAME: PropertyNo = PropertyNo(1);
pub(crate) const GOLD: PropertyNo = PropertyNo(2);
pub(crate) const BAG: PropertyNo = PropertyNo(3);
pub(crate) const MOOD: PropertyNo = PropertyNo(4);
pub(crate) const UID: PropertyNo = PropertyNo(5);
pub(crate) const SPEED: PropertyNo = PropertyNo(6);
pub(crate) const KEY: PropertyNo = PropertyNo(7);
pub(crate) const SPOT: PropertyNo = PropertyNo(8);
pub(crate) const TARGET: PropertyNo = PropertyNo(9);

pub(crate) const INT64: Type = Type::Int { bits: 64, signed: true, wide: false };

/// A persistent property of a type.
pub(crate) fn property(no: PropertyNo, name: &str, ty: Type) -> Property {
    Property { persistent: true, ..Property::new(no, name, ty, Part::Base) }
}

pub(crate) fn entity(no: TypeNo, name: &str, properties: Vec<Property>) -> EntityType {
    EntityType { properties, ..EntityType::new(no, name, Parts { base: true, cell: true, client: true }) }
}

pub(crate) fn item() -> Type {
    let field = |name: &str, ty: Type| Field::new(name, ty);
    let fields = vec![field("kind", Type::Text), field("count", INT64)];
    Type::Struct(Arc::new(StructType { name: "Item".to_owned(), fields }))
}

pub(crate) fn mood(variants: &[&str]) -> Type {
    let variants = variants.iter().map(|name| (*name).to_owned()).collect();
    Type::Enum(Arc::new(EnumType { name: "Mood".to_owned(), variants }))
}

pub(crate) fn avatar() -> EntityType {
    let uid = Type::Int { bits: 64, signed: false, wide: true };
    let properties = vec![
        Property { unique: true, ..property(NAME, "name", Type::Text) },
        property(GOLD, "gold", INT64),
        property(BAG, "bag", Type::List(Arc::new(item()))),
        property(MOOD, "mood", mood(&["calm", "angry"])),
        property(UID, "uid", uid),
        property(SPEED, "speed", Type::Float32),
        property(KEY, "key", Type::Bytes),
        property(SPOT, "spot", Type::Vector(3)),
        Property { persistent: false, ..property(TARGET, "target", Type::Entity(None)) },
    ];
    entity(AVATAR, "avatar", properties)
}

/// Two of its properties differ by case only, one is called as a column of the store might be.
pub(crate) fn chest() -> EntityType {
    let properties = vec![
        property(PropertyNo(1), "gold", INT64),
        Property { indexed: true, ..property(PropertyNo(2), "Gold", Type::Text) },
        property(PropertyNo(3), "space", Type::Text),
    ];
    entity(CHEST, "chest", properties)
}

pub(crate) fn definitions(types: impl IntoIterator<Item = EntityType>) -> Arc<Definitions> {
    let types: BTreeMap<_, _> = types.into_iter().map(|ty| (ty.no, Arc::new(ty))).collect();
    Arc::new(Definitions { types, ..Definitions::default() })
}

pub(crate) fn game() -> Arc<Definitions> {
    definitions([avatar(), chest()])
}

pub(crate) fn options() -> StoreOptions {
    StoreOptions { role_type: Some(AVATAR), ..StoreOptions::default() }
}

pub(crate) async fn open(folder: &Path) -> Store {
    Store::open(folder, game(), options()).await.expect("the folder opens")
}

pub(crate) async fn open_with(folder: &Path, faults: &Faults) -> Store {
    let options = StoreOptions { faults: faults.clone(), ..options() };
    Store::open(folder, game(), options).await.expect("the folder opens")
}

pub(crate) async fn open_error(folder: &Path, definitions: Arc<Definitions>) -> StoreError {
    Store::open(folder, definitions, options()).await.expect_err("the folder does not open")
}

pub(crate) async fn base(store: &Store) -> Incarnation {
    store.next_incarnation(RoleKind::Base, WallTime(1)).await.expect("there are incarnations left")
}

pub(crate) fn entity_reply(result: StoreResult) -> Result<Reply, Code> {
    match result {
        Ok(StoreReply::Entity(reply)) => Ok(reply),
        Ok(other) => panic!("no reply about an entity: {other:?}"),
        Err(Refusal { code, .. }) => Err(code),
    }
}

/// Claims, and creates with these values.
pub(crate) async fn claim_or_create(
    store: &StoreHandle,
    key: (TypeNo, RecordId),
    by: Incarnation,
    values: &[(PropertyNo, Value)],
) -> Result<(Epoch, Record, bool), Code> {
    claim_with(store, key, by, Some(values.to_vec())).await
}

pub(crate) async fn claim(
    store: &StoreHandle,
    key: (TypeNo, RecordId),
    by: Incarnation,
) -> Result<(Epoch, Record), Code> {
    claim_with(store, key, by, None).await.map(|(epoch, record, _)| (epoch, record))
}

async fn claim_with(
    store: &StoreHandle,
    (ty, record): (TypeNo, RecordId),
    by: Incarnation,
    or_create: Option<Vec<(PropertyNo, Value)>>,
) -> Result<(Epoch, Record, bool), Code> {
    match entity_reply(store.execute(StoreCommand::Claim { ty, record, by, or_create }).await)? {
        Reply::Claimed { epoch, record, created, .. } => Ok((epoch, record, created)),
        other => panic!("no answer to a claim: {other:?}"),
    }
}

pub(crate) async fn release(
    store: &StoreHandle,
    (ty, record): (TypeNo, RecordId),
    epoch: Epoch,
    by: Incarnation,
) -> Result<Reply, Code> {
    entity_reply(store.execute(StoreCommand::Release { ty, record, epoch, by }).await)
}

pub(crate) fn commit(operation: u128, by: Incarnation, whole: bool, writes: Vec<Write>) -> StoreCommand {
    StoreCommand::Commit { operation: OperationId(operation), by, whole, writes, at: WallTime(1_000) }
}

/// Commits: the ids created, and the stale ones.
pub(crate) async fn committed(
    store: &StoreHandle,
    operation: u128,
    by: Incarnation,
    whole: bool,
    writes: Vec<Write>,
) -> Result<(Vec<RecordId>, Vec<RecordId>), Code> {
    match entity_reply(store.execute(commit(operation, by, whole, writes)).await)? {
        Reply::Committed { created, stale, refused } => {
            assert_eq!(refused, [], "nothing was to be refused");
            Ok((created, stale))
        }
        other => panic!("no answer to a commit: {other:?}"),
    }
}

pub(crate) fn save((ty, record): (TypeNo, RecordId), epoch: Epoch, values: &[(PropertyNo, Value)]) -> Write {
    Write::Save { ty, record, epoch, values: values.to_vec(), place: None, with_cell: false }
}

/// A save with all that the cell part began with.
pub(crate) fn save_with_cell(key: (TypeNo, RecordId), epoch: Epoch, values: &[(PropertyNo, Value)]) -> Write {
    let mut write = save(key, epoch, values);
    if let Write::Save { with_cell, .. } = &mut write {
        *with_cell = true;
    }
    write
}

pub(crate) fn create(ty: TypeNo, values: &[(PropertyNo, Value)]) -> Write {
    Write::Create { ty, values: values.to_vec(), place: None }
}

pub(crate) fn place(x: f32) -> Place {
    Place { space: "plaza".to_owned(), position: [x, 0.5, -2.0], yaw: 1.25 }
}

pub(crate) fn value(record: &Record, no: PropertyNo) -> Option<&Value> {
    record.values.iter().find(|(property, _)| *property == no).map(|(_, value)| value)
}

/// A value for each persistent property of the avatar, each at an edge of its type.
pub(crate) fn full_avatar(name: &str) -> Vec<(PropertyNo, Value)> {
    vec![
        (NAME, name.into()),
        (GOLD, Value::Int(-(1 << 53))),
        (BAG, Value::List(vec![Value::List(vec!["'); DROP TABLE e_avatar; --\0".into(), 7.into()])])),
        (MOOD, Value::Int(1)),
        (UID, Value::Int(-1)),
        (SPEED, Value::Float(0.25)),
        (KEY, Value::Bytes([0, 255, 0].into())),
        (SPOT, Value::Vector(Quantity::from_slice(&[0.1, -0.0, 3.5]).expect("three numbers"))),
    ]
}
