//! Reading TOML tables: each getter takes one key of one kind, and reports what stands there instead.
//!
//! A getter gives `None` both for a missing key and for one of a wrong kind: the latter has been reported.

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Source, Spot};
use crate::names;
use crate::toml_value::{json, number, whole};
use crate::type_text::shown;

/// A TOML table and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Table<'s> {
    /// The key that names the table, or the table itself.
    pub(crate) spot: Spot<'s>,
    entries: &'s DeTable<'s>,
}

/// Something read, and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct At<'s, T> {
    pub(crate) value: T,
    pub(crate) spot: Spot<'s>,
}

impl<'s> Table<'s> {
    /// The root of a file.
    pub(crate) fn root(source: &'s Source, root: &'s Spanned<DeTable<'s>>) -> Self {
        Self { spot: source.whole(), entries: root.get_ref() }
    }

    /// Reports every key that is not known here.
    pub(crate) fn keys_are(&self, known: &[&str]) {
        for key in self.entries.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let word = key.get_ref().as_ref();
            let help =
                format!("{}the keys here are {}", names::did_you_mean(word, known.iter().copied()), known.join(", "));
            self.spot.source.at(key.span()).report(
                "unknown-key",
                format!("there is no key `{}` here", shown(word)),
                help,
            );
        }
    }

    /// Reports that a key is missing.
    pub(crate) fn missing(&self, key: &str, help: &str) {
        self.spot.report("missing-key", format!("`{key}` is missing here"), help);
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    fn get(&self, key: &str) -> Option<At<'s, &'s DeValue<'s>>> {
        let value = self.entries.get(key)?;
        Some(At { value: value.get_ref(), spot: self.spot.source.at(value.span()) })
    }

    /// The value of a key that `take` accepts; anything else is reported as not what was `expected`.
    fn of_kind<T>(
        &self,
        key: &str,
        expected: &str,
        take: impl FnOnce(&'s DeValue<'s>) -> Option<T>,
    ) -> Option<At<'s, T>> {
        let At { value, spot } = self.get(key)?;
        let taken = take(value).map(|value| At { value, spot });
        if taken.is_none() {
            wrong_kind(spot, key, value, expected);
        }
        taken
    }

    pub(crate) fn text(&self, key: &str, example: &str) -> Option<At<'s, &'s str>> {
        self.of_kind(key, &format!("a text such as {example}"), DeValue::as_str)
    }

    /// A description; empty when there is none.
    pub(crate) fn description(&self) -> String {
        self.text("description", "\"what it is for\"").map(|at| at.value.to_owned()).unwrap_or_default()
    }

    /// A flag; `false` when there is none.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.of_kind(key, "true or false", DeValue::as_bool).is_some_and(|at| at.value)
    }

    /// A flag; `otherwise` when there is none.
    pub(crate) fn flag_or(&self, key: &str, otherwise: bool) -> bool {
        if self.has(key) { self.flag(key) } else { otherwise }
    }

    /// A finite number.
    pub(crate) fn number(&self, key: &str) -> Option<At<'s, f64>> {
        self.of_kind(key, "a finite number", number)
    }

    /// A whole number from 0 to 2^32 - 1.
    pub(crate) fn count(&self, key: &str) -> Option<At<'s, u32>> {
        self.of_kind(key, "a whole number from 0 to 4294967295", |value| {
            value.as_integer().and_then(whole).and_then(|number| u32::try_from(number).ok())
        })
    }

    /// Either one text or a list of texts.
    pub(crate) fn texts(&self, key: &str, example: &str) -> Vec<At<'s, &'s str>> {
        match self.get(key) {
            Some(At { value: DeValue::String(text), spot }) => vec![At { value: text.as_ref(), spot }],
            _ => self.items(key, example).filter_map(|item| item.text(key, example)).collect(),
        }
    }

    /// The items of a list.
    pub(crate) fn items(&self, key: &str, example: &str) -> impl Iterator<Item = Item<'s>> + use<'s> {
        let list = self.of_kind(key, &format!("a list such as {example}"), DeValue::as_array);
        let source = self.spot.source;
        let items = list.into_iter().flat_map(|at| at.value.iter());
        items.map(move |item| Item { value: item.get_ref(), spot: source.at(item.span()) })
    }

    /// A table inside this one.
    pub(crate) fn table(&self, key: &str) -> Option<Table<'s>> {
        let (name, _) = self.entries.get_key_value(key)?;
        let entries = self.of_kind(key, &format!("a table such as [{key}]"), DeValue::as_table)?.value;
        Some(Table { spot: self.spot.source.at(name.span()), entries })
    }

    /// The names of a table's entries, sorted, and where they stand.
    pub(crate) fn names(&self) -> impl Iterator<Item = At<'s, &'s str>> + use<'s> {
        let source = self.spot.source;
        self.entries.keys().map(move |key| At { value: key.get_ref().as_ref(), spot: source.at(key.span()) })
    }

    /// Where the value of a key stands; where the table stands when there is none.
    pub(crate) fn spot_of(&self, key: &str) -> Spot<'s> {
        self.get(key).map_or(self.spot, |at| at.spot)
    }

    /// A value as JSON, to be read by a type.
    pub(crate) fn json(&self, key: &str) -> Option<At<'s, Json>> {
        self.get(key).map(|at| At { value: json(at.value), spot: at.spot })
    }

    /// A whole number of any size a file can hold.
    pub(crate) fn whole(&self, key: &str) -> Option<At<'s, i128>> {
        self.of_kind(key, "a whole number", |value| value.as_integer().and_then(whole))
    }

    /// Whether the key holds a text.
    pub(crate) fn is_text(&self, key: &str) -> bool {
        self.get(key).is_some_and(|at| at.value.as_str().is_some())
    }

    /// Whether the key holds a table.
    pub(crate) fn is_table(&self, key: &str) -> bool {
        self.get(key).is_some_and(|at| at.value.is_table())
    }
}

/// An item of a list.
pub(crate) struct Item<'s> {
    value: &'s DeValue<'s>,
    pub(crate) spot: Spot<'s>,
}

impl<'s> Item<'s> {
    pub(crate) fn table(&self, what: &str, example: &str) -> Option<Table<'s>> {
        let table = self.value.as_table().map(|entries| Table { spot: self.spot, entries });
        if table.is_none() {
            wrong_kind(self.spot, what, self.value, &format!("a table such as {example}"));
        }
        table
    }

    pub(crate) fn text(&self, what: &str, example: &str) -> Option<At<'s, &'s str>> {
        let text = self.value.as_str().map(|value| At { value, spot: self.spot });
        if text.is_none() {
            wrong_kind(self.spot, what, self.value, &format!("texts, such as {example}"));
        }
        text
    }
}

fn wrong_kind(spot: Spot<'_>, key: &str, found: &DeValue<'_>, expected: &str) {
    let found = match found {
        DeValue::String(text) => format!("the text {:?}", shown(text)),
        DeValue::Integer(number) => format!("the number {}", shown(&number.to_string())),
        DeValue::Float(number) => format!("the number {}", shown(number.as_str())),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    };
    spot.report("wrong-kind", format!("`{key}` is {found}"), format!("`{key}` takes {expected}"));
}
