//! Where steps go: samples of the stack every so many steps, and a count of entries.
//!
//! Samples are taken where the machine asks for its budget anyway. While nobody watches nothing is compared or counted
//! more than the budget itself; while somebody does, a sample costs about as much as reading the stack, every
//! [`STEPS_A_SAMPLE`] steps.

use kuafu_logic::host::{EntryRow, FunctionRow, Profile};
use mlua::Lua;
use rustc_hash::FxHashMap;

/// Steps from one sample to the next; a prime, so that it does not walk in step with loops.
const STEPS_A_SAMPLE: u64 = 1_021;

/// Levels of the stack that are looked at.
const LEVELS_MAX: usize = 64;

/// Functions and entries that are told apart; the steps of further ones are not kept.
const ROWS_MAX: usize = 4_096;

/// Collects samples.
#[derive(Debug, Default)]
pub(crate) struct Sampler {
    /// Steps until the next sample.
    left: u64,
    /// Samples in the function itself, and in it or below it.
    functions: FxHashMap<String, (u64, u64)>,
    /// Entries, steps, most steps.
    entries: FxHashMap<String, (u64, u64, u64)>,
}

impl Sampler {
    /// Steps until the next sample.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// The entry ended so many steps before the next sample.
    pub(crate) fn rest(&mut self, left: u64) {
        self.left = left.min(STEPS_A_SAMPLE);
    }

    /// Looks at the stack; gives the steps until the next time.
    pub(crate) fn sample(&mut self, lua: &Lua) -> u64 {
        let mut seen: Vec<String> = Vec::new();
        for no in 0..LEVELS_MAX {
            let level = lua.inspect_stack(no, |debug| {
                let source = debug.source();
                let file = source.short_src.as_deref().unwrap_or("?").to_owned();
                let is_script = source.what != "C" && !file.starts_with("kuafu/");
                is_script.then(|| {
                    let line = source.line_defined.unwrap_or_default();
                    let names = debug.names();
                    format!("{file}:{line} {}", names.name.as_deref().unwrap_or("a function without a name"))
                })
            });
            match level {
                None => break,
                Some(None) => {}
                Some(Some(function)) if seen.contains(&function) => {}
                Some(Some(function)) => seen.push(function),
            }
        }
        for (no, function) in seen.into_iter().enumerate() {
            if self.functions.len() < ROWS_MAX || self.functions.contains_key(&function) {
                let (own, all) = self.functions.entry(function).or_default();
                *own += u64::from(no == 0);
                *all += 1;
            }
        }
        STEPS_A_SAMPLE
    }

    /// An entry ended.
    pub(crate) fn count(&mut self, type_name: &str, entry: &str, steps: u64) {
        let name = format!("{type_name}.{entry}");
        if self.entries.len() < ROWS_MAX || self.entries.contains_key(&name) {
            let (entries, all, most) = self.entries.entry(name).or_default();
            *entries += 1;
            *all += steps;
            *most = steps.max(*most);
        }
    }

    /// What was seen.
    pub(crate) fn into_profile(self) -> Profile {
        let function = |(function, (own, all))| FunctionRow {
            function,
            own_steps: own * STEPS_A_SAMPLE,
            all_steps: all * STEPS_A_SAMPLE,
        };
        let entry = |(entry, (entries, steps, steps_max))| EntryRow { entry, entries, steps, steps_max };
        let mut functions: Vec<FunctionRow> = self.functions.into_iter().map(function).collect();
        let mut entries: Vec<EntryRow> = self.entries.into_iter().map(entry).collect();
        functions.sort_by(|a, b| b.own_steps.cmp(&a.own_steps).then_with(|| a.function.cmp(&b.function)));
        entries.sort_by(|a, b| b.steps.cmp(&a.steps).then_with(|| a.entry.cmp(&b.entry)));
        Profile { functions, entries }
    }
}
