//! Reading TOML tables: each getter takes one key of one kind, and reports what stands there instead.
//!
//! A getter gives `None` both for a missing key and for one of a wrong kind: the latter has been reported.

use kuafu_def::toml_value::{json, number, whole};
use serde_json::Value as Json;
use toml::de::{DeTable, DeValue};

use crate::report::{Place, Report, did_you_mean, shown};

/// A TOML table and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Entries<'s> {
    text: &'s str,
    place: Place,
    entries: &'s DeTable<'s>,
}

/// Something read, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

impl<'s> Entries<'s> {
    pub(crate) fn root(text: &'s str, entries: &'s DeTable<'s>) -> Self {
        Self { text, place: Place::START, entries }
    }

    /// Reports every key that is not known here.
    pub(crate) fn keys_are(&self, known: &[&str], report: &mut Report) {
        for key in self.entries.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let (word, place) = (key.get_ref().as_ref(), Place::of(self.text, key.span().start));
            let nearest = did_you_mean(word, known.iter().copied());
            let help = format!("{nearest}the keys here are {}", known.join(", "));
            report.add(place, "unknown-key", format!("there is no key `{}` here", shown(word)), help);
        }
    }

    /// Reports that a key is missing.
    pub(crate) fn missing(&self, key: &str, help: &str, report: &mut Report) {
        report.add(self.place, "missing-key", format!("`{key}` is missing here"), help);
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Where the value of a key stands; where the table stands when there is none.
    pub(crate) fn place_of(&self, key: &str) -> Place {
        self.get(key).map_or(self.place, |at| at.place)
    }

    fn get(&self, key: &str) -> Option<At<&'s DeValue<'s>>> {
        let value = self.entries.get(key)?;
        Some(At { value: value.get_ref(), place: Place::of(self.text, value.span().start) })
    }

    /// The value of a key that `take` accepts; anything else is reported as not what was `expected`.
    fn of_kind<T>(
        &self,
        key: &str,
        expected: &str,
        report: &mut Report,
        take: impl FnOnce(&'s DeValue<'s>) -> Option<T>,
    ) -> Option<At<T>> {
        let At { value, place } = self.get(key)?;
        let taken = take(value).map(|value| At { value, place });
        if taken.is_none() {
            let message = format!("`{key}` is {}", described(value));
            report.add(place, "type", message, format!("write {expected}"));
        }
        taken
    }

    pub(crate) fn text(&self, key: &str, example: &str, report: &mut Report) -> Option<At<&'s str>> {
        self.of_kind(key, &format!("a text such as {example}"), report, DeValue::as_str)
    }

    /// The text of a key, if it is one; anything else is not reported.
    pub(crate) fn if_text(&self, key: &str) -> Option<At<&'s str>> {
        let At { value, place } = self.get(key)?;
        value.as_str().map(|value| At { value, place })
    }

    /// A flag; `false` when there is none.
    pub(crate) fn flag(&self, key: &str, report: &mut Report) -> bool {
        self.of_kind(key, "true or false", report, DeValue::as_bool).is_some_and(|at| at.value)
    }

    /// A finite number.
    pub(crate) fn number(&self, key: &str, report: &mut Report) -> Option<f64> {
        self.of_kind(key, "a finite number", report, number).map(|at| at.value)
    }

    /// A whole number from 0 to 2^32 - 1.
    pub(crate) fn count(&self, key: &str, report: &mut Report) -> Option<u32> {
        let count = |value: &DeValue<'_>| u32::try_from(whole(value.as_integer()?)?).ok();
        self.of_kind(key, "a whole number from 0 to 4294967295", report, count).map(|at| at.value)
    }

    /// A table inside this one.
    pub(crate) fn table(&self, key: &str, report: &mut Report) -> Option<Entries<'s>> {
        let (name, _) = self.entries.get_key_value(key)?;
        let entries = self.of_kind(key, &format!("a table such as [{key}]"), report, DeValue::as_table)?.value;
        Some(Entries { text: self.text, place: Place::of(self.text, name.span().start), entries })
    }

    /// The names of the entries in the order of the file, and where they stand.
    pub(crate) fn names(&self) -> Vec<At<&'s str>> {
        let names = self.entries.keys().map(|key| (key.span().start, key.get_ref().as_ref()));
        let mut names: Vec<(usize, &'s str)> = names.collect();
        names.sort_unstable();
        names.into_iter().map(|(at, value)| At { value, place: Place::of(self.text, at) }).collect()
    }

    /// A value as JSON, to be read by a type.
    pub(crate) fn json(&self, key: &str) -> Option<At<Json>> {
        self.get(key).map(|at| At { value: json(at.value), place: at.place })
    }
}

fn described(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{:?}", shown(text)),
        DeValue::Integer(number) => shown(number.as_str()),
        DeValue::Float(number) => shown(number.as_str()),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
