//! A client against a scripted server: one module a behaviour.

mod calls;
mod fake;
mod faults;
mod login;
mod resume;
mod view;
