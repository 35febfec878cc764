//! A client against a scripted server: one module a behaviour.

mod calls;
mod components;
mod fake;
mod faults;
mod login;
mod resume;
mod view;
