//! The definitions as the rest of the platform uses them: one file a subject.

mod components;
mod features;
mod generated;
mod golden;
mod ids;
mod loading;
mod mangled;
mod parents;
mod problems;
mod schemas;
mod support;
mod table;
mod values;
