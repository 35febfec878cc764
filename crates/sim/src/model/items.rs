//! Items in the model store: of one property of a type, each is in one record at most.

use std::collections::BTreeMap;

use kuafu_core::{PropertyNo, RecordId, TypeNo, Value};

use super::{Key, Model};

/// By which write of a batch a record's items of a property are what they are.
pub(super) type Wanting = BTreeMap<(TypeNo, PropertyNo, RecordId), usize>;

impl Model {
    /// Whether a property holds items.
    pub(super) fn is_items(&self, ty: TypeNo, no: PropertyNo) -> bool {
        let property = self.definitions.get(ty).and_then(|ty| ty.property(no));
        property.is_some_and(|property| property.items)
    }

    /// The write of a batch that wants an item that it cannot have: one that another write wants too, else one that is
    /// in a record whose items the batch leaves as they are.
    pub(super) fn item_clash(&self, wanting: &Wanting) -> Option<usize> {
        let mut holders: BTreeMap<(TypeNo, PropertyNo, i64), usize> = BTreeMap::new();
        for ((ty, no, record), write) in wanting {
            for item in self.items_of((*ty, *record), *no) {
                if holders.insert((*ty, *no, item), *write).is_some() {
                    return Some(*write);
                }
            }
        }
        for (ty, record) in self.records.keys() {
            let definition = self.definitions.get(*ty)?;
            for property in definition.properties.iter().filter(|property| property.items) {
                if wanting.contains_key(&(*ty, property.no, *record)) {
                    continue;
                }
                let mut items = self.items_of((*ty, *record), property.no);
                if let Some(write) = items.find_map(|item| holders.get(&(*ty, property.no, item))) {
                    return Some(*write);
                }
            }
        }
        None
    }

    fn items_of(&self, key: Key, no: PropertyNo) -> impl Iterator<Item = i64> {
        let value = self.records.get(&key).and_then(|row| row.values.get(&no));
        let entries: &[(Value, Value)] = if let Some(Value::Map(entries)) = value { entries } else { &[] };
        entries.iter().filter_map(|(id, _)| id.as_int())
    }
}
