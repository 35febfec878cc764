//! Changes: one edit somewhere inside a property, as scripts make them, bases and clients apply them.
//!
//! A change names the property, a path into it, and what happens at the end of the path. An empty path with
//! [`Edit::Set`] replaces the whole property. Applying the same changes in the same order to equal values gives equal
//! values on every side.

use serde::{Deserialize, Serialize};

use crate::{PropertyNo, Value};

/// One edit inside one property.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The property of the entity's type.
    pub property: PropertyNo,
    /// The way from the property's value down to where the edit happens.
    pub path: Vec<Step>,
    /// What happens there.
    pub edit: Edit,
}

/// One step down into a container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    /// An item of a list, from 0.
    Index(u32),
    /// A field of a struct, by its position in the declaration, from 0.
    Field(u16),
    /// An entry of a map.
    Key(Value),
}

/// What happens at the end of the path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Edit {
    /// Replaces what is there; in a map, adds the entry when it is missing.
    Set(Value),
    /// List only: puts a new item at the index; those from there on move up by one.
    Insert(Value),
    /// Takes the list item or the map entry out.
    Remove,
}

/// A change that does not fit the value it is applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the change does not fit the value: {0}")]
pub struct Misfit(pub &'static str);

impl Change {
    /// Replaces a whole property.
    #[must_use]
    pub fn set(property: PropertyNo, value: Value) -> Self {
        Self { property, path: Vec::new(), edit: Edit::Set(value) }
    }

    /// Applies the edit to the property's value.
    ///
    /// # Errors
    /// [`Misfit`] when the path leads nowhere; the value is then as it was.
    pub fn apply(&self, value: &mut Value) -> Result<(), Misfit> {
        let Some((last, way)) = self.path.split_last() else {
            let Edit::Set(new) = &self.edit else { return Err(Misfit("insert and remove need a path")) };
            *value = new.clone();
            return Ok(());
        };
        let mut place = value;
        for step in way {
            place = descend(place, step)?;
        }
        edit_at(place, last, &self.edit)
    }
}

fn descend<'a>(value: &'a mut Value, step: &Step) -> Result<&'a mut Value, Misfit> {
    match (value, step) {
        (Value::List(items), Step::Index(index)) => items.get_mut(*index as usize).ok_or(Misfit("no such index")),
        (Value::List(fields), Step::Field(no)) => fields.get_mut(usize::from(*no)).ok_or(Misfit("no such field")),
        (Value::Map(entries), Step::Key(key)) => {
            entries.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v).ok_or(Misfit("no such key"))
        }
        _ => Err(Misfit("a step into something that is no such container")),
    }
}

fn edit_at(container: &mut Value, step: &Step, edit: &Edit) -> Result<(), Misfit> {
    match (container, step, edit) {
        (Value::Map(entries), Step::Key(key), Edit::Set(new)) => {
            let place = entries.partition_point(|(k, _)| order(k, key).is_lt());
            match entries.get_mut(place) {
                Some((k, v)) if k == key => *v = new.clone(),
                _ => entries.insert(place, (key.clone(), new.clone())),
            }
            Ok(())
        }
        (Value::Map(entries), Step::Key(key), Edit::Remove) => {
            let place = entries.iter().position(|(k, _)| k == key).ok_or(Misfit("no such key"))?;
            entries.remove(place);
            Ok(())
        }
        (Value::List(items), Step::Index(index), Edit::Insert(new)) if *index as usize <= items.len() => {
            items.insert(*index as usize, new.clone());
            Ok(())
        }
        (Value::List(items), Step::Index(index), Edit::Remove) if (*index as usize) < items.len() => {
            items.remove(*index as usize);
            Ok(())
        }
        (container, step, Edit::Set(new)) => {
            *descend(container, step)? = new.clone();
            Ok(())
        }
        _ => Err(Misfit("no such place for an insert or remove")),
    }
}

/// The order of map keys: numbers by value, texts by bytes, and numbers before texts.
#[must_use]
pub fn order(a: &Value, b: &Value) -> std::cmp::Ordering {
    use std::cmp::Ordering::{Equal, Greater, Less};
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Entity(a), Value::Entity(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Text(_), _) => Greater,
        (_, Value::Text(_)) => Less,
        _ => Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: Vec<Step>, edit: Edit) -> Change {
        Change { property: PropertyNo(1), path, edit }
    }

    #[test]
    fn a_list_takes_inserts_sets_and_removes_by_index() {
        let mut value = Value::List(vec![1.into(), 3.into()]);
        change(vec![Step::Index(1)], Edit::Insert(2.into())).apply(&mut value).expect("fits");
        change(vec![Step::Index(0)], Edit::Set(9.into())).apply(&mut value).expect("fits");
        change(vec![Step::Index(2)], Edit::Remove).apply(&mut value).expect("fits");
        assert_eq!(value, Value::List(vec![9.into(), 2.into()]));
    }

    #[test]
    fn map_entries_stay_sorted_by_key() {
        let mut value = Value::Map(vec![]);
        for key in [5, 1, 3, 1] {
            change(vec![Step::Key(key.into())], Edit::Set((key * 10).into())).apply(&mut value).expect("fits");
        }
        let keys = [1, 3, 5].map(|k: i64| (k.into(), (k * 10).into()));
        assert_eq!(value, Value::Map(keys.to_vec()));
    }

    #[test]
    fn a_nested_path_reaches_inside_and_a_wrong_one_changes_nothing() {
        let mut value = Value::List(vec![Value::List(vec![1.into(), 2.into()])]);
        change(vec![Step::Index(0), Step::Field(1)], Edit::Set(7.into())).apply(&mut value).expect("fits");
        let before = value.clone();
        assert!(change(vec![Step::Index(4)], Edit::Set(7.into())).apply(&mut value).is_err());
        assert!(change(vec![Step::Key(1.into())], Edit::Remove).apply(&mut value).is_err());
        assert!(change(vec![], Edit::Remove).apply(&mut value).is_err());
        assert_eq!(value, before);
    }
}
