//! A place inside a property: an item of a list, an entry of a map, a field of a struct.
//!
//! What changes there travels alone, not the whole property.

use kuafu_core::change::Misfit;
use kuafu_core::typed::{FromValue, IntoValue};
use kuafu_core::{Change, Edit, PropertyNo, Step, Value};
use kuafu_def::Type;
use kuafu_logic::coerce;

use crate::behaviour::{Done, Stop};
use crate::context::Context;

/// A place inside a property of this part: `cx.at("bag").index(2).field("hue").set(40)?`. Whether the way leads
/// anywhere is said by what is done at its end.
#[derive(Debug)]
#[must_use = "a place does nothing by itself"]
pub struct Place<'c, 'h> {
    cx: &'c mut Context<'h>,
    found: Done<Found>,
}

/// The way so far, and what type stands at its end.
#[derive(Debug)]
struct Found {
    property: PropertyNo,
    name: String,
    path: Vec<Step>,
    ty: Type,
}

impl<'h> Context<'h> {
    /// A property of this part, to go into it.
    pub fn at(&mut self, name: &str) -> Place<'_, 'h> {
        let found = self.property(name).map(|property| Found {
            property: property.no,
            name: name.to_owned(),
            path: Vec::new(),
            ty: property.ty.clone(),
        });
        Place { cx: self, found }
    }
}

impl Place<'_, '_> {
    /// An item of a list, from 0.
    pub fn index(self, index: usize) -> Self {
        self.down(|ty| match ty {
            Type::List(item) => Ok((Step::Index(u32::try_from(index).unwrap_or(u32::MAX)), item.as_ref().clone())),
            other => Err(format!("{other} has no items")),
        })
    }

    /// An entry of a map.
    pub fn key(self, key: impl IntoValue) -> Self {
        self.down(|ty| match ty {
            Type::Map(declared, item) => Ok((Step::Key(coerce(declared, key.into_value())?), item.as_ref().clone())),
            other => Err(format!("{other} has no entries")),
        })
    }

    /// A field of a struct.
    pub fn field(self, name: &str) -> Self {
        self.down(|ty| {
            let Type::Struct(declared) = ty else { return Err(format!("{ty} has no fields")) };
            let no = declared.fields.iter().position(|field| field.name == name);
            let no = no.ok_or_else(|| format!("{} has no field `{name}`", declared.name))?;
            Ok((Step::Field(no as u16), declared.fields[no].ty.clone()))
        })
    }

    fn down(mut self, step: impl FnOnce(&Type) -> Result<(Step, Type), String>) -> Self {
        self.found = self.found.and_then(|mut found| match step(&found.ty) {
            Ok((step, ty)) => {
                found.path.push(step);
                Ok(Found { ty, ..found })
            }
            Err(why) => Err(Stop::Fault(format!("`{}`: {why}", found.name))),
        });
        self
    }

    /// What is there.
    ///
    /// # Errors
    /// [`Stop::Fault`] when nothing is there, or it is of another type.
    pub fn get<T: FromValue>(self) -> Done<T> {
        let found = self.found?;
        let value = found.look(self.cx)?.ok_or_else(|| Stop::Fault(format!("`{}`: nothing is there", found.name)))?;
        T::from_value(value).map_err(|unfit| Stop::Fault(format!("`{}`: {unfit}", found.name)))
    }

    /// Whether something is there.
    ///
    /// # Errors
    /// [`Stop::Fault`] when the way is wrong by type.
    pub fn exists(self) -> Done<bool> {
        let found = self.found?;
        Ok(found.look(self.cx)?.is_some())
    }

    /// How many items or entries are there; 0 when nothing is.
    ///
    /// # Errors
    /// [`Stop::Fault`] when the way is wrong by type.
    pub fn len(self) -> Done<usize> {
        let found = self.found?;
        Ok(found.look(self.cx)?.map_or(0, length))
    }

    /// Whether no items or entries are there.
    ///
    /// # Errors
    /// [`Stop::Fault`] when the way is wrong by type.
    pub fn is_empty(self) -> Done<bool> {
        self.len().map(|length| length == 0)
    }

    /// Puts a value there; in a map, adds the entry when it is missing.
    ///
    /// # Errors
    /// [`Stop::Fault`] when the way leads nowhere, or the value does not fit.
    pub fn set(self, value: impl IntoValue) -> Done {
        let found = self.found?;
        let value = coerce(&found.ty, value.into_value()).map_err(|why| found.wrong(&why))?;
        found.edit(self.cx, Edit::Set(value))
    }

    /// Adds an item at the end of a list.
    ///
    /// # Errors
    /// [`Stop::Fault`] when this is no list, the value does not fit, or the list is full.
    pub fn push(self, value: impl IntoValue) -> Done {
        let found = self.found?;
        let end = found.look(self.cx)?.map_or(0, length);
        Place { cx: self.cx, found: Ok(found) }.insert(end, value)
    }

    /// Puts an item into a list; those from there on move up by one.
    ///
    /// # Errors
    /// [`Stop::Fault`] when this is no list or not so long, the value does not fit, or the list is full.
    pub fn insert(self, index: usize, value: impl IntoValue) -> Done {
        let Place { cx, found } = self.index(index);
        let found = found?;
        let value = coerce(&found.ty, value.into_value()).map_err(|why| found.wrong(&why))?;
        found.edit(cx, Edit::Insert(value))
    }

    /// Takes the list item or map entry out.
    ///
    /// # Errors
    /// [`Stop::Fault`] when it is not there.
    pub fn remove(self) -> Done {
        let found = self.found?;
        found.edit(self.cx, Edit::Remove)
    }
}

fn length(value: &Value) -> usize {
    match value {
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        _ => 0,
    }
}

impl Found {
    fn wrong(&self, why: &str) -> Stop {
        Stop::Fault(format!("`{}`: {why}", self.name))
    }

    fn look<'c>(&self, cx: &'c Context<'_>) -> Done<Option<&'c Value>> {
        let mut value = cx.entity()?.value(self.property);
        for step in &self.path {
            value = match (value, step) {
                (Some(Value::List(items)), Step::Index(index)) => items.get(*index as usize),
                (Some(Value::List(fields)), Step::Field(no)) => fields.get(usize::from(*no)),
                (Some(Value::Map(entries)), Step::Key(key)) => entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
                _ => None,
            };
        }
        Ok(value)
    }

    /// Whether the edit makes a container longer than it may be.
    fn check_room(&self, cx: &Context<'_>, edit: &Edit) -> Done {
        let Some((last, way)) = self.path.split_last() else { return Ok(()) };
        let adds = match (last, edit) {
            (_, Edit::Insert(_)) => true,
            (Step::Key(_), Edit::Set(_)) => self.look(cx)?.is_none(),
            _ => false,
        };
        if !adds {
            return Ok(());
        }
        let around = Self { property: self.property, name: self.name.clone(), path: way.to_vec(), ty: Type::Bool };
        let length = around.look(cx)?.map_or(0, length);
        let own_max = cx.property(&self.name)?.max_length.filter(|_| way.is_empty());
        let max = own_max.unwrap_or(u32::MAX).min(cx.state.limits.container_items_max);
        if length >= max as usize {
            Err(self.wrong(&format!("it has {max} items, and may have no more")))
        } else {
            Ok(())
        }
    }

    fn edit(self, cx: &mut Context<'_>, edit: Edit) -> Done {
        self.check_room(cx, &edit)?;
        let Self { property, name, path, .. } = self;
        let change = Change { property, path, edit };
        let wrong = |why: &str| Stop::Fault(format!("`{name}`: {why}"));
        cx.property(&name)?.check_change(&change, &cx.state.limits).map_err(|why| wrong(&why))?;
        let value = cx.entity_mut()?.value_mut(property).ok_or_else(|| wrong("it is not here"))?;
        change.apply(value).map_err(|Misfit(why)| wrong(why))?;
        let entity = cx.run.entity;
        cx.state.changes.push((entity, change));
        Ok(())
    }
}
