//! The definitions as the rest of the platform uses them: one file a subject.

mod ids;
mod loading;
mod mangled;
mod problems;
mod schemas;
mod support;
mod values;
