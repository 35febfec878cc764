//! The fingerprint of a run: a hash over every input and output of every role, with its virtual time.

use std::fmt::{Debug, Write};

use kuafu_contract::Address;
use kuafu_core::Moment;

/// FNV-1a over the debug text of all that passed. Equal runs have equal fingerprints; it guards against accidents only.
#[derive(Debug)]
pub(crate) struct Trace {
    hash: u64,
    inputs: u64,
    is_printed: bool,
}

impl Write for Trace {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for byte in text.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

impl Trace {
    /// With `is_printed`, everything but wakes is written to standard error too.
    pub(crate) fn new(is_printed: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, inputs: 0, is_printed }
    }

    pub(crate) fn input(&mut self, at: Moment, to: Address, input: &impl Debug, is_loud: bool) {
        self.inputs += 1;
        self.note(format_args!("{} {to} < {input:?}", at.0), is_loud);
    }

    pub(crate) fn output(&mut self, at: Moment, from: Address, output: &impl Debug, is_loud: bool) {
        self.note(format_args!("{} {from} > {output:?}", at.0), is_loud);
    }

    /// Something that is no input or output of a role.
    pub(crate) fn event(&mut self, at: Moment, what: std::fmt::Arguments<'_>) {
        self.note(format_args!("{} -- {what}", at.0), true);
    }

    fn note(&mut self, line: std::fmt::Arguments<'_>, is_loud: bool) {
        self.write_fmt(line).expect("hashing a text does not fail");
        if self.is_printed && is_loud {
            let mut text = line.to_string();
            if let Some((end, _)) = text.char_indices().nth(6000) {
                text.truncate(end);
            }
            eprintln!("{text}");
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn inputs(&self) -> u64 {
        self.inputs
    }
}
